"""Front matter above a Markdown text: YAML (`---`, ended by `---` or `...`), TOML (`+++`), JSON, Pandoc's title block
(`% Title`), or MultiMarkdown's lines ("Title: Bread").

PyYAML and tomllib read it. mdit-py-plugins' front_matter plugin was tried: it knows neither TOML nor the end `...`,
and takes a rule above a paragraph and one below it for front matter.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from concepts.corpus.readers.reading import Metadata

_YAML = re.compile(r"\A\s*---[ \t]*\n(?P<body>.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_TOML = re.compile(r"\A\s*\+\+\+[ \t]*\n(?P<body>.*?)^\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_KEY = re.compile(r"^[\w.-]+[ \t]*:(?:[ \t]|$)", re.MULTILINE)
_PAIR = re.compile(r"^(?P<indent>[ \t]*)(?P<key>[\w.-]+)[ \t]*[:=][ \t]+(?P<value>\S.*)$")
"""A valid line, at any indentation, in front matter that is broken elsewhere."""
_MOST_CHARS_SHOWN = 40
_PANDOC = re.compile(r"\A% *(?P<title>[^\n]*)(?:\n% *(?P<author>[^\n]*)(?:\n% *(?P<date>[^\n]*))?)?(?:\n|\Z)")
_LINES = re.compile(r"\A(?P<body>(?:[A-Za-z][\w -]{1,30}:[ \t]+\S[^\n]*\n)+)(?:[ \t]*\n|\Z)")
_FIRST_KEYS = frozenset(("title", "author", "date", "subtitle", "layout"))
"""Keys that may begin lines of metadata; "Note: ..." does not."""
_MOST_CHARS = 20_000


def split_front_matter(text: str) -> tuple[Metadata, str, int]:
    """Return the front matter's metadata, the text below it, and its number of lines (0: there is none).

    A block between rules that is no mapping is text.
    """
    text = text.removeprefix("\ufeff")
    for pattern, parse in ((_YAML, _parse_yaml), (_TOML, _parse_toml)):
        found = pattern.match(text)
        if found is None or len(found["body"]) > _MOST_CHARS:
            continue
        values, line = parse(found["body"])
        if values is not None:
            problem = "" if line is None else _problem(text, line + text[: found.start("body")].count("\n"))
            metadata = replace(_metadata(values), problem=problem)
            return metadata, text[found.end() :], found.group().count("\n")
    for split in (_split_json, _split_pandoc, _split_lines):
        pair = split(text)
        if pair is not None:
            return _metadata(pair[0]), text[pair[1] :], text[: pair[1]].count("\n")
    return Metadata(), text, 0


def _split_json(text: str) -> tuple[Mapping[str, object], int] | None:
    start = len(text) - len(text.lstrip())
    if not text[start : start + _MOST_CHARS].startswith("{"):
        return None
    try:
        values, end = json.JSONDecoder().raw_decode(text[: start + _MOST_CHARS], start)
    except (ValueError, RecursionError):
        return None
    is_alone = not text[end:].partition("\n")[0].strip() and bool(text[end:].strip())
    return (values, end) if isinstance(values, dict) and is_alone else None


def _split_pandoc(text: str) -> tuple[Mapping[str, object], int] | None:
    found = _PANDOC.match(text)
    return None if found is None or text.startswith("%%") else (found.groupdict(), found.end())


def _split_lines(text: str) -> tuple[Mapping[str, object], int] | None:
    found = _LINES.match(text)
    if found is None:
        return None
    pairs = [line.partition(":") for line in found["body"].splitlines()]
    values = {key.strip().lower(): value.strip() for key, _, value in pairs}
    is_metadata = pairs[0][0].strip().lower() in _FIRST_KEYS and (len(pairs) > 1 or "title" in values)
    return (values, found.end()) if is_metadata and text[found.end() :].strip() else None


def _problem(text: str, line: int) -> str:
    shown = text.split("\n")[line - 1].strip()
    shown = shown if len(shown) <= _MOST_CHARS_SHOWN else f"{shown[:_MOST_CHARS_SHOWN]}..."
    return f"its front matter cannot be read at line {line} ({shown!r}): other lines are read one by one"


def _parse_yaml(body: str) -> tuple[Mapping[str, object] | None, int | None]:
    """Return the values, None if the body is no front matter, and the number of its broken line, from 1."""
    import yaml

    if not body.strip():
        return {}, None
    if not _KEY.search(body):
        return None, None
    try:
        values = yaml.safe_load(body)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return _pairs(body), _broken_line(body, error)
    return (values if isinstance(values, dict) else None), None


def _parse_toml(body: str) -> tuple[Mapping[str, object] | None, int | None]:
    """Like `_parse_yaml`, for TOML."""
    try:
        return tomllib.loads(body), None
    except (tomllib.TOMLDecodeError, RecursionError):
        values = _pairs(body)
    for number, line in enumerate(body.splitlines(), 1):
        try:
            tomllib.loads(line)
        except (tomllib.TOMLDecodeError, RecursionError):
            return values or None, number
    return values or None, 1


def _pairs(body: str) -> dict[str, object]:
    """Return the one-line pairs of broken front matter; of equal keys the least indented, then the first, counts."""
    found = [pair for line in body.splitlines() if (pair := _PAIR.match(line))]
    values: dict[str, object] = {}
    for pair in sorted(found, key=lambda pair: len(pair["indent"])):
        values.setdefault(pair["key"], pair["value"].strip().strip("\"'"))
    return values


def _broken_line(body: str, error: Exception) -> int | None:
    """Return the broken line of YAML, from 1; None if the only fault is a colon in words ("Tea: a book").

    The parser reports the line where it gave up, often below the one that was left open.
    """
    import yaml

    lines = body.splitlines()
    for number, line in enumerate(lines, 1):
        pair = _PAIR.match(line) if _KEY.match(line) else None
        if pair is None:
            continue
        try:
            yaml.safe_load(pair["value"])
        except (yaml.YAMLError, ValueError, RecursionError) as own:
            if pair["value"][0] not in "|>" and "mapping values" not in str(own):
                return number
    mark = getattr(error, "problem_mark", None)
    at = 0 if mark is None else min(mark.line, len(lines) - 1)
    return None if _KEY.match(lines[at]) and mark is not None else at + 1


def _metadata(values: Mapping[str, object]) -> Metadata:
    small = {str(key).lower(): value for key, value in values.items()}

    def say(*keys: str) -> str:
        return next((words for key in keys if (words := _words(small.get(key)))), "")

    said = say("date", "published", "created")
    found = Metadata(
        title=say("title"),
        is_title_sure=True,
        author=say("author", "authors", "by"),
        lang=say("lang", "language", "locale"),
        date=said if any(map(str.isdigit, said)) else "",  # "today" is none
    )
    num_said = sum(value not in (None, "", [], {}) for value in small.values())
    num_used = sum(map(bool, (found.title, found.author, found.lang, found.date)))
    return replace(found, num_unused=max(0, num_said - num_used))


def _words(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(words for item in value if (words := _words(item)))
    if isinstance(value, dict):
        return _words(value.get("name") or value.get("title"))
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (str, int, float, date)) and not isinstance(value, bool):
        return " ".join(str(value).split())
    return ""
