"""Words that are written with capitals inside sentences, counted in a library: `concepts/proper_nouns.txt`.

python -m training.sources.proper_nouns concepts/weights/everyday/documents.jsonl.xz concepts/proper_nouns.txt
"""

from __future__ import annotations

import json
import lzma
import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from concepts.blanks import fill

FEWEST = 4
"""Times that a word must occur."""
LEAST_SHARE = 0.92
"""Share of these that must be written in the same way, with a capital."""
NO_NAMES = frozenset(["VS"])
"""Words that a library has as names or units alone, and prompts have in another sense."""
_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['’-])*[^\W\d_]")
_STARTS = re.compile(r"(?:^|[.:!?\"“(«—])\s*$")
"""Matches what stands before a word that has a capital because a sentence or a quotation begins."""


def proper_nouns(sentences: Iterable[str]) -> list[str]:
    """Return the words that are nearly always written with a capital, as they are written, in alphabetic order."""
    total: Counter[str] = Counter()
    written: Counter[str] = Counter()
    for sentence in sentences:
        for found in _WORD.finditer(sentence):
            word = re.sub(r"['’]s$", "", found[0])
            if _STARTS.search(sentence[: found.start()]) is None:
                total[word.lower()] += 1
                written[word] += word[0].isupper()
    return sorted(
        word
        for word, count in written.items()
        if word not in NO_NAMES
        and total[word.lower()] >= FEWEST
        and count >= LEAST_SHARE * total[word.lower()]
    )


def main(documents: Path, out: Path) -> None:
    """Write the proper nouns of a library's documents, one a line."""
    with lzma.open(documents, "rt", encoding="utf-8") as lines:
        sections = [section for line in lines for section in json.loads(line)["sections"]]
    texts = [text for section in sections for block in section["paragraphs"] for text in block]
    sentences = [fill(text, {}) for text in texts]
    out.write_text("".join(f"{word}\n" for word in proper_nouns(sentences)), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
