"""Markdown dialects to CommonMark: Obsidian, Pandoc, MkDocs, MDX, kramdown, Notion, chat models.

Only source text is changed, never inside fenced code or code spans, and a backslash escapes a mark. Parts that the tool
would not show (comments, imports, includes) are removed and counted; markup around words is removed, the words stay.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

_FENCE = re.compile(r"[ \t>]*(`{3,}(?=[^`]*$)|~{3,})")
_CODE_SPAN = re.compile(r"(?<!`)(`++)[^`\n]+\1(?!`)")
_TIGHT_HEADING = re.compile(r"^( {0,3}#{1,6})(?=[^\s#!\d])", re.MULTILINE)
_LOOSE_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+\S", re.MULTILINE)
_TIGHT_LOWER = re.compile(r"^ {0,3}#{2,6}[^\s#!\d]", re.MULTILINE)
_TAGS = re.compile(r"^(?:#[^\W\d_][^\s#]*[ \t]*)+$", re.MULTILINE)
_WIKILINK = re.compile(r"(?<!\\)\[\[[^\[\]\n]+\]\]")
_END_TAGS = re.compile(r"(?<=[^\s:])(?:[ \t]+#[^\W\d_][\w/-]*)+(?=[ \t]*(?:$|\^\w))", re.MULTILINE)
"""Tags at ends of lines, which only Obsidian and the like take for such: "Ride the tram #todo"."""
_JSX = re.compile(r"</?[A-Z]\w*[\s/>]")
_IMPORT = re.compile(
    r"^import[ \t]+(?:[^\n;]+[ \t]from[ \t]+)?[\"'][^\"'\n]+[\"'];?[ \t]*$|"
    r"^export[ \t]+(?:const|default|function|let|var)\b(?:[^\n]*\n?(?!\n))*",
    re.MULTILINE,
)
_LINE_BLOCK = re.compile(r"(?:^\|[ \t]+[^|\n]+(?:\n|\Z)){2,}", re.MULTILINE)
_CALLOUT = re.compile(r"^([ \t]*>[ \t]*)\[!(\w+)\][+-]?[ \t]*([^\n]*)$", re.MULTILINE)
_GITHUB_ALERTS = frozenset(("note", "tip", "important", "warning", "caution"))

_SPANS: tuple[tuple[str, re.Pattern[str], re.Pattern[str]], ...] = (
    ("comment", re.compile(r"\{/\*"), re.compile(r"\*/\}")),
    ("comment", re.compile(r"(?<!\S)%%"), re.compile(r"(?<!\\)%%(?!\S)")),
    ("code block", re.compile(r"\{%-?[ \t]*highlight\b"), re.compile(r"\{%-?[ \t]*endhighlight[ \t]*-?%\}")),
    ("template tag", re.compile(r"(?<!\\)\{\{[<%]"), re.compile(r"[>%]\}\}")),
    ("template tag", re.compile(r"(?<!\\)\{%"), re.compile(r"%\}")),
    ("formula", re.compile(r"^[ \t]*\$\$(?!\$)", re.MULTILINE), re.compile(r"\$\$[ \t]*$", re.MULTILINE)),
    (
        "formula",
        re.compile(r"^[ \t]*\\\[[ \t]*$", re.MULTILINE),
        re.compile(r"^[ \t]*\\\][ \t]*$", re.MULTILINE),
    ),
)
"""Invisible parts by name, with patterns of their beginning and end."""
_ACROSS_PARAGRAPHS = frozenset(("comment", "code block"))
_LEFT_OUT: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("comment", re.compile(r"^ {0,3}\[(?://|#|_|comment)\]:[ \t][^\n]*$", re.MULTILINE | re.IGNORECASE)),
    ("contents list", re.compile(r"^(?:[*+-]|1\.)[ \t]+[^\n]{1,40}\n\{:[ \t]*toc\b[^}\n]*\}", re.MULTILINE)),
    ("included file", re.compile(r"^[ \t]*;?-+8<-+[ \t]*\"[^\n]*$", re.MULTILINE)),
    ("abbreviation", re.compile(r"^\*\[[^\]\n]+\]:[^\n]*$", re.MULTILINE)),
    ("layout command", re.compile(r"^\\[a-z]{2,}(?:[\[{][^\]}\n]*[\]}])*[ \t]*$", re.MULTILINE)),
    ("embedded note", re.compile(r"(?<!\\)!\[\[[^\[\]\n]*\]\]")),
    ("tag line", _TAGS),
)
"""The same for parts of one line."""
_WORDS = re.compile(r"[^\W\d_]+")
_TO_TOOLS = re.compile(
    r"\s*(?:more|excerpt|toc|/?(?:prettier|markdownlint|eslint|textlint|doctoc|cspell|html-validate)\b.*|"
    r"vale\s+(?:on|off|\S+\s*=.*)|/?(?-i:START|END|BEGIN)\b.*|\[if .*|/?wp:.*)\s*",
    re.IGNORECASE | re.DOTALL,
)
_CITATION = re.compile(
    r"[ \t]?(?<!\\)\[(?:[^\[\]@\n]*[ \t;])?-?@[\w:.#$%&+?<>~/-]+(?:[,; ][^\[\]\n]*)?\](?![\[({:])"
)
_ICON = re.compile(r"(?<![\w:\\]):[a-z][a-z0-9_+-]*:(?![\w:`])")
_PLAIN: tuple[tuple[re.Pattern[str], str], ...] = (
    # A line of attributes alone: {: .lead }, { .annotate }, {.wide #top}
    (re.compile(r"^[ \t]*(?<!\\)\{(?::|[ \t]*[.#])[^{}\n]*\}[ \t]*$", re.MULTILINE), ""),
    (re.compile(r"(?<![\\!\]])\[([^\[\]\n]+)\]\{[.#][^{}\n]*\}"), r"\1"),
    (re.compile(r"(?<=[\])`*_])(?<!\\[\])`*_])[ \t]?\{[ \t]*[:#.][^{}\n]*\}"), ""),
    (re.compile(r"^([ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+)\[[^\]\s\w]\](?=[ \t])", re.MULTILINE), r"\1"),
    (re.compile(r"^===[+!]?[ \t]+([\"'])", re.MULTILINE), r"!!! tab \1"),
    (re.compile(r"^#\.(?=[ \t])", re.MULTILINE), "1."),
    # Dataview's fields: "status:: ready", [status:: ready]
    (re.compile(r"^([^\W\d_](?:[\w -]{0,23}\w)?)::(?=[ \t]|$)", re.MULTILINE), r"\1:"),
    (re.compile(r"(?<![\\!\]])\[([^\W\d_](?:[\w -]{0,23}\w)?)::[ \t]+([^\[\]\n]+)\](?![\[(])"), r"\1: \2"),
)
_INLINE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<![\\!])\[\[([^\[\]|\n]+)\|([^\[\]\n]+)\]\](?!\()"), r"\2"),
    (re.compile(r"(?<![\\!])\[\[(?!_?toc)([^\[\]|#\n]+)(?:#[^\[\]\n]*)?\]\](?!\()", re.IGNORECASE), r"\1"),
    (re.compile(r"(?<![=\\\w])==(?=[^\s=])([^=\n]+?)(?<=[^\s=\\])==(?![=\w])"), r"\1"),
    (re.compile(r"(?<=\S)[ \t]\^[A-Za-z0-9][A-Za-z0-9-]{2,}[ \t]*$", re.MULTILINE), ""),
    (re.compile(r"(?<=[A-Za-z])~(\d{1,2})~(?!~)"), r"\1"),
    (re.compile(r"(?<=\w)\^2\^"), "²"),
    (re.compile(r"(?<=\w)\^3\^"), "³"),
    (re.compile(r"(?<=\w)\^(\w{1,3})\^"), r"\1"),
    (re.compile(r"(?<![\w+\\])\+\+(?=[a-z])([a-z0-9+-]*[a-z0-9])\+\+(?![\w+])"), r"\1"),
)  # fmt: skip


def plain_source(text: str) -> tuple[str, Counter[str]]:
    """Return Markdown without extensions of single tools, and counts of what was left out."""
    left_out: Counter[str] = Counter()
    text = _without_comments(spaced_headings(text), left_out)
    is_mdx = _JSX.search(text) is not None
    is_obsidian = _WIKILINK.search(text) is not None or _TAGS.search(text) is not None
    parts: list[str] = []
    for is_code, part in _split_code(text):
        parts.append(part if is_code else _plain_part(part, left_out, is_mdx=is_mdx, is_obsidian=is_obsidian))
    return "\n".join(parts), left_out


def spaced_headings(text: str) -> str:
    """Insert the missing blank into headings ("##When") if no heading of a text has one."""
    if _TIGHT_LOWER.search(text) is None or _LOOSE_HEADING.search(text) is not None:
        return text
    parts = (part if is_code else _TIGHT_HEADING.sub(r"\1 ", part) for is_code, part in _split_code(text))
    return "\n".join(parts)


def _split_code(text: str) -> list[tuple[bool, str]]:
    """Split a text into parts, (whether it is fenced code, text); a fence without an end covers one paragraph."""
    lines = text.split("\n")
    parts: list[tuple[bool, list[str]]] = [(False, [])]
    at = 0
    while at < len(lines):
        mark = _FENCE.match(lines[at])
        if mark is None:
            parts[-1][1].append(lines[at])
            at += 1
            continue
        end = _end_of_fence(lines, at, mark[1])
        code = lines[at:end]
        if end == len(lines) or not _closes(lines[end - 1], mark[1]) or end == at + 1:
            code.append(f"{lines[at][: mark.start(1)]}{mark[1]}")
        parts += [(True, code), (False, [])]
        at = end
    return [(is_code, "\n".join(part)) for is_code, part in parts if part]


def _end_of_fence(lines: list[str], start: int, fence: str) -> int:
    """Return the line after a fence's end; if it has none, the first blank line after its start."""
    for at in range(start + 1, len(lines)):
        if _closes(lines[at], fence):
            return at + 1
    return next((at for at in range(start + 1, len(lines)) if not lines[at].strip()), len(lines))


