"""The result of a reader: a file's elements, its metadata, and counts of what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from concepts.corpus.readers.elements import Element


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """Metadata of a file: front matter, HTML's head, Word's properties."""

    title: str = ""
    """Empty if there is none."""
    is_title_sure: bool = False
    """Whether the title was written for readers of the text (front matter), not for a browser's tab."""
    author: str = ""
    lang: str = ""
    """A language tag as it was written: "en", "de-AT", "German"."""
    date: str = ""
    num_unused: int = 0
    """Number of other values in the metadata."""
    problem: str = ""
    """One line on unreadable metadata; empty if all could be read."""


DEEPEST_XML = 256
"""Deepest nesting of XML elements that libxml2 reads."""


class NestingError(ValueError):
    """Tags, lists or values are nested too deeply to parse."""


class TooLargeError(ValueError):
    """A packed file holds more text than is read; the message says how much."""


def is_too_deep(error: SyntaxError) -> bool:
    """Whether lxml refuses XML because its elements are nested deeper than `DEEPEST_XML`."""
    return "Excessive depth" in str(error)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A file that was read."""

    elements: tuple[Element, ...]
    metadata: Metadata = Metadata()
    left_out: Mapping[str, int] = field(default_factory=Counter)
    """Counts of what was left out, by its name in the singular ("table", "heading without text")."""
    remarks: tuple[str, ...] = ()
    """One line each about how the file was read ("read as windows-1252")."""
