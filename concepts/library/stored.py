"""A library as a folder: `documents.jsonl.xz`, the documents of the corpus format, `codes.safetensors` and a card."""

from __future__ import annotations

import json
import lzma
import math
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import overload

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from concepts.corpus.importers import document_of_json, document_row
from concepts.corpus.records import Document
from concepts.corpus.split import is_asked, is_kept_back
from concepts.errors import InputError, ModelError
from concepts.library.books import NO_BOOKS, Book, Books, read_books, rows_of
from concepts.library.encode import Encode
from concepts.library.library import Entry, Library, Passage, passages_of
from concepts.library.own import LEAST_LIKENESS as OWN_LEAST_LIKENESS
from concepts.library.own import is_own, read_own, state_of
from concepts.library.translations import TRANSLATIONS_FILE, TranslationMemory
from concepts.models.card import ModelCard, find_name_in_space, list_cards, write_card
from concepts.models.installed import find_card

_NONE = np.zeros((0, 1), dtype=np.uint8)
EMPTY = Library((), _NONE, _NONE, _NONE)
"""A library that gives no notes."""
DOCUMENTS_FILE = "documents.jsonl.xz"
CODES_FILE = "codes.safetensors"
BOOKS_FILE = "books.jsonl"
"""Its books, if it has any; their concepts are with the codes."""
_BOOKS = "books"
_CODES = ("subjects", "titles", "prompts")
MOST_LOADED = 4
"""Libraries that stay loaded, at most."""


def write_library(
    documents: Iterable[Document],
    folder: Path,
    encode: Encode,
    *,
    name: str,
    space_id: str,
    dim: int,
    data: str,
    licence: str,
    books: Sequence[Book] = (),
) -> ModelCard:
    """Write documents, books of them, their codes and a card to `folder`.

    `data` says where the documents come from. Raises InputError if none has a sentence, or a book's chapter is none of
    them.
    """
    kept = sorted(documents, key=lambda d: d.document_id)
    passages = [passage for document in kept for passage in passages_of(document)]
    if not passages:
        raise InputError("the corpus has no document with a sentence; import more documents")
    titles = {passage.title for passage in passages}
    for book in books:
        if missing := [title for title in book.chapters if title not in titles]:
            raise InputError(
                f"the book {book.title!r} has a chapter {missing[0]!r}, which is no document's title"
            )
    library = Library.of(passages, encode)
    folder.mkdir(parents=True, exist_ok=True)
    # nearly a third smaller than by gzip
    with lzma.open(folder / DOCUMENTS_FILE, "wt", preset=9, encoding="utf-8") as packed:
        for document in kept:
            packed.write(json.dumps(document_row(document), ensure_ascii=False) + "\n")
    codes = dict(zip(_CODES, library.codes, strict=True))
    file_names = [DOCUMENTS_FILE, CODES_FILE]
    if books:
        codes[_BOOKS] = Books.of(books, encode).concepts_BD.half().numpy()
        (folder / BOOKS_FILE).write_text(rows_of(books), encoding="utf-8")
        file_names.append(BOOKS_FILE)
    save_file(codes, folder / CODES_FILE)
    figures = {"documents": float(len(kept)), "passages": float(len(passages))}
    if books:
        figures["books"] = float(len(books))
    return write_card(
        folder,
        name=name,
        kind="library",
        version=1,
        file_names=file_names,
        config={"concept_dim": dim},
        space=space_id,
        data=data,
        recipe="longhand corpus library",
        steps=0,
        figures=figures,
        licence=licence,
    )


def load_library(
    name: str | None = None,
    *,
    space_id: str,
    encode: Encode,
    most_alike: float = math.inf,
    is_measured: bool = False,
) -> Library:
    """Load a library by name or folder; None: the space's own library, or an empty one if it has none.

    `name` may also be a path to documents, which `encode` turns into a library. `most_alike`, `is_measured`: as
    attributes of `Library`. Raises ModelError if there is no such
    library, it is damaged, or its codes are of another space than `space_id`; InputError for unreadable documents.
    """
    if name is not None and is_own(Path(name)):
        passages = read_own(Path(name))[0]
        return Library.of(
            passages, encode, least_likeness=OWN_LEAST_LIKENESS, is_own=True, most_alike=most_alike
        )
    if name is None and not any(c.kind == "library" and c.space == space_id for c in list_cards()):
        return EMPTY
    card = find_card("library", find_name_in_space("library", space_id) if name is None else name)
    if card.space != space_id:
        raise ModelError(
            f"the library {card.name} was made in the space {card.space}, got {space_id}: make it anew with "
            "`longhand corpus library`, or write without one by --library none"
        )
    try:
        with lzma.open(card.path(DOCUMENTS_FILE), "rt", encoding="utf-8") as lines:
            stored = StoredPassages(lines)
        codes = load_file(card.path(CODES_FILE))
        return Library(
            stored,
            *(codes[name] for name in _CODES),
            entries=stored.entries,
            most_alike=most_alike,
            is_measured=is_measured,
            books=_books_of(card, codes),
        )
    except (OSError, EOFError, lzma.LZMAError, ValueError, TypeError, LookupError, SafetensorError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"the library {card.folder} cannot be read ({first}); make it anew") from error


