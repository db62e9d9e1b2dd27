"""Pages to train on: a hundred short documents of two sections, no sentence twice."""

from __future__ import annotations

import itertools

VERBS = ["Open", "Close", "Save", "Print", "Share", "Copy", "Move", "Delete", "Rename", "Select"]
NOUNS = [
    "folder",
    "document",
    "picture",
    "table",
    "message",
    "account",
    "window",
    "printer",
    "network",
    "file",
]


def page(number: int) -> str:
    """Return a page as Markdown."""
    words = itertools.cycle(itertools.product(VERBS, NOUNS))
    for _ in range(number * 7):
        next(words)
    lines = [f"# {VERBS[number % 10]} a {NOUNS[number // 10]} number {number}"]
    for heading in ("What you need", "How it works"):
        lines.append(f"## {heading} with the {NOUNS[number // 10]}")
        pairs = itertools.islice(words, 4)
        lines.append(" ".join(f"{v} the {n} before you go on with number {number}." for v, n in pairs))
    return "\n\n".join(lines) + "\n"
