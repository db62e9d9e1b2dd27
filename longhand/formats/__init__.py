"""The formats of `longhand export`, by name; a format's module is imported at its first use."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from concepts.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from storage import ExportedDocument


@dataclass(frozen=True)
class Format:
    """How a document becomes a file."""

    name: str
    """Also the end of the file's name."""
    module: str
    function: str
    is_text: bool = True
    """Whether a terminal can show it."""

    def render(self, document: ExportedDocument) -> bytes:
        """Return the whole file."""
        function = getattr(importlib.import_module(self.module), self.function)
        content = cast("Callable[[ExportedDocument], str | bytes]", function)(document)
        return content.encode("utf-8") if isinstance(content, str) else content


FORMATS = {
    format.name: format
    for format in (
        Format("md", "longhand.formats.export", "to_markdown"),
        Format("json", "longhand.formats.export", "to_json"),
        Format("html", "longhand.formats.html", "to_html"),
        Format("docx", "longhand.formats.docx", "to_docx", is_text=False),
        Format("pdf", "longhand.formats.pdf", "to_pdf", is_text=False),
        Format("epub", "longhand.formats.epub", "to_epub", is_text=False),
    )
}


DEFAULT_FORMAT = FORMATS["md"]
SUFFIXES = {f".{name}": format for name, format in FORMATS.items()} | {
    ".markdown": FORMATS["md"],
    ".htm": FORMATS["html"],
}
"""Format by file suffix."""


def format_of(path: Path, default: Format | None = DEFAULT_FORMAT) -> Format:
    """Return the format for a file name.

    `default` is for a name without a suffix, and for a pipe or a device; None refuses these, too. Raises UsageError
    for an unknown suffix: another format under that name would mislead.
    """
    is_special = path.exists() and not path.is_file() and not path.is_dir()
    if default is not None and (is_special or not path.suffix):
        return default
    found = SUFFIXES.get(path.suffix.lower())
    if found is None:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise UsageError(
            f"{path} ends with {path.suffix!r}, which is no format of ours: name a file with one of {known}"
        )
    return found


def check_suffix(path: Path, known: Sequence[str], content: str) -> Path:
    """Return `path` if it has no suffix or one of `known`; raise UsageError otherwise.

    `content` describes the file for the message ("a summary is Markdown").
    """
    is_special = path.exists() and not path.is_file() and not path.is_dir()
    if path.suffix and not is_special and path.suffix.lower() not in known:
        raise UsageError(f"{path} ends with {path.suffix!r}, but {content}: name a file with {known[0]}")
    return path
