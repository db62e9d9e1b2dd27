"""A stored document as Markdown or JSON; it knows the store's export record and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import TYPE_CHECKING

from concepts.errors import NotFoundError

if TYPE_CHECKING:
    from storage import ExportedDocument, ExportedSection

JSON_FORMAT = "longhand.document/1"
MAX_TITLE_CHARS = 120
SENTENCES_PER_PARAGRAPH = 4

_MAX_HEADING_LEVEL = 6
# What CommonMark or GitHub's tables and tasks would take for markup anywhere in a line.
_INLINE = re.compile(r"[\\`*\[\]<]|(?<![^\W_])_+|_+(?![^\W_])|&(?=#?\w+;)|~(?=~)|(?<=~)~|\|")
# ... and only at the start of a line: headings, quotations, bullets, rules, fences, numbers.
_LINE_START = re.compile(r"(?:[#>+=~-]|\d{1,9}(?=[.)]))")


def to_markdown(document: ExportedDocument) -> str:
    """Return the document as CommonMark: the title, a heading an item, sentences joined to paragraphs.

    What is not decoded yet is said in a comment, so that nothing is missing silently.
    """
    blocks = [f"# {_heading_text(title_of(document))}"]
    for section in document.sections:
        blocks += _section_blocks(section, level=2)
    if not document.sections:
        blocks.append(f"<!-- nothing is planned yet (status: {document.status}) -->")
    return "\n\n".join(blocks) + "\n"


def to_json(document: ExportedDocument) -> str:
    """Return the document as one indented JSON object; `format` names its version."""
    return json.dumps({"format": JSON_FORMAT} | asdict(document), indent=2, ensure_ascii=False) + "\n"


def section_of(document: ExportedDocument, path: str) -> ExportedSection:
    """Return the section with this number; raise NotFoundError."""
    waiting = list(document.sections)
    while waiting:
        section = waiting.pop()
        if section.path == path:
            return section
        waiting += section.children
    raise NotFoundError(f"document {document.id} has no section {path}: longhand outline {document.id}")


def section_markdown(section: ExportedSection) -> str:
    """Return one section, with all below it, as CommonMark."""
    return "\n\n".join(_section_blocks(section, level=2)) + "\n"


def title_of(document: ExportedDocument) -> str:
    """Return the title, else the prompt's first line, cut at a blank where it is long."""
    return short_title(document.title or document.prompt)


def short_title(text: str, max_chars: int = MAX_TITLE_CHARS) -> str:
    """Return the first line of `text`, at most `max_chars` long."""
    lines = text.strip().splitlines()
    line = " ".join(lines[0].split()) if lines else ""
    if len(line) <= max_chars:
        return line
    cut = line.rfind(" ", max_chars // 2, max_chars - 1)
    return line[: cut if cut > 0 else max_chars - 1] + "…"


def _section_blocks(section: ExportedSection, level: int) -> Iterator[str]:
    heading = section.heading or f"Section {section.path}"
    yield f"{'#' * min(level, _MAX_HEADING_LEVEL)} {_heading_text(heading)}"
    for paragraph in paragraphs([sentence.text for sentence in section.sentences]):
        yield escape_line(paragraph)
    if section.num_missing:
        yield f"<!-- {section.num_missing} sentences of this section are not decoded yet -->"
    elif section.is_leaf and section.status == "pending":
        yield "<!-- this section is not written yet -->"
    for child in section.children:
        yield from _section_blocks(child, level + 1)


def paragraphs(sentences: Sequence[str], size: int = SENTENCES_PER_PARAGRAPH) -> list[str]:
    """Join sentences into paragraphs of about `size`, as equal as they can be; empty ones are left out."""
    kept = [" ".join(sentence.split()) for sentence in sentences if sentence.strip()]
    num_paragraphs = -(-len(kept) // size)
    if num_paragraphs == 0:
        return []
    bounds = [len(kept) * i // num_paragraphs for i in range(num_paragraphs + 1)]
    return [" ".join(kept[start:end]) for start, end in pairwise(bounds)]


def escape_line(text: str) -> str:
    """Return one line of Markdown that reads as exactly `text`."""
    escaped = _INLINE.sub(lambda found: "".join("\\" + char for char in found.group()), text)
    start = _LINE_START.match(escaped)
    if start is None:
        return escaped
    # A digit cannot be escaped, the dot after it can.
    at = start.end() if start.group()[0].isdigit() else 0
    return f"{escaped[:at]}\\{escaped[at:]}"


def _heading_text(text: str) -> str:
    escaped = _INLINE.sub(
        lambda found: "".join("\\" + char for char in found.group()), " ".join(text.split())
    )
    # A closing sequence of # is dropped by readers; the first one of a heading is text already.
    return re.sub(r"(?:(?<=\s)|^)(#+)$", r"\\\1", escaped)
