"""A document that somebody gives: headings and sentences by place in the outline, before any concept.

Knows files and languages; no vectors, no storage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from concepts.corpus.importers import name_of, read_blocks
from concepts.corpus.language import other_language
from concepts.corpus.markup import Block
from concepts.errors import InputError
from concepts.languages import detect_language
from concepts.segment import PUNKT_NAMES, normalize_text, split_sentences

MAX_SENTENCES = 5_000
"""Longest document that is taken; a longer one is a book, to be given in chapters."""
OVERVIEW = {"eng_Latn": "Overview", "deu_Latn": "Überblick", "fra_Latn": "Aperçu", "spa_Latn": "Introducción"}
"""Heading of text that stands before the first heading of its level, as in the planner's training."""


@dataclass(frozen=True)
class GivenSection:
    """One item of the outline with the text directly below its heading."""

    path: str
    heading: str
    """Empty where the text has none and sections are to be found in it."""
    sentences: tuple[str, ...]
    """Empty for an item that only holds others."""


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


def read_given(path: Path, langs: Sequence[str], lang: str | None = None) -> GivenDocument:
    """Read a Markdown, HTML, Word or text file for a space of the languages `langs`.

    `lang` None detects it among them. Raises InputError for a file that is missing, no text, too long, or
    clearly in a language that the space does not know.
    """
    if not path.exists():
        raise InputError(f"there is no file {path}: name a Markdown, HTML, Word or text file")
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file in it")
    blocks = read_blocks(path)
    text = " ".join(block.text for block in blocks)[:20_000]
    lang = lang or detect_language(text, langs, langs[0])
    if lang in OVERVIEW and (other := other_language(text, lang)) is not None and other not in langs:
        raise InputError(
            f"{path} reads as {other}, the space knows {', '.join(langs[:8])}: translate it, or name another --space"
        )
    document = arrange(blocks, lang, name_of(path))
    if not document.sentences:
        raise InputError(f"{path} holds no sentence with a word: give a document with text")
    if len(document.sentences) > MAX_SENTENCES:
        raise InputError(
            f"{path} has {len(document.sentences):,} sentences, at most {MAX_SENTENCES:,} are read: give it in parts"
        )
    return document


def arrange(blocks: Sequence[Block], lang: str, name: str) -> GivenDocument:
    """Return the document of a file's blocks; `name` is its title where it has none.

    A single heading above all others is the title. Text directly below a heading that also has headings
    below it becomes a section of its own, for only leaves of an outline are written.
    """
    title, blocks = _title(blocks, name)
    paths: list[int] = []
    levels: list[int] = []
    headings: dict[str, str] = {}
    texts: dict[str, list[str]] = {"": []}
    here = ""
    for block in blocks:
        if block.level is None:
            texts[here] += _sentences(block.text, lang)
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
    return GivenDocument(title, lang, _leaves(headings, texts, OVERVIEW.get(lang, OVERVIEW["eng_Latn"])))


def _depth(path: str) -> int:
    return path.count(".") + 1 if path else 0


def _title(blocks: Sequence[Block], name: str) -> tuple[str, Sequence[Block]]:
    levels = [block.level for block in blocks if block.level is not None]
    first = blocks[0] if blocks else None
    if first is None or first.level is None or any(level <= first.level for level in levels[1:]):
        return name, blocks
    return normalize_text(first.text) or name, blocks[1:]


def _sentences(text: str, lang: str) -> list[str]:
    found = split_sentences(normalize_text(text), lang if lang in PUNKT_NAMES else "eng_Latn")
    return [sentence for sentence in found if any(char.isalnum() for char in sentence)]


def _leaves(headings: dict[str, str], texts: dict[str, list[str]], overview: str) -> tuple[GivenSection, ...]:
    """Give text before a first sub-heading a place of its own, number anew, and drop what holds no text."""
    if not headings:
        return (GivenSection("1", "", tuple(texts[""])),)

    def below(parent: str, place: str) -> list[GivenSection]:
        children = [p for p in headings if p.rpartition(".")[0] == parent]
        found: list[GivenSection] = []

        def next_place() -> str:
            number = 1 + sum(_depth(section.path) == _depth(place) + 1 for section in found)
            return f"{place}.{number}" if place else str(number)

        if texts[parent] and (children or not parent):
            found.append(GivenSection(next_place(), overview, tuple(texts[parent])))
        for child in children:
            at = next_place()
            inner = below(child, at)
            own = tuple(texts[child]) if not inner else ()
            if inner or own:
                found += [GivenSection(at, headings[child] or overview, own), *inner]
        return found

    return tuple(below("", ""))
