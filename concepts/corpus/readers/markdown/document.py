"""Markdown to headings and blocks of text: through HTML, as GitHub and other renderers show it.

markdown-it-py with mdit-py-plugins' GFM set (tables, task lists, alerts, footnotes), definition lists and admonitions;
HTML inside Markdown is HTML. No plugin knows attributes of headings (`{#id .class}`): they are removed here.
"""

from __future__ import annotations

import re
from collections import Counter
from copy import copy, deepcopy
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from concepts.corpus.readers.dialects import plain_source
from concepts.corpus.readers.html.page import RUNNING_CLASS, VERSE_CLASS, read_html
from concepts.corpus.readers.markdown.front_matter import split_front_matter
from concepts.corpus.readers.prose import looks_like_prose
from concepts.corpus.readers.reading import Metadata, NestingError, Reading
from concepts.corpus.readers.typed import typed_lines
from concepts.corpus.readers.verse import without_break

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_core import StateCore

ATTRIBUTES = re.compile(r"(?<!\\)\s*\{\s*:?\s*(?:[#.][^\s{}]*|[\w-]+=[^{}]*)(?:\s[^{}]*)?\}\s*#*\s*$")
"""Attributes at the end of a heading (Pandoc, kramdown, Longhand): `{#install}`, `{: .wide }`, `{#2 length=5}`."""
MAX_BLOCK_LEVELS = 100
"""Deepest nesting of blocks; a list and its item are two levels. The parser calls itself at each, and drops silently
what is deeper than its own limit."""
MAX_OPEN_BRACKETS = 100
"""Deepest nested brackets in a paragraph: links nest two or three deep, and the parser searches each bracket's end."""
MAX_MARKS = 20_000
"""Most brackets, stars and other marks, or runs of them, in a paragraph: more take the parser minutes."""
MAX_COLONS = 10_000
"""Most colons in a paragraph: at each one the parser searches backwards for "https"."""
_MARKS = re.compile(r"([\[\]()!^*_~`<>&\\+=@])\1*")
_BRACKET = re.compile(r"[\[\]]")
_OPENING = re.compile(r"(?<!\\)\[")
_BR = re.compile(r"\s*<br\s*/?>\s*", re.IGNORECASE)
_ONE_LETTER_CHECK = re.compile(r"^\[[ xX]\]\s+")
_CONTAINER = re.compile(
    r"^:{3,}[ \t]*(?:\{([^}\n]*)\}|([\w-]+)(?:\[([^\]\n]*)\])?|)[ \t]*([^:\n]*?)[ \t]*:*$"
)
"""Matches the start or end of a container: `::: tip`, `:::tip[Title]`, `::: {.callout-note title="Title"}`, `:::`."""
_CLASS = re.compile(r"\.(?:callout-)?([\w-]+)")
_TITLE = re.compile(r"title=[\"']([^\"'\n]*)[\"']")
_NOTES = frozenset(("note", "tip", "info", "hint", "important", "warning", "caution", "danger"))


UNUSED = "value of the front matter"
LOOSE_NOTE = "footnote without a reference"


def read_markdown(text: str, *, is_plain: bool = False) -> Reading:
    """Read a Markdown text; `is_plain` is for text files, where an indented paragraph is no code and no blanks at the
    ends of lines make a verse.

    Raises NestingError for a paragraph of more than `MAX_MARKS` marks, and for lists and quotations nested deeper than
    `MAX_BLOCK_LEVELS`.
    """
    metadata, body, _ = split_front_matter(text.replace("\r\n", "\n").replace("\r", "\n"))
    body, left_out = plain_source(body)
    left_out = left_out + Counter({UNUSED: metadata.num_unused})
    notes: dict[str, dict[str, dict[str, int]]] = {}
    page = f"<!DOCTYPE html><body>{_parser(is_plain).render(_containers(body), notes)}</body>"
    # A definition that the text refers to has a number above or equal to zero.
    num_loose = sum(number < 0 for number in notes.get("footnotes", {}).get("refs", {}).values())
    left_out = left_out + Counter({LOOSE_NOTE: num_loose})
    reading = read_html(page, is_markdown=True)
    metadata = metadata if metadata != Metadata() else reading.metadata
    return replace(reading, metadata=metadata, left_out=Counter(reading.left_out) + left_out)


