"""A document that the user provides: headings and sentences by place in the outline, before any encoding.

Knows files and languages; no vectors, no storage.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from typing import Any, cast

from concepts.corpus.importers import MAX_FILE_BYTES, Unreadable, check_kind, name_of, read_bytes
from concepts.corpus.readers import Element, Metadata, Reading
from concepts.corpus.readers.elements import FEWEST_LINES
from concepts.corpus.records import Block, BlockKind
from concepts.counting import count_phrase
from concepts.errors import InputError
from concepts.languages.codes import language_name, suggest_languages
from concepts.languages.detection import check_readable, detect_language, foreign_language, possible_language
from concepts.segment import MAX_CHARS, PUNKT_NAMES, headline, normalize_text, split_sentences

STDIN = "-"
MAX_SENTENCES = 5_000
"""Longest accepted document; a longer one is a book, to be read in chapters."""
MAX_TEXT_CHARS = 2 * MAX_SENTENCES * MAX_CHARS
"""A longer text has more sentences than are read: it is refused before it is split, which takes longer than reading."""
MAX_ITEMS = 1_000
"""Most accepted headings."""
MAX_DEPTH = 5
"""Deepest heading level below the title, as in Markdown and HTML. Deeper headings become text."""
MAX_HEADING_CHARS = 120
"""Longest title that is made from a sentence."""
OVERVIEW = {
    "eng_Latn": "Overview",
    "deu_Latn": "Überblick",
    "fra_Latn": "Aperçu",
    "spa_Latn": "Introducción",
    "ita_Latn": "Introduzione",
    "por_Latn": "Introdução",
    "cat_Latn": "Introducció",
    "ron_Latn": "Introducere",
    "nld_Latn": "Inleiding",
    "swe_Latn": "Inledning",
    "dan_Latn": "Indledning",
    "nob_Latn": "Innledning",
    "fin_Latn": "Johdanto",
    "hun_Latn": "Bevezetés",
    "pol_Latn": "Wprowadzenie",
    "ces_Latn": "Úvod",
    "slk_Latn": "Úvod",
    "hrv_Latn": "Uvod",
    "slv_Latn": "Uvod",
    "tur_Latn": "Giriş",
    "ell_Grek": "Εισαγωγή",
    "rus_Cyrl": "Введение",
    "ukr_Cyrl": "Вступ",
    "bul_Cyrl": "Въведение",
    "arb_Arab": "مقدمة",
    "heb_Hebr": "מבוא",
    "jpn_Jpan": "はじめに",
    "kor_Hang": "개요",
    "zho_Hans": "概述",
    "zho_Hant": "概述",
    "vie_Latn": "Giới thiệu",
}
"""Heading for text before the first heading of its level, as in the planner's training."""
_HTML_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype html|\?xml|html|head|body)\b", re.IGNORECASE)
_FEWEST_CHARS_OF_A_BLOCK = 40
"""A block needs this length for its language to be detected."""
_ENDS = (".", "!", "?", ":", ";", ",", "\u2026", "\u3002")


