"""Headings of an outline's text: by Markdown headings, by a title with a list below it, or by a list alone.

Levels are as they are written; `longhand.outline.outlines` turns them into paths and checks them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from concepts.blocks import LIST_KINDS
from flows.document.asked.prompts import MAX_LENGTH, has_words
from longhand.outline.numbering import without_numbers
from longhand.outline.surroundings import LETTER_LINE

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

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


@dataclass
class Entry:
    """A heading as it stands in the text."""

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


class OutlineReader:
    """One pass over the text of an outline."""

    def __init__(self, text: str) -> None:
        self.left_out: Counter[str] = Counter()
        self._above: list[str] = []
        found = _numberless(self._headings(_markdown().parse(text)))
        lines = text.split("\n")
        self.title: str | None = None
        self.entries: list[Entry] = found
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

    def _items(self, lines: Sequence[str], *, first_line: int = 1, only_marked: bool = False) -> list[Entry]:
        from concepts.corpus.readers.listing import parse_list

        said = self._sentences(lines, first_line)
        kept = ["" if number in said else line for number, line in enumerate(lines, first_line)]
        entries: list[Entry] = []
        for item in parse_list(kept, first_line=first_line, only_marked=only_marked, takes_lone_numeral=True):
            text, length = without_attributes(item.text.rstrip(" :;,"))
            is_marked = item.mark != ""
            entries.append(Entry(item.depth, plain_line(text), item.line, length=length, is_marked=is_marked))
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

    def _headings(self, tokens: Sequence[Token]) -> list[Entry]:
        entries: list[Entry] = []
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
                    text, length = without_attributes(token.content)
                    is_whole = text == token.content
                    plain = _without_permalink(_plain(token.children or ())) if is_whole else plain_line(text)
                    entries.append(Entry(int(opening.tag[1:]), plain, line, length=length))
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

    def _html(self, text: str, line: int, entries: list[Entry]) -> None:
        from concepts.corpus.readers.html.page import read_html

        reading = read_html(text)
        self.left_out.update(reading.left_out)
        for element in reading.elements:
            if element.level is not None:
                entries.append(Entry(element.level, element.text, line))
            else:
                points = entries[-1].points if entries else self._above
                is_whole = element.kind in (*LIST_KINDS, "verse")
                points += [point for line in element.lines for point in _points(line, whole=is_whole)]


def _numberless(entries: list[Entry]) -> list[Entry]:
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


def _below_parts(entries: list[Entry]) -> list[Entry]:
    """Nest chapters under the parts above them in a list without levels ("Part I", "Chapter 1")."""
    from concepts.corpus.readers.plain.chapters import chapter_level

    levels = [chapter_level(entry.text) for entry in entries]
    if len({entry.level for entry in entries}) > 1 or not {1, 2} <= set(levels):
        return entries
    first = levels.index(1)
    for place, (entry, level) in enumerate(zip(entries, levels, strict=True)):
        entry.level = 1 if place < first or level == 1 else 2
    return entries


def without_attributes(text: str) -> tuple[str, int | None]:
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


def plain_line(line: str) -> str:
    """Return a line of Markdown as plain text, without links, marks and permalink."""
    tokens = _markdown().parseInline(line)
    return _without_permalink(" ".join(_plain(token.children or ()) for token in tokens).strip())


def _without_permalink(text: str) -> str:
    return _PERMALINK_END.sub("", text) or text
