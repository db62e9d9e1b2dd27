"""Evaluating how much of a sentence a space keeps: round trips of held-out sentences, with and without noise."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.codecs.codec import BEAM_SIZE, Codec
from concepts.corpus.records import PROSE_KINDS
from concepts.corpus.split import Split
from concepts.errors import InputError
from concepts.space.extension import pieces_of
from concepts.space.tokenizer import Pieces
from training.corpus.store import iter_space_sentences
from training.space.peers import nearest_texts

LENGTH_GROUPS = ((1, 10), (11, 20), (21, 30))
"""Ranges of sentence length, in pieces, that are reported separately."""
MAX_PIECES = 25
"""Longest sentence, in pieces, that is evaluated as one concept."""
_NOISES = (0.1, 0.2, 0.3)


def evaluate_space(
    corpus_dir: Path,
    codec: Codec,
    *,
    lang: str = "eng_Latn",
    num_sentences: int = 1_000,
    known: tuple[Sequence[str], Tensor] | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, float]:
    """Return round-trip figures on test sentences that no training document contains.

    The sentences come from how-to documents, recipes and lead paragraphs. Package descriptions, which
    train the space too, are left out: many packages share their sentences.

    With beam search: `exact`, `bleu`, `chrf` (sacrebleu, 0 to 100), `token_accuracy` (share of pieces at the right
    place, %) and `cosine`, over sentences of at most 25 pieces; `bleu_1_10` and so on by length. With greedy decoding:
    `first_bleu`, `first_exact`, and `first_bleu_noise_0.1` and so on after noise of that size relative to the concept's
    root mean square. With `known`, sentences and their concepts (K, D), `nearest_bleu` scores the nearest of them as a
    decoding.
    """
    pieces = pieces_of(codec.card, lang)
    chosen = unseen_sentences(corpus_dir, pieces, lang, "test", num=num_sentences, max_pieces=30)
    if not chosen:
        raise InputError(f"{corpus_dir} has no unseen test sentence in {lang}; import more documents")
    lengths = [length for _, length in chosen]
    num_short = bisect_right(lengths, MAX_PIECES)
    every = [text for text, _ in chosen]
    sources = every[:num_short]
    num_steps = 2 + len(_NOISES)
    vectors = codec.encode(every, lang)
    decoded = codec.decode(vectors, lang, beam_size=BEAM_SIZE)
    on_progress(1, num_steps)
    figures: dict[str, float] = {}
    for low, high in LENGTH_GROUPS:
        group = [i for i, length in enumerate(lengths) if low <= length <= high]
        if group:
            scores = text_figures([every[i] for i in group], [decoded[i] for i in group])
            figures |= {f"{name}_{low}_{high}": scores[name] for name in ("exact", "bleu")}
    if not sources:
        return figures | {"num_sentences": 0.0}
    vectors, decoded = vectors[:num_short], decoded[:num_short]
    figures |= text_figures(sources, decoded)
    figures["token_accuracy"] = _token_accuracy(pieces, sources, decoded)
    again = codec.encode([text or "." for text in decoded], lang)
    figures["cosine"] = float(F.cosine_similarity(again, vectors).mean())
    first = text_figures(sources, codec.decode(vectors, lang))
    figures |= {f"first_{name}": first[name] for name in ("exact", "bleu")}
    on_progress(2, num_steps)
    if known is not None:
        figures["nearest_bleu"] = text_figures(sources, nearest_texts(vectors, known[1], known[0]))["bleu"]
    generator = torch.Generator().manual_seed(0)
    rms = vectors.square().mean(dim=1, keepdim=True).sqrt()
    for number, size in enumerate(_NOISES, start=3):
        noised = vectors + size * rms * torch.randn(vectors.shape, generator=generator)
        figures[f"first_bleu_noise_{size}"] = text_figures(sources, codec.decode(noised, lang))["bleu"]
        on_progress(number, num_steps)
    return figures | {"num_sentences": float(num_short)}


def unseen_sentences(
    corpus_dir: Path, pieces: Pieces, lang: str, split: Split, *, num: int, max_pieces: int
) -> list[tuple[str, int]]:
    """Return at most `num` (sentence, number of pieces) of a split that no training document contains, shortest first.

    They are randomly drawn with a fixed seed.
    """
    found = iter_space_sentences(corpus_dir, split, (lang,), unseen=True, kinds=PROSE_KINDS)
    texts = sorted({text for text, _ in found})
    random.Random(0).shuffle(texts)
    ids = pieces.encode(texts)
    fitting = [(text, len(row)) for text, row in zip(texts, ids, strict=True) if 1 <= len(row) <= max_pieces]
    return sorted(fitting[:num], key=lambda row: row[1])  # by length: little padding


def text_figures(sources: Sequence[str], decoded: Sequence[str]) -> dict[str, float]:
    """Return exact match (%), BLEU and chrF (0 to 100) of decoded texts against their sources."""
    from sacrebleu import corpus_bleu, corpus_chrf

    exact = sum(a == b for a, b in zip(sources, decoded, strict=True)) / len(sources)
    return {
        "exact": 100 * exact,
        "bleu": corpus_bleu(list(decoded), [list(sources)]).score,
        "chrf": corpus_chrf(list(decoded), [list(sources)]).score,
    }


def _token_accuracy(pieces: Pieces, sources: Sequence[str], decoded: Sequence[str]) -> float:
    right = total = 0
    for a, b in zip(pieces.encode(list(sources)), pieces.encode(list(decoded)), strict=True):
        right += sum(x == y for x, y in zip(a, b, strict=False))
        total += len(a)
    return 100 * right / total
