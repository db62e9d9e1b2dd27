"""A document as plain frozen values, and as a Markdown file with one sentence a line.

A file's first line is an HTML comment with the prompt, the seed and the planned lengths, by which a resumed evaluation
recognizes its own files. Files without the comment are read as well; `concepts.segment` splits their sentences.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from concepts.corpus.readers.verse import without_break
from concepts.corpus.records import Block, BlockKind
from concepts.errors import InputError
from longhand.asking.files import write_atomic
from longhand.formats.export import escape_line

if TYPE_CHECKING:
    from concepts.corpus import Document

MARKS: dict[BlockKind, str] = {"paragraph": "", "step": "1. ", "bullet": "- ", "verse": "", "note": "> "}
"""Mark at the start of a block's first line; the other lines are indented by its width."""
DEEPEST_LEVEL = 5

_HEADING = re.compile(r"(#{1,6})(?:\s+(.*))?$")
_MARK = re.compile(r"(?:(?P<step>\d{1,9}[.)])|(?P<bullet>[-*+])|(?P<note>>))\s+")
_MARKED_KINDS: tuple[BlockKind, ...] = ("step", "bullet", "note")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_COMMENT = re.compile(r"<!--(.*?)-->\s*", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class SectionText:
    """A heading ("" before the first one) and its text, without subsections."""

    heading: str
    blocks: tuple[Block, ...]
    level: int = 1
    """1 for a section of the document, 2 for a section of a section."""
    num_planned: int | None = None
    """Planned sentences; None: there is no plan."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """All sentences in order."""
        return tuple(sentence for block in self.blocks for sentence in block.sentences)


@dataclass(frozen=True, kw_only=True)
class DocumentText:
    """A title and its sections in reading order; subsections follow the section they belong to."""

    title: str
    sections: tuple[SectionText, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """All sentences in order, without title and headings."""
        return tuple(sentence for section in self.sections for sentence in section.sentences)

    @property
    def words(self) -> str:
        """Title, headings and sentences as one text."""
        parts = [self.title]
        for section in self.sections:
            parts += [section.heading, *section.sentences]
        return " ".join(part for part in parts if part)


def text_of_corpus(document: Document) -> DocumentText:
    """Return a document of the corpus."""
    return DocumentText(
        title=document.title,
        sections=tuple(
            SectionText(
                heading=section.heading,
                blocks=section.blocks,
                level=section.level,
            )
            for section in document.sections
        ),
    )


def write_text(path: Path, document: DocumentText, *, prompt: str, seed: int) -> None:
    """Write a document to a file, completely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    note = {"prompt": prompt, "seed": seed, "planned": [s.num_planned for s in document.sections]}
    # Two hyphens would end the comment.
    comment = json.dumps(note, ensure_ascii=False).replace("--", "\\u002d\\u002d")
    write_atomic(path, f"<!-- {comment} -->\n\n" + to_markdown(document))


def to_markdown(document: DocumentText) -> str:
    """Return a document as Markdown, one sentence a line."""
    parts = [f"# {_line(document.title)}".rstrip()]
    for number, section in enumerate(document.sections):
        if section.heading or number:
            marks = "#" * (min(section.level, DEEPEST_LEVEL) + 1)
            parts.append(f"{marks} {_line(section.heading)}".rstrip())
        for block in section.blocks:
            lines = [_line(sentence) for sentence in block.sentences]
            lines = [line for line in lines if line]
            if lines and block.kind == "verse":
                parts.append("  \n".join(lines))
            elif lines:
                mark = MARKS[block.kind]
                other = mark if block.kind == "note" else " " * len(mark)
                parts.append("\n".join((mark if n == 0 else other) + line for n, line in enumerate(lines)))
    return "\n\n".join(parts) + "\n"


def read_text(path: Path, *, prompt: str | None = None, seed: int | None = None) -> DocumentText | None:
    """Return the document in a file; None if there is none, or it was written for another prompt or seed.

    `prompt` and `seed` None: accept any. Raises InputError if the file cannot be read.
    """
    if not path.exists():
        return None
    text = _content(path)
    note = _note_of(text)
    if prompt is not None and note.get("prompt", prompt) != prompt:
        return None
    if seed is not None and note.get("seed", seed) != seed:
        return None
    planned = note.get("planned")
    return parse_markdown(
        _COMMENT.sub("", text),
        planned=planned if isinstance(planned, list) else (),
        splits="prompt" not in note,
    )


def read_note(path: Path) -> dict[str, object]:
    """Return the values in a file's first comment (`prompt`, `seed`, `planned`); {} if it has none."""
    return _note_of(_content(path))


def parse_markdown(text: str, *, planned: Sequence[int | None] = (), splits: bool = True) -> DocumentText:
    """Return a document; `planned`: lengths of its sections; `splits`: whether a line may hold several sentences."""
    title = ""
    heads: list[tuple[str, int]] = [("", 1)]
    bodies: list[list[Block]] = [[]]
    for chunk in _chunks(text):
        head = _HEADING.match(chunk[0])
        if head is None:
            bodies[-1] += _blocks(chunk, splits=splits)
        elif len(head[1]) == 1 and not title:
            title = _plain(head[2] or "")
        else:
            heads.append((_plain(head[2] or ""), max(1, len(head[1]) - 1)))
            bodies.append([])
    if not bodies[0]:
        heads, bodies = heads[1:], bodies[1:]
    lengths = [*planned, *[None] * len(heads)]
    return DocumentText(
        title=title,
        sections=tuple(
            SectionText(heading=heading, level=level, blocks=tuple(body), num_planned=lengths[n])
            for n, ((heading, level), body) in enumerate(zip(heads, bodies, strict=True))
        ),
    )


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read ({type(error).__name__}): remove it, or name another folder"
        ) from None