def _closes(line: str, fence: str) -> bool:
    body = line.strip(" \t>")
    return body.startswith(fence) and not body.strip(fence[0])


def _without_comments(text: str, left_out: Counter[str]) -> str:
    """Count comments, and drop the start mark of an unclosed one, which would swallow the rest of the text."""
    end = text.rfind("-->")
    start = text.find("<!--", end + 3 if end >= 0 else 0)
    if start >= 0:
        text = text[:start] + text[start:].replace("<!--", "")
    prose = "\n".join(_CODE_SPAN.sub("", part) for is_code, part in _split_code(text) if not is_code)
    left_out["comment"] += sum(map(is_remark, re.findall(r"<!--(.*?)-->", prose, re.DOTALL)))
    return text


def is_remark(comment: str) -> bool:
    """Whether a comment is meant for people; "more" and "prettier-ignore" are meant for tools."""
    return _WORDS.search(comment) is not None and not _TO_TOOLS.fullmatch(comment)


def _plain_part(text: str, left_out: Counter[str], *, is_mdx: bool, is_obsidian: bool) -> str:
    if is_mdx:
        text = _take_out(text, "code block", _IMPORT, left_out)
    text = _outside_code(text, lambda part: _shown(part, left_out))
    if is_obsidian:
        text = _outside_code(text, lambda part: _take_out(part, "tag", _END_TAGS, left_out))
    for pattern, replacement in _PLAIN:
        text = pattern.sub(replacement, text)
    text = _CALLOUT.sub(_callout, text)
    text = _LINE_BLOCK.sub(lambda found: re.sub(r"(?m)^\|[ \t]+(.*)$", r"\1  ", found.group()), text)
    return _outside_code(text, lambda part: _plain_inline(part, left_out))


