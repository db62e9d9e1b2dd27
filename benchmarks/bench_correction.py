"""What correcting a text by its own encoding brings, and what it costs, round by round.

    python benchmarks/bench_correction.py --corpus CORPUS [--sentences 150]

Unseen dev sentences up to 25 pieces, encoded and decoded in the same language, also with noise of 0.2 (relative to the
concept's root mean square) on the concept, then dev pairs decoded in the other one:
BLEU and exact match after 0, 1, 2, ... rounds (concepts/correction.py), and the time over that of greedy search alone,
in the same run. On the dev split, for the numbers of rounds were chosen here; `longhand evaluate space` judges on test.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import Tensor

from concepts.codec import BEAM_SIZE, Codec
from concepts.corpus.records import DOCUMENT_PAIRS, PROSE_KINDS
from concepts.corpus.store import iter_space_sentences, load_pairs
from concepts.space.evaluate import text_figures
from concepts.space.extension import pieces_of

ENGLISH = "eng_Latn"
ROUNDS, TRANSLATION_ROUNDS = (0, 1, 2, 4, 8, 20), (0, 1, 2)
NOISE = 0.2
MAX_PIECES, MIN_CHARS = 25, 12


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
        texts = {
            text
            for text, _ in iter_space_sentences(args.corpus, "dev", (lang,), unseen=True, kinds=PROSE_KINDS)
        }
        chosen = choose(codec, lang, [(text, text) for text in texts], args.sentences)
        compare(codec, lang, lang, chosen, ROUNDS)
        compare(codec, lang, lang, chosen, ROUNDS[::5], NOISE)
    for lang in others:
        found = load_pairs(args.corpus, lang=lang, split="dev", kinds=DOCUMENT_PAIRS)
        pairs = [(p.text_a, p.text_b) for p in found]
        pairs = [pair for pair in pairs if len(pair[0]) >= MIN_CHARS]
        compare(codec, ENGLISH, lang, choose(codec, ENGLISH, pairs, args.sentences), TRANSLATION_ROUNDS)
        back = [(b, a) for a, b in pairs]
        compare(codec, lang, ENGLISH, choose(codec, lang, back, args.sentences), TRANSLATION_ROUNDS)


def choose(codec: Codec, lang: str, rows: list[tuple[str, str]], num: int) -> list[tuple[str, str]]:
    """Return (text to encode, text to decode) pairs that are short enough, from short to long."""
    rows = sorted(set(rows))
    random.Random(0).shuffle(rows)
    counts = map(len, pieces_of(codec.card, lang).encode([text for text, _ in rows]))
    fitting = [row for row, n in zip(rows, counts, strict=True) if 1 <= n <= MAX_PIECES]
    return sorted(fitting[:num], key=lambda row: len(row[0]))


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
    texts = codec.decode(vectors, lang, beam_size=beam_size, corrections=rounds)
    seconds = time.perf_counter() - started
    scores = text_figures(wanted, texts)
    ratio = 1.0 if unit is None else seconds / unit
    print(f"{name:24} {scores['bleu']:6.1f} {scores['exact']:6.1f}% {ratio:6.1f}", flush=True)
    return seconds


if __name__ == "__main__":
    main()
