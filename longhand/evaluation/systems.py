"""The systems that write documents for comparison: Longhand, the true documents, and baselines.

A system is made by name (`make_system`) once per evaluation and then asked for one document after the other. Its
document is a function of prompt and seed.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from concepts.corpus.records import Block
from concepts.errors import InputError, UsageError
from longhand.evaluation.prompts import TITLES, Prompt
from longhand.evaluation.texts import DocumentText, SectionText, read_note, read_text

if TYPE_CHECKING:
    from flows.document.engine import Engine

LONGHAND = "longhand"
FIRST_RELEASE = "first release"


class System(Protocol):
    """Writes documents."""

    name: str

    def write(self, prompt: Prompt, *, seed: int) -> DocumentText:
        """Return the document for a prompt; raise InputError if there is none."""


@dataclass(frozen=True, kw_only=True)
class SystemOptions:
    """Options of an evaluation's systems."""

    texts: Path | None = None
    """Folder with a folder of Markdown files for each system read from files; None: there is none."""
    space: str | None = None
    """Name or folder of Longhand's concept space; None: the one that ships."""


class LonghandSystem:
    """`longhand write` with the models that ship, in this process."""

    name = LONGHAND
    library: str | None = None
    """Library; None: the one that ships."""
    most_alike = math.inf
    """As `concepts.library.library.Library.most_alike`."""

    def __init__(self, *, space: str | None = None, engine: Engine | None = None) -> None:
        """`space` None: the one that ships; `engine` None: the space's models, loaded for the first document."""
        self._space = space
        self._engine = engine

    def engine(self) -> Engine:
        """Return the models, which are loaded once."""
        if self._engine is None:
            from flows.models.engine import ModelEngine

            engine = ModelEngine(space=self._space)
            engine.most_alike, engine.is_measured = self.most_alike, True
            self._engine = engine
        return self._engine

    def write(self, prompt: Prompt, *, seed: int) -> DocumentText:
        """Plan, write and say a document with default options."""
        return self.write_with(prompt.text, seed=seed)

    def write_with(self, prompt: str, *, seed: int, outline: str | None = None) -> DocumentText:
        """Write a document, with `outline` if given."""
        from longhand.asking.requests import make_document
        from longhand.evaluation.writing import temporary_store, write_document
        from longhand.outline.outlines import parse_outline

        engine = self.engine()
        engine.start_loading(("plan", "write", "decode"))
        with temporary_store() as store:
            given = None if outline is None else parse_outline(outline)
            new = make_document(prompt, seed=seed, space=self._space, outline=given, library=self.library)
            return write_document(store, engine, new)


class TrueDocument:
    """The held-out document of a title."""

    name = "true document"

    def write(self, prompt: Prompt, *, seed: int) -> DocumentText:
        """Return it unchanged."""
        return true_document(prompt, self.name)


class ShuffledDocument:
    """The true document with its sentences shuffled over all sections; headings, lengths and blocks stay."""

    name = "shuffled document"

    def write(self, prompt: Prompt, *, seed: int) -> DocumentText:
        """Shuffle the sentences by prompt and seed."""
        true = true_document(prompt, self.name)
        sentences = list(true.sentences)
        random.Random(f"{seed} {prompt.text}").shuffle(sentences)
        return with_sentences(true, iter(sentences))


class FolderSystem:
    """Existing documents, read from `NN.md` in a folder."""

    def __init__(self, name: str, folder: Path) -> None:
        """Raise InputError if the folder holds no Markdown file."""
        self.name = name
        self._folder = folder
        files = sorted(folder.glob("*.md"))
        if not files:
            raise InputError(
                f"the system {name!r} has no texts: {folder} holds no Markdown file; name another --texts"
            )
        # Find a file that names its prompt by that, whatever its number.
        notes = {path: read_note(path) for path in files}
        self._by_prompt = {str(note["prompt"]): path for path, note in notes.items() if "prompt" in note}
        self._by_number = {
            path.stem.lstrip("0"): path for path, note in notes.items() if "prompt" not in note
        }

    def write(self, prompt: Prompt, *, seed: int) -> DocumentText:
        """Read the file of the prompt, with any seed."""
        path = self._by_prompt.get(prompt.text) or self._by_number.get(str(prompt.number))
        document = None if path is None else read_text(path)
        if document is None:
            raise InputError(
                f"the system {self.name!r} has no text for {prompt.text!r:.60} in {self._folder}"
            )
        return document


def with_sentences(document: DocumentText, sentences: Iterator[str]) -> DocumentText:
    """Return a document with its sentences replaced in order."""

    def filled(block: Block) -> Block:
        return replace(block, sentences=tuple(next(sentences) for _ in block.sentences))

    def section_of(section: SectionText) -> SectionText:
        return replace(section, blocks=tuple(filled(block) for block in section.blocks))

    return replace(document, sections=tuple(section_of(section) for section in document.sections))


def folder_name(system: str) -> str:
    """Return the name of a system's folder."""
    return system.replace(" ", "-")


def true_document(prompt: Prompt, name: str) -> DocumentText:
    """Return the true document of a prompt; raise UsageError if there is none."""
    if prompt.true is None:
        raise UsageError(f"the system {name!r} needs true documents: evaluate with --prompts {TITLES}")
    return prompt.true


def default_systems(prompts: str, options: SystemOptions) -> tuple[str, ...]:
    """Return the systems to compare by default."""
    names: tuple[str, ...] = (LONGHAND,)
    if prompts == TITLES:
        names += (TrueDocument.name, ShuffledDocument.name)
    return names if options.texts is None else (*names, FIRST_RELEASE)
