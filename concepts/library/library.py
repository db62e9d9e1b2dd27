"""Passages of known documents, found by meaning.

A passage is a section of a document. Its subject (title and heading) is stored as the signs of the concept's
dimensions, one bit each: 48 bytes where floats take 1,536. Query vectors stay floats (an asymmetric distance: Gordo et
al. 2014, "Asymmetric Distances for Binary Embeddings"), so little is lost.

Legend: N passages, M documents, Q queries, D concept dim.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from concepts.blanks import child_of
from concepts.blocks import BlockKind
from concepts.corpus.records import Block, Document
from concepts.corpus.split import is_asked, is_kept_back
from concepts.library.books import LEAST_BOOK_LIKENESS, NO_BOOKS, Book, Books
from concepts.library.encode import Encode
from concepts.library.words import americanize

_WORD = re.compile(r"\w+")
LEAST_LIKENESS = 0.45
"""Least likeness (about a cosine) to a section that makes a passage, and each of its sentences, useful for it."""
NUM_COVERING = 3
"""Nearest passages whose mean likeness measures how much is known about a section."""
COVERING_TITLE_WEIGHT = 0.5
"""Weight of titles in that measure: without it "Waxing" in a document on a flat tire is covered by skis."""
TITLE_WEIGHT = 0.2
"""Weight of the documents' titles beside the sections' subjects, which contain the titles already. At 0.5 a guide to
saving for a first home got notes on furnishing it and none on mortgages."""

CASES = ": particular cases"
"""End of the title of a document of cases; what comes before it is its subject."""


def is_cases(title: str) -> bool:
    """Return whether a title is that of a document of cases: sections of which each is for one particular case."""
    return title.endswith(CASES)


@dataclass(frozen=True)
class Passage:
    """A section of a known document."""

    title: str
    """Title of its document."""
    heading: str
    sentences: tuple[str, ...]
    forms: tuple[BlockKind, ...] = ()
    """Kind of block that each sentence is in; empty: running text throughout."""
    begins: tuple[bool, ...] = ()
    """Whether each sentence begins a paragraph, an item or a stanza; empty: all running text is one paragraph."""
    prompt: str = ""
    """Prompt that the document answers; empty: its title."""
    is_asked: bool = False
    """Whether the document answers a prompt of the evaluation."""
    is_kept_back: bool = False
    """Whether models are measured on the document, which answers no prompt of the evaluation."""

    @property
    def subject(self) -> str:
        """The passage's subject: the text that is searched."""
        return subject_of(self.title, self.heading)


@dataclass(frozen=True)
class Entry:
    """A document of a library, without its text."""

    title: str
    prompt: str
    """What is typed for the document; empty: its title."""
    is_asked: bool
    """As in `Passage`."""
    is_kept_back: bool
    """As in `Passage`."""
    num_passages: int


def subject_of(title: str, heading: str) -> str:
    """Return a section's subject as one text."""
    return f"{title}: {heading}" if heading and heading != title else title


def subjects_of_parts(
    encode: Encode, title: str, headings: Sequence[str], parts: Sequence[str]
) -> tuple[Tensor, Tensor | None]:
    """Return raw concepts of the subjects of sections (Q, D) and of the parts that contain them (Q, D).

    `parts` are each section's part heading, "" for none; the second result is None where all are "". A part's heading
    may tell its subject ("Choosing a saddle") or not ("Preparation"), so it counts both with and without the title.
    """
    if not any(parts):
        return encode([subject_of(title, heading) for heading in headings]), None
    pairs = list(zip(parts, headings, strict=True))
    alone = encode([subject_of(part or title, heading) for part, heading in pairs])
    below = encode([subject_of(subject_of(title, part), heading) for part, heading in pairs])
    named = encode([part or title for part in parts])
    titled = encode([subject_of(title, part) for part in parts])
    return (alone + below) / 2, (named + titled) / 2


def passages_of(document: Document) -> list[Passage]:
    """Return the sections of a document that have a sentence."""
    return [
        Passage(
            document.title,
            section.heading.strip() or document.title,
            section.sentences,
            tuple(_form_of(block) for block in section.blocks for _ in block.sentences),
            tuple(n == 0 for block in section.blocks for n, _ in enumerate(block.sentences)),
            document.prompt or "",
            is_asked(document),
            is_kept_back(document),
        )
        for section in document.sections
        if section.sentences
    ]


