"""A document that somebody gives: headings and sentences by place in the outline, before any concept.

Knows files and languages; no vectors, no storage.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any, cast

from concepts.corpus.elements import Element
from concepts.corpus.importers import MAX_FILE_BYTES, Unreadable, check_kind, name_of, parse_blocks
from concepts.corpus.records import Block, BlockKind
from concepts.errors import InputError
from concepts.languages import detect_language, foreign_language
from concepts.segment import PUNKT_NAMES, headline, normalize_text, split_sentences

STDIN = "-"
MAX_SENTENCES = 5_000
"""Longest document that is taken; a longer one is a book, to be given in chapters."""
MAX_ITEMS = 1_000
"""Most headings that are taken."""
MAX_DEPTH = 6
"""Deepest heading that is taken: as deep as Markdown and HTML have them."""
MAX_HEADING_CHARS = 120
"""Where a title is cut that was made of a sentence."""
OVERVIEW = {"eng_Latn": "Overview", "deu_Latn": "Überblick", "fra_Latn": "Aperçu", "spa_Latn": "Introducción"}
"""Heading of text that stands before the first heading of its level, as in the planner's training."""
_MARKED_LINE = re.compile(rb"^[ \t]{0,3}(?:#{1,6}|[-*+]|\d{1,3}[.)])[ \t]+\S", re.MULTILINE)


@dataclass(frozen=True)
class GivenSection:
    """One item of the outline with the text directly below its heading."""

    path: str
    heading: str
    """Empty where the text has none and sections are to be found in it."""
    sentences: tuple[str, ...]
    """Empty for an item that only holds others (and, in notes, for a heading alone)."""
    form: tuple[tuple[BlockKind, int], ...] = ()
    """Kind and number of sentences of each block in order; empty means that all sentences are one paragraph."""

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The sentences in their paragraphs, list items and notes."""
        if not self.form:
            return (Block(self.sentences),) if self.sentences else ()
        ends = list(accumulate(count for _, count in self.form))
        starts = [0, *ends[:-1]]
        return tuple(
            Block(self.sentences[start:end], kind)
            for (kind, _), start, end in zip(self.form, starts, ends, strict=True)
        )


@dataclass(frozen=True)
class GivenDocument:
    """A document in one language, its sections in reading order."""

    title: str
    lang: str
    sections: tuple[GivenSection, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """All sentences in order."""
        return tuple(sentence for section in self.sections for sentence in section.sentences)

    @property
    def has_headings(self) -> bool:
        """Whether the outline is the document's own; else there is one nameless section."""
        return any(section.heading for section in self.sections)

    def to_json(self) -> dict[str, object]:
        """Return plain values that JSON holds."""
        sections = [[s.path, s.heading, list(s.sentences), list(s.form)] for s in self.sections]
        return {"title": self.title, "lang": self.lang, "sections": sections}

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> GivenDocument:
        """Return what `to_json` was given."""
        # Documents that were stored before blocks had kinds have no fourth value.
        sections = cast("list[list[Any]]", values["sections"])
        return cls(
            title=str(values["title"]),
            lang=str(values["lang"]),
            sections=tuple(
                GivenSection(
                    path, heading, tuple(texts), tuple((kind, count) for form in rest for kind, count in form)
                )
                for path, heading, texts, *rest in sections
            ),
        )


def read_given(
    path: Path, langs: Sequence[str], lang: str | None = None, *, as_notes: bool = False
) -> GivenDocument:
    """Read a Markdown, HTML, Word or text file (`-`: stdin) for a space of the languages `langs`.

    `lang` None detects it among them. `as_notes` keeps headings without text. Raises InputError for a file
    that is missing, no text, too long, nested too deep, or clearly in a language that the space does not know.
    """
    name = "stdin" if str(path) == STDIN else str(path)
    blocks = _read(path, name, allow_bare=as_notes)
    text = " ".join(block.text for block in blocks)[:20_000]
    if lang is None:
        foreign = foreign_language(text, langs)
        if foreign is not None:
            raise InputError(
                f"{name} reads as {foreign}, the space knows {', '.join(langs[:8])}: translate it, name another "
                "--space, or say its language with --prompt-lang"
            )
        lang = detect_language(text, langs, langs[0])
    document = arrange(blocks, lang, "" if name == "stdin" else name_of(path), as_notes=as_notes)
    if not document.sentences and not (as_notes and document.has_headings):
        raise InputError(f"{name} holds no sentence with a word: give a document with text")
    if len(document.sentences) > MAX_SENTENCES:
        raise InputError(
            f"{name} has {len(document.sentences):,} sentences, at most {MAX_SENTENCES:,} are read: "
            "give it in parts"
        )
    if len(document.sections) > MAX_ITEMS:
        raise InputError(
            f"{name} has {len(document.sections):,} headings, at most {MAX_ITEMS:,} are read: give it in parts"
        )
    for section in document.sections:
        if _depth(section.path) > MAX_DEPTH:
            raise InputError(
                f"{name}: the heading {headline(section.heading, 60)!r} is nested too deep (level "
                f"{_depth(section.path)}): at most {MAX_DEPTH} levels are read"
            )
    return document