def load_translations(space_id: str) -> TranslationMemory:
    """Load the translations of a space's own library; an empty memory if it has none.

    Raises ModelError if they are damaged.
    """
    for card in list_cards():
        if card.kind == "library" and card.space == space_id and TRANSLATIONS_FILE in card.files:
            card.verify((TRANSLATIONS_FILE,))
            return _load_memory(card.path(TRANSLATIONS_FILE), card.files[TRANSLATIONS_FILE])
    return TranslationMemory()


@lru_cache(maxsize=1)
def _load_memory(path: Path, _checksum: str) -> TranslationMemory:
    """Read a file of translations once: the engine and the lines on stderr ask for it."""
    return TranslationMemory.load(path)


def _books_of(card: ModelCard, codes: Mapping[str, NDArray[np.generic]]) -> Books:
    if BOOKS_FILE not in card.files:
        return NO_BOOKS
    return Books(read_books(card.path(BOOKS_FILE)), torch.from_numpy(codes[_BOOKS].astype(np.float32)))


class StoredPassages(Sequence[Passage]):
    """The passages of stored documents; a document's text is read when one of its passages is first asked for.

    A document is written from a handful of the library's: reading all of them takes most of the time of a plan.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        """`lines`: a document each, as JSON.

        Raises ValueError, TypeError or LookupError for a line that is no document.
        """
        self.entries: list[Entry] = []
        self._lines: list[str] = []
        self._starts = [0]
        self._read: dict[int, list[Passage]] = {}
        for line in lines:
            row = json.loads(line)
            document = document_of_json({**row, "sections": []})
            num = sum(any(section["paragraphs"]) for section in row["sections"])
            if num:
                measured = is_asked(document), is_kept_back(document)
                self._add(line, Entry(document.title, document.prompt or "", *measured, num))

    def _add(self, line: str, entry: Entry) -> None:
        self._lines.append(line)
        self._starts.append(self._starts[-1] + entry.num_passages)
        if self.entries and self.entries[-1].title == entry.title:  # as `entries_of`
            before = self.entries.pop()
            entry = replace(before, num_passages=before.num_passages + entry.num_passages)
        self.entries.append(entry)

    def __len__(self) -> int:
        return self._starts[-1]

    @overload
    def __getitem__(self, index: int) -> Passage: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Passage]: ...

    def __getitem__(self, index: int | slice) -> Passage | Sequence[Passage]:
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        number = bisect_right(self._starts, place) - 1
        if number not in self._read:
            self._read[number] = passages_of(document_of_json(json.loads(self._lines[number])))
        return self._read[number][place - self._starts[number]]


class Libraries:
    """A cache of recently used libraries; a user's own documents are read again once they have changed."""

    def __init__(
        self, space_id: str, encode: Encode, *, most_alike: float = math.inf, is_measured: bool = False
    ) -> None:
        """`most_alike`, `is_measured`: as attributes of `Library`."""
        self._space_id, self._encode = space_id, encode
        self._most_alike, self._is_measured = most_alike, is_measured
        self._loaded: OrderedDict[str | None, tuple[object, Library]] = OrderedDict()
        self._loading = threading.Lock()

    def get(self, name: str | None) -> Library:
        """Return a library, as `load_library` does."""
        own = name is not None and is_own(Path(name))
        state = state_of(Path(name)) if own and name is not None else None
        with self._loading:
            found = self._loaded.get(name)
            if found is None or found[0] != state:
                library = load_library(
                    name,
                    space_id=self._space_id,
                    encode=self._encode,
                    most_alike=self._most_alike,
                    is_measured=self._is_measured,
                )
                found = state, library
                self._loaded[name] = found
            self._loaded.move_to_end(name)
            while len(self._loaded) > MOST_LOADED:
                self._loaded.popitem(last=False)
        return found[1]
