"""What drawing written sentences towards real ones trades: nearness to what should be said, for English.

    python benchmarks/bench_codebook.py --corpus CORPUS [--shares 0 0.3 0.6 0.9] [--weights 0.03] [--documents 12]

For each share of the way to the sentence of the codebook (`WriteOptions.code_share`) and each weight of its fit to
the place in its choice (`fit_weight`; -1: neither compass nor meaning, the prompt decides): figures of `longhand
evaluate writer`, on dev documents, since both are chosen by them.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from concepts.codec import Codec
from concepts.corpus.embed import embed_corpus
from writer import WriteOptions, Writer
from writer.evaluate import evaluate_writer

FIGURES = {
    "contrastive_accuracy": "a concept is nearer to the true one than to 63 random ones",
    "text_accuracy": "its text, encoded again, is",
    "text_retrieval": "a section's text finds its item among all",
    "topic_retrieval": "a section's words are nearest to its own document's",
    "known_words": "words that the training documents hold",
    "known_triples": "triples of words that they hold",
    "round_trip_cosine": "round-trip cosine",
    "distinct": "distinct sentences",
}


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.0, 0.3, 0.6, 0.9])
    parser.add_argument("--weights", type=float, nargs="+", default=[WriteOptions().fit_weight])
    parser.add_argument("--writer", help="a card's name or a folder")
    parser.add_argument("--documents", type=int, default=12)
    args = parser.parse_args()
    codec = Codec.load("sonar-mini")
    embed_corpus(args.corpus, codec)
    writer = Writer.load(args.writer, space_id=codec.space_id)
    options, codebook = writer.options, writer.codebook
    assert codebook is not None
    known, measured = (codebook.compass, codebook.meaning), []
    columns = [(share, weight) for share in args.shares for weight in args.weights]
    for share, weight in columns:
        writer.options = replace(options, code_share=share, fit_weight=weight)
        codebook.compass, codebook.meaning = (None, None) if weight < 0 else known
        measured.append(
            evaluate_writer(args.corpus, writer, codec, split="dev", num_documents=args.documents)
        )
    print(f"{'share of the way':<62}" + "".join(f"{share:>8}" for share, _ in columns))
    print(f"{'weight of the fit to the place':<62}" + "".join(f"{weight:>8}" for _, weight in columns))
    for name, about in FIGURES.items():
        print(f"{about:<62}" + "".join(f"{figures[name]:>8.3f}" for figures in measured))


if __name__ == "__main__":
    main()
