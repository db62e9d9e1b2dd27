"""Phrases of one to four words in languages that the space does not know: how many are refused, told of, or taken.

    python benchmarks/languages/bench_short_phrases.py [--set held_out] [--lower] [--list] [--fit] [--titles]

Reads `short_phrases/SET.tsv` (language, phrase): foreign phrases, and prompts in English with names, dishes, loan words
and misspellings, in German, French and Spanish, of which none should be refused. Prints the share refused, refused by
the right name or a near relative's, and told of ("though it may be Polish"). `--lower` reads all in small letters,
`--list` names what went wrong. `--fit` prints the weights and thresholds of concepts/languages/few_words.py as fitted
to dev; held_out is for figures alone. `--titles` reads the English titles and headings of the library instead: how many
of one to four words are refused, and for how many prompts that read so a document is written in another language.
"""

from __future__ import annotations

import argparse
import json
import lzma
import sys
from collections import Counter
from importlib.resources import files
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import langcodes
import numpy as np

from concepts.languages.codes import ENGLISH
from concepts.languages.detection import (
    document_language,
    foreign_language,
    language_shares,
    possible_language,
)
from concepts.languages.few_words import MOST_WORDS, are_few, is_listed, split_words, values_of
from concepts.library.stored import DOCUMENTS_FILE

KNOWN = {"English": "eng_Latn", "German": "deu_Latn", "French": "fra_Latn", "Spanish": "spa_Latn"}
NEAR = (
    "Danish Norwegian Swedish", "Czech Slovak", "Croatian Bosnian Serbian Slovenian", "Dutch Afrikaans",
    "Portuguese Galician", "Finnish Estonian", "Turkish Azerbaijani", "Indonesian Malay",
)  # fmt: skip
SHARES_OF_ERRORS = (0.003, 0.005, 0.008, 0.01, 0.02)


def main() -> None:
    """Print a line for each language and for all foreign ones, by the number of words."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", choices=("dev", "held_out"), default="held_out")
    parser.add_argument("--lower", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--titles", action="store_true")
    args = parser.parse_args()
    if args.titles:
        count_titles()
        return
    if args.fit:
        fit(read("dev"))
        return
    counts: dict[tuple[str, str], Counter[str]] = {}
    for lang, written in read(args.set):
        text = written.lower() if args.lower else written
        named = foreign_language(text, list(KNOWN.values()))
        told = possible_language(text, list(KNOWN.values())) if named is None else None
        is_right = named == lang or any(
            named in near.split() and lang in near.split() for near in NEAR if named
        )
        if args.list and (named is not None if lang in KNOWN else not is_right):
            print(f"{lang}: {text}: refused as {named}, told of {told}")
        length = "1 word" if len(text.split()) == 1 else f"2-{MOST_WORDS} words"
        all_of = () if lang in KNOWN else ("all foreign", *(("listed",) if is_listed(tag_of(lang)) else ()))
        for group in (lang, *all_of):
            row = counts.setdefault((group, length), Counter())
            row.update(
                {"phrases": 1, "refused": named is not None, "right": is_right, "told": told is not None}
            )
    for (group, length), row in sorted(counts.items()):
        shares = ", ".join(
            f"{name} {row[name] / row['phrases']:.1%}" for name in ("refused", "right", "told")
        )
        print(f"{group:12} {length:10} {row['phrases']:5} phrases: {shares}")


def tag_of(name: str) -> str:
    """Return the tag of a language's English name, as wordfreq and py3langid write it."""
    return str(langcodes.find(name).language)


def count_titles() -> None:
    """Print how many English titles and headings of the library are taken for another language."""
    folder = files("concepts") / "weights" / "everyday"
    with lzma.open(Path(str(folder)) / DOCUMENTS_FILE, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    known = list(KNOWN.values())
    titles = {row["title"] for row in rows}
    headings = {section["heading"] for row in rows for section in row["sections"]}
    few = sorted(text for text in titles | headings if are_few(text))
    refused = [text for text in few if foreign_language(text, known) is not None]
    print(f"{len(few)} titles and headings of one to four words: {len(refused)} refused: {refused}")
    for what, read_as in (("as typed", str), ("in lower case", str.lower)):
        other = [text for text in sorted(titles) if document_language(read_as(text), known) != ENGLISH]
        print(f"{len(titles)} titles {what}: {len(other)} would be written in another language: {other}")


def read(name: str) -> list[tuple[str, str]]:
    """Return the language and text of each phrase of a set that is short enough."""
    path = Path(__file__).parent / "short_phrases" / f"{name}.tsv"
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return [(lang, text) for lang, text in rows if len(text.split()) <= MOST_WORDS]


def fit(rows: list[tuple[str, str]]) -> None:
    """Print weights by logistic regression; each phrase counts again, less, in small letters and as single words."""
    samples: dict[bool, list[tuple[tuple[float, ...], bool, float]]] = {False: [], True: []}
    for lang, text in rows:
        words = [word for word in split_words(text) if len(word) > 3] if " " in text else []
        for form, weight in ((text, 1.0), (text.lower(), 0.4), *((word, 0.15) for word in words)):
            if form == text and weight < 1.0:
                continue
            found = values_of(form, ("en", "de", "fr", "es"), language_shares)
            if found is not None:
                samples[len(split_words(form)) > 1].append(((*found[1], 1.0), lang not in KNOWN, weight))
    for is_several, chosen in samples.items():
        x, y, c = (np.array(column, float) for column in zip(*chosen, strict=True))
        w = np.zeros(x.shape[1])
        for _ in range(60):  # Newton's method
            p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
            hessian = (x * (c * p * (1 - p))[:, None]).T @ x + 0.05 * np.eye(len(w))
            w -= np.linalg.solve(hessian, x.T @ (c * (p - y)) + 0.05 * w)
        print("several words:" if is_several else "one word:", tuple(w.round(2).tolist()))
        scores, is_plain = x @ w, c == 1.0
        errors = np.sort(scores[is_plain & (y == 0)])[::-1]
        for share in SHARES_OF_ERRORS:
            least = errors[int(share * len(errors))]
            found = (scores[is_plain & (y == 1)] > least).mean()
            print(f"  {share:.1%} refused by mistake from {least:.2f}, {found:.1%} found")


if __name__ == "__main__":
    main()