def _shown(text: str, left_out: Counter[str]) -> str:
    for name, start, end in _SPANS:
        text = _without_spans(text, name, start, end, left_out)
    for name, pattern in _LEFT_OUT:
        text = _take_out(text, name, pattern, left_out)
    return text


def _without_spans(
    text: str, name: str, start: re.Pattern[str], end: re.Pattern[str], left_out: Counter[str]
) -> str:
    """Remove the text between two marks; a start without an end is text.

    One pass: a pattern for both marks would search for the end again at each start.
    """
    parts: list[str] = []
    kept = at = 0
    last: re.Match[str] | None = None
    while (begin := start.search(text, at)) is not None:
        if last is None or last.start() < begin.end():
            last = end.search(text, begin.end())
        if last is None:
            break
        at = begin.end()
        if name in _ACROSS_PARAGRAPHS or text.find("\n\n", begin.end(), last.start()) < 0:
            parts.append(text[kept : begin.start()])
            kept = at = last.end()
            left_out[name] += 1
    return "".join([*parts, text[kept:]])


def _take_out(text: str, name: str, pattern: re.Pattern[str], left_out: Counter[str]) -> str:
    text, num = pattern.subn("", text)
    if num:
        left_out[name] += num
    return text


def _plain_inline(text: str, left_out: Counter[str]) -> str:
    for pattern, replacement in _INLINE:
        text = pattern.sub(replacement, text)
    text = _take_out(text, "citation", _CITATION, left_out)
    return _take_out(text, "icon", _ICON, left_out)


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    """Apply `change` to the text outside code spans."""
    if "`" not in text:
        return change(text)
    parts: list[str] = []
    start = 0
    for span in _CODE_SPAN.finditer(text):
        parts += [change(text[start : span.start()]), span.group()]
        start = span.end()
    return "".join([*parts, change(text[start:])])


def _callout(found: re.Match[str]) -> str:
    """Return an Obsidian callout (which has more kinds, and a title) as a GitHub alert."""
    begin, kind, title = found[1], found[2].lower(), found[3].strip()
    if kind in _GITHUB_ALERTS and not title:
        return found.group()
    alert = f"{begin}[!{(kind if kind in _GITHUB_ALERTS else 'note').upper()}]"
    return f"{alert}\n{begin}{title}\n{begin.rstrip()}" if title else alert