def _read(path: Path, name: str, *, allow_bare: bool) -> list[Element]:
    if name == "stdin":
        data = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        suffix = ".docx" if data.startswith(b"PK\x03\x04") else ""
        if re.match(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|body)\b", data, re.IGNORECASE):
            suffix = ".html"
    else:
        if not path.exists():
            raise InputError(f"there is no file {name}: name a Markdown, HTML, Word or text file")
        if path.is_dir():
            raise InputError(f"{name} is a folder: name a file in it")
        suffix = check_kind(path)
        try:
            with open(path, "rb") as file:
                # One byte more than allowed tells a large file without reading it.
                data = file.read(MAX_FILE_BYTES + 1)
        except OSError:
            raise Unreadable(name, "no access") from None
    if suffix in ("", ".txt", ".text") and _MARKED_LINE.search(data):
        suffix = ".md"  # lines that begin with a bullet, a number or # mean what they mean there
    if not data.strip():
        raise InputError(f"{name} is empty: give a document with text")
    return parse_blocks(data, suffix, name, allow_bare=allow_bare)


def arrange(blocks: Sequence[Element], lang: str, name: str, *, as_notes: bool = False) -> GivenDocument:
    """Return the document of a file's blocks; `name` is its title where it has none, else its first sentence.

    A single heading above all others is the title. Text directly below a heading that also has headings
    below it becomes a section of its own, for only leaves of an outline are written. `as_notes` keeps
    headings without text.
    """
    title, blocks = _title(blocks, as_notes=as_notes)
    paths: list[int] = []
    levels: list[int] = []
    headings: dict[str, str] = {}
    texts: dict[str, list[Block]] = {"": []}
    here = ""
    for block in blocks:
        if block.level is None:
            _add(texts[here], block, _sentences(block.text, lang))
            continue
        while levels and levels[-1] >= block.level:
            levels.pop()
            last = paths.pop()
        depth = len(levels)
        number = last + 1 if depth + 1 <= _depth(here) else 1
        here = ".".join(map(str, [*paths, number]))
        levels.append(block.level)
        paths.append(number)
        headings[here], texts[here] = normalize_text(block.text), []
    overview = OVERVIEW.get(lang, OVERVIEW["eng_Latn"])
    document = GivenDocument(title, lang, _leaves(headings, texts, overview, as_notes=as_notes))
    for candidate in (title, name, *document.sentences[:1], *headings.values()):
        if any(char.isalnum() for char in candidate):
            return GivenDocument(headline(candidate, MAX_HEADING_CHARS), lang, document.sections)
    return document


def _add(blocks: list[Block], element: Element, sentences: list[str]) -> None:
    if sentences and element.continues and blocks and blocks[-1].kind == element.kind:
        blocks[-1] = replace(blocks[-1], sentences=(*blocks[-1].sentences, *sentences))
    elif sentences:
        blocks.append(Block(tuple(sentences), element.kind))


def _section(path: str, heading: str, blocks: Sequence[Block]) -> GivenSection:
    sentences = tuple(sentence for block in blocks for sentence in block.sentences)
    return GivenSection(path, heading, sentences, tuple((b.kind, len(b.sentences)) for b in blocks))


def _depth(path: str) -> int:
    return path.count(".") + 1 if path else 0


def _title(blocks: Sequence[Element], *, as_notes: bool) -> tuple[str, Sequence[Element]]:
    levels = [block.level for block in blocks if block.level is not None]
    first = blocks[0] if blocks else None
    if first is None or first.level is None or any(level <= first.level for level in levels[1:]):
        return "", blocks
    if as_notes and len(blocks) == 1:
        return "", blocks
    return normalize_text(first.text), blocks[1:]


def _sentences(text: str, lang: str) -> list[str]:
    found = split_sentences(normalize_text(text), lang if lang in PUNKT_NAMES else "eng_Latn")
    return [sentence for sentence in found if any(char.isalnum() for char in sentence)]


def _leaves(
    headings: dict[str, str], texts: dict[str, list[Block]], overview: str, *, as_notes: bool
) -> tuple[GivenSection, ...]:
    """Give text before a first sub-heading a place of its own, number anew, and drop what holds no text."""
    if not headings:
        return (_section("1", "", texts[""]),)
    children: dict[str, list[str]] = {}
    for path in headings:
        children.setdefault(path.rpartition(".")[0], []).append(path)

    def below(parent: str, place: str) -> list[GivenSection]:
        found: list[GivenSection] = []
        num_placed = 0

        def next_place() -> str:
            return f"{place}.{num_placed + 1}" if place else str(num_placed + 1)

        if texts[parent] and (parent in children or not parent):
            found.append(_section(next_place(), overview, texts[parent]))
            num_placed += 1
        for child in children.get(parent, ()):
            at = next_place()
            inner = below(child, at)
            own = texts[child] if not inner else []
            if inner or own or as_notes:
                found += [_section(at, headings[child] or overview, own), *inner]
                num_placed += 1
        return found

    return tuple(below("", ""))
