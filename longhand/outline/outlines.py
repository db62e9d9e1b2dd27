"""The user's own outline: a file of Markdown headings, or a plain, bulleted or numbered list.

It reads three forms: Markdown headings (a single first heading above all others is the title); a title with a list
below it; or only a list, one item a line, whose depths `concepts.corpus.readers.listing` finds. Text below a heading,
and levels below the deepest written one, become points that the section must make. This module knows no models and
no storage.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from concepts.blocks import LIST_KINDS
from concepts.errors import InputError
from flows.document.asked.prompts import MAX_LENGTH, MAX_OUTLINE_DEPTH, check_decodable, has_words
from flows.document.asked.wishes import MAX_SECTIONS
from longhand.outline.numbering import without_numbers
from longhand.outline.surroundings import LETTER_LINE, without_surroundings

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MAX_FILE_BYTES = 1_000_000
MAX_CHARS = 300_000
"""Longest outline: 1,500 characters for each of the most sections."""
MAX_HEADING_CHARS = 200
"""Length of the longest sentence that the concept space is trained on."""
MAX_TYPED_CHARS = 5_000
"""Longest source of a heading, with its links and attributes."""
MAX_POINTS = MAX_LENGTH
"""Most points of a section: each needs at least one sentence."""

_LENGTH = re.compile(r"\blength=[\"']?(-?\d{1,9})")
_WISH = re.compile(
    r"\s*[\[(](?:about|ca\.?|approx\.?|~|max\.?)?\s*(\d{1,4})\s+(words?|sentences?|paragraphs?)[\])]\s*$",
    re.IGNORECASE,
)
_SENTENCES_OF = {
    "word": 1 / 15,
    "words": 1 / 15,
    "sentence": 1.0,
    "sentences": 1.0,
    "paragraph": 4.0,
    "paragraphs": 4.0,
}
"""Sentences for a word or a paragraph, on average over the corpus's everyday documents."""
_PERMALINK_END = re.compile(r"\s*(?:[\u00b6\u00a7\U0001f517]\ufe0f?|(?<=\s)#+)\s*$")
_CONTENTS = re.compile(
    r"(?:table of )?contents?|inhalt(?:sverzeichnis)?|sommaire|table des matières|índice", re.IGNORECASE
)
_ABOVE = "line above the first heading"
_AROUND_LIST = LETTER_LINE


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
        reader = _Reader(text)
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
    return _plain_line(_without_attributes(items[0].text)[0])


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


@dataclass
class _Entry:
    level: int
    """For comparisons only."""
    text: str
    line: int
    points: list[str] = field(default_factory=list)
    length: int | None = None
    is_marked: bool = True


@cache
def _markdown() -> MarkdownIt:
    # Imported here: loading it takes longer than most commands.
    from markdown_it import MarkdownIt
    from mdit_py_plugins.gfm import gfm_plugin

    from concepts.corpus.readers.markdown.document import (
        check_paragraphs,
        escape_open_brackets,
        limit_nesting,
    )

    parser = MarkdownIt("commonmark", {"html": True}).use(gfm_plugin)
    limit_nesting(parser)
    parser.core.ruler.after("block", "open_brackets", escape_open_brackets)
    parser.core.ruler.after("block", "marks", check_paragraphs)
    # Indented points below a heading are not code.
    return parser.disable("code")


