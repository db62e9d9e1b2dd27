"""Compares spaces in their learnt languages, and ways to search for a translation.

    python benchmarks/languages/bench_languages.py --corpus CORPUS [--space A --space B ...] [--split test] [--sweep]

On held-out pairs without overlap with training pairs it prints xsim error, round trip, and translation in all
directions by: 4 beams from the concept alone; 4 beams that read its English draft (concepts/space/draft.py); 8 such
beams; the best of the 8 as re-encoded; the same with the known English text, as for an English document. It also
prints each way's time relative to 4 beams from the concept alone in the same run, and the score of the best of the 8
as judged by the reference. `--sweep` prints the scores of other powers and weights of the choice, averaged over the
directions from English. Tune choices on dev, the default split.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from torch import Tensor

from concepts.codecs.codec import BEAM_SIZE, Codec
from concepts.codecs.reranking import WIDER, Beam, rerank
from concepts.codecs.translation import SPACE, Translator
from concepts.languages.codes import ENGLISH
from concepts.space.extension import pieces_of
from training.space.evaluate import MAX_PIECES, text_figures, unseen_sentences
from training.space.evaluate_languages import NUM_SEARCHED, Held, read_held
from training.space.peers import xsim_error

POWERS, WEIGHTS = (0.0, 0.3, 0.5, 0.7, 1.0), (0.0, 5.0, 10.0, 20.0, 40.0, 80.0)


def main() -> None:
    """Print the figures of each space."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--space", action="append", help="name or folder; else the one that ships")
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    parser.add_argument("--sentences", type=int, default=200)
    parser.add_argument("--sweep", action="store_true")
    args = parser.parse_args()
    held: Held | None = None
    for name in args.space or [SPACE]:
        codec = Codec.load(name)
        langs = [lang for lang in codec.langs if lang != ENGLISH]
        held = held or read_held(args.corpus, langs, args.split)
        print(f"# {codec.card.model_id}, {args.split} split", flush=True)
        for lang in langs:
            texts, english = held.searched(lang, NUM_SEARCHED)
            own, known = codec.encode(texts, lang), codec.encode(english, ENGLISH)
            error = xsim_error(own, known)
            chosen = unseen_sentences(
                args.corpus,
                pieces_of(codec.card, lang),
                lang,
                args.split,
                num=args.sentences,
                max_pieces=MAX_PIECES,
            )
            alone = [text for text, _ in chosen]
            vectors = codec.encode(alone, lang)
            said = codec.decode(vectors, lang, beam_size=BEAM_SIZE)
            print(
                f"{lang}: xsim error {error:.1f} % of {len(texts)}, "
                f"round trip BLEU {text_figures(alone, said)['bleu']:.1f} of {len(alone)}",
                flush=True,
            )
        compare_searches(codec, held, langs, args.sentences, sweeps=args.sweep)


def compare_searches(codec: Codec, held: Held, langs: list[str], num: int, *, sweeps: bool) -> None:
    """Print the BLEU of every direction by every way to search, then the means."""
    narrow, wide, chosen = f"{BEAM_SIZE} beams", f"{WIDER * BEAM_SIZE} beams", f"of {WIDER * BEAM_SIZE}"
    ways = (f"{narrow} alone", narrow, wide, f"chosen {chosen}", "English known")
    names = " ".join(f"{way:>14}" for way in ways) + f" {'best ' + chosen:>12}"
    print(f"{'BLEU (time)':22} {names}")
    narrowly, as_translated = [], []
    swept: dict[tuple[float, float], list[float]] = {}
    for source, target in itertools.permutations((ENGLISH, *langs), 2):
        rows = sorted(held.short_pairs(codec.card, source, target, num), key=lambda row: len(row[0]))
        vectors, wanted = codec.encode([a for a, _ in rows], source), [b for _, b in rows]
        said, seconds, beams = search(
            codec, vectors, target, [a for a, _ in rows] if source == ENGLISH else None
        )
        scores = [text_figures(wanted, texts)["bleu"] for texts in said]
        best = text_figures(wanted, nearest(wanted, beams))["bleu"]
        cells = [f"{score:8.1f} ({s / seconds[0]:.1f})" for score, s in zip(scores, seconds, strict=True)]
        cells += [""] * (len(ways) - len(cells))
        print(f"{source} > {target:12} {' '.join(f'{c:>14}' for c in cells)} {best:12.1f}", flush=True)
        narrowly.append(scores[0])
        as_translated.append(scores[3] if codec.is_extension(target) else scores[1])
        if sweeps and source == ENGLISH:
            for how, bleu in sweep(codec, vectors, beams, wanted, target).items():
                swept.setdefault(how, []).append(bleu)
    print(
        f"all directions: {statistics.mean(narrowly):.1f} by {narrow} alone, "
        f"{statistics.mean(as_translated):.1f} as documents are translated",
        flush=True,
    )
    for power in POWERS if sweeps else ():
        means = (f"{statistics.mean(swept[power, weight]):6.2f}" for weight in WEIGHTS)
        print(f"power {power}, weights {', '.join(f'{w:g}' for w in WEIGHTS)}: {' '.join(means)}", flush=True)


