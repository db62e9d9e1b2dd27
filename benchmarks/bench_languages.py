"""Spaces compared in the languages they learnt beside their own, and ways to search for a translation.

    python benchmarks/bench_languages.py --corpus CORPUS [--space A --space B ...] [--sentences 200]

On dev pairs that no training pair holds: xsim error, round trip (corrected), and translation from and into English by 4
beams, by 8, and chosen among 8 by what the encoder hears in them (concepts/reranking.py), with the time over that of 4
beams in the same run. Choices are made on this split; `longhand evaluate space` judges on test.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from concepts.codec import BEAM_SIZE, Codec
from concepts.corpus.records import PROSE_KINDS
from concepts.corpus.store import iter_space_sentences
from concepts.correction import CORRECTIONS
from concepts.reranking import WIDER
from concepts.space.evaluate import text_figures
from concepts.space.evaluate_languages import NUM_SEARCHED, Held, read_held
from concepts.space.extension import pieces_of
from concepts.space.pairs import ENGLISH
from concepts.space.peers import xsim_error

MAX_PIECES = 25
WAYS = (
    (f"{BEAM_SIZE} beams", BEAM_SIZE, False),
    (f"{WIDER * BEAM_SIZE} beams", WIDER * BEAM_SIZE, False),
    (f"chosen among {WIDER * BEAM_SIZE}", BEAM_SIZE, True),
)


def main() -> None:
    """Print the figures of each space, language after language."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--space", action="append", help="name or folder; else the one that ships")
    parser.add_argument("--sentences", type=int, default=200)
    args = parser.parse_args()
    held: Held | None = None
    for name in args.space or [None]:
        codec = Codec.load(name)
        langs = [lang for lang in codec.langs if lang != ENGLISH]
        held = held or read_held(args.corpus, langs, "dev")
        print(f"# {name or codec.card.name}", flush=True)
        for lang in langs:
            compare(codec, held, lang, args.corpus, args.sentences)


def compare(codec: Codec, held: Held, lang: str, corpus: Path, num: int) -> None:
    """Print one language's retrieval, round trip and translations."""
    texts, english = held.searched(lang, NUM_SEARCHED)
    error = xsim_error(codec.encode(texts, lang), codec.encode(english, ENGLISH))
    print(f"{lang}: xsim error {error:.1f} % of {len(texts)}", flush=True)
    alone = sorted(
        {t for t, _ in iter_space_sentences(corpus, "dev", (lang,), unseen=True, kinds=PROSE_KINDS)}
    )
    random.Random(0).shuffle(alone)
    counts = map(len, pieces_of(codec.card, lang).encode(alone))
    alone = [text for text, n in zip(alone, counts, strict=True) if 1 <= n <= MAX_PIECES][:num]
    said = codec.decode(codec.encode(alone, lang), lang, beam_size=BEAM_SIZE, corrections=CORRECTIONS)
    print(f"  round trip: BLEU {text_figures(alone, said)['bleu']:.1f} of {len(alone)}", flush=True)
    for source, target in ((ENGLISH, lang), (lang, ENGLISH)):
        rows = held.short_pairs(codec.card, source, target, num)
        vectors, wanted = codec.encode([a for a, _ in rows], source), [b for _, b in rows]
        unit = 0.0
        for way, beam_size, reranks in WAYS:
            started = time.perf_counter()
            said = codec.decode(vectors, target, beam_size=beam_size, reranks=reranks)
            seconds = time.perf_counter() - started
            unit = unit or seconds
            bleu = text_figures(wanted, said)["bleu"]
            print(
                f"  {source} to {target}, {way}: BLEU {bleu:.1f} of {len(rows)}, {seconds / unit:.1f} x",
                flush=True,
            )


if __name__ == "__main__":
    main()
