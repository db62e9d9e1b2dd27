"""Translation through a small SONAR's space: sentence by sentence, each from its concept and from its English.

A decoder that has learnt a language from few pairs reads the English words beside the concept. Its beam search is twice
as wide as asked for, and the beams are reranked by encoding them again (reranking.py). English itself is decoded from
the concept alone. What must not change is a placeholder meanwhile (placeholders.py): of the beams those count that have
all of them; where none has, the words between them are translated apart.

Legend: N texts, D concept dim.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.codecs.codec import BEAM_SIZE, Codec
from concepts.codecs.placeholders import Protected, protect, translate_between
from concepts.codecs.reranking import WIDER, Beam, rerank
from concepts.languages.codes import ENGLISH

SPACE = "sonar-mini"
"""The default space to translate through."""


class Translator:
    """Translates between the languages of a space that has a decoder."""

    def __init__(self, codec: Codec) -> None:
        """`codec`: of any space with a decoder, including real SONAR."""
        self._codec = codec
        self.langs = codec.langs

    @classmethod
    def load(cls, device: torch.device | None = None) -> Translator:
        """Load the translator that ships; raises ModelError where its files are missing or damaged."""
        return cls(Codec.load(SPACE, device=device))

    def translate(
        self, texts: Sequence[str], source_lang: str, target_lang: str, *, beam_size: int = BEAM_SIZE
    ) -> list[str]:
        """Return `texts` in `target_lang`, one by one; empty ones stay empty.

        What `concepts.codecs.placeholders` protects is in the result as it is in the text.

        Sentences beyond the encoder's length are cut there. Raises UsageError for a language that is not in `langs`.
        """
        self._codec.check_lang(source_lang)
        self._codec.check_lang(target_lang)
        found = [text.strip() for text in texts]
        if source_lang == target_lang:
            return found
        rows = [row for row, text in enumerate(found) if text]
        asked = [protect(found[row], source_lang) for row in rows]
        said = self._translated(asked, source_lang, target_lang, beam_size)
        for row, one, text in zip(rows, asked, said, strict=True):
            found[row] = one.restore(text, source_lang, target_lang)
        return found

    def _translated(
        self, texts: Sequence[Protected], source_lang: str, target_lang: str, beam_size: int
    ) -> list[str]:
        """Return translations with the placeholders of their texts."""
        said = [one.text for one in texts]
        rows = [row for row, one in enumerate(texts) if one.has_words]
        if not rows:
            return said
        asked = [texts[row] for row in rows]
        english: list[str] | None = None
        if source_lang == ENGLISH:
            english = [one.text for one in asked]
        elif self._codec.reads_draft(target_lang):
            english = self._translated(asked, source_lang, ENGLISH, beam_size)
        vectors = self._codec.encode([one.text for one in asked], source_lang)
        answers = self.say(vectors, target_lang, english=english, beam_size=beam_size, asked=asked)
        lost = [n for n, one in enumerate(asked) if one.kept and not one.is_kept_by(answers[n])]
        apart = translate_between(
            [asked[n] for n in lost],
            lambda words: self._translated(
                [Protected(word, ()) for word in words], source_lang, target_lang, beam_size
            ),
            target_lang,
        )
        for n, text in zip(lost, apart, strict=True):
            answers[n] = text
        for row, text in zip(rows, answers, strict=True):
            said[row] = text
        return said

    def say(
        self,
        vectors: Tensor,
        lang: str,
        *,
        english: Sequence[str] | None = None,
        beam_size: int = BEAM_SIZE,
        asked: Sequence[Protected] | None = None,
    ) -> list[str]:
        """Return raw concepts (N, D) of the space as texts in `lang`.

        `english` are the concepts' English texts; an empty one is decoded first, and so are all if it is None.
        `asked` are their texts with placeholders: of the beams found those are taken first that have all of them.
        """
        # The norm of a mean-pooled concept falls with the number of words: sorting makes batches alike in length.
        order = torch.argsort(vectors.norm(dim=1), descending=True, stable=True)
        rows = order.tolist()
        drafts = None if english is None else [english[row].strip() for row in rows]
        kept = None if asked is None else [asked[row] for row in rows]
        said = self._say(vectors[order], lang, drafts, beam_size, kept)
        back = torch.argsort(order)
        return [said[row] for row in back.tolist()]

    def _say(
        self,
        vectors: Tensor,
        lang: str,
        drafts: list[str] | None,
        beam_size: int,
        asked: Sequence[Protected] | None,
    ) -> list[str]:
        codec = self._codec
        if not len(vectors):
            return []
        if not codec.is_extension(lang):
            return self._say_alone(vectors, lang, beam_size, asked)
        drafts = self._drafts(vectors, drafts, beam_size) if codec.reads_draft(lang) else None
        width = WIDER * beam_size if beam_size > 1 else beam_size
        beams = _that_keep(codec.beams(vectors, lang, width, drafts), asked)
        if beam_size > 1:
            return rerank(vectors, beams, lambda texts: codec.encode(texts, lang))
        return [found[0].text for found in beams]

    def _say_alone(
        self, vectors: Tensor, lang: str, beam_size: int, asked: Sequence[Protected] | None
    ) -> list[str]:
        """Return concepts as texts in a language of the space's own decoder."""
        said = self._codec.decode(vectors, lang, beam_size=beam_size)
        lost = [n for n, one in enumerate(asked or ()) if one.kept and not one.is_kept_by(said[n])]
        if asked is None or not lost or beam_size == 1:
            return said
        beams = self._codec.beams(vectors[lost], lang, WIDER * beam_size)
        for n, found in zip(lost, _that_keep(beams, [asked[n] for n in lost]), strict=True):
            said[n] = found[0].text
        return said

    def _drafts(self, vectors: Tensor, known: list[str] | None, beam_size: int) -> list[str]:
        drafts = [""] * len(vectors) if known is None else list(known)
        unknown = [row for row, text in enumerate(drafts) if not text]
        if unknown:
            said = self._codec.decode(vectors[unknown], ENGLISH, beam_size=beam_size)
            for row, text in zip(unknown, said, strict=True):
                drafts[row] = text
        return drafts

    def score(self, a: Sequence[str], lang_a: str, b: Sequence[str], lang_b: str) -> list[float]:
        """Return the cosine of the concepts of `a` and `b`, row by row; 0 where one of the texts is empty."""
        rows = [row for row, pair in enumerate(zip(a, b, strict=True)) if all(text.strip() for text in pair)]
        scores = [0.0] * len(a)
        if rows:
            one = self._codec.encode([a[row] for row in rows], lang_a)
            other = self._codec.encode([b[row] for row in rows], lang_b)
            for row, cosine in zip(rows, F.cosine_similarity(one, other, dim=1).tolist(), strict=True):
                scores[row] = round(cosine, 6)
        return scores


def _that_keep(beams: list[list[Beam]], asked: Sequence[Protected] | None) -> list[list[Beam]]:
    """Return the beams that have the placeholders of their texts; all of a text that has none such."""
    if asked is None:
        return beams
    return [
        [beam for beam in found if one.is_kept_by(beam.text)] or found
        for found, one in zip(beams, asked, strict=True)
    ]
