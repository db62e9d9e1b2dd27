"""Words of a library that look like typing errors and are none, such as "plaice": `concepts/rare_words.txt`.

python -m training.sources.rare_words concepts/weights/everyday/documents.jsonl.xz concepts/rare_words.txt
"""

from __future__ import annotations

import json
import lzma
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from concepts.segment import without_accents
from concepts.spelling import more_frequent

_WORD = re.compile(r"[^\W\d_]+")


def rare_words(texts: Iterable[str]) -> list[str]:
    """Return the words that the rule for typing errors would change, in alphabetic order."""
    words = {word for text in texts for word in _WORD.findall(without_accents(text.lower()))}
    return sorted(word for word in words if word.isascii() and more_frequent(word) is not None)


def main(documents: Path, out: Path) -> None:
    """Write the rare words of a library's documents, one a line."""
    with lzma.open(documents, "rt", encoding="utf-8") as lines:
        known = [json.loads(line) for line in lines]
    texts = [text for document in known for text in (document["title"], document.get("prompt") or "")]
    sections = [section for document in known for section in document["sections"]]
    texts += [section.get("heading") or "" for section in sections]
    texts += [text for section in sections for block in section["paragraphs"] for text in block]
    out.write_text("".join(f"{word}\n" for word in rare_words(texts)), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
