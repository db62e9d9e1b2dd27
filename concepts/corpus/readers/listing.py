"""Parsing hand-written and pasted lists: the marks of items and the depth of each item.

A mark counts only if it fits its neighbours: "IV." after "III." is a numeral, "2.4 GHz" in a list of plain lines is
text, and "C." after "B." is a letter, not a hundred. Depth comes from dotted numbers (1.2), else from indentation, else
from the kind of mark: "(a)" below "(2)", "○" below "●", a bullet below a plain line.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

MarkKind = Literal["", "bullet", "number"]

_POINTERS = "\u2192\u2794\u279c\u27a1\u21d2\U0001f449\U0001f539\U0001f538\u2705"
"""Arrows and signs that decorate items; a list mixes them on one level."""
_CHECKS = "\u2610\u2611\u2612\u2713\u2714\u2717\u2718\u2716\u274c\u274e\u2705"
"""Check boxes, ticked and empty; a list mixes them on one level, too."""
GLYPHS = _POINTERS + _CHECKS + ("•‣⁃●○■□▪▫◦◆◇►▶➢➤❖★☆·∙\uf0b7\uf0a7\uf0d8\uf0fc\uf076\u27a2\u2b25\u2b1b\u25b8")
"""Bullets in text pasted from word processors."""
_POINTER_STYLES = frozenset((*_POINTERS, "->"))
_CHECK_STYLES = frozenset(_CHECKS)
_BULLET = re.compile(
    rf"(?P<ascii>\*{{2,6}}|[-*+–—]|[-=]>)(?=[ \t]|$)|(?P<glyph>[{GLYPHS}]\ufe0f?|§(?=\t))|(?P<word>o)(?=\t| {{2,}}\S)"
)
_TASK = re.compile(r"\[[ xX✓✔-]\](?:[ \t]+|$)")
_DOTTED = re.compile(r"(\d{1,3}(?:\.\d{1,3})+)([.)]?)(?=[ \t]|$)")
_ENUMERATOR = re.compile(
    r"(?P<open>\()?(?:(?P<digits>\d{1,4})|(?P<roman>[ivxlcdm]{1,8}|[IVXLCDM]{1,8})|(?P<letter>[A-Za-z]))"
    r"(?P<close>\.\)|[.):])"
)
_ROMAN = re.compile(r"m{0,3}(?:cm|cd|d?c{0,3})(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})")
_ROMAN_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}
_MOST_INDENT_OF_A_SIBLING = 3
"""Largest extra indentation of the next item of a list, as in CommonMark."""
_CHAPTER = re.compile(
    r"(?:chapter|part|section|kapitel|teil|abschnitt|chapitre|partie|capítulo|parte) (\d{1,3})\b",
    re.IGNORECASE,
)
_MOST_NUMBER = 400
"""Largest number of an item; a higher one with a full stop is a year or an amount."""
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_LEADERS = re.compile(r"[ \t]*(?:(?:[.·…_]\s?){3,}|\t)[ \t]*\d{1,4}$")
"""Matches the end of an entry in a pasted table of contents: dots and the page."""
_TAB_STOP = 4
_KEYCAP = re.compile("([0-9])\ufe0f?\u20e3")
_RINGED = re.compile("[\u2460-\u2473]")
_WIDE = re.compile("[\uff08(]?(?:[\uff10-\uff19]{1,3}|[\u2160-\u216b\u2170-\u217b])[\uff0e\uff09.)\u3001]")


@dataclass(frozen=True)
class ListLine:
    """One item of a list."""

    depth: int
    """1 for a top item."""
    text: str
    """Without its mark, wrapped lines joined; Markdown inside the line is left as it is."""
    line: int
    """Line of the file, from 1."""
    mark: MarkKind
    """Its mark."""


@dataclass(frozen=True)
class _Mark:
    """One way to read the start of a line."""

    style: str
    """Kind and form of the mark ("decimal.", "(letter)", "●"); "" for a plain line."""
    value: tuple[int, ...]
    """The number; empty for bullets and plain lines."""
    text: str

    @property
    def kind(self) -> str:
        return self.style.strip("().:")


@dataclass
class _Line:
    number: int
    indent: int
    marks: list[_Mark]
    """All readings of its mark; a plain line is always possible too."""
    text: str
    follows_blank: bool


@dataclass
class _Frame:
    indent: int
    style: str
    value: tuple[int, ...]


def parse_list(
    lines: Sequence[str],
    *,
    first_line: int = 1,
    only_marked: bool = False,
    wraps: bool = True,
    takes_lone_numeral: bool = False,
) -> list[ListLine]:
    """Return the items of a list, one per line; `only_marked` leaves out lines without a mark.

    With `wraps` a plain line indented more than the marked one before it continues that item.
    With `takes_lone_numeral` an "I." above everything is a mark even if no "II." follows. Fenced code is skipped.
    """
    read = _read_lines(lines, first_line)
    lone = _lone_numeral(read) if takes_lone_numeral else None
    dotted = _dotted_numbers(read)
    last_at = _last_places(read)
    frames: list[_Frame] = []
    found: list[ListLine] = []
    last_indent: int | None = None
    for at, line in enumerate(read):
        is_lone = at == 0 and lone is not None
        mark = lone if is_lone else _choose(line, at, last_at, frames, dotted)
        if (
            mark is None
            and last_indent is not None
            and wraps
            and not line.follows_blank
            and line.indent > last_indent
        ):
            last = found[-1]
            found[-1] = ListLine(last.depth, _clean(f"{last.text} {line.text}"), last.line, last.mark)
            continue
        # Lines indented below a lone numeral are its items.
        last_indent = None if mark is None or is_lone else line.indent
        if mark is None and only_marked:
            last_indent = None
            continue
        depth = _place(line, mark, frames, bool(dotted))
        text = line.text if mark is None else mark.text
        kind: MarkKind = "" if mark is None else "number" if mark.value else "bullet"
        found.append(ListLine(depth, _clean(text), line.number, kind))
    return found


def _clean(text: str) -> str:
    text = text.strip()
    if text[-1:].isdecimal():
        text = _LEADERS.sub("", text)
    return _TASK.sub("", text, count=1).strip()


def _plain_mark(body: str) -> str:
    """Return a line with its number in plain digits or letters instead of "①", "１．", "Ⅳ." or "1️⃣"."""
    if body.isascii():
        return body
    if (key := _KEYCAP.match(body)) is not None:
        return f"{key[1]}. {body[key.end() :].lstrip()}"
    if (ring := _RINGED.match(body)) is not None:
        return f"{ord(ring.group()) - 0x245F}) {body[ring.end() :].lstrip()}"
    wide = _WIDE.match(body)
    return (
        body
        if wide is None
        else f"{unicodedata.normalize('NFKC', wide.group())} {body[wide.end() :].lstrip()}"
    )


def _read_lines(lines: Sequence[str], first_line: int) -> list[_Line]:
    read: list[_Line] = []
    fence = ""
    is_blank = False
    for number, line in enumerate(lines, first_line):
        mark = _FENCE.match(line)
        if fence or mark:
            is_end = bool(fence) and line.strip().startswith(fence)
            fence = "" if is_end else fence or (mark[1] if mark else "")
            continue
        body = _plain_mark(line.strip().lstrip("\ufeff\u200b\u00a0"))
        if not body:
            is_blank = True
            continue
        blanks = line[: len(line) - len(line.lstrip())].replace("\u00a0", " ").replace("\u3000", "  ")
        read.append(_Line(number, len(blanks.expandtabs(_TAB_STOP)), _marks(body), body, is_blank))
        is_blank = False
    return read


def _marks(body: str) -> list[_Mark]:
    bullet = _BULLET.match(body)
    if bullet is not None:
        # - * and + are one kind: Markdown's writers change them within a list.
        style = "-" if bullet["ascii"] in ("-", "*", "+") else bullet.group()
        style = "->" if style == "=>" else style.removesuffix("\ufe0f")
        return [_Mark(style, (), body[bullet.end() :].strip())]
    if (task := _TASK.match(body)) is not None:
        return [_Mark(_CHECKS[0], (), body[task.end() :].strip())]
    dotted = _DOTTED.match(body)
    if dotted is not None:
        return [_Mark("dotted", tuple(map(int, dotted[1].split("."))), body[dotted.end() :].strip())]
    found = _ENUMERATOR.match(body)
    if found is None or (found["open"] and found["close"] != ")"):
        return []
    rest = body[found.end() :]
    is_spaced = not rest or rest[0] in " \t\u00a0"
    form = f"{found['open'] or ''}{{}}{found['close']}"
    marks: list[_Mark] = []
    text = rest.strip()
    if found["digits"]:
        # "1.What" is an item without its blank, "3.5 mm" and "12:30" are amounts.
        if is_spaced or (rest[0].isalpha() and found["close"] != ":"):
            marks.append(_Mark(form.format("decimal"), (int(found["digits"]),), text))
        return marks
    if not is_spaced and found["close"] == ".":
        return []  # "e.g." and "U.S."
    letters = found["roman"] or found["letter"]
    case = "upper" if letters.isupper() else "lower"
    if (value := _roman(letters)) is not None:
        marks.append(_Mark(form.format(f"{case} roman"), (value,), text))
    if len(letters) == 1:
        marks.append(_Mark(form.format(f"{case} letter"), (ord(letters.lower()) - ord("a") + 1,), text))
    return marks


def _roman(letters: str) -> int | None:
    small = letters.lower()
    if not small or _ROMAN.fullmatch(small) is None:
        return None
    values = [_ROMAN_VALUES[letter] for letter in small]
    return sum(-a if a < b else a for a, b in zip(values, [*values[1:], 0], strict=True))


def _lone_numeral(lines: Sequence[_Line]) -> _Mark | None:
    """Return the mark of a first line that begins with "I." without a "II." later, if other lines are below it.

    None if "I." may be an initial of a name: then other lines have letters without a sequence.
    """
    if len(lines) < 2:
        return None
    first, *others = lines
    lone = next((mark for mark in first.marks if mark.kind.endswith("roman") and mark.value == (1,)), None)
    letters = {(mark.style, mark.value[0]) for line in others for mark in line.marks if "letter" in mark.kind}
    is_sequence = all(
        (style, value + 1) in letters or (style, value - 1) in letters for style, value in letters
    )
    if lone is None or not is_sequence or any(line.indent < first.indent for line in others):
        return None
    return None if any(mark.kind == lone.kind for line in others for mark in line.marks) else lone


def _last_places(lines: Sequence[_Line]) -> dict[tuple[str, tuple[int, ...]], int]:
    """Return the place of the last line with each possible style and number."""
    return {(mark.style, mark.value): at for at, line in enumerate(lines) for mark in line.marks}


def _dotted_numbers(lines: Sequence[_Line]) -> set[int]:
    """Return the places of lines whose dotted numbers are item numbers: each follows its sibling, parent or uncle."""
    last_at = {
        mark.value: at
        for at, line in enumerate(lines)
        for mark in line.marks
        if mark.style == "dotted" or mark.kind == "decimal"
    }
    seen: set[tuple[int, ...]] = set()
    accepted: set[int] = set()
    for at, line in enumerate(lines):
        if (chapter := _CHAPTER.match(line.text)) is not None:
            seen.add((int(chapter[1]),))
        for mark in line.marks:
            number = mark.value
            if mark.kind == "decimal" and number[0] < _MOST_NUMBER:
                seen.add(number)
            if mark.style != "dotted":
                continue
            parent, last = number[:-1], number[-1]
            follows = (*parent, last - 1) in seen or (
                last in (0, 1) and (parent in seen or (*parent, 0) in seen)
            )
            begins = last in (0, 1) and (parent[-1] == 1 or (*parent[:-1], parent[-1] - 1) in seen)
            has_next = any(
                last_at.get(successor, -1) > at
                for successor in ((*parent, last + 1), (parent[0] + 1, 0), (parent[0] + 1, 1))
            )
            if (
                follows
                or (begins and (has_next or accepted))
                or (last in (0, 1) and has_next and not accepted)
            ):
                accepted.add(at)
                seen |= {number, *(number[:n] for n in range(1, len(number)))}
                if last == 0:
                    seen.add(parent)
    return accepted


def _choose(
    line: _Line,
    at: int,
    last_at: Mapping[tuple[str, tuple[int, ...]], int],
    frames: Sequence[_Frame],
    dotted: set[int],
) -> _Mark | None:
    """Return the reading of a line's mark that fits its neighbours, None for a plain line."""
    for mark in line.marks:
        if not mark.value:
            return mark
        if mark.style == "dotted":
            return mark if at in dotted else None
    for mark in line.marks:
        if _continued(line, mark, frames) is not None:
            return mark
    for mark in line.marks:
        (value,) = mark.value
        is_decimal = mark.kind == "decimal"
        # A list of one item, such as (a) without (b), counts only beside another list with the same marks.
        has_next = last_at.get((mark.style, (value + 1,)), -1) > (-1 if value == 1 else at)
        if is_decimal and value < _MOST_NUMBER and ":" not in mark.style:
            same = bool(dotted) or any(frame.style == mark.style for frame in frames)
            if value in (0, 1) or has_next or same:
                return mark
        elif value == 1 and has_next:
            return mark
    return None


