"""A stored document as blocks of text, and as Markdown or JSON; it knows only the store's export record.

The other formats in `longhand.formats` use the same blocks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any, Literal

from concepts.blocks import LIST_KINDS, join_block
from concepts.counting import counted, is_or_are
from concepts.errors import NotFoundError
from longhand.formats.times import format_iso

if TYPE_CHECKING:
    from storage import BlockKind, ExportedDocument, ExportedSection, ExportedSentence

JSON_FORMAT = "longhand.document/2"
MAX_TITLE_CHARS = 120
MAX_SLUG_BYTES = 60
SENTENCES_PER_PARAGRAPH = 4

_MAX_HEADING_LEVEL = 6
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Characters that CommonMark, or GitHub's tables and tasks, take for markup anywhere in a line.
_INLINE = re.compile(
    r"[\\`*\[\]<]|(?<![^\W_])_+|_+(?![^\W_])|&(?=#?\w+;)|~(?=~)|(?<=~)~|\||"
    # Marks of single tools that our own reader knows, too (concepts/corpus/readers/dialects.py).
    r"%(?=%)|(?<=%)%|=(?==)|(?<==)=|\$(?=\$)|(?<=\$)\$|\+(?=\+)|(?<=\+)\+|\^(?=[\w-]+$)|\{(?=\s*[%{:.#/<])|:(?=[a-z][\w+-]*:)|"
    r"(?<=\w):(?=:(?:\s|\]|$))|(?<=[A-Za-z])~(?=\d{1,2}~)|(?<=\w)\^(?=\w{1,3}\^)"
)
# ... and only at the start of a line: headings, quotations, bullets, rules, fences, numbers.
_PLACEHOLDER = re.compile(r"(?<![!\[\]\\])\\\[((?=[^\[\]\\]*[^\W\d_]{2})[^\W_][^\[\]\\]{2,})\\\](?![(\[{])")
"""Escaped words in brackets, to be filled in by hand: with no definition Markdown shows them as they are. At the start
of a line a colon after them would make them a definition."""
_LINE_START = re.compile(r"(?:[#>+=~-]|\d{1,9}(?=[.)]))")


@dataclass(frozen=True)
class Block:
    """A heading, a paragraph, a list item, or a note about missing text, in reading order."""

    kind: Literal["heading", "paragraph", "step", "bullet", "verse", "note"]
    text: str
    """The lines of a verse are joined by line breaks; any other text is one line."""
    path: str
    """The item it belongs to."""
    level: int
    """1 for a top item's heading and text."""
    number: int = 0
    """Number of a step in its list, from 1."""

    @property
    def lines(self) -> list[str]:
        """The lines of a verse; any other text as one."""
        return self.text.split("\n")


def blocks(section: ExportedSection, level: int = 1) -> Iterator[Block]:
    """Yield the heading of a section, its sentences joined to blocks, and the sections under it.

    A note stands for text that is not decoded yet, so that nothing is missing silently.
    """
    yield Block("heading", heading_of(section), section.path, level)
    joined = join_blocks(section.sentences)
    for (kind, text), number in zip(joined, step_numbers([kind for kind, _ in joined]), strict=True):
        yield Block(kind, clean(text), section.path, level, number)
    if section.num_missing:
        num = section.num_missing
        note = f"{counted(num, 'sentence')} of this section {is_or_are(num)} not decoded yet"
        yield Block("note", note, section.path, level)
    elif section.is_leaf and section.status == "pending":
        yield Block("note", "this section is not written yet", section.path, level)
    for child in section.children:
        yield from blocks(child, level + 1)


def runs(section: ExportedSection, level: int = 1) -> Iterator[tuple[str, tuple[Block, ...]]]:
    """Yield a section's blocks by kind: a list's items together, all other blocks alone."""
    for kind, members in groupby(blocks(section, level), key=lambda block: block.kind):
        if kind in LIST_KINDS:
            yield kind, tuple(members)
        else:
            yield from ((kind, (block,)) for block in members)


def join_blocks(sentences: Sequence[ExportedSentence]) -> list[tuple[BlockKind, str]]:
    """Return the blocks of a section's sentences, as (kind, text).

    If no sentence begins a block, the document is an older one: join the sentences to paragraphs of about equal size.
    """
    if all(sentence.block is None for sentence in sentences):
        return [("paragraph", text) for text in paragraphs([sentence.text for sentence in sentences])]
    joined: list[tuple[BlockKind, list[str]]] = []
    begun: BlockKind | None = "paragraph"
    for sentence in sentences:
        # If a block's first sentence is empty or not decoded yet, the block begins with the next one.
        begun = sentence.block or begun
        if not (text := " ".join(sentence.text.split())):
            continue
        if begun is None:
            joined[-1][1].append(text)
        else:
            joined.append((begun, [text]))
            begun = None
    return [(kind, join_block(kind, texts)) for kind, texts in joined]


def step_numbers(kinds: Sequence[BlockKind | None]) -> list[int]:
    """Return each step's number in its list, from 1, and 0 for all other kinds; None continues the previous block."""
    numbers: list[int] = []
    last = 0
    for kind in kinds:
        last = last + 1 if kind == "step" else last if kind is None else 0
        numbers.append(last if kind == "step" else 0)
    return numbers


def heading_of(section: ExportedSection) -> str:
    """Return the section's heading on one line, or its number if it has none yet."""
    return clean(" ".join((section.heading or "").split())) or f"Section {section.path}"


def clean(text: str) -> str:
    """Return `text` without control characters that XML, and so Word and EPUB, cannot hold."""
    return _NO_XML.sub("", text)


