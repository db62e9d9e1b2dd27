"""The user's own outline: a file of Markdown headings, or a plain, bulleted or numbered list.

Three shapes are read. Markdown headings (a single first heading above all others is the title; text
below headings is left alone). A title alone with a list below it. Or only a list, one item a line,
where indentation, bullets below text, or numbers such as 2.1 make the second level. It knows nothing
of models or storage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from concepts.errors import InputError
from longhand.prompts import MAX_DEPTH, MAX_SECTIONS, check_decodable, has_words

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MAX_FILE_BYTES = 1_000_000
MAX_HEADING_CHARS = 200
"""As long as the longest sentence that the concept space is trained on."""

_ITEM = re.compile(
    r"(?P<indent>[ \t]*)"
    r"(?P<marker>(?:[-*+•–]|\d{1,4}(?:\.\d{1,4})+[.)]?|\d{1,4}[.)]|[A-Za-z][.)])(?:[ \t]+|$))?"
    r"(?P<text>.*)"
)
_DOTTED = re.compile(r"\d+(?:\.\d+)+")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n.*?\n---[ \t]*\n", re.DOTALL)


@dataclass(frozen=True)
class Heading:
    """One item of an outline."""

    path: str
    """Its place: `2.1` is the first item under `2`."""
    text: str
    """Plain text, without Markdown."""
    line: int
    """Line of the file, from 1."""

    @property
    def depth(self) -> int:
        """1 for a top item."""
        return self.path.count(".") + 1


@dataclass(frozen=True)
class UserOutline:
    """A checked outline in reading order."""

    title: str | None
    headings: tuple[Heading, ...]

    @property
    def depth(self) -> int:
        """Number of levels."""
        return max(heading.depth for heading in self.headings)

    @property
    def num_sections(self) -> int:
        """Items without items below them: what is written."""
        parents = {heading.path.rpartition(".")[0] for heading in self.headings}
        return sum(heading.path not in parents for heading in self.headings)


def read_outline(path: Path, *, max_depth: int = MAX_DEPTH) -> UserOutline:
    """Read and check an outline file; raise InputError with the line and the reason."""
    return parse_outline(read_text(path), name=str(path), max_depth=max_depth)


def read_text(path: Path) -> str:
    """Read the text of an outline file; raise InputError where it is none."""
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file with one heading a line")
    try:
        with open(path, "rb") as file:
            # One byte more than allowed tells a large file without reading it.
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}: name a file with one heading a line") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_FILE_BYTES:
        raise InputError(f"{path} is larger than {MAX_FILE_BYTES:,} bytes: that is no outline")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(f"{path}, line {line}: not UTF-8 text: save the outline as UTF-8") from error


def parse_outline(text: str, *, name: str = "the outline", max_depth: int = MAX_DEPTH) -> UserOutline:
    """Parse and check an outline; `name` stands in messages. Raises InputError."""
    # Only these end a line: str.splitlines knows more, and line numbers would be wrong.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for number, line in enumerate(text.split("\n"), 1):
        check_decodable(line, f"{name}, line {number}")
    if not text.strip():
        raise InputError(f"{name} is empty: write one heading a line")
    front = _FRONT_MATTER.match(text)
    if front is not None:
        # Blanked rather than cut, so that line numbers stay those of the file.
        text = "\n" * front.group().count("\n") + text[front.end() :]
    title, entries = _title_and_entries(text)
    if not entries:
        raise InputError(f"{name} holds no headings: write one heading a line, or Markdown headings")
    return UserOutline(title, tuple(_check(_number(entries), name, max_depth)))


@dataclass(frozen=True)
class _Entry:
    level: tuple[int, ...]
    """Sorts deeper below shallower; only comparisons count."""
    text: str
    line: int


def _title_and_entries(text: str) -> tuple[str | None, list[_Entry]]:
    headings = list(_headings(text))
    if not headings:
        return None, list(_items(text.split("\n")))
    first, rest = headings[0], headings[1:]
    if not rest:
        # A title with a list below it; without a list, one heading is a document of one section.
        lines = text.split("\n")
        below = list(_items(lines[first.line :], first_line=first.line + 1, only_marked=True))
        return (first.text, below) if below else (None, headings)
    if all(heading.level > first.level for heading in rest):
        return first.text, rest
    return None, headings


@cache
def _markdown() -> MarkdownIt:
    # Imported here: it takes longer to load than most commands run.
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark")


def _headings(text: str) -> Iterator[_Entry]:
    tokens = _markdown().parse(text)
    for token, content in pairwise(tokens):
        # Only those of the document itself: a heading inside a list or quotation is no section.
        if token.type == "heading_open" and token.level == 0:
            line = token.map[0] if token.map else 0
            yield _Entry((int(token.tag[1:]),), _plain(content.children or ()), line + 1)


def _plain(tokens: Sequence[Token]) -> str:
    parts: list[str] = []
    for token in tokens:
        if token.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif token.type == "image":
            parts.append(_plain(token.children or ()))
        elif token.type in ("text", "code_inline", "text_special"):
            parts.append(token.content)
    return " ".join("".join(parts).split())


def _plain_line(line: str) -> str:
    return " ".join(_plain(token.children or ()) for token in _markdown().parseInline(line)).strip()


def _items(lines: Sequence[str], *, first_line: int = 1, only_marked: bool = False) -> Iterator[_Entry]:
    """Yield the items of a list; `only_marked` leaves lines without a bullet or number out."""
    fence = ""
    continues: _Entry | None = None
    for number, line in enumerate(lines, first_line):
        mark = _FENCE.match(line)
        if fence or mark:
            fence = (
                "" if fence and line.strip().startswith(fence) else fence or (mark.group(1) if mark else "")
            )
            continue
        found = _ITEM.fullmatch(line.rstrip())
        assert found is not None, "the pattern matches every line"
        indent = len(found["indent"].expandtabs(4))
        marker, words = (found["marker"] or "").strip(), found["text"]
        if not words and not marker:
            if continues is not None:
                yield continues
            continues = None
            continue
        if not marker and continues is not None and indent > continues.level[-2]:
            # The wrapped rest of a bulleted line.
            continues = _Entry(continues.level, f"{continues.text} {_plain_line(words)}", continues.line)
            continue
        if continues is not None:
            yield continues
            continues = None
        if not marker and only_marked:
            continue
        dotted = _DOTTED.match(marker)
        num_dots = dotted.group().count(".") if dotted else 0
        # Dotted numbers beat indentation, which beats "a bullet under a plain line".
        entry = _Entry((num_dots, indent, int(marker != "")), _plain_line(words), number)
        if marker:
            continues = entry
        else:
            yield entry
    if continues is not None:
        yield continues


def _number(entries: Sequence[_Entry]) -> Iterator[Heading]:
    """Turn levels into paths: an item deeper than the one before it goes under it."""
    levels: list[tuple[int, ...]] = []
    counts: list[int] = []
    for entry in entries:
        while levels and levels[-1] > entry.level:
            # Back to a level between two known ones: it joins the deeper one's parent.
            if len(levels) == 1 or levels[-2] < entry.level:
                levels[-1] = entry.level
                break
            levels.pop()
            counts.pop()
        if levels and levels[-1] == entry.level:
            counts[-1] += 1
        else:
            levels.append(entry.level)
            counts.append(1)
        yield Heading(".".join(map(str, counts)), entry.text, entry.line)


def _check(headings: Iterator[Heading], name: str, max_depth: int) -> Iterator[Heading]:
    seen: dict[tuple[str, str], int] = {}
    for num_items, heading in enumerate(headings, 1):
        where = f"{name}, line {heading.line}"
        if not heading.text:
            raise InputError(f"{where}: the heading has no text: write one, or remove the line")
        if not has_words(heading.text):
            raise InputError(f"{where}: the heading {heading.text!r} holds no word")
        if len(heading.text) > MAX_HEADING_CHARS:
            raise InputError(
                f"{where}: the heading has {len(heading.text)} characters, at most {MAX_HEADING_CHARS} are "
                "read: shorten it"
            )
        if heading.depth > max_depth:
            levels = "one level" if max_depth == 1 else f"{max_depth} levels"
            raise InputError(
                f"{where}: {heading.text!r} is nested too deep (level {heading.depth}): "
                f"an outline has at most {levels}"
            )
        key = (heading.path.rpartition(".")[0], heading.text.casefold())
        if key in seen:
            raise InputError(
                f"{where}: the heading {heading.text!r} is there already (line {seen[key]}): rename one"
            )
        seen[key] = heading.line
        if num_items > MAX_SECTIONS:
            raise InputError(f"{where}: more than {MAX_SECTIONS} headings: split the document")
        yield heading
