"""The formats of `longhand export`, by name; each module is imported when its format is asked for."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

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
        Format("md", "longhand.export", "to_markdown"),
        Format("json", "longhand.export", "to_json"),
        Format("html", "longhand.formats.html", "to_html"),
        Format("docx", "longhand.formats.docx", "to_docx", is_text=False),
        Format("epub", "longhand.formats.epub", "to_epub", is_text=False),
    )
}


def format_of(path: Path) -> Format | None:
    """Return the format that a file's name asks for, or None."""
    return FORMATS.get(path.suffix.lower().removeprefix("."))
