"""Front matter: what stands above a Markdown text in YAML (`---`, ended by `---` or `...`), TOML (`+++`) or JSON, as
Pandoc's title block (`% Title`), or as MultiMarkdown's lines ("Title: Bread").

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
_PANDOC = re.compile(r"\A% *(?P<title>[^\n]*)(?:\n% *(?P<author>[^\n]*)(?:\n% *(?P<date>[^\n]*))?)?(?:\n|\Z)")
_LINES = re.compile(r"\A(?P<body>(?:[A-Za-z][\w -]{1,30}:[ \t]+\S[^\n]*\n)+)(?:[ \t]*\n|\Z)")
_FIRST_KEYS = frozenset(("title", "author", "date", "subtitle", "layout"))
"""One of these begins lines of metadata; "Note: ..." does not."""
_MOST_CHARS = 20_000


def split_front_matter(text: str) -> tuple[Metadata, str, int]:
    """Return what the front matter says, the text below it, and how many lines it takes (0: there is none).

    A block of rules that holds no mapping is text.
    """
    text = text.removeprefix("\ufeff")
    for pattern, parse in ((_YAML, _parse_yaml), (_TOML, _parse_toml)):
        found = pattern.match(text)
        if found is None or len(found["body"]) > _MOST_CHARS:
            continue
        values = parse(found["body"])
        if values is not None:
            return _metadata(values), text[found.end() :], found.group().count("\n")
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


def _parse_yaml(body: str) -> Mapping[str, object] | None:
    import yaml

    if not body.strip():
        return {}
    if not _KEY.search(body):
        return None
    try:
        values = yaml.safe_load(body)
    except (yaml.YAMLError, ValueError, RecursionError):
        # Titles with a colon and such are common: each line for itself then.
        pairs = (line.partition(":") for line in body.splitlines() if _KEY.match(line))
        return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}
    return values if isinstance(values, dict) else None


def _parse_toml(body: str) -> Mapping[str, object] | None:
    try:
        return tomllib.loads(body)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None


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
