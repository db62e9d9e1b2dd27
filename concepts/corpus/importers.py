"""Reads documents and pairs from files: the corpus format, and a user's Markdown, HTML, Word or text.

Results are raw (not normalised, not split again); clean.py makes sentences of them. An unreadable file is
counted with its reason and skipped; only a missing path is an error.
"""

from __future__ import annotations

import gzip
import json
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from concepts.corpus.drops import DropReport
from concepts.corpus.language import guess_language
from concepts.corpus.readers import (
    READABLE_SUFFIXES,
    EncodingError,
    KindError,
    NestingError,
    Reading,
    TooLargeError,
    read_data,
)
from concepts.corpus.readers.elements import to_outline
from concepts.corpus.records import (
    BLOCK_KINDS,
    LANG_CODES,
    USER_SOURCE_PREFIX,
    Block,
    BlockKind,
    Document,
    Section,
)
from concepts.counting import count_phrase
from concepts.errors import InputError

MAX_FILE_BYTES = 20_000_000
"""Larger files are data: no hand-written document is this long."""


def iter_jsonl(path: Path, drops: DropReport | None = None) -> Iterator[Document]:
    """Yield the documents of a `.jsonl`, `.jsonl.gz` or `.jsonl.xz` file of the corpus format, in its order.

    Lines that are no document are counted in `drops` as "unreadable: ...". Raises `InputError` if
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
    """Build a document from one parsed line; raises `ValueError` or `TypeError` if a field is wrong."""
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, got {type(value).__name__}")
    code = _text(value["lang"])
    lang = LANG_CODES.get(code, code)
    if lang not in LANG_CODES.values():
        raise ValueError(f"unknown language {lang!r}")
    sections = tuple(
        Section(_text(section.get("heading", "")), _blocks(section), int(section.get("level", 1)))
        for section in _list(value["sections"])
    )
    page = value.get("page")
    source, title = _writable(_text(value.get("source", "unknown"))), _text(value["title"])
    if page is None and source.startswith("Debian Translation") and ": " in title:
        # "0ad-data: Real-time strategy game": the package is the identity, many packages share a text.
        page, title = title.split(": ", 1)
    if page is not None and not isinstance(page, str):
        raise TypeError(f"expected a page name, got {type(page).__name__}")
    page = None if page is None else _writable(page)
    prompt = value.get("prompt")
    return Document(title, sections, lang, source, page, None if prompt is None else _text(prompt))


def document_row(document: Document) -> dict[str, object]:
    """Return `document` as a JSON object; the inverse of `document_of_json`."""
    return {
        "title": document.title,
        "lang": document.lang,
        "source": document.source,
        "page": document.page,
        "prompt": document.prompt,
        "sections": [
            {
                "heading": section.heading,
                "level": section.level,
                "paragraphs": section.paragraphs,
                "kinds": [block.kind for block in section.blocks],
            }
            for section in document.sections
        ],
    }


def _blocks(section: Any) -> tuple[Block, ...]:
    """Read a section's blocks: "paragraphs" are lists of sentences, "kinds" are the kinds of these blocks."""
    paragraphs = _list(section["paragraphs"])
    kinds = section.get("kinds")
    kinds = ["paragraph"] * len(paragraphs) if kinds is None else _list(kinds)
    if len(kinds) != len(paragraphs):
        raise ValueError(f"{len(paragraphs)} paragraphs, {len(kinds)} kinds")
    return tuple(
        Block(tuple(map(_text, _list(paragraph))), _block_kind(kind))
        for paragraph, kind in zip(paragraphs, kinds, strict=True)
    )


def _block_kind(value: object) -> BlockKind:
    for kind in BLOCK_KINDS:
        if value == kind:
            return kind
    raise ValueError(f"unknown kind of block {value!r}")


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
    """Yield one document for each Markdown, HTML, Word or text file at or under `path`, sorted by name.

    Hidden files and unknown suffixes are counted and skipped. `lang` is the language of all files;
    None guesses it for each. Raises `InputError` if `path` is missing.
    """
    drops = DropReport() if drops is None else drops
    if not path.exists():
        raise InputError(
            f"{path}: no such file or folder; give a folder or file of Markdown, HTML, Word or text"
        )
    root = path if path.is_dir() else path.parent
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    for file in files:
        relative = file.relative_to(root)
        if any(part.startswith(".") for part in relative.parts):
            drops["unreadable: hidden file"] += 1
            continue
        if file.suffix == ".po" and path.is_dir():
            continue  # a catalogue in a folder is read as pairs, see training.corpus.build
        document = _read_document(file, relative.as_posix(), root.resolve().name, lang, drops)
        if document is not None:
            yield document


