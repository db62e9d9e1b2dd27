"""Does a prompt for a story, a letter, a speech or another kind of text get one? Do prompts of strangers?

    .venv/bin/python benchmarks/library/bench_kinds.py [--list] [--prompts benchmarks/library/strangers.jsonl]

`kinds.jsonl` beside this file has 120 prompts of somebody who knew nothing of the library, half of them held out, and a
strict reader's marks of texts for the held-out ones: 2 of use with few changes, 1 the right kind for another occasion
or a guide to writing one, 0 of no use. Prints for each part how often the text that leads a prompt's outline has which
mark; "unread" ones were never marked, "none" is a prompt that no text of the library leads. `strangers.jsonl` has 200
ordinary prompts on any subject and 160 narrow ones, with marks of what led them when it was made.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

from torch import Tensor

from concepts.codecs.spaces import load_codec
from concepts.library.outline import find_candidates
from concepts.library.stored import load_library
from concepts.library.subjects import find_title
from flows.document.titles import (
    LONGEST_PLAIN_PROMPT,
    asked_texts,
    asks_for_own_title,
    names_of,
)

PROMPTS = Path(__file__).parent / "kinds.jsonl"
LANG = "eng_Latn"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--prompts", type=Path, default=PROMPTS)
    asked = parser.parse_args()
    codec = load_codec(None)

    def encode(texts: list[str]) -> Tensor:
        return codec.encode(texts, LANG)

    library = load_library(None, space_id=codec.space_id, encode=encode)
    marks: dict[str, Counter[int | str]] = {}
    for line in asked.prompts.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        prompt = row["prompt"]
        names = names_of(prompt, LANG)
        if len(prompt) > LONGEST_PLAIN_PROMPT or asks_for_own_title(prompt, LANG):
            title = find_title(library, encode, prompt, asked_texts(prompt))
            names = names_of(prompt, LANG, title or None)
        leading = next(iter(find_candidates(library, encode, names, prompt)), None)
        found = leading.passages[0].title if leading is not None and leading.is_near else None
        mark = "none" if found is None else row["marks"].get(found, "unread")
        marks.setdefault(row["split"], Counter())[mark] += 1
        if asked.list:
            print(f"{row['split']}: {prompt[:90]!r} got {found!r} ({mark})")
    for split, counts in marks.items():
        print(
            f"{split}: " + ", ".join(f"{counts[mark]} times {mark}" for mark in (2, 1, 0, "unread", "none"))
        )


if __name__ == "__main__":
    main()
