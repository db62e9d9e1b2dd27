"""Converts pasted outlines to the Markdown or list that `outlines.py` reads; line numbers stay.

Fenced answers of chat models, OPML, HTML lists, JSON and YAML, LaTeX, Org, underlined headings, bare numbers
("1 Flour"), numbers on lines of their own, letters with numbers ("A.1", "1a."), sentences below the items of a list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from concepts.corpus.readers.reading import DEEPEST_XML, NestingError, is_too_deep

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_FENCE = re.compile(r"[ \t]*(`{3,}(?=[^`]*$)|~{3,})")
_MARKED = re.compile(r"^\s*(?:#{1,6}\s|[-*+•]\s|\d{1,3}[.)])")
_UNDERLINED = re.compile(r"^([^\s#>|`=*+-].*)\n {0,3}(=+|-{3,})[ \t]*$", re.MULTILINE)
_LATEX = re.compile(
    r"^[ \t]*\\(part|chapter|section|subsection|subsubsection)\*?\{([^{}\n]*)\}.*$", re.MULTILINE
)
_LATEX_LEVELS = ("part", "chapter", "section", "subsection", "subsubsection")
_LATEX_TITLE = re.compile(r"\\title\{([^{}\n]*)\}")
_ORG_TITLE = re.compile(r"^#\+TITLE:[ \t]*(.+)$", re.MULTILINE | re.IGNORECASE)
_ORG_LINE = re.compile(r"^#\+\w+:.*$", re.MULTILINE)
_BARE = re.compile(r"^(\d{1,2})(?:[ \t]*[-\u2013\u2014:][ \t]+|[ \t]+)(?=[^\W\d_\"'(\u201c])")
_DOTTED = re.compile(r"^\d{1,2}(?:\.\d{1,2})+[.)]?[ \t]")
_ALONE = re.compile(r"^\s*\(?(?:\d{1,3}|[ivxIVX]{1,5}|[A-Za-z])[.)]\s*$")
_LETTER = re.compile(r"^([A-Z])(\.\d{1,2})?([.)]?)(?=[ \t])")
_NUMBER_LETTER = re.compile(r"^[ \t]*(\d{1,2})([a-z])([.)]|(?=[ \t]))")
_NOTE = re.compile(r"^ {0,3}\[\^([^\]\s]+)\]:")
_NOTE_MARK = re.compile(r"(?<!\\)[ \t]?\[\^([^\[\]\s]+)\]")
_ALERT = re.compile(r"^ {0,3}>[ \t]*\[!\w+\][+-]?[ \t]*")
_QUOTED = re.compile(r"^ {0,3}>[ \t]?")
_NAMES = (
    "sections",
    "outline",
    "chapters",
    "parts",
    "headings",
    "items",
    "children",
    "subsections",
    "content",
)
_TEXTS = ("heading", "title", "name", "text", "section", "chapter")
_SENTENCE_ENDS = (".", "!", "?", '."', "\u2026")
_FEWEST_WORDS_OF_A_SENTENCE = 3
_FEWEST_WORDS_OF_A_WISH = 5
"""Fewest words of a request such as "Please write these sections:"; "Ingredients:" is a heading."""
_DEEPEST = 20
"""Deepest nesting of JSON and YAML values."""
_PAGE_START = re.compile(
    r"(?:\s|<!doctype[^>]*>|<head\b.*?</head>|<(?:html|body|main|article|div|section)\b[^>]*>)*",
    re.IGNORECASE | re.DOTALL,
)
"""What may stand in front of an HTML list."""
_LIST_START = re.compile(r"<[ou]l\b", re.IGNORECASE)
_HEADINGS = "h1, h2, h3, h4, h5, h6"
MAX_ITEMS = 2_000
"""Most items read from an HTML list; the parser's time grows with the square of open tags."""


def plain_outline(text: str) -> str:
    """Return an outline as Markdown headings or as a list, one item a line.

    Raises NestingError for OPML, JSON and YAML that is nested deeper than is read.
    """
    structured = _structured(text)
    if structured is not None:
        return structured
    text = _inside_fence(text)
    text = _UNDERLINED.sub(lambda found: f"{'#' if found[2][0] == '=' else '##'} {found[1]}\n", text)
    text = _from_latex(text)
    title = _ORG_TITLE.search(text)
    if title is not None:
        stars = re.compile(r"^(\*+)[ \t]+", re.MULTILINE)
        text = stars.sub(
            lambda found: f"#{'#' * len(found[1])} ", text.replace(title.group(), f"# {title[1]}")
        )
        text = _ORG_LINE.sub("", text)
    return "\n".join(_numbered(text.split("\n")))


