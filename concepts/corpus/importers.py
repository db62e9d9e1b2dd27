"""Reads documents and pairs from files: the corpus format, and a user's Markdown, HTML or text.

Everything comes out raw (not normalised, not split again); clean.py makes sentences of it. A file
that cannot be read is counted with its reason and skipped; only a path that is missing is an error.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from concepts.corpus.drops import DropReport
from concepts.corpus.language import guess_language
from concepts.corpus.records import LANG_CODES, USER_SOURCE_PREFIX, Document, Section
from concepts.errors import InputError

_MAX_FILE_BYTES = 20_000_000
"""A hand-written document is never this long; a larger file is data."""


def iter_jsonl(path: Path, drops: DropReport | None = None) -> Iterator[Document]:
    """Yield the documents of a `.jsonl` or `.jsonl.gz` file of the corpus format, in its order.

    Lines that are no document are counted in `drops` as "unreadable: ...". Raises `InputError` when
    `path` is missing.
    """
    drops = DropReport() if drops is None else drops
    for line in _iter_lines(path, drops):
        try:
            yield document_of_json(json.loads(line))
        except json.JSONDecodeError:
            drops["unreadable: not JSON"] += 1
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            drops["unreadable: not a document"] += 1


def document_of_json(value: Any) -> Document:
    """Build a document of one parsed line; raises `ValueError` or `TypeError` when a field is wrong."""
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, got {type(value).__name__}")
    code = _text(value["lang"])
    lang = LANG_CODES.get(code, code)
    if lang not in LANG_CODES.values():
        raise ValueError(f"unknown language {lang!r}")
    sections = tuple(
        Section(
            _text(section.get("heading", "")),
            tuple(tuple(map(_text, _list(paragraph))) for paragraph in _list(section["paragraphs"])),
            int(section.get("level", 1)),
        )
        for section in _list(value["sections"])
    )
    page = value.get("page")
    source, title = _text(value.get("source", "unknown")), _text(value["title"])
    if page is None and source.startswith("Debian Translation") and ": " in title:
        # "0ad-data: Real-time strategy game": the package is the identity, many packages share a text.
        page, title = title.split(": ", 1)
    if page is not None and not isinstance(page, str):
        raise TypeError(f"expected a page name, got {type(page).__name__}")
    return Document(title, sections, lang, source, page)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a string, got {type(value).__name__}")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, got {type(value).__name__}")
    return value


def iter_pairs(path: Path, drops: DropReport | None = None) -> Iterator[tuple[str, str, str]]:
    """Yield (English, other, language code of the other) from a `pairs*.en-XX.tsv[.gz]` file.

    The language is read from the file's name. Lines without exactly two texts are counted. Raises
    `InputError` when `path` is missing or its name holds no known language.
    """
    drops = DropReport() if drops is None else drops
    other = path.name.removesuffix(".gz").removesuffix(".tsv").rpartition("en-")[2]
    if other not in LANG_CODES:
        raise InputError(f"{path.name}: expected a name such as pairs.en-de.tsv.gz (de, fr or es)")
    for line in _iter_lines(path, drops):
        fields = line.rstrip("\r\n").split("\t")
        if len(fields) == 2 and all(field.strip() for field in fields):
            yield fields[0], fields[1], LANG_CODES[other]
        else:
            drops["unreadable: not a pair"] += 1


def iter_path(path: Path, lang: str | None = None, drops: DropReport | None = None) -> Iterator[Document]:
    """Yield one document for each Markdown, HTML or text file at or under `path`, sorted by name.

    Hidden files and unknown suffixes are counted and skipped. `lang` is the language of all of
    them; None guesses it for each. Raises `InputError` when `path` is missing.
    """
    drops = DropReport() if drops is None else drops
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; give a folder or file of Markdown, HTML or text")
    root = path if path.is_dir() else path.parent
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    for file in files:
        relative = file.relative_to(root)
        if any(part.startswith(".") for part in relative.parts):
            drops["unreadable: hidden file"] += 1
            continue
        document = _read_document(file, relative.as_posix(), root.resolve().name, lang, drops)
        if document is not None:
            yield document


def _read_document(
    file: Path, page: str, folder: str, lang: str | None, drops: DropReport
) -> Document | None:
    from concepts.corpus.markup import Outline, read_html, read_markdown, read_text

    readers: dict[str, Callable[[str], Outline]] = {
        ".md": read_markdown,
        ".markdown": read_markdown,
        ".html": read_html,
        ".htm": read_html,
        ".xhtml": read_html,
        ".txt": read_text,
        ".text": read_text,
        "": read_text,
    }
    reader = readers.get(file.suffix.lower())
    if reader is None:
        drops["unreadable: unknown kind of file"] += 1
        return None
    try:
        if file.stat().st_size > _MAX_FILE_BYTES:
            drops["unreadable: too large"] += 1
            return None
        data = file.read_bytes()
    except OSError:
        drops["unreadable: no access"] += 1
        return None
    if b"\0" in data:
        drops["unreadable: binary"] += 1
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        drops["unreadable: not UTF-8"] += 1
        return None
    try:
        outline = reader(text)
    except (RecursionError, ValueError):
        drops["unreadable: broken markup"] += 1
        return None
    if not any(section.paragraphs for section in outline.sections):
        drops["unreadable: no text"] += 1
        return None
    title = outline.title or file.stem.replace("_", " ").replace("-", " ").strip() or file.name
    if lang is None:
        lang = guess_language(" ".join(s for section in outline.sections for s in section.sentences))
    return Document(title, outline.sections, lang, f"{USER_SOURCE_PREFIX}{folder}", page)


def _iter_lines(path: Path, drops: DropReport) -> Iterator[str]:
    if not path.is_file():
        raise InputError(f"{path}: no such file; give a file of the corpus format")
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8", errors="replace")
            if path.suffix == ".gz"
            else open(path, encoding="utf-8", errors="replace") as lines
        ):
            for line in lines:
                if line.strip():
                    yield line
    except (EOFError, zlib.error, gzip.BadGzipFile):
        drops["unreadable: damaged gzip"] += 1
    except OSError:
        drops["unreadable: no access"] += 1