class _Reader:
    """One pass over the text of an outline."""

    def __init__(self, text: str) -> None:
        self.left_out: Counter[str] = Counter()
        self._above: list[str] = []
        found = _numberless(self._headings(_markdown().parse(text)))
        lines = text.split("\n")
        self.title: str | None = None
        self.entries: list[_Entry] = found
        if not found:
            self.left_out.clear()
            self.entries = self._items(lines)
            self._take_title()
            return
        if self._above:
            self.left_out[_ABOVE] += len(self._above)
        first, rest = found[0], found[1:]
        if not rest:
            # A title with a list below it; without a list, one heading is a document of one section.
            below = self._items(lines[first.line :], first_line=first.line + 1, only_marked=True)
            if below:
                num_others = len(first.points) - len(below) - sum(len(entry.points) for entry in below)
                self.title, self.entries = first.text, below
                self.left_out[_AROUND_LIST] = max(num_others, self.left_out[_AROUND_LIST])
        elif all(entry.level > first.level for entry in rest):
            self.title, self.entries = first.text, rest
            self.left_out[_ABOVE] += len(first.points)

    def _take_title(self) -> None:
        """Take a line without a mark above a whole marked list for the title."""
        if len(self.entries) < 3:
            return
        first, *rest = self.entries
        if not first.is_marked and all(entry.is_marked and entry.level > first.level for entry in rest):
            self.title, self.entries = first.text, rest
            self.left_out[_ABOVE] += len(first.points)

    def _items(self, lines: Sequence[str], *, first_line: int = 1, only_marked: bool = False) -> list[_Entry]:
        from concepts.corpus.readers.listing import parse_list

        said = self._sentences(lines, first_line)
        kept = ["" if number in said else line for number, line in enumerate(lines, first_line)]
        entries: list[_Entry] = []
        for item in parse_list(kept, first_line=first_line, only_marked=only_marked, takes_lone_numeral=True):
            text, length = _without_attributes(item.text.rstrip(" :;,"))
            is_marked = item.mark != ""
            entries.append(
                _Entry(item.depth, _plain_line(text), item.line, length=length, is_marked=is_marked)
            )
        for number, sentence in said.items():
            if not sentence:
                continue
            entry = next((entry for entry in reversed(entries) if entry.line < number), None)
            if entry is None:
                self.left_out[_AROUND_LIST] += 1
            else:
                entry.points += _points(sentence, whole=False)
        return _below_parts(entries)

    def _sentences(self, lines: Sequence[str], first_line: int) -> dict[int, str]:
        """Return lines, by number, that describe the contents of the list items above them; "" for labels."""
        from concepts.corpus.readers.listing import parse_list
        from longhand.outline.pasted import indented_sentences, is_sentence, quoted_notes

        notes = {first_line + at: line for at, line in quoted_notes(lines).items()}
        marked = {item.line for item in parse_list(lines, first_line=first_line, only_marked=True)}
        if len(marked) < 2:
            return dict(sorted((indented_sentences(lines, first_line) | notes).items()))
        numbered = enumerate(lines, first_line)
        said = {number: line for number, line in numbered if number not in marked and is_sentence(line)}
        return dict(sorted((said | notes).items()))

    def _headings(self, tokens: Sequence[Token]) -> list[_Entry]:
        entries: list[_Entry] = []
        skipped = ""
        contents: set[int] = set()
        for place, token in enumerate(tokens):
            kind = token.type
            line = (token.map[0] if token.map else 0) + 1
            if kind in ("table_open", "alert_title_open"):
                skipped = kind.replace("_open", "_close")
                self.left_out["table"] += kind == "table_open"
            elif skipped:
                skipped = "" if kind == skipped else skipped
            elif kind in ("fence", "code_block"):
                self.left_out["code block"] += 1
            elif kind == "html_block":
                self._html(token.content, line, entries)
            elif kind == "inline":
                opening = tokens[place - 1]
                # A heading inside a list or quotation is not a section.
                if opening.type == "heading_open" and opening.level == 0:
                    text, length = _without_attributes(token.content)
                    is_whole = text == token.content
                    plain = (
                        _without_permalink(_plain(token.children or ())) if is_whole else _plain_line(text)
                    )
                    entries.append(_Entry(int(opening.tag[1:]), plain, line, length=length))
                elif _is_link_to_here(token):
                    contents.add(len(entries) - 1)
                else:
                    in_list = any(t.type == "list_item_open" for t in tokens[max(0, place - 2) : place])
                    points = entries[-1].points if entries else self._above
                    shown = [child for child in token.children or () if child.type != "image"]
                    self.left_out["picture"] += len(token.children or ()) - len(shown)
                    points += _points(_plain(shown), whole=in_list)
        for at in sorted(contents, reverse=True):
            self.left_out["contents list"] += 1
            if at >= 0 and not entries[at].points and _CONTENTS.fullmatch(entries[at].text.strip(" :")):
                del entries[at]
        return entries

    def _html(self, text: str, line: int, entries: list[_Entry]) -> None:
        from concepts.corpus.readers.html.page import read_html

        reading = read_html(text)
        self.left_out.update(reading.left_out)
        for element in reading.elements:
            if element.level is not None:
                entries.append(_Entry(element.level, element.text, line))
            else:
                points = entries[-1].points if entries else self._above
                is_whole = element.kind in (*LIST_KINDS, "verse")
                points += [point for line in element.lines for point in _points(line, whole=is_whole)]


def _numberless(entries: list[_Entry]) -> list[_Entry]:
    for entry, text in zip(
        entries, without_numbers([(entry.level, entry.text) for entry in entries]), strict=True
    ):
        entry.text = text
    return entries


def _points(text: str, *, whole: bool) -> list[str]:
    """Return the points of a block below a heading: one for each list item or each sentence of a paragraph."""
    from concepts.segment import normalize_text, split_sentences

    text = normalize_text(text)
    found = [text] if whole else split_sentences(text)
    return [point for point in found if has_words(point)]


def _is_link_to_here(token: Token) -> bool:
    children = [child for child in token.children or () if child.type != "softbreak"]
    return (
        len(children) > 2
        and children[0].type == "link_open"
        and children[-1].type == "link_close"
        and sum(child.type == "link_open" for child in children) == 1
        and str(children[0].attrGet("href") or "").startswith("#")
    )


def _below_parts(entries: list[_Entry]) -> list[_Entry]:
    """Nest chapters under the parts above them in a list without levels ("Part I", "Chapter 1")."""
    from concepts.corpus.readers.plain.chapters import chapter_level

    levels = [chapter_level(entry.text) for entry in entries]
    if len({entry.level for entry in entries}) > 1 or not {1, 2} <= set(levels):
        return entries
    first = levels.index(1)
    for place, (entry, level) in enumerate(zip(entries, levels, strict=True)):
        entry.level = 1 if place < first or level == 1 else 2
    return entries


def _without_attributes(text: str) -> tuple[str, int | None]:
    """Return a heading without `{#2 length=5}` and other attributes, and the length in them."""
    from concepts.corpus.readers.markdown.document import ATTRIBUTES

    found = ATTRIBUTES.search(text)
    if found is None:
        return _without_wish(text)
    length = _LENGTH.search(found.group())
    return text[: found.start()], None if length is None else int(length[1])


def _without_wish(text: str) -> tuple[str, int | None]:
    """Return a heading without "(300 words)" or "[5 sentences]", and that length in sentences."""
    found = _WISH.search(text)
    if found is None:
        return text, None
    length = round(int(found[1]) * _SENTENCES_OF[found[2].lower()])
    return text[: found.start()], max(1, min(length, MAX_LENGTH))


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
    tokens = _markdown().parseInline(line)
    return _without_permalink(" ".join(_plain(token.children or ()) for token in tokens).strip())


def _without_permalink(text: str) -> str:
    return _PERMALINK_END.sub("", text) or text


def _number(entries: Sequence[_Entry]) -> Iterator[Heading]:
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