def _continued(line: _Line, mark: _Mark, frames: Sequence[_Frame]) -> int | None:
    """Return the index of the innermost open list that a numbered line continues, None for none."""
    (value,) = mark.value
    for strict in (True, False):
        for place in range(len(frames) - 1, -1, -1):
            frame = frames[place]
            is_style = frame.style == mark.style or (
                not strict and mark.kind == "decimal" and frame.style.strip("().:") == "decimal"
            )
            is_near = line.indent <= frame.indent + _MOST_INDENT_OF_A_SIBLING
            if is_style and frame.value == (value - 1,) and is_near:
                return place
    return None


def _place(line: _Line, mark: _Mark | None, frames: list[_Frame], has_dotted: bool) -> int:
    """Open, continue and close lists until the last of `frames` is the line's list; return its depth."""
    style = "" if mark is None else mark.style
    value = () if mark is None else mark.value
    if has_dotted and mark is not None and (style == "dotted" or mark.kind == "decimal"):
        return _place_dotted(line, value, frames)
    if mark is not None and value and (place := _continued(line, mark, frames)) is not None:
        del frames[place + 1 :]
        frames[place].value = value
        return len(frames)
    while frames and frames[-1].indent > line.indent:
        frames.pop()
    if frames and frames[-1].indent == line.indent:
        same = next(
            (n for n in range(len(frames) - 1, -1, -1) if _is_same(frames[n], line.indent, style)), None
        )
        if same is not None:
            del frames[same + 1 :]
            frames[same].value = value
            return len(frames)
        if not style:
            # A plain line is the parent of marked lines with the same indentation.
            while frames and frames[-1].indent == line.indent:
                frames.pop()
    frames.append(_Frame(line.indent, style, value))
    return len(frames)


def _is_same(frame: _Frame, indent: int, style: str) -> bool:
    if frame.indent != indent:
        return False
    decimals = frame.style.strip("().:") == style.strip("().:") == "decimal"
    styles = {frame.style, style}
    return len(styles) == 1 or decimals or styles <= _POINTER_STYLES or styles <= _CHECK_STYLES


def _place_dotted(line: _Line, number: tuple[int, ...], frames: list[_Frame]) -> int:
    parts = number
    while len(parts) > 1 and parts[-1] == 0:
        parts = parts[:-1]
    # Only this number's parents stay open, and a plain line above them all.
    while frames and not (
        (frames[-1].style == "dotted" and len(frames[-1].value) < len(parts))
        or (
            frames[-1].style == ""
            and not any(frame.style == "dotted" for frame in frames)
            and len(frames) == 1
        )
    ):
        frames.pop()
    frames.append(_Frame(line.indent, "dotted", parts))
    return len(frames)