def _note_of(text: str) -> dict[str, object]:
    """Return the values in the comment on the first line; {} if there is none."""
    comment = _COMMENT.match(text)
    try:
        note = json.loads(comment[1]) if comment else {}
    except ValueError:
        return {}
    return note if isinstance(note, dict) else {}


def _chunks(text: str) -> Iterator[list[str]]:
    """Yield the lines between blank lines; a heading is always alone."""
    chunk: list[str] = []
    for line in [*text.splitlines(), ""]:
        is_heading = _HEADING.match(line) is not None
        if chunk and (is_heading or not line.strip()):
            yield chunk
            chunk = []
        if is_heading:
            yield [line.rstrip()]
        elif line.strip():
            chunk.append(line)


def _blocks(lines: Sequence[str], *, splits: bool) -> Iterator[Block]:
    """Yield the blocks of lines without a blank line between them: a list has one block for each mark.

    Lines that all end in a hard break, but for the last, are a verse.
    """
    unbroken = [line for line in map(without_break, lines[:-1]) if line is not None]
    if 0 < len(unbroken) == len(lines) - 1 and not any(map(_MARK.match, lines)):
        yield Block(kind="verse", sentences=tuple(map(_plain, (*unbroken, lines[-1]))))
        return
    kind: BlockKind = "paragraph"
    sentences: list[str] = []
    for line in lines:
        mark = _MARK.match(line)
        new_kind: BlockKind | None = None if mark is None else _kind_of(mark)
        if new_kind is not None and not (new_kind == kind == "note") and sentences:
            yield Block(kind=kind, sentences=tuple(sentences))
            sentences = []
        kind = new_kind or kind
        sentences += _sentences(line if mark is None else line[mark.end() :], splits=splits)
    if sentences:
        yield Block(kind=kind, sentences=tuple(sentences))


def _kind_of(mark: re.Match[str]) -> BlockKind:
    return next(kind for kind in _MARKED_KINDS if mark[kind])


def _sentences(line: str, *, splits: bool) -> list[str]:
    plain = _plain(line)
    if not splits:
        return [plain] if plain else []
    from concepts.segment import normalize_text, split_sentences

    return split_sentences(normalize_text(plain))


def _line(text: str) -> str:
    return escape_line(" ".join(text.split()))


def _plain(line: str) -> str:
    return _ESCAPED.sub(r"\1", line.strip())