@dataclass(frozen=True)
class GivenSection:
    """One item of the outline with the text directly below its heading."""

    path: str
    heading: str
    """Empty if the text has no headings and must be split into sections."""
    sentences: tuple[str, ...]
    """Empty for an item that only contains others (and, in notes, for a heading alone)."""
    form: tuple[tuple[BlockKind, int], ...] = ()
    """Kind and number of sentences of each block in order; empty means that all sentences are one paragraph."""

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The sentences in their paragraphs, list items, stanzas and notes."""
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
    author: str = ""
    """Empty if the file names none; likewise the date."""
    date: str = ""
    told: tuple[str, ...] = field(default=(), compare=False)
    """Messages about how the file was read, one line each; not stored."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """All sentences in order."""
        return tuple(sentence for section in self.sections for sentence in section.sentences)

    @property
    def has_headings(self) -> bool:
        """Whether the document has an outline of its own; else it is one nameless section."""
        return any(section.heading for section in self.sections)

    def to_json(self) -> dict[str, object]:
        """Return the document as JSON values."""
        sections = [[s.path, s.heading, list(s.sentences), list(s.form)] for s in self.sections]
        found: dict[str, object] = {"title": self.title, "lang": self.lang, "sections": sections}
        return found | {name: value for name in ("author", "date") if (value := getattr(self, name))}

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> GivenDocument:
        """Return the document of `to_json`'s values."""
        # Documents that were stored before blocks had kinds have no fourth value.
        sections = cast("list[list[Any]]", values["sections"])
        return cls(
            title=str(values["title"]),
            lang=str(values["lang"]),
            author=str(values.get("author", "")),
            date=str(values.get("date", "")),
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

    `lang` None detects it among `langs`. `as_notes` keeps headings without text; a file of headings alone keeps them
    too. `told` lists what was left out or reinterpreted. Raises InputError for a file that is missing, no text, too
    long, or clearly in a language that the space does not know.
    """
    name = "stdin" if str(path) == STDIN else str(path)
    reading = _read(path, name)
    num_chars = sum(len(element.text) for element in reading.elements)
    if num_chars > MAX_TEXT_CHARS:
        raise InputError(
            f"{name} has {num_chars:,} characters of text, at most {MAX_TEXT_CHARS:,} are read: give it in parts"
        )
    text = " ".join(element.text for element in reading.elements)[:20_000]
    told = [f"{name}: {remark}" for remark in reading.remarks]
    if lang is None:
        check_readable(text, langs, name)
        meant = suggest_languages(reading.metadata.lang, langs)[:1] if reading.metadata.lang else []
        lang = detect_language(text, langs, meant[0] if meant else langs[0])
        if (other := possible_language(text, langs)) is not None:
            told.append(
                f"{name}: read as {language_name(lang)}, though it may be {other}, which the space does not know"
            )
        told += _mixed(reading.elements, langs, lang, name)
    is_bare = all(element.level is not None for element in reading.elements)
    left_out = Counter(reading.left_out)
    document = arrange(
        reading.elements,
        lang,
        "" if name == "stdin" else name_of(path),
        as_notes=as_notes or is_bare,
        metadata=reading.metadata,
        left_out=left_out,
    )
    if not document.sentences and not document.has_headings:
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
    if num_deep := left_out.pop(_DEEP, 0):
        told.append(f"taken as text: {count_phrase({f'heading below level {MAX_DEPTH}': num_deep})}")
    if phrase := count_phrase(left_out):
        told.append(f"left out: {phrase}")
    return replace(document, told=tuple(told))


_DEEP = "deep heading"


def _read(path: Path, name: str) -> Reading:
    if name == "stdin":
        data = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        suffix = ".docx" if data.startswith(b"PK\x03\x04") else ".html" if _HTML_START.match(data) else ""
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
    if not data.strip():
        raise InputError(f"{name} is empty: give a document with text")
    return read_bytes(data, suffix, name, allow_bare=True)


def _mixed(elements: Sequence[Element], langs: Sequence[str], lang: str, name: str) -> list[str]:
    """Return a message on the blocks of a document that are in other languages than its own."""
    counts: Counter[str] = Counter()
    foreign: Counter[str] = Counter()
    for element in elements:
        if element.level is not None or (
            len(element.text) < _FEWEST_CHARS_OF_A_BLOCK
            and all(char.isascii() or not char.isalpha() for char in element.text)
        ):
            continue
        other = foreign_language(element.text, langs)
        if other is not None:
            foreign[other] += 1
        elif len(element.text) >= _FEWEST_CHARS_OF_A_BLOCK:
            counts[detect_language(element.text, langs, lang)] += 1
    counts.pop(lang, None)
    if not counts and not foreign:
        return []
    others = {f"paragraph in {language_name(code)}": num for code, num in counts.items()}
    others |= {f"paragraph in {other}, which the space does not know": num for other, num in foreign.items()}
    return [f"{name}: taken as {language_name(lang)}, with {count_phrase(others)}, kept as they are"]


def arrange(
    elements: Sequence[Element],
    lang: str,
    name: str,
    *,
    as_notes: bool = False,
    metadata: Metadata | None = None,
    left_out: Counter[str] | None = None,
) -> GivenDocument:
    """Return the document of a file's elements; `name` is its title where it and `metadata` have none, else its first
    sentence.

    A single heading above all others is the title. Text directly below a heading that also has
    subheadings becomes a section of its own, since only leaves of an outline have text. `as_notes` keeps
    headings without text; else they are counted in `left_out`.
    """
    metadata = metadata or Metadata()
    left_out = Counter() if left_out is None else left_out
    title, elements = _title(elements, metadata, as_notes=as_notes)
    paths: list[int] = []
    levels: list[int] = []
    headings: dict[str, str] = {}
    texts: dict[str, list[Block]] = {"": []}
    here = ""
    for element in elements:
        level = element.level
        if level is None:
            _add(texts[here], element, lang)
            continue
        if not any(char.isalnum() for char in element.text):
            left_out["heading without a word"] += 1
            continue
        while levels and levels[-1] >= level:
            levels.pop()
            last = paths.pop()
        depth = len(levels)
        if depth >= MAX_DEPTH:
            left_out[_DEEP] += 1
            _add(texts[here], Element(element.text, None), lang)
            continue
        number = last + 1 if depth + 1 <= _depth(here) else 1
        here = ".".join(map(str, [*paths, number]))
        levels.append(level)
        paths.append(number)
        headings[here], texts[here] = normalize_text(element.text), []
    overview = OVERVIEW.get(lang, OVERVIEW["eng_Latn"])
    sections = _leaves(headings, texts, overview, as_notes=as_notes, left_out=left_out)
    document = GivenDocument(title, lang, sections, author=metadata.author, date=metadata.date)
    for candidate in (title, metadata.title, name, *document.sentences[:1], *headings.values()):
        if any(char.isalnum() for char in candidate):
            return replace(document, title=headline(normalize_text(candidate), MAX_HEADING_CHARS))
    return document


def _add(blocks: list[Block], element: Element, lang: str) -> None:
    lines = [line for line in map(normalize_text, element.lines) if any(char.isalnum() for char in line)]
    if not lines:
        return
    if element.kind == "verse" and len(lines) >= FEWEST_LINES:
        blocks.append(Block(tuple(lines), "verse"))
        return
    text = " ".join(lines)
    if element.kind == "verse":
        element = replace(element, kind="paragraph")
    if not (element.continues and blocks and blocks[-1].kind == element.kind):
        blocks.append(Block(tuple(split_text(text, lang)), element.kind))
        return
    before = " ".join(blocks[-1].sentences)
    # A block is exported as one line: reading that line again must give the same sentences.
    joined = f"{before} {text}" if before.endswith(_ENDS) else f"{before}: {text}"
    blocks[-1] = replace(blocks[-1], sentences=tuple(split_text(joined, lang)))


def _section(path: str, heading: str, blocks: Sequence[Block]) -> GivenSection:
    sentences = tuple(sentence for block in blocks for sentence in block.sentences)
    return GivenSection(path, heading, sentences, tuple((b.kind, len(b.sentences)) for b in blocks))


def _depth(path: str) -> int:
    return path.count(".") + 1 if path else 0


def _title(
    elements: Sequence[Element], metadata: Metadata, *, as_notes: bool
) -> tuple[str, Sequence[Element]]:
    """Return the title, "" where no heading is one, and the elements without it."""
    levels = [element.level for element in elements if element.level is not None]
    at = next((place for place, element in enumerate(elements) if element.level is not None), None)
    if at is None:
        return "", elements
    first = elements[at]
    assert first.level is not None
    if at > 0 and len(levels) == 1:
        return "", elements  # text, then a section
    if as_notes and len(elements) == 1:
        return "", elements
    if first.level > 1 and metadata.title and metadata.is_title_sure:
        return "", elements
    is_above = all(level > first.level for level in levels[1:])
    is_named = at == 0 and first.level == 1 and _begins_with(metadata.title, normalize_text(first.text))
    if is_above or is_named or (at == 0 and not as_notes and _is_title_by_place(elements, levels)):
        return normalize_text(first.text), [*elements[:at], *elements[at + 1 :]]
    return "", elements


def _begins_with(title: str, heading: str) -> bool:
    """Whether a page's title is its first heading, with the site's name behind it ("My door | The Blog")."""
    rest = title.casefold().removeprefix(heading.casefold()) if heading else title
    return len(rest) < len(title) and not rest[:1].isalnum()


def _is_title_by_place(elements: Sequence[Element], levels: Sequence[int]) -> bool:
    """Whether a first heading is the title although others have its level or a higher one.

    It is if no text stands between it and the next heading of its level, as in Google Docs; or if it is a small heading
    above larger ones, like project names in README files, and no heading has level 1.
    """
    first, *others = levels
    if elements[1].level == first:
        return all(level >= first for level in others)
    return min(others) > 1 and first > min(others)


def split_text(text: str, lang: str) -> list[str]:
    """Return the sentences of a normalised text; signs without a word are joined to the sentence before them."""
    found: list[str] = []
    for sentence in split_sentences(text, lang if lang in PUNKT_NAMES else "eng_Latn"):
        if found and not any(char.isalnum() for char in sentence):
            found[-1] = f"{found[-1]} {sentence}"
        else:
            found.append(sentence)
    if len(found) > 1 and not any(char.isalnum() for char in found[0]):
        found[:2] = [f"{found[0]} {found[1]}"]
    return found


def _leaves(
    headings: dict[str, str],
    texts: dict[str, list[Block]],
    overview: str,
    *,
    as_notes: bool,
    left_out: Counter[str],
) -> tuple[GivenSection, ...]:
    """Give text before a first subheading a section of its own, renumber, and drop items without text."""
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
            else:
                left_out["heading without text"] += 1
        return found

    return tuple(below("", ""))
