"""Reads gettext catalogues (`.po`): the messages of a program, or the paragraphs of a manual, with translations.

A message is written for a program, not for a reader: it has shortcut marks, tags and placeholders. Marks and
tags are removed; messages with placeholders are left out.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import polib

from concepts.corpus.drops import DropReport
from concepts.corpus.records import LANG_CODES

CATALOGUE_SUFFIX = ".po"

_MARKUP = re.compile(
    r"<([A-Za-z][\w:-]*)(?:\s[^<>]*)?>(.*?)</\1>|<(?:br|hr|img|nbsp)\b[^<>]*>|</?(?:p|li)>", re.DOTALL
)
_MAN_FONT = re.compile(r"\b(?:[BIFSC]|CB|CW)<([^<>]*)>|\\f[BIRP]")
_BRACKETED_SHORTCUT = re.compile(r"\s*\([&_~]\w\)")
_SHORTCUT = re.compile(r"[&_~](?=\w)")
_NO_SHORTCUT = re.compile(r"\w{3}_\w{3}|[A-Z\d][&_~][A-Z\d]|[a-z]&[A-Z]|\d_|_\d")
_PLACE = re.compile(r"%[-+#'0]*[\d.*]*[({<%a-zA-Z]|[{}<>\\|_@^`~]|\$\w|==|&\w|\w&")
_PARAGRAPHS = re.compile(r"\n[ \t]*\n")


def iter_catalogue(path: Path, drops: DropReport | None = None) -> Iterator[tuple[str, str, str]]:
    """Yield (English, other, language code of the other) of the finished messages of a catalogue.

    The language comes from the catalogue's header or, without one, its name (`de.po`, `app.de.po`). Unfinished,
    obsolete and unreadable messages are counted in `drops`, and so are catalogues of other languages.
    """
    drops = DropReport() if drops is None else drops
    try:
        catalogue = polib.pofile(str(path))
    except (OSError, ValueError, LookupError):
        drops["unreadable: not a catalogue"] += 1
        return
    lang = _language(catalogue.metadata.get("Language", ""), path)
    if lang is None:
        drops["unreadable: catalogue of another language"] += 1
        return
    for entry in catalogue:
        if entry.obsolete or entry.fuzzy or not entry.msgstr:
            drops["pair: unfinished"] += 1
            continue
        english, other = _plain(entry.msgid), _plain(entry.msgstr)
        if english is None or other is None:
            drops["pair: written for a program"] += 1
        else:
            yield english, other, lang


def _language(header: str, path: Path) -> str | None:
    named = re.split(r"[._-]", path.name.removesuffix(CATALOGUE_SUFFIX))
    for name in (header, *reversed(named)):
        code = re.split(r"[_@-]", name.strip())[0].lower()
        if code in LANG_CODES and code != "en":
            return LANG_CODES[code]
        if header:
            return None
    return None


def _plain(message: str) -> str | None:
    """Return a message as a reader sees it, None if it has placeholders or several paragraphs."""
    if _PARAGRAPHS.search(message.strip()):
        return None
    text = _BRACKETED_SHORTCUT.sub("", _MAN_FONT.sub(r"\1", message))
    while (inner := _MARKUP.sub(lambda match: match[2] or " ", text)) != text:
        text = inner
    text = html.unescape(text)
    if len(_SHORTCUT.findall(text)) == 1 and not _NO_SHORTCUT.search(text):
        text = _SHORTCUT.sub("", text)
    return None if _PLACE.search(text) else " ".join(text.split())