class Unreadable(InputError):
    """A user's file that is no document; `reason` is one of a few fixed reasons, for counting."""

    def __init__(self, path: Path | str, reason: str, detail: str = "") -> None:
        super().__init__(f"{path} cannot be read: {detail or _REASONS[reason]}")
        self.reason = reason


_REASONS = {
    "unknown kind of file": "expected .md, .html, .docx or .txt; save it as one of these",
    "too large": f"it is larger than {MAX_FILE_BYTES // 1_000_000} MB; that is data, not a document",
    "no access": "no permission, or it is no file; check it with ls -l",
    "binary": "it is binary data, not text; save it as text",
    "not UTF-8": "it is not UTF-8 text; save it in that encoding",
    "broken markup": "its markup is broken; open it in its program and save it again",
    "no text": "it holds no text; give a document with sentences",
}


def read_file(path: Path) -> Reading:
    """Read one Markdown, HTML, Word or text file; raises Unreadable."""
    suffix = check_kind(path)
    try:
        with open(path, "rb") as file:
            # One byte more than allowed tells a large file without reading it.
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError:
        raise Unreadable(path, "no access") from None
    return read_bytes(data, suffix, path)


def check_kind(path: Path) -> str:
    """Return a readable file's suffix in lower case; raises Unreadable for other kinds of file."""
    suffix = path.suffix.lower()
    if suffix not in READABLE_SUFFIXES:
        raise Unreadable(path, "unknown kind of file")
    return suffix


def read_bytes(data: bytes, suffix: str, name: Path | str, *, allow_bare: bool = False) -> Reading:
    """Read a file's bytes; `suffix` is a result of `check_kind`.

    `name` is used in messages; `allow_bare` accepts headings without any text. Raises Unreadable; its message lists
    what was left out if the file holds nothing else.
    """
    if len(data) > MAX_FILE_BYTES:
        raise Unreadable(name, "too large")
    try:
        reading = read_data(data, suffix)
    except EncodingError as error:
        raise Unreadable(name, "binary" if error.is_binary else "not UTF-8", str(error)) from None
    except KindError as error:
        raise Unreadable(name, "unknown kind of file", str(error)) from None
    except TooLargeError as error:
        raise Unreadable(name, "too large", str(error)) from None
    except NestingError as error:
        raise Unreadable(name, "nested too deep", str(error)) from None
    except (RecursionError, ValueError):
        raise Unreadable(name, "broken markup") from None
    if not reading.elements or (not allow_bare and all(e.level is not None for e in reading.elements)):
        left_out = f" (left out: {count_phrase(reading.left_out)})" if reading.left_out else ""
        raise Unreadable(name, "no text", f"it holds no text{left_out}; give a document with sentences")
    return reading


def name_of(path: Path) -> str:
    """Return a title for a document without one: the file's name in words."""
    return _writable(path.stem.replace("_", " ").replace("-", " ").strip() or path.name)


def _writable(name: str) -> str:
    """Return a name with a question mark for each byte that is not UTF-8, so that it can be stored and hashed."""
    return name.encode("utf-8", "replace").decode()


def _read_document(
    file: Path, page: str, folder: str, lang: str | None, drops: DropReport
) -> Document | None:
    try:
        reading = read_file(file)
    except Unreadable as error:
        drops[f"unreadable: {error.reason}"] += 1
        return None
    for name, num in reading.left_out.items():
        drops[f"left out: {name}"] += num
    outline = to_outline(reading.elements)
    if lang is None:
        lang = guess_language(" ".join(s for section in outline.sections for s in section.sentences))
    source = _writable(f"{USER_SOURCE_PREFIX}{folder}")
    title = outline.title or reading.metadata.title or name_of(file)
    return Document(title, outline.sections, lang, source, _writable(page))


def _iter_lines(path: Path, drops: DropReport) -> Iterator[str]:
    if not path.is_file():
        raise InputError(f"{path}: no such file; give a file of the corpus format")
    openers: dict[str, Callable[..., IO[str]]] = {".gz": gzip.open, ".xz": lzma.open}
    try:
        with openers.get(path.suffix, open)(path, mode="rt", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.strip():
                    yield line
    except (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError):
        drops[f"unreadable: damaged {'xz' if path.suffix == '.xz' else 'gzip'}"] += 1
    except OSError:
        drops["unreadable: no access"] += 1
