"""The user's own outline: a file of Markdown headings, or a plain, bulleted or numbered list.

It reads three forms: Markdown headings (a single first heading above all others is the title); a title with a list
below it; or only a list, one item a line, whose depths `concepts.corpus.readers.listing` finds. Text below a heading,
and levels below the deepest written one, become points that the section must make. This module knows no models and
no storage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from concepts.errors import InputError
from flows.document.asked.prompts import MAX_LENGTH, MAX_OUTLINE_DEPTH, check_decodable, has_words
from flows.document.asked.wishes import MAX_SECTIONS
from longhand.outline.entries import Entry, OutlineReader, plain_line, without_attributes
from longhand.outline.numbering import without_numbers
from longhand.outline.surroundings import without_surroundings

if TYPE_CHECKING:
    pass

MAX_FILE_BYTES = 1_000_000
MAX_CHARS = 300_000
"""Longest outline: 1,500 characters for each of the most sections."""
MAX_HEADING_CHARS = 200
"""Length of the longest sentence that the concept space is trained on."""
MAX_TYPED_CHARS = 5_000
"""Longest source of a heading, with its links and attributes."""
MAX_POINTS = MAX_LENGTH
"""Most points of a section: each needs at least one sentence."""


@dataclass(frozen=True)
class Heading:
    """One item of an outline."""

    path: str
    """Its place: `2.1` is the first item under `2`."""
    text: str
    """Plain text, without Markdown."""
    line: int
    """Line of the file, from 1."""
    points: tuple[str, ...] = ()
    """Points that its section must make, in order."""
    length: int | None = None
    """Requested sentences; None: the planner chooses."""

    @property
    def depth(self) -> int:
        """1 for a top item."""
        return self.path.count(".") + 1


@dataclass(frozen=True)
class UserOutline:
    """A checked outline in reading order."""

    title: str | None
    headings: tuple[Heading, ...]
    told: tuple[str, ...] = field(default=(), compare=False)
    """Remarks on how it was read, one line each."""

    @property
    def depth(self) -> int:
        """Number of levels."""
        return max(heading.depth for heading in self.headings)

    @property
    def num_sections(self) -> int:
        """Number of leaves, which are written."""
        parents = {heading.path.rpartition(".")[0] for heading in self.headings}
        return sum(heading.path not in parents for heading in self.headings)


def read_outline(path: Path, *, max_depth: int = MAX_OUTLINE_DEPTH) -> UserOutline:
    """Read and check an outline file; raise InputError with the line and the reason."""
    text, remark = _read_file(path)
    outline = parse_outline(text, name=str(path), max_depth=max_depth)
    return replace(outline, told=(f"{path}: {remark}", *outline.told)) if remark else outline


def read_text(path: Path) -> str:
    """Read an outline file's text; raise InputError if it is not text."""
    return _read_file(path)[0]


def _read_file(path: Path) -> tuple[str, str]:
    """Return a file's text and a remark on its encoding."""
    from concepts.corpus.readers.encodings.decode import EncodingError, decode

    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file with one heading a line")
    try:
        with open(path, "rb") as file:
            # One byte more than allowed detects a large file without reading it all.
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}: name a file with one heading a line") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_FILE_BYTES:
        raise InputError(f"{path} is larger than {MAX_FILE_BYTES:,} bytes: that is no outline")
    try:
        decoded = decode(data)
    except EncodingError as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    return decoded.text, decoded.remark


def parse_outline(text: str, *, name: str = "the outline", max_depth: int = MAX_OUTLINE_DEPTH) -> UserOutline:
    """Parse and check an outline; `name`: for messages; levels below `max_depth` become points.

    Raises InputError.
    """
    from concepts.corpus.readers.dialects import spaced_headings
    from concepts.corpus.readers.markdown.front_matter import split_front_matter
    from concepts.corpus.readers.reading import NestingError
    from concepts.counting import count_phrase
    from longhand.outline.pasted import plain_outline, without_notes

    if len(text) > MAX_CHARS:
        raise InputError(
            f"{name} has {len(text):,} characters, at most {MAX_CHARS:,} are read: keep its headings and leave out "
            "text, or split it"
        )
    # Only these end a line: str.splitlines splits at more characters, which would shift line numbers.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for number, line in enumerate(text.split("\n"), 1):
        check_decodable(line, f"{name}, line {number}")
    if not text.strip():
        raise InputError(f"{name} is empty: write one heading a line")
    metadata, body, num_lines = split_front_matter(text)
    # Blank lines out instead of cutting them, so that line numbers stay right.
    text, num_notes = without_notes("\n" * num_lines + (body if body.strip() else text))
    try:
        text, left_out = without_surroundings(plain_outline(spaced_headings(text)))
        reader = OutlineReader(text)
    except NestingError as error:
        raise InputError(f"{name}: {error}") from None
    reader.left_out.update(left_out)
    reader.left_out["footnote"] += num_notes
    title, entries = reader.title, reader.entries
    if not entries:
        raise InputError(f"{name} holds no headings: write one heading a line, or Markdown headings")
    headings = tuple(_check(_number(entries), name, max_depth))
    phrase = count_phrase(reader.left_out)
    told = tuple(f"{name}: {line}" for line in (metadata.problem, phrase and f"left out: {phrase}") if line)
    return UserOutline(title or metadata.title or None, headings, told)


