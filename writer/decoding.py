"""Concepts to text: batched, each text scored by its round trip.

With several devices each process decodes batches of its own (`flows.crew`): rows of one batch are never split,
for a matrix product may round otherwise in a batch of another size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.context import surroundings

TAUGHT_LANG = "eng_Latn"
"""The language in which `longhand train decoder` teaches a decoder what writers mean."""


class TextCodec(Protocol):
    """What decoding needs of a codec."""

    reads_context: bool
    """Whether its decoder makes use of what stands around a sentence."""

    def is_extension(self, lang: str) -> bool:
        """Return whether `lang` is one that the space learnt beside its own."""

    def encode(self, sentences: list[str], lang: str) -> Tensor:
        """Return raw concepts (N, D)."""

    def decode(
        self,
        vectors: Tensor,
        lang: str,
        *,
        beam_size: int,
        context: Tensor | None = None,
        drafts: Sequence[str] | None = None,
        corrections: int = 0,
    ) -> list[str]:
        """Return the text of each raw concept, read beside its English draft, or corrected in so many rounds."""

    def reads_draft(self, lang: str) -> bool:
        """Return whether the decoder of `lang` reads what a concept says in English."""

    def drafts_for(self, vectors: Tensor, lang: str, *, beam_size: int) -> list[str] | None:
        """Return what raw concepts say in English; None where `lang` does not read it."""


@dataclass(frozen=True, eq=False)
class WrittenItem:
    """A section that is to be said; raw concepts."""

    heading: Tensor
    """(D,)"""
    gist: Tensor
    """(D,)"""
    concepts: Tensor
    """All its sentences (K, D)."""
    places: tuple[int, ...]
    """Which of them are to be said, ascending; the others are left alone."""
    prompt: Tensor
    """The first sentence of its document's prompt (D,)."""


@dataclass(frozen=True)
class Rendering:
    """One concept said in one language."""

    text: str
    score: float
    """Cosine of the text, encoded again, with its concept: how much of the concept the words keep."""


def render(
    codec: TextCodec,
    vectors: Tensor,
    lang: str,
    *,
    beam_size: int = 1,
    corrections: int = 0,
    english: Sequence[str] | None = None,
) -> list[Rendering]:
    """Return the renderings of raw concepts (N, D) in `lang`, row by row.

    `english`: the texts that these are the concepts of, which the decoder of another language then reads; of an empty
    one, and where it is None, what the codec says in English is read.
    """
    drafts = _drafts(codec, vectors, lang, beam_size, english) if english is not None else None
    return _scored(*_by_length(codec, vectors, lang, beam_size, corrections, drafts), vectors)


def _drafts(
    codec: TextCodec, vectors: Tensor, lang: str, beam_size: int, english: Sequence[str]
) -> list[str] | None:
    if not codec.reads_draft(lang):
        return None
    drafts = [text.strip() for text in english]
    unsaid = [row for row, text in enumerate(drafts) if not text]
    if unsaid:
        said = codec.drafts_for(vectors[unsaid], lang, beam_size=beam_size) or []
        for row, text in zip(unsaid, said, strict=True):
            drafts[row] = text
    return drafts


