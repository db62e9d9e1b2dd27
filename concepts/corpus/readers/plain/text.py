"""Plain text to headings and blocks of text, by blank lines, indentation, list marks and underlines.

A text file with Markdown's headings, fences or links is read as Markdown without indented code; other files are read
here. A dash or a number before a single line in running text ("- Who is there?") belongs to the text.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

from concepts.corpus.readers.elements import Collector
from concepts.corpus.readers.listing import ListLine, parse_list
from concepts.corpus.readers.markdown.document import read_markdown
from concepts.corpus.readers.plain.chapters import (
    is_contents_heading,
    is_contents_of_chapters,
    unmarked_headings,
)
from concepts.corpus.readers.plain.letters import is_greeting
from concepts.corpus.readers.reading import Metadata, Reading
from concepts.corpus.readers.typed import typed_lines
from concepts.corpus.records import BlockKind

_MARKDOWN = re.compile(
    r"^ {0,3}#{1,6}[ \t]+\S|^ {0,3}```|(?<=\n\n)~~~|^\[\^\w+\]:|^> \[!\w+\]|^\|(?:[ \t]*:?-+:?[ \t]*\|)+[ \t]*$|"
    r"^</?(?:h[1-6]|p|div)\b|^(?:---|\+\+\+)[ \t]*\n[\w.-]+[ \t]*[:=]|"
    r"\[[^\[\]\n]+\]\((?!\))[^\s()]*(?:\([^\s()]*\)[^\s()]*)*\)|\*\*[^*\s][^*\n]*\*\*",
    re.MULTILINE,
)
_LINE_ENDS = re.compile("\r\n?|[\x0b\x85\u2028]")
_DIVIDED = re.compile(r"([^\W\d_]{2})-\n[ \t]*([^\W\d_A-Z]{2})")
_PAGE = re.compile(
    r"\s*(?:page|seite|página)\s+\d{1,4}(?:\s*(?:of|von|de|/)\s*\d{1,4})?\s*|.*\[Page \d{1,4}\]\s*",
    re.IGNORECASE,
)
MAIL_HEAD = re.compile(
    r"\A\s*(?:(?:From|To|Cc|Bcc|Subject|Date|Sent|Reply-To|Message-ID): [^\n]*\n){2,}[ \t]*\n"
)
_QUOTED = re.compile(r"(?m)(?:^>[^\n]*\n?)+")
_BY = re.compile(
    r"(?:by|von|par) ((?:[A-Z]\S*|de|van|von|du|la)(?: (?:[A-Z]\S*|de|van|von|du|la)){0,4})", re.IGNORECASE
)
_BOOK_START = re.compile(r"^\*\*\* ?START OF TH[EI]S? PROJECT GUTENBERG.*$", re.MULTILINE)
_BOOK_END = re.compile(r"^\*\*\* ?END OF TH[EI]S? PROJECT GUTENBERG.*$", re.MULTILINE)
_SAID = re.compile(r"^(Title|Author): (.+)$", re.MULTILINE)
_NUMBER_START = re.compile(
    r"\s*\(?(?:\d{1,4}|[A-Za-z]{1,8}|[^\x00-\x7f]{1,3})[.):\uff0e\uff09]|\s*[^\x00-\x7f]"
)
_NAMED = re.compile(
    "abstract|summary|introduction|conclusions?|acknowledge?ments?|references|bibliography|appendix|zusammenfassung|"
    "einleitung|literatur(?:verzeichnis)?|anhang|fazit|résumé|références|bibliographie|annexe|resumen|referencias|"
    "bibliografía|anexo",
    re.IGNORECASE,
)
"""Headings that have no number among numbered ones."""
_BARE_NUMBER = re.compile(r"(\d{1,2})[ \t]+(?=[A-ZÄÖÜÉÈÀÁÓÚÑ¿])")
_RULE = re.compile(r"\s*([=\-~^*+#_\"'])\1{2,}\s*")
_LONGEST_TITLE = 80
_LONGEST_ENTRY = 50
"""Running text is wrapped at longer lines than this."""
_NO_TITLE_ENDS = (".", "!", "?", ":", ",", ";")
_FEWEST_ITEMS = 2


def looks_like_markdown(text: str) -> bool:
    """Whether a text file has marks that only Markdown uses."""
    return _MARKDOWN.search(text) is not None


def read_text(text: str) -> Reading:
    """Read the text of a plain text file."""
    text = _LINE_ENDS.sub("\n", text).replace("\f", "\n\n").replace("\u2029", "\n\n")
    text, metadata, left_out = _without_notices(text)
    if looks_like_markdown(text):
        reading = read_markdown(_underlined_as_markdown(text), is_plain=True)
        return replace(reading, left_out=left_out + Counter(reading.left_out))
    lines = _Lines(_without_hyphens(_QUOTED.sub(_without_quote_marks, text)))
    elements = lines.collector.elements
    if len(elements) > 2 and elements[0].level is not None and not metadata.author:
        by = _BY.fullmatch(elements[1].text) if elements[1].level is None else None
        if by is not None:
            metadata = replace(metadata, author=by[1])
            del elements[1]
    return Reading(elements=tuple(elements), metadata=metadata, left_out=left_out + lines.left_out)


def _without_quote_marks(quoted: re.Match[str]) -> str:
    """Return the quoted lines of a mail as paragraphs of their own."""
    return "\n" + re.sub(r"(?m)^(?:>[ \t]?)+", "", quoted.group()).rstrip("\n") + "\n\n"


def _without_notices(text: str) -> tuple[str, Metadata, Counter[str]]:
    """Return a letter or Project Gutenberg book without its header and footer, and the metadata in these."""
    head = MAIL_HEAD.match(text)
    if head is not None:
        pairs = (line.partition(": ") for line in head.group().split("\n"))
        said = {key.strip(): value.strip() for key, _, value in pairs}
        metadata = Metadata(
            title=said.get("Subject", ""),
            is_title_sure=True,
            author=said.get("From", ""),
            date=said.get("Date", ""),
        )
        return text[head.end() :], metadata, Counter()
    start, end = _BOOK_START.search(text), _BOOK_END.search(text)
    if start is None or end is None or start.end() > end.start():
        return text, Metadata(), Counter()
    said = dict(_SAID.findall(text[: start.start()]))
    metadata = Metadata(title=said.get("Title", ""), is_title_sure=True, author=said.get("Author", ""))
    return text[start.end() : end.start()], metadata, Counter({"site notice": 2})


def _without_hyphens(text: str) -> str:
    """Join words hyphenated at line ends, as in text copied from a printed page.

    A single hyphen may belong to the word ("well-known"); if two lines end in one, the text was set in columns.
    """
    is_divided = len(_DIVIDED.findall(text)) >= _FEWEST_ITEMS
    return _DIVIDED.sub(r"\1\2" if is_divided else r"\1-\2", text)


def _underlined_as_markdown(text: str) -> str:
    """Insert a blank line above underlined headings: CommonMark takes all lines above the underline for the heading."""
    return re.sub(r"(?m)^(?=\S.*\n {0,3}(?:=+|-{3,})[ \t]*$)", "\n", text)


class _Lines:
    """One pass over the parts of a text, separated by blank lines and underlines."""

    def __init__(self, text: str) -> None:
        self.collector = Collector()
        self.left_out: Counter[str] = Counter()
        self._levels: list[str] = []
        """Underline characters of headings, highest level first."""
        parts = self._parts(text.split("\n"))
        outline = parse_list(text.split("\n"))
        if _is_outline(outline):
            self._outline(outline)
            return
        parts = self._without_lists_of_chapters(parts)
        numbered = _numbered_headings(parts)
        if not numbered:
            parts = _loose_lists(parts)
            if not any(isinstance(part, tuple) for part in parts) and (
                found := unmarked_headings(_lists(parts))
            ):
                self._chapters(_lists(parts), found)
                return
        for place, part in enumerate(parts):
            if isinstance(part, tuple):
                self.collector.heading(part[0], self._level(part[1]))
            elif place in numbered:
                self.collector.heading(numbered[place].text, numbered[place].depth)
            elif place == 0 and len(parts) > 1 and _is_title(part):
                self.collector.heading(" ".join(line.strip() for line in part), 0)
            else:
                self._part(part)

    def _without_lists_of_chapters(
        self, parts: list[list[str] | tuple[str, str]]
    ) -> list[list[str] | tuple[str, str]]:
        found: list[list[str] | tuple[str, str]] = []
        for part in parts:
            if isinstance(part, list) and is_contents_of_chapters(part):
                self.left_out["contents list"] += 1
                if found and isinstance(found[-1], list) and is_contents_heading(found[-1]):
                    found.pop()
            elif isinstance(part, list) and len(part) == 1 and _PAGE.fullmatch(part[0]):
                self.left_out["page number"] += 1
            else:
                found.append(part)
        return found

    def _chapters(self, parts: list[list[str]], found: dict[int, tuple[int, str, int]]) -> None:
        """Read a text whose headings have no marks, such as a novel."""
        place = 0
        if 0 not in found and _is_title(parts[0]):
            self.collector.heading(" ".join(line.strip() for line in parts[0]), 0)
            place = 1
        while place < len(parts):
            level, text, num_taken = found.get(place, (0, "", 0))
            if not num_taken:
                self._part(parts[place])
            else:
                self.collector.heading(text, level)
                if 0 < num_taken < len(parts[place]):
                    self._part(parts[place][num_taken:])
            place += max(1, -num_taken)

    def _parts(self, lines: list[str]) -> list[list[str] | tuple[str, str]]:
        """Return paragraphs as lists of lines, and underlined headings as (text, sign)."""
        parts: list[list[str] | tuple[str, str]] = []
        current: list[str] = []

        def end() -> None:
            nonlocal current
            if current:
                parts.append(current)
            current = []

        for line in lines:
            rule = _RULE.fullmatch(line)
            if rule is None:
                if not line.strip():
                    end()
                else:
                    current.append(line)
                continue
            # The line above a rule of about its length is a heading; other rules separate paragraphs.
            title = current[-1].strip() if current else ""
            if title and len(title) <= _LONGEST_TITLE and len(line.strip()) * 2 >= len(title):
                current.pop()
                end()
                parts.append((title, rule[1]))
            else:
                end()
        end()
        return parts

    def _level(self, sign: str) -> int:
        if sign not in self._levels:
            self._levels.append(sign)
        return self._levels.index(sign) + 1

    def _outline(self, outline: list[ListLine]) -> None:
        for item in outline:
            self.collector.heading(item.text, item.depth)

    def _part(self, lines: list[str]) -> None:
        items = parse_list(lines)
        marked = [item for item in items if item.mark]
        if len(marked) < _FEWEST_ITEMS and not (len(items) == 1 and self._is_in_list(lines[0])):
            typed = typed_lines(lines)
            for line, _ in typed or ():
                self.collector.text(line, "paragraph")
            for paragraph in () if typed else _paragraphs(lines):
                self.collector.text(" ".join(line.strip() for line in paragraph))
            return
        for item in items:
            kind: BlockKind = {"": "paragraph", "bullet": "bullet", "number": "step"}[item.mark]  # type: ignore[assignment]
            self.collector.text(item.text, kind)

    def _is_in_list(self, line: str) -> bool:
        """Whether a single marked line continues the list before it: 2. after 1."""
        before = self.collector.elements[-1] if self.collector.elements else None
        return before is not None and before.kind in ("step", "bullet") and bool(line.strip())


def _lists(parts: list[list[str] | tuple[str, str]]) -> list[list[str]]:
    return [part for part in parts if isinstance(part, list)]


def _loose_lists(parts: list[list[str] | tuple[str, str]]) -> list[list[str] | tuple[str, str]]:
    """Return the parts, joining the items of a numbered list that blank lines separate."""
    found: list[list[str] | tuple[str, str]] = []
    for part in parts:
        before = found[-1] if found else None
        if isinstance(part, list) and isinstance(before, list) and _NUMBER_START.match(part[0]):
            items = parse_list([before[-1], part[0]], wraps=False)
            if [item.mark for item in items] == ["number", "number"] and items[0].depth == items[1].depth:
                found[-1] = [*before, *part]
                continue
        found.append(part)
    return found


def _numbered_headings(parts: list[list[str] | tuple[str, str]]) -> dict[int, ListLine]:
    """Return the numbered headings, by index of their part: single short lines with text below each."""
    lines = {
        place: part[0].strip()
        for place, part in enumerate(parts[:-1])
        if isinstance(part, list)
        and len(part) == 1
        and len(part[0].strip()) <= _LONGEST_TITLE
        and not part[0].strip().endswith(_NO_TITLE_ENDS)
    }
    bare = {place: mark for place, line in lines.items() if (mark := _BARE_NUMBER.match(line))}
    if [int(mark[1]) for mark in bare.values()] == list(range(1, len(bare) + 1)):
        # "1 Introduction", "2 Methods": as "1. Introduction".
        lines |= {place: f"{mark[1]}. {lines[place][mark.end() :]}" for place, mark in bare.items()}
    places = list(lines)
    items = parse_list([lines[place] for place in places], wraps=False)
    # Parsed again without the plain lines, since numbered ones would count as their children.
    places = [places[item.line - 1] for item in items if item.mark == "number"]
    items = parse_list([lines[place] for place in places], wraps=False)
    found = {places[item.line - 1]: item for item in items if item.mark == "number"}
    is_followed = all(
        place + 1 in found or (place + 1 < len(parts) and not isinstance(parts[place + 1], tuple))
        for place in found
    )
    num_texts = sum(place + 1 not in found for place in found)
    if len(found) < _FEWEST_ITEMS or not is_followed or num_texts * 2 < len(found):
        return {}
    named = {place: line for place, line in lines.items() if place not in found and _NAMED.fullmatch(line)}
    return found | {place: ListLine(1, line, 0, "") for place, line in named.items()}


def _is_title(lines: list[str]) -> bool:
    text = " ".join(line.strip() for line in lines)
    return (
        len(text) <= _LONGEST_TITLE
        and not text.endswith(_NO_TITLE_ENDS)
        and typed_lines(lines) is None
        and not parse_list([lines[0].strip()])[0].mark
    )


def _is_outline(items: list[ListLine]) -> bool:
    """Whether a whole text is a list of short lines on several levels: headings, not paragraphs."""
    if len(items) < 3 or max(item.depth for item in items) < 2:
        return False
    num_marked = sum(item.mark != "" for item in items)
    is_letter = any(is_greeting(item.text) for item in items[:2])
    is_short = not is_letter and all(
        len(item.text) <= _LONGEST_TITLE and not item.text.endswith((".", "!", "?", ";")) for item in items
    )
    return is_short and num_marked * 2 >= len(items)


def _are_single_lines(lines: list[str]) -> bool:
    """Whether lines are short entries, one each, not one text that was wrapped."""
    bodies = [line.strip() for line in lines]
    num_indented = sum(line[0] in " \t" for line in lines)
    is_tree = len(lines) > 3 and 1 < num_indented < len(lines)
    return (
        len(bodies) > 2
        and all(
            len(body) <= _LONGEST_ENTRY and not body.endswith((*_NO_TITLE_ENDS, "-")) for body in bodies[:-1]
        )
        and (is_tree or all(body[0].isupper() or body[0].isdigit() for body in bodies))
    )


def _paragraphs(lines: list[str]) -> list[list[str]]:
    """Split lines without blank ones into paragraphs: each begins with a more indented line."""
    if _are_single_lines(lines):
        return [[line] for line in lines]
    indents = [len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip()) for line in lines]
    least = min(indents)
    found: list[list[str]] = []
    for line, indent, before in zip(lines, indents, [least, *indents], strict=False):
        if not found or (indent > least + 1 and before <= least + 1):
            found.append([line])
        else:
            found[-1].append(line)
    return found