@cache
def _parser(is_plain: bool) -> MarkdownIt:
    # Imported here: it takes longer to load than most commands run.
    from markdown_it import MarkdownIt
    from mdit_py_plugins.admon import admon_plugin
    from mdit_py_plugins.deflist import deflist_plugin
    from mdit_py_plugins.footnote.index import footnote_inline
    from mdit_py_plugins.gfm import gfm_plugin

    parser = MarkdownIt("commonmark", {"html": True}).use(gfm_plugin).use(deflist_plugin).use(admon_plugin)
    parser.inline.ruler.after("image", "footnote_inline", footnote_inline)
    # "about ~5 or ~10" is no struck-out text.
    parser.options["strikethrough_single_tilde"] = False
    if is_plain:
        parser.disable("code")
    limit_nesting(parser)
    parser.core.ruler.after("block", "heading_attributes", _strip_attributes)
    parser.core.ruler.after("block", "open_brackets", escape_open_brackets)
    parser.core.ruler.after("block", "marks", check_paragraphs)
    parser.core.ruler.after("block", "indented_prose", _indented_prose)
    parser.core.ruler.after("block", "typed_lines", _typed_lines)
    parser.core.ruler.after("inline", "verse", _mark_running if is_plain else _mark_verse)
    return parser


def _strip_attributes(state: StateCore) -> None:
    for opening, content in zip(state.tokens, state.tokens[1:], strict=False):
        if opening.type == "heading_open":
            content.content = ATTRIBUTES.sub("", content.content)
        elif opening.type == "paragraph_open" and opening.hidden:
            content.content = (
                _ONE_LETTER_CHECK.sub("", content.content) if opening.level == 0 else content.content
            )


def limit_nesting(parser: MarkdownIt) -> None:
    """Make a configured parser raise NestingError for words that are nested deeper than `MAX_BLOCK_LEVELS`.

    Marks inside a paragraph keep the parser's own limit, beyond which they are text: its time grows with their depth.
    """
    shallow = copy(parser)
    shallow.options = deepcopy(parser.options)

    def read_inline(state: StateCore) -> None:
        for token in state.tokens:
            if token.type == "inline":
                token.children = token.children or []
                shallow.inline.parse(token.content, shallow, state.env, token.children)

    parser.core.ruler.at("inline", read_inline)
    # Above ours, by more than the two levels that a list opens at once: words never reach it.
    parser.options["maxNesting"] = MAX_BLOCK_LEVELS + 10
    parser.block.ruler.before("table", "nesting", _check_nesting)


def _check_nesting(state: StateBlock, first: int, end: int, silent: bool) -> bool:
    if state.level >= MAX_BLOCK_LEVELS:
        rest = state.src[state.bMarks[first] + state.tShift[first] : state.eMarks[end - 1]]
        if any(map(str.isalnum, rest)):
            raise NestingError(
                f"its lists and quotations are nested deeper than {MAX_BLOCK_LEVELS // 2}; divide them by headings"
            )
    return False


def check_paragraphs(state: StateCore) -> None:
    """Raise NestingError for a paragraph with more marks than a Markdown parser can read in seconds."""
    for token in state.tokens:
        if token.type != "inline" or len(token.content) <= MAX_COLONS:
            continue
        num_marks, num_colons = sum(1 for _ in _MARKS.finditer(token.content)), token.content.count(":")
        if num_marks > MAX_MARKS or num_colons > MAX_COLONS:
            limit = f"{MAX_MARKS:,} brackets, stars and other marks"
            if num_marks <= MAX_MARKS:
                limit = f"{MAX_COLONS:,} colons"
            raise NestingError(
                f"a paragraph that begins with {token.content[:12].strip()!r} has more than {limit}; "
                "divide it by blank lines, or leave it out"
            )