def search(
    codec: Codec, vectors: Tensor, lang: str, english: list[str] | None
) -> tuple[list[list[str]], list[float], list[list[Beam]]]:
    """Return the texts and seconds of each way, and the many beams.

    The ways: few beams from the concept alone, few and many beams that read its English draft, the choice among the
    many, and that choice with the `english` texts, if known.
    """
    codec.decode(vectors[:1], lang)  # loads what decodes
    started = time.perf_counter()
    alone = codec.beams(vectors, lang, BEAM_SIZE)
    alone_s = time.perf_counter() - started
    started = time.perf_counter()
    drafts = codec.decode(vectors, ENGLISH, beam_size=BEAM_SIZE) if codec.reads_draft(lang) else None
    draft_s = time.perf_counter() - started
    started = time.perf_counter()
    few = codec.beams(vectors, lang, BEAM_SIZE, drafts)
    few_by = time.perf_counter()
    many = codec.beams(vectors, lang, WIDER * BEAM_SIZE, drafts)
    many_by = time.perf_counter()
    chosen = rerank(vectors, many, lambda said: codec.encode(said, lang))
    ends = time.perf_counter()
    seconds = [draft_s + s for s in (few_by - started, many_by - few_by, ends - few_by)]
    found, seconds = [*map(likeliest, (alone, few, many)), chosen], [alone_s, *seconds]
    if english is not None and codec.reads_draft(lang):
        started = time.perf_counter()
        found.append(Translator(codec).say(vectors, lang, english=english))
        seconds.append(time.perf_counter() - started)
    return found, seconds, many


def sweep(
    codec: Codec, vectors: Tensor, beams: list[list[Beam]], wanted: list[str], lang: str
) -> dict[tuple[float, float], float]:
    """Return the BLEU of the choice by (power of the length, weight of the cosine)."""
    texts = sorted({beam.text for found in beams for beam in found if beam.text}, key=len)
    heard, rows = codec.encode(texts, lang), {text: row for row, text in enumerate(texts)}
    return {
        (power, weight): text_figures(
            wanted,
            rerank(
                vectors,
                beams,
                lambda said: heard[[rows[text] for text in said]],
                length_power=power,
                cosine_weight=weight,
            ),
        )["bleu"]
        for power in POWERS
        for weight in WEIGHTS
    }


def likeliest(beams: list[list[Beam]]) -> list[str]:
    """Return the text of each row's first beam."""
    return [found[0].text for found in beams]


def nearest(wanted: list[str], beams: list[list[Beam]]) -> list[str]:
    """Return each row's beam with the highest BLEU against the reference text."""
    from sacrebleu import sentence_bleu

    return [
        max((beam.text for beam in found), key=lambda text: sentence_bleu(text, [text_wanted]).score)
        for text_wanted, found in zip(wanted, beams, strict=True)
    ]


if __name__ == "__main__":
    main()
