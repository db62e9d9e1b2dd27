"""What correcting a text by its own encoding brings, and what it costs, round by round.

    python benchmarks/bench_correction.py --corpus CORPUS [--sentences 150]

Unseen dev sentences up to 25 pieces, encoded and decoded in the same language, also with noise of 0.2 (relative to the
concept's root mean square) on the concept, then dev pairs decoded in the other one:
BLEU and exact match after 0, 1, 2, ... rounds (concepts/correction.py), and the time over that of greedy search alone,
in the same run. On the dev split, for the numbers of rounds were chosen here; `longhand evaluate space` judges on test.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import Tensor

from concepts.codec import BEAM_SIZE, Codec
from concepts.space.config import ENGLISH
from concepts.space.evaluate import MAX_PIECES, text_figures, unseen_sentences
from concepts.space.evaluate_languages import read_held
from concepts.space.extension import pieces_of

ROUNDS, TRANSLATION_ROUNDS = (0, 1, 2, 4, 8, 20), (0, 1, 2)
NOISE = 0.2


def main() -> None:
    """Print a table for each language, then one for each direction."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--sentences", type=int, default=150)
    parser.add_argument("--space", default=None)
    args = parser.parse_args()
    codec = Codec.load(args.space)
    others = [lang for lang in codec.langs if lang != ENGLISH]
    for lang in (ENGLISH, *others):
        pieces = pieces_of(codec.card, lang)
        found = unseen_sentences(args.corpus, pieces, lang, "dev", num=args.sentences, max_pieces=MAX_PIECES)
        chosen = [(text, text) for text, _ in found]
        compare(codec, lang, lang, chosen, ROUNDS)
        compare(codec, lang, lang, chosen, ROUNDS[::5], NOISE)
    if not others:
        return
    held = read_held(args.corpus, others, "dev")
    for lang in others:
        for source, target in ((ENGLISH, lang), (lang, ENGLISH)):
            pairs = sorted(
                held.short_pairs(codec.card, source, target, args.sentences), key=lambda row: len(row[0])
            )
            compare(codec, source, target, pairs, TRANSLATION_ROUNDS)


def compare(
    codec: Codec,
    source: str,
    target: str,
    rows: list[tuple[str, str]],
    rounds: tuple[int, ...],
    noise: float = 0.0,
) -> None:
    """Print a table of one language or direction."""
    vectors, wanted = codec.encode([a for a, _ in rows], source), [b for _, b in rows]
    drawn = torch.randn(vectors.shape, generator=torch.Generator().manual_seed(0))
    vectors += noise * vectors.square().mean(dim=1, keepdim=True).sqrt() * drawn
    print(f"\n{source} > {target}, {len(rows)} sentences, noise {noise}")
    print(f"{'':24} {'BLEU':>6} {'exact':>7} {'time':>6}")
    codec.decode(vectors[:1], target)  # loads what decodes
    unit = show("greedy", codec, vectors, target, wanted, 1, 0, None)
    for num in rounds:
        show(f"{BEAM_SIZE} beams, {num} rounds", codec, vectors, target, wanted, BEAM_SIZE, num, unit)


def show(
    name: str,
    codec: Codec,
    vectors: Tensor,
    lang: str,
    wanted: list[str],
    beam_size: int,
    rounds: int,
    unit: float | None,
) -> float:
    """Print a row and return its seconds; `unit` are those of one time."""
    started = time.perf_counter()
    if rounds:
        texts = codec.decode(vectors, lang, beam_size=beam_size, corrections=rounds)
    else:  # `decode` would choose among more beams in a language of an extension
        texts = [found[0].text for found in codec.beams(vectors, lang, beam_size)]
    seconds = time.perf_counter() - started
    scores = text_figures(wanted, texts)
    ratio = 1.0 if unit is None else seconds / unit
    print(f"{name:24} {scores['bleu']:6.1f} {scores['exact']:6.1f}% {ratio:6.1f}", flush=True)
    return seconds


if __name__ == "__main__":
    main()