def to_markdown(document: ExportedDocument) -> str:
    """Return the document as CommonMark: the title, a heading for each item, paragraphs, verse and lists."""
    shown = [title_markdown(document)]
    for section in document.sections:
        shown += _section_lines(section)
    if not document.sections:
        shown.append(f"<!-- nothing is planned yet (status: {document.status}) -->")
    return "\n\n".join(shown) + "\n"


def to_json(document: ExportedDocument) -> str:
    """Return the document as one indented JSON object; `format` names its version."""
    return json.dumps(to_dict(document), indent=2, ensure_ascii=False) + "\n"


def to_dict(document: ExportedDocument) -> dict[str, Any]:
    """Return the values of `to_json`; each section has its `blocks` beside its sentences."""
    shown = {"format": JSON_FORMAT} | asdict(document)
    shown["updated_at"] = format_iso(document.updated_at)
    waiting = list(zip(shown["sections"], document.sections, strict=True))
    while waiting:
        values, section = waiting.pop()
        values["blocks"] = [{"kind": kind, "text": text} for kind, text in join_blocks(section.sentences)]
        waiting += zip(values["children"], section.children, strict=True)
    return shown


def section_of(document: ExportedDocument, path: str) -> ExportedSection:
    """Return the section with this number; raise NotFoundError."""
    waiting = list(document.sections)
    while waiting:
        section = waiting.pop()
        if section.path == path:
            return section
        waiting += section.children
    raise NotFoundError(f"document {document.id} has no section {path}: longhand outline {document.id}")


def leaves_of(document: ExportedDocument) -> list[ExportedSection]:
    """Return the sections that hold text, in reading order."""

    def below(sections: Sequence[ExportedSection]) -> Iterator[ExportedSection]:
        for section in sections:
            if section.is_leaf:
                yield section
            yield from below(section.children)

    return list(below(document.sections))


def title_markdown(document: ExportedDocument) -> str:
    """Return the title as a CommonMark heading, without a line end."""
    return f"# {_heading_text(title_of(document))}"


def section_markdown(section: ExportedSection, level: int = 1) -> str:
    """Return one section, with its subsections, as CommonMark; `level` 1: a top item."""
    return "\n\n".join(_section_lines(section, level)) + "\n"


def _section_lines(section: ExportedSection, level: int = 1) -> Iterator[str]:
    for kind, members in runs(section, level):
        block = members[0]
        if kind == "heading":
            num_signs = min(block.level + 1, _MAX_HEADING_LEVEL)
            yield f"{'#' * num_signs} {_heading_text(block.text)}"
        elif kind == "step":
            yield "\n".join(f"{step.number}. {escape_line(step.text)}" for step in members)
        elif kind == "bullet":
            yield "\n".join(f"- {escape_line(bullet.text)}" for bullet in members)
        elif kind in ("paragraph", "verse"):
            yield markdown_lines(block.lines)
        else:
            yield f"<!-- {block.text} -->"


def title_of(document: ExportedDocument) -> str:
    """Return the title, else the prompt's first line, cut at a blank if it is long."""
    return clean(short_title(document.title or document.prompt))


def file_stem(document_id: str, title: str, lang: str) -> str:
    """Return the name of a document's file: its id, the title's first words, its language."""
    slug = ""
    for word in re.findall(r"\w+", title.lower()):
        if len((slug + word).encode()) > MAX_SLUG_BYTES:
            break
        slug += f"-{word}"
    return f"{document_id}{slug}.{lang}"


def short_title(text: str, max_chars: int = MAX_TITLE_CHARS) -> str:
    """Return the first line of `text`, at most `max_chars` long."""
    lines = text.strip().splitlines()
    line = " ".join(lines[0].split()) if lines else ""
    if len(line) <= max_chars:
        return line
    cut = line.rfind(" ", max_chars // 2, max_chars - 1)
    return line[: cut if cut > 0 else max_chars - 1] + "…"


def paragraphs(sentences: Sequence[str], size: int = SENTENCES_PER_PARAGRAPH) -> list[str]:
    """Join sentences into paragraphs of about `size` sentences, as equal as possible; leave out empty ones."""
    kept = [" ".join(sentence.split()) for sentence in sentences if sentence.strip()]
    num_paragraphs = -(-len(kept) // size)
    if num_paragraphs == 0:
        return []
    bounds = [len(kept) * i // num_paragraphs for i in range(num_paragraphs + 1)]
    return [" ".join(kept[start:end]) for start, end in pairwise(bounds)]


def markdown_lines(lines: Sequence[str]) -> str:
    """Return a paragraph of these lines as Markdown: two blanks before a line end make it a line break."""
    first, *others = map(escape_line, lines)
    # A colon below a line would make it the term of a definition.
    return "  \n".join([first, *(f"\\{line}" if line.startswith(":") else line for line in others)])


def escape_line(text: str) -> str:
    """Return one line of Markdown that renders as exactly `text`."""
    escaped = _escape_inline(text)
    start = _LINE_START.match(escaped)
    if start is None:
        return escaped
    # A digit cannot be escaped, but the dot after it can.
    at = start.end() if start.group()[0].isdigit() else 0
    return f"{escaped[:at]}\\{escaped[at:]}"


def _escape_inline(text: str) -> str:
    escaped = _INLINE.sub(lambda found: "".join("\\" + char for char in found.group()), text)
    return _PLACEHOLDER.sub(_plain_placeholder, escaped)


def _plain_placeholder(found: re.Match[str]) -> str:
    is_definition = found.start() == 0 and found.string.startswith(":", found.end())
    return found[0] if is_definition else f"[{found[1]}]"


def _heading_text(text: str) -> str:
    escaped = _escape_inline(" ".join(text.split()))
    # Readers drop a closing sequence of #; escape it.
    return re.sub(r"(?:(?<=\s)|^)(#+)$", r"\\\1", escaped)