def without_notes(text: str) -> tuple[str, int]:
    """Return an outline without footnotes and their marks, and the number of footnotes."""
    labels: set[str] = set()
    kept: list[str] = []
    num_notes, is_note = 0, False
    for line in text.split("\n"):
        note = _NOTE.match(line)
        # A note continues in indented lines.
        is_note = note is not None or (is_note and line.startswith(("    ", "\t")))
        if note is not None:
            labels.add(note[1])
            num_notes += 1
        kept.append("" if is_note else line)

    def shown(mark: re.Match[str]) -> str:
        return "" if mark[1] in labels or mark[1].isdecimal() else mark.group()

    return _NOTE_MARK.sub(shown, "\n".join(kept)), num_notes


def quoted_notes(lines: Sequence[str]) -> dict[int, str]:
    """Return the quoted lines ("> [!WARNING]", "> Mind it.") by index, without marks and labels."""
    found: dict[int, str] = {}
    for at, line in enumerate(lines):
        mark = _ALERT.match(line) or _QUOTED.match(line)
        if mark is not None:
            found[at] = line[mark.end() :].strip()
    return found


def indented_sentences(lines: Sequence[str], first_line: int) -> dict[int, str]:
    """Return the sentences below plain headings by line number: more indented than the line above them."""
    found: dict[int, str] = {}
    before = None
    for number, line in enumerate(lines, first_line):
        if not line.strip():
            continue
        indent = len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip())
        if before is not None and indent > before and is_sentence(line):
            found[number] = line
        else:
            before = indent
    return found


def is_sentence(line: str) -> bool:
    """Return whether an unmarked line describes a section's content instead of being a heading."""
    line = line.strip()
    if line.endswith(":"):
        return len(line.split()) >= _FEWEST_WORDS_OF_A_WISH
    return line.endswith(_SENTENCE_ENDS) and len(line.split()) >= _FEWEST_WORDS_OF_A_SENTENCE


def _inside_fence(text: str) -> str:
    """Return the only fenced block of an answer if it holds the outline."""
    lines = text.split("\n")
    blocks: list[tuple[int, int]] = []
    start, fence = 0, ""
    for at, line in enumerate(lines):
        body = line.strip(" \t")
        if not fence and (mark := _FENCE.match(line)) is not None:
            start, fence = at + 1, mark[1]
        elif fence and body.startswith(fence) and not body.strip(fence[0]):
            blocks.append((start, at))
            fence = ""
    if len(blocks) != 1:
        return text
    start, end = blocks[0]
    if end - start < 2 or any(map(_MARKED.match, lines[: start - 1] + lines[end + 1 :])):
        return text
    return "\n" * start + "\n".join(lines[start:end])


def _from_latex(text: str) -> str:
    commands = [found[1] for found in _LATEX.finditer(text)]
    if not commands:
        return text
    used = [name for name in _LATEX_LEVELS if name in commands]
    lines = _LATEX.sub(lambda found: f"{'#' * (used.index(found[1]) + 2)} {found[2]}", text)
    title = _LATEX_TITLE.search(lines)
    lines = lines if title is None else lines.replace(title.group(), f"# {title[1]}")
    return re.sub(r"(?m)^[ \t]*\\.*$", "", lines)


def _numbered(lines: Sequence[str]) -> list[str]:
    """Return lines with unusual numbering rewritten as list numbers."""
    found = list(lines)
    number: int | None = None
    for at, line in enumerate(lines):
        if not line.strip():
            continue
        if number is not None and not _MARKED.match(line):
            found[number], found[at] = f"{found[number].rstrip()} {line.strip()}", ""
            number = None
        else:
            number = at if _ALONE.match(line) else None
    found = bare_numbers(found)
    return _lettered(found, [at for at, line in enumerate(found) if line.strip()])


def bare_numbers(lines: Sequence[str]) -> list[str]:
    """Return lines with a full stop behind their numbers if these count from 1 ("1 Flour", "2 Water")."""
    found = list(lines)
    places = [at for at, line in enumerate(found) if line.strip()]
    bare = [(at, mark) for at in places if (mark := _BARE.match(found[at]))]
    others = [at for at in places if not _BARE.match(found[at])]
    is_counted = [int(mark[1]) for _, mark in bare] == list(range(1, len(bare) + 1)) and len(bare) > 1
    if is_counted and all(_DOTTED.match(found[at]) or found[at][0] in " \t-*•" for at in others):
        for at, mark in bare:
            found[at] = f"{mark[1]}. {found[at][mark.end() :]}"
    return found