def say_sections(
    codec: TextCodec, items: Sequence[WrittenItem], lang: str, *, beam_size: int = 1
) -> list[list[Rendering]]:
    """Return the renderings of the wanted sentences of each section, side by side, sentence after sentence.

    Every sentence is decoded knowing how the two before it were said (encoded again, so that it follows from the
    words and not from what was meant), what comes next, its heading and the prompt. A codec whose decoder reads no
    context decodes all of them at once. Sections do not see each other, and may be of several documents.

    A writer's concept is a mean that only the space's own decoder has learnt to say. In a language that the space
    learnt beside its own, that decoder speaks first, in English, and the concepts of its sentences are said, with
    their words as drafts.
    """
    if codec.is_extension(lang):
        english = say_sections(codec, items, TAUGHT_LANG, beam_size=beam_size)
        return _say_again(codec, items, english, lang, beam_size)
    found: list[list[Rendering]] = [[] for _ in items]
    if not codec.reads_context:
        wanted = [item.concepts[list(item.places)] for item in items]
        rendered = iter(render(codec, torch.cat(wanted), lang, beam_size=beam_size))
        return [[next(rendered) for _ in item.places] for item in items]
    said = [item.concepts.clone() for item in items]
    for turn in range(max((len(item.places) for item in items), default=0)):
        rows = [(n, item.places[turn]) for n, item in enumerate(items) if turn < len(item.places)]
        around = [
            surroundings(
                said[n],
                items[n].concepts,
                heading=items[n].heading,
                gist=items[n].gist,
                prompt=items[n].prompt,
            )[place]
            for n, place in rows
        ]
        vectors = torch.stack([items[n].concepts[place] for n, place in rows])
        texts, again = _say(codec, vectors, lang, beam_size, torch.stack(around))
        renderings = _scored(texts, again, vectors)
        for (n, place), rendering, concept in zip(rows, renderings, again, strict=True):
            found[n].append(rendering)
            if rendering.text:
                said[n][place] = concept
    return found


def _say_again(
    codec: TextCodec,
    items: Sequence[WrittenItem],
    english: Sequence[Sequence[Rendering]],
    lang: str,
    beam_size: int,
) -> list[list[Rendering]]:
    """Return what `english` says in `lang`, scored by the written concepts; these are said where it says nothing."""
    meant = torch.cat([item.concepts[list(item.places)] for item in items])
    first = [rendering.text for section in english for rendering in section]
    concepts = meant.clone()
    rows = [row for row, text in enumerate(first) if text]
    if rows:
        concepts[rows] = codec.encode([first[row] for row in rows], TAUGHT_LANG).to(concepts.dtype)
    drafts = first if codec.reads_draft(lang) else None
    done = iter(_scored(*_by_length(codec, concepts, lang, beam_size, drafts=drafts), meant))
    return [[next(done) for _ in item.places] for item in items]


def _say(
    codec: TextCodec,
    vectors: Tensor,
    lang: str,
    beam_size: int,
    context: Tensor | None,
    corrections: int = 0,
    drafts: Sequence[str] | None = None,
) -> tuple[list[str], Tensor]:
    """Return the texts and their own concepts; zero for an empty text."""
    texts = codec.decode(
        vectors, lang, beam_size=beam_size, context=context, drafts=drafts, corrections=corrections
    )
    again = torch.zeros(vectors.shape)
    said = [i for i, text in enumerate(texts) if text]
    if said:
        again[said] = codec.encode([texts[i] for i in said], lang)
    return texts, again


def _by_length(
    codec: TextCodec,
    vectors: Tensor,
    lang: str,
    beam_size: int,
    corrections: int = 0,
    drafts: Sequence[str] | None = None,
) -> tuple[list[str], Tensor]:
    """Return what `_say` does of rows without context, decoded from short to long; `drafts` None: the codec's own.

    A mean-pooled concept is the shorter the more words it averages, so the norm tells the length well enough to
    keep a batch's sentences alike.
    """
    order = torch.argsort(vectors.norm(dim=1), descending=True, stable=True)
    ordered = vectors[order]
    if drafts is not None:
        drafts = [drafts[row] for row in order.tolist()]
    elif codec.is_extension(lang) and not corrections:
        drafts = codec.drafts_for(ordered, lang, beam_size=beam_size)
    texts, again = _say(codec, ordered, lang, beam_size, None, corrections, drafts)
    back = torch.argsort(order)
    return [texts[row] for row in back.tolist()], again[back]


def _scored(texts: Sequence[str], again_ND: Tensor, meant_ND: Tensor) -> list[Rendering]:
    scores = F.cosine_similarity(again_ND, meant_ND.float(), dim=1)
    return [Rendering(text, round(float(score), 6)) for text, score in zip(texts, scores, strict=True)]
