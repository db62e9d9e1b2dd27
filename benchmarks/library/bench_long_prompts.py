"""Does a prompt of several sentences find the library's document on its subject?

    python benchmarks/library/bench_long_prompts.py [--list] [--weights NAME TELLING SAID]

Reads `long_prompts.jsonl`: 120 prompts of somebody who knew nothing of Longhand, each with the title that a librarian
would search for. A document is right if the cosine of its title or prompt with that one is .5 or more, and at most .15
below the library's best. Prints how many prompts find a right document, a wrong one and none,
and how a reader marked the titles that held-out prompts find: 2 for the subject, 1 for a narrower, broader or
neighboring one, 0 for another. The dev prompts chose the weights of concepts/library/subjects.py; the held-out ones are
for figures alone. `--list` names the documents that are
not right. Takes three minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from torch import Tensor
from torch.nn import functional as F

from concepts.codecs.spaces import load_codec
from concepts.library import subjects
from concepts.library.encode import Encode
from concepts.library.library import Entry
from concepts.library.stored import load_library
from flows.document.titles import asked_texts

PROMPTS = Path(__file__).parent / "long_prompts.jsonl"
LANG = "eng_Latn"
LEAST_RIGHT, RIGHT_WITHIN, NUM_NEAREST = 0.5, 0.15, 20


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--weights", type=float, nargs=3)
    asked = parser.parse_args()
    if asked.weights:
        subjects.NAME_WEIGHT, subjects.TELLING_WEIGHT, subjects.SAID_WEIGHT = asked.weights
    codec = load_codec(None)

    def encode(texts: list[str]) -> Tensor:
        return codec.encode(texts, LANG)

    library = load_library(None, space_id=codec.space_id, encode=encode)
    counts: Counter[tuple[str, str]] = Counter()
    marks: Counter[int | str] = Counter()
    for line in PROMPTS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        (subject,) = encode([row["subject"]])
        nearest = library.document_likeness(subject).topk(NUM_NEAREST).indices.tolist()
        best = max(_cosine(encode, library.entries[m], subject) for m in nearest)
        found = subjects.find_title(library, encode, row["prompt"], asked_texts(row["prompt"]))
        entry = next((e for e in library.entries if e.title == found), None)
        near = _cosine(encode, entry, subject) if entry else 0.0
        is_right = near >= max(LEAST_RIGHT, best - RIGHT_WITHIN)
        outcome = "right" if is_right else "wrong" if found else "none"
        counts[row["split"], outcome] += 1
        if row["split"] == "heldout":
            marks[row["marks"].get(found, "unread")] += 1
        if asked.list and not is_right:
            print(f"{row['split']} {outcome}: {row['subject']} got {found!r} ({near:.2f}, best {best:.2f})")
    print(
        "marks of held-out titles: "
        + ", ".join(f"{marks[mark]} times {mark}" for mark in (2, 1, 0, "unread"))
    )
    for split in ("dev", "heldout"):
        print(
            f"{split}: " + ", ".join(f"{counts[split, name]} {name}" for name in ("right", "wrong", "none"))
        )


def _cosine(encode: Encode, entry: Entry, concept: Tensor) -> float:
    """Return the cosine of a document's title or prompt, the greater, with a concept (D,)."""
    names = encode([entry.title, entry.prompt or entry.title])
    return float(F.cosine_similarity(names, concept[None]).max())


if __name__ == "__main__":
    main()