def _form_of(block: Block) -> BlockKind:
    return "paragraph" if block.kind == "note" else block.kind


class Library:
    """Passages that can be searched by concept; the passages of a document stand together."""

    def __init__(
        self,
        passages: Sequence[Passage],
        subject_codes: NDArray[np.uint8],
        title_codes: NDArray[np.uint8],
        prompt_codes: NDArray[np.uint8],
        *,
        entries: Sequence[Entry] | None = None,
        least_likeness: float = LEAST_LIKENESS,
        is_own: bool = False,
        most_alike: float = math.inf,
        is_measured: bool = False,
        books: Books = NO_BOOKS,
    ) -> None:
        """`subject_codes` (N, D/8), `title_codes` and `prompt_codes` (M, D/8): from `codes_of`, in the passages' order.

        `entries`: the documents, if `passages` reads a passage only when it is asked for; None: made of the passages.
        `least_likeness`: a passage below it gives a section nothing. `is_own`: whether the user chose its documents as
        sources, so that all of them count, whatever their titles and however few.
        """
        self.passages = tuple(passages) if entries is None else passages
        self.least_likeness = least_likeness
        self.is_own = is_own
        self.most_alike = most_alike
        """Documents more like a title than this (about a cosine) give nothing to a document of that title. If it is
        finite, documents that answer prompts of the evaluation give nothing at all: an evaluated document is written as
        if nobody had written on its subject before."""
        self.is_measured = is_measured
        """Whether what is written from it is measured: documents that are kept back give nothing then."""
        self.books = books
        self.codes = subject_codes, title_codes, prompt_codes
        self.entries = tuple(entries_of(self.passages) if entries is None else entries)
        self.titles = [entry.title for entry in self.entries]
        self._is_asked = torch.tensor([entry.is_asked for entry in self.entries], dtype=torch.bool)
        self._is_kept_back = torch.tensor([entry.is_kept_back for entry in self.entries], dtype=torch.bool)
        self._subjects, self._titles, self._prompts = map(_signs, self.codes)
        self._starts = [0, *accumulate(entry.num_passages for entry in self.entries)]
        num = self._starts[-1]
        if len(subject_codes) != num or {len(title_codes), len(prompt_codes)} != {len(self.titles)}:
            raise ValueError(f"{len(subject_codes)} codes for {num} passages")
        owners = np.repeat(np.arange(len(self.entries)), np.diff(self._starts))
        self.owner = torch.from_numpy(owners.astype(np.int64))
        """Index of each passage's document (N,)."""

    @classmethod
    def of(
        cls,
        passages: Sequence[Passage],
        encode: Encode,
        *,
        least_likeness: float = LEAST_LIKENESS,
        is_own: bool = False,
        most_alike: float = math.inf,
        is_measured: bool = False,
    ) -> Library:
        """Return a library of passages, encoding them now; other arguments as for the constructor."""
        entries = entries_of(passages)
        return cls(
            passages,
            codes_of(encode([passage.subject for passage in passages])),
            codes_of(encode([entry.title for entry in entries])),
            codes_of(encode([entry.prompt or entry.title for entry in entries])),
            least_likeness=least_likeness,
            is_own=is_own,
            most_alike=most_alike,
            is_measured=is_measured,
        )

    def __len__(self) -> int:
        return len(self.passages)

    def likeness(
        self,
        subjects_QD: Tensor,
        title_D: Tensor,
        parts_QD: Tensor | None = None,
        *,
        title_weight: float = TITLE_WEIGHT,
    ) -> Tensor:
        """Return the likeness (Q, N), about a cosine, of each passage to sections of one document (raw concepts).

        `parts_QD` are the subjects of the parts that contain the sections; None where the document has none.
        """
        sections = _cosines(subjects_QD, self._subjects)
        titles = _cosines(title_D[None] if parts_QD is None else parts_QD, self._titles)[:, self.owner]
        found = (1 - title_weight) * sections + title_weight * titles
        if math.isfinite(self.most_alike) or self.is_measured:
            found = found.masked_fill(self._hidden(self._name_likeness(title_D))[self.owner], -1.0)
        return found

    def document_likeness(self, title_D: Tensor) -> Tensor:
        """Return the likeness (M,), about a cosine, of each document's title or prompt to a title (a raw concept).

        Hidden documents get -1.
        """
        likeness = self._name_likeness(title_D)
        return likeness.masked_fill(self._hidden(likeness), -1.0)

    def _name_likeness(self, title_D: Tensor) -> Tensor:
        about = title_D[None]
        return torch.maximum(_cosines(about, self._titles), _cosines(about, self._prompts))[0]

    def _hidden(self, likeness_M: Tensor) -> Tensor:
        """Return which documents give nothing to a document whose title they are that much like (M,)."""
        hidden_M = likeness_M > self.most_alike
        if math.isfinite(self.most_alike):
            hidden_M |= self._is_asked
        if self.is_measured:
            hidden_M |= self._is_kept_back
        return hidden_M

    def find_book(
        self, encode: Encode, names: Sequence[str], least: float = LEAST_BOOK_LIKENESS
    ) -> Book | None:
        """Return the book on the subject of `names`, as `Books.find`; what is measured gets none."""
        is_measured = self.is_measured or math.isfinite(self.most_alike)
        return None if is_measured else self.books.find(encode, names, least)

    def places_of(self, document: int) -> range:
        """Return the indices of a document's passages."""
        return range(self._starts[document], self._starts[document + 1])

    def named_with(self, beginning: str) -> list[int]:
        """Return the documents whose title or prompt has a word with this beginning (lower case, American spelling)."""
        return [m for m, name in enumerate(self._names) if f" {beginning}" in name]

    @cached_property
    def _names(self) -> list[str]:
        """The words of each document's title and prompt, in lower case with a blank before each."""
        names = "\n".join(f"{entry.title} {entry.prompt}".replace("\n", " ") for entry in self.entries)
        return [_in_words(name) for name in americanize(names.lower()).split("\n")]

    @cached_property
    def children(self) -> list[str | None]:
        """For each document whether it is for a girl or a boy, as `child_of` says."""
        return [child_of(entry.prompt) for entry in self.entries]

    @cached_property
    def case_documents(self) -> list[int]:
        """The documents of cases; a library of one's own has none."""
        return [] if self.is_own else [m for m, title in enumerate(self.titles) if is_cases(title)]

    @cached_property
    def cases(self) -> dict[str, int]:
        """The passages of documents of cases by heading, in small letters: it names subject and case."""
        places = [n for m in self.case_documents for n in self.places_of(m)]
        return {self.passages[n].heading.casefold(): n for n in places}

    def coverage(self, subjects_QD: Tensor, title_D: Tensor) -> Tensor:
        """Return how much the library knows about each section (Q,): the mean likeness of its nearest passages."""
        if not len(self):
            return torch.zeros(len(subjects_QD))
        likeness = self.likeness(subjects_QD, title_D, title_weight=COVERING_TITLE_WEIGHT)
        return likeness.topk(min(NUM_COVERING, len(self)), dim=1).values.mean(dim=1)


