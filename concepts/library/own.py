"""A user's own documents as a library: a file or folder of Markdown, HTML, Word or text, read in place."""

from __future__ import annotations

from pathlib import Path

from concepts.corpus.clean import clean_document
from concepts.corpus.drops import DropReport
from concepts.corpus.importers import iter_path, read_file
from concepts.errors import InputError
from concepts.library.library import Passage, passages_of

LEAST_LIKENESS = 0.15
"""Lower than for other libraries: a user who names documents wants them used."""
MOST_SENTENCES = 100_000
"""A larger collection should be made into a library once, not read at every start."""


def read_own(path: Path) -> tuple[list[Passage], DropReport]:
    """Return the passages of the English documents at a path, and what was left out, by reason.

    Raises InputError, in one line, if nothing can be read or there is too much to read at every start.
    """
    drops = DropReport()
    if path.is_file():
        read_file(path)  # its error says why the file cannot be read
    passages: list[Passage] = []
    num_sentences = 0
    for raw in iter_path(path, "eng_Latn", drops):
        document = clean_document(raw, drops)
        if document is None:
            continue
        passages += passages_of(document)
        num_sentences += len(document.sentences)
        if num_sentences > MOST_SENTENCES:
            raise InputError(
                f"{path} holds more than {MOST_SENTENCES:,} sentences: make a library of it once, with "
                "`longhand corpus import` and `longhand corpus library`"
            )
    if not passages:
        said = f" ({', '.join(f'{reason}: {count}' for reason, count in drops.rows())})" if drops else ""
        raise InputError(f"{path} has no document to write from{said}; give Markdown, HTML, Word or text")
    return passages, drops


def is_own(path: Path) -> bool:
    """Return whether a path leads to documents, not to a library that `longhand corpus library` made."""
    return path.is_file() or (path.is_dir() and not (path / "card.json").is_file())


def state_of(path: Path) -> frozenset[tuple[str, int, int]]:
    """Return the names, times and sizes of the files at a path: they differ once a document has changed."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return frozenset((str(file), (stat := file.stat()).st_mtime_ns, stat.st_size) for file in files)