def plain_heading(typed: str) -> str:
    """Return a single typed or pasted heading without bullet, Markdown, attributes and permalink.

    A text that is too long for a heading is returned as it is: the check of its length refuses it.
    """
    from concepts.corpus.readers.listing import parse_list

    if len(typed) > MAX_TYPED_CHARS:
        return typed
    items = parse_list([typed.strip().lstrip("#")])
    if not items or items[0].mark == "number":
        # A single number may belong to the heading.
        return typed
    return plain_line(without_attributes(items[0].text)[0])


def outline_of_sections(
    title: str,
    sections: Sequence[tuple[str, str, Sequence[str]]],
    *,
    name: str,
    max_depth: int | None = None,
) -> UserOutline:
    """Return the outline of a file's sections, given as (path, heading, texts); the texts become points.

    Levels below `max_depth` (None: the deepest written level) become points, too. Raises InputError.
    """
    plain = without_numbers([(path.count("."), heading) for path, heading, _ in sections])
    headings = (
        Heading(path, heading, 0, tuple(texts))
        for (path, _, texts), heading in zip(sections, plain, strict=True)
    )
    return UserOutline(title, tuple(_check(headings, name, max_depth or MAX_OUTLINE_DEPTH)))


def _number(entries: Sequence[Entry]) -> Iterator[Heading]:
    """Turn levels into paths: an item deeper than the one before it goes under it."""
    levels: list[int] = []
    counts: list[int] = []
    for entry in entries:
        while levels and levels[-1] > entry.level:
            # Back to a level between two known ones: use the deeper one's parent.
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
        path = ".".join(map(str, counts))
        yield Heading(path, entry.text, entry.line, tuple(entry.points), entry.length)


def _where(name: str, heading: Heading) -> str:
    return f"{name}, line {heading.line}" if heading.line else f"{name}, item {heading.path}"


def _check(headings: Iterator[Heading], name: str, max_depth: int) -> list[Heading]:
    """Return checked headings of at most `max_depth` levels; deeper ones, and text of parts, become points of
    leaves."""
    kept: list[Heading] = []
    for heading in headings:
        where = _where(name, heading)
        if not heading.text:
            raise InputError(f"{where}: the heading has no text: write one, or remove the line")
        if not has_words(heading.text):
            raise InputError(f"{where}: the heading {heading.text[:40]!r} holds no word")
        if heading.depth > max_depth:
            kept[-1] = replace(kept[-1], points=(*kept[-1].points, heading.text, *heading.points))
            continue
        if len(heading.text) > MAX_HEADING_CHARS:
            raise InputError(
                f"{where}: the heading has {len(heading.text)} characters, at most {MAX_HEADING_CHARS} are "
                "read: shorten it"
            )
        if heading.length is not None and not 1 <= heading.length <= MAX_LENGTH:
            raise InputError(f"{where}: the length is {heading.length}: give 1 to {MAX_LENGTH} sentences")
        if len(kept) >= MAX_SECTIONS:
            raise InputError(f"{where}: more than {MAX_SECTIONS} headings: split the document")
        if kept and heading.path.startswith(f"{kept[-1].path}.") and kept[-1].points:
            # Only leaves are written: a part's points come first in its first section.
            heading = replace(heading, points=(*kept[-1].points, *heading.points))
            kept[-1] = replace(kept[-1], points=())
        kept.append(heading)
    for heading in kept:
        if len(heading.points) > MAX_POINTS:
            raise InputError(
                f"{_where(name, heading)}: {heading.text!r} has {len(heading.points)} points below it, a section has "
                f"at most {MAX_POINTS}: make headings of some"
            )
    return kept