def _in_words(text: str) -> str:
    return "".join(f" {word}" for word in _WORD.findall(text))


def entries_of(passages: Iterable[Passage]) -> list[Entry]:
    """Return the documents of passages; neighbours of one title are one document."""
    groups = (list(own) for _, own in groupby(passages, key=lambda passage: passage.title))
    return [
        Entry(own[0].title, own[0].prompt, own[0].is_asked, own[0].is_kept_back, len(own)) for own in groups
    ]


def codes_of(concepts_ND: Tensor) -> NDArray[np.uint8]:
    """Return the signs of concepts, eight dimensions a byte (N, D/8)."""
    return np.packbits((concepts_ND > 0).numpy(), axis=1)


def _signs(codes: NDArray[np.uint8]) -> Tensor:
    """Return signs (N, D) as int8."""
    return torch.from_numpy(np.unpackbits(codes, axis=1).astype(np.int8) * 2 - 1)


def _cosines(concepts_QD: Tensor, signs_ND: Tensor) -> Tensor:
    """Return approximate cosines (Q, N) of concepts with stored ones, of which only the signs are known."""
    units = torch.nn.functional.normalize(concepts_QD.float(), dim=1)
    # for normal x and y of correlation r, E[x * sign(y)] is r * sqrt(2 / pi) * std(x): the scale gives r back
    scale = math.sqrt(math.pi / (2 * signs_ND.shape[1]))
    return torch.cat([units @ part.float().T for part in torch.split(signs_ND, 8192)], dim=1) * scale
