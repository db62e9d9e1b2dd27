"""Which sections of particular cases does a prompt get from the library, and are they right?

    python benchmarks/library/bench_cases.py [--list] [--worth 0.44 0.5]

Reads `graded_cases.jsonl`: prompts, the subject of cases that was nearest, and those of its headings that a reader
marked as told by the prompt. The dev prompts chose the weights and `LEAST_WORTH` of concepts/library/cases.py; a
stranger wrote the held-out ones, and they are for figures alone. Prints how many headings prompts get, how many of
these the reader marked, and how many headings are marked. `--worth` tries other least worths, `--list` names what went
wrong.
Takes half a minute on two cores.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from torch import Tensor

from concepts.codecs.spaces import load_codec
from concepts.library import cases
from concepts.library.encode import Encode
from concepts.library.library import Library
from concepts.library.stored import load_library
from flows.document.titles import derive_title, subject_of

GRADED = Path(__file__).parent / "graded_cases.jsonl"
LANG = "eng_Latn"


@dataclass(frozen=True)
class Graded:
    """A prompt, and the headings that a reader marked as told by it."""

    split: str
    prompt: str
    told: frozenset[str]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--worth", type=float, nargs="+", default=[cases.LEAST_WORTH])
    asked = parser.parse_args()
    codec = load_codec(None)

    def encode(texts: list[str]) -> Tensor:
        return codec.encode(texts, LANG)

    library = load_library(None, space_id=codec.space_id, encode=encode)
    print(f"{len(library.case_documents)} subjects with {len(library.cases)} sections of cases")
    rows = [json.loads(line) for line in GRADED.read_text(encoding="utf-8").splitlines()]
    graded = [Graded(row["set"], row["prompt"], frozenset(row["told"])) for row in rows]
    for worth in asked.worth:
        cases.LEAST_WORTH = worth
        for split in ("dev", "held_out"):
            own = [one for one in graded if one.split == split]
            print(f"worth {worth}, {split}: {count(library, encode, own, is_listed=asked.list)}")


def count(library: Library, encode: Encode, graded: list[Graded], *, is_listed: bool) -> str:
    """Return the figures of some prompts in words."""
    sums: Counter[str] = Counter()
    for one in graded:
        names = [derive_title(one.prompt, LANG), subject_of(one.prompt, LANG)]
        found = cases.find_cases(library, encode, names, one.prompt)
        got = frozenset(case.heading for case in (found.told if found else ()))
        sums.update(told=len(one.told), got=len(got), right=len(got & one.told), some=bool(got))
        sums.update(plain=not one.told, plain_got=bool(got) and not one.told)
        if is_listed and got != one.told:
            print(f"  {one.prompt}\n    wrong: {sorted(got - one.told)}, missing: {sorted(one.told - got)}")
    return (
        f"{sums['some']} of {len(graded)} prompts get headings, {sums['got']} in all, {sums['right']} of them marked; "
        f"{sums['told']} are marked; {sums['plain_got']} of {sums['plain']} prompts with no marked one get some"
    )


if __name__ == "__main__":
    main()