def _lettered(lines: list[str], places: Sequence[int]) -> list[str]:
    """Rewrite "A.", "A.1" and "1.", "1a." as "1.", "1.1" if both kinds of a pair occur."""
    letters = [(at, mark) for at in places if (mark := _LETTER.match(lines[at]))]
    if any(mark[2] for _, mark in letters) and all(mark[2] or mark[3] for _, mark in letters):
        for at, mark in letters:
            number = f"{ord(mark[1]) - ord('A') + 1}{mark[2] or '.'}"
            lines[at] = f"{number}{lines[at][mark.end() :]}"
    mixed = [(at, mark) for at in places if (mark := _NUMBER_LETTER.match(lines[at]))]
    numbers = {mark[1] for at in places if (mark := re.match(r"(\d{1,2})[.)]?[ \t]", lines[at]))}
    if mixed and all(mark[1] in numbers for _, mark in mixed):
        for at, mark in mixed:
            lines[at] = f"{mark[1]}.{ord(mark[2]) - ord('a') + 1}{lines[at][mark.end() :]}"
    return lines


def _structured(text: str) -> str | None:
    """Return the Markdown of an outline in OPML, HTML lists, JSON or YAML; None for other texts."""
    start = text.lstrip()[:200].lower()
    if "<opml" in text[:1000].lower():
        return _from_opml(text)
    if start.startswith("<") and _LIST_START.match(_PAGE_START.sub("", text, count=1)):
        return _from_html(text)
    if start.startswith(("{", "[")):
        try:
            return _from_values(json.loads(text))
        except RecursionError:
            raise _too_deep(_DEEPEST) from None
        except NestingError:
            raise
        except ValueError:
            return None
    if re.search(rf"^(?:{'|'.join(_NAMES[:5])}):[ \t]*$", text, re.MULTILINE):
        import yaml

        try:
            return _from_values(yaml.safe_load(text))
        except RecursionError:
            raise _too_deep(_DEEPEST) from None
        except NestingError:
            raise
        except (yaml.YAMLError, ValueError):
            return None
    return None


def _too_deep(deepest: int) -> NestingError:
    return NestingError(f"its items are nested deeper than {deepest}; an outline has few levels")


def _from_opml(text: str) -> str | None:
    from lxml import etree

    try:
        root = etree.fromstring(text.encode(), etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        if is_too_deep(error):
            raise _too_deep(DEEPEST_XML) from None
        return None
    except ValueError:
        return None
    title = (root.findtext("head/title") or "").strip()
    lines = [f"# {title}"] if title else []
    for node in root.iter("outline"):
        depth = sum(1 for _ in node.iterancestors("outline"))
        words = " ".join((node.get("text") or node.get("title") or "").split())
        lines.append(f"##{'#' * depth} {words}" if depth < 5 else f"- {words}")
    return "\n".join(lines)


def _from_html(text: str) -> str | None:
    from selectolax.lexbor import LexborHTMLParser

    if text.lower().count("<li") > MAX_ITEMS:
        return None
    tree = LexborHTMLParser(text)
    if tree.body is None or tree.css_first(_HEADINGS) is not None:
        return None
    lines: list[str] = []
    for node in tree.body.traverse(include_text=True):
        depth, parent = 0, node.parent
        while parent is not None:
            depth += parent.tag == "li"
            parent = parent.parent
        if node.tag == "li":
            own = " ".join(part for part in map(_own_text, node.iter(include_text=True)) if part)
            lines.append(f"{'    ' * depth}- {' '.join(own.split())}")
        elif node.tag == "-text" and depth == 0 and (node.text_content or "").strip():
            lines.append(" ".join((node.text_content or "").split()))  # a line around the list
    return "\n".join(lines) or None


def _own_text(node: LexborNode) -> str:
    return "" if node.tag in ("ul", "ol") else node.text(deep=True)


def _from_values(values: object) -> str | None:
    lines = list(_lines_of(values, 1))
    return "\n".join(lines) if sum(line.startswith("##") for line in lines) else None


def _lines_of(value: object, depth: int) -> Iterator[str]:
    """Yield Markdown headings for nested values: names, and lists below them."""
    if depth > _DEEPEST:
        raise _too_deep(_DEEPEST)
    mark = "#" * min(depth, 6)
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        yield f"{mark} {' '.join(str(value).split())}" if depth < 7 else f"- {value}"
    elif isinstance(value, Mapping):
        names = {str(key).lower(): inner for key, inner in value.items()}
        heading = next((names[key] for key in _TEXTS if isinstance(names.get(key), str)), None)
        if heading is None and not any(isinstance(names.get(key), list) for key in _NAMES):
            for key, inner in value.items():
                yield from _lines_of(str(key), depth)
                yield from _lines_of(inner, depth + 1) if isinstance(inner, list) else ()
            return
        if heading is not None:
            yield from _lines_of(heading, depth)
        for key in _NAMES:
            if isinstance(names.get(key), list):
                yield from _lines_of(names[key], depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _lines_of(inner, max(depth, 2))