def escape_open_brackets(state: StateCore) -> None:
    """Escape brackets that are nested more deeply than any link."""
    for token in state.tokens:
        if token.type != "inline" or token.content.count("[") <= MAX_OPEN_BRACKETS:
            continue
        num_open = 0
        for bracket in _BRACKET.findall(token.content):
            num_open = num_open + 1 if bracket == "[" else max(0, num_open - 1)
            if num_open > MAX_OPEN_BRACKETS:
                token.content = _OPENING.sub(r"\\[", token.content)
                break


def _indented_prose(state: StateCore) -> None:
    """Turn indented prose, which CommonMark takes for code, into paragraphs."""
    from markdown_it.token import Token

    tokens: list[Token] = []
    for token in state.tokens:
        if token.type != "code_block" or not looks_like_prose(token.content):
            tokens.append(token)
            continue
        for part in re.split(r"\n\s*\n", token.content.strip("\n")):
            inline = Token(
                "inline", "", 0, content=part.strip(), children=[], map=token.map, level=token.level + 1
            )
            tokens += [
                Token("paragraph_open", "p", 1, block=True, level=token.level, map=token.map),
                inline,
                Token("paragraph_close", "p", -1, block=True, level=token.level),
            ]
    state.tokens = tokens


def _typed_lines(state: StateCore) -> None:
    """Keep the line breaks of hand-typed lists ("a) flour") and labels, which CommonMark joins."""
    for opening, content in zip(state.tokens, state.tokens[1:], strict=False):
        if opening.type == "paragraph_open" and "\n" in content.content:
            lines = content.content.split("\n")
            typed = typed_lines(lines)
            if typed is None or (
                all(kind == "paragraph" for _, kind in typed) and None not in map(without_break, lines[:-1])
            ):
                continue  # labelled lines with hard breaks are a verse
            content.content = "  \n".join(line.rstrip("\\ ") for line in lines)
            opening.attrJoin("class", RUNNING_CLASS)


def _mark_verse(state: StateCore) -> None:
    """Mark the paragraphs whose lines all end in hard breaks, but for the last, and those with other line ends.

    A <br> at the end of a line is the author's, too, and is judged as in a page.
    """
    for opening, content in zip(state.tokens, state.tokens[1:], strict=False):
        if opening.type != "paragraph_open" or opening.attrGet("class") == RUNNING_CLASS:
            continue
        parts = content.children or []
        ends = {
            "br" if end.type == "softbreak" and _BR.fullmatch(before.content) else end.type
            for before, end in pairwise(parts)
            if end.type in ("hardbreak", "softbreak")
        }
        if "softbreak" in ends:
            opening.attrJoin("class", RUNNING_CLASS)
        elif ends == {"hardbreak"}:
            opening.attrJoin("class", VERSE_CLASS)


def _mark_running(state: StateCore) -> None:
    for token in state.tokens:
        if token.type == "paragraph_open":
            token.attrJoin("class", RUNNING_CLASS)


def _containers(text: str) -> str:
    """Turn Pandoc's and Docusaurus' fenced containers (`::: tip`) into HTML."""
    if ":::" not in text:
        return text
    lines: list[str] = []
    fence = ""
    num_open = 0
    for line in text.split("\n"):
        mark = re.match(r" {0,3}(`{3,}|~{3,})", line)
        if mark and (not fence or line.strip().startswith(fence)):
            fence = "" if fence else mark[1]
        found = None if fence or mark else _CONTAINER.match(line)
        if found is None:
            lines.append(line)
        elif any(found.groups()):
            num_open += 1
            attributes = found[1] or ""
            named = _CLASS.search(attributes)
            kind = (found[2] or (named[1] if named else "")).lower()
            titled = _TITLE.search(attributes)
            title = (found[3] or found[4] or (titled[1] if titled else "")).strip()
            kind = "note" if kind == "info" else kind if kind in _NOTES else ""
            lines += ["", f'<div class="{kind}">', "", *([title, ""] if title else [])]
        elif num_open:
            num_open -= 1
            lines += ["", "</div>", ""]
        else:
            lines.append(line)
    return "\n".join([*lines, *["", "</div>"] * num_open])
