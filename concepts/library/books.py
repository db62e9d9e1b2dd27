"""Books: curated sequences of documents, such as nine documents on beekeeping from the first hive to the harvest.

A document that is asked for as a book ("a comprehensive guide to beekeeping") gets the chapters of the book on its
subject. A book tells what no similarity of two documents does: which of them a reader needs, and in which order.

Legend: B books, D concept dim.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.errors import InputError
from concepts.library.encode import Encode
from concepts.library.words import has_other_number
from concepts.library.words import stems as stems_of
from concepts.texts import KINDS_OF_BOOK, THOROUGH

LEAST_BOOK_LIKENESS = 0.58
"""How near a book's subject must be to the requested one, about a cosine; see
`benchmarks/library/bench_books.py`."""
LEAST_EXACT_LIKENESS = 0.8
"""The same where only a book on the very subject will do."""
NARROWER_BY = 0.15
"""By how much a chapter must be nearer than its book for a subject to be that chapter's."""
BOOK_UNSAID_WEIGHT = 0.3
"""Likeness that a book loses if it has none of the requested subject's words."""
FEWEST_CHAPTERS = 3
_CLAUSE = re.compile(
    r",\s+(?:from|with|including|covering|how|what|who|why|so|as|i|\w+\s+by)\b|\s[-–—]\s|\.\s", re.IGNORECASE
)
"""Where details of a book begin: "a guide to bees, from the first hive to the harvest"."""
_ADJECTIVES = (
    rf"(?:(?:very|really)\s+)?(?:{'|'.join(sorted(THOROUGH, reverse=True))}|in depth|full length|long|practical|"
    r"short|brief|simple|textbook[- ]style|beginner['’]?s?|beginners['’]?)"
)
_WORKS = rf"(?:{'|'.join(sorted(KINDS_OF_BOOK, reverse=True))}|encyclop\w+|document|text|report)"
_BEFORE = re.compile(
    rf"^(?:(?:an?|the|my|our)\s+)?(?:{_ADJECTIVES}[\s,]+(?:and\s+)?)*(?:{_WORKS}\s+(?:to|on|about|of|for|in)|"
    r"everything\s+(?:(?:you|one|i|there)\s+(?:needs?|should|must|ha(?:ve|s)|is)\s+to\s+know\s+)?about|"
    r"all\s+about|the\s+basics\s+of)\s+",
    re.IGNORECASE,
)
_AFTER = re.compile(
    rf"(?:\s*[:,(–-]\s*(?:an?\s+|the\s+)?(?:{_ADJECTIVES}[\s,]+(?:and\s+)?)*{_WORKS}\b.*|"
    r"[\s,]+for\s+(?:absolute\s+|complete\s+)?(?:beginners|hobbyists|amateurs|everyone|dummies)|[\s,]+from\s+(?:scratch|the\s+beginning)|"
    r"\s+(?:guide|handbook|manual|textbook|book)(?:\s*[:,(–].*)?)$",
    re.IGNORECASE,
)
_WHOLE_STORY = re.compile(
    rf"^(?:(?:an?|the)\s+)?(?:{_ADJECTIVES}[\s,]+(?:and\s+)?)+(?=(?:history|story|biography|life)\b)",
    re.IGNORECASE,
)
"""Matches what stands before a subject that names a kind of text itself: "a complete history of Rome"."""


@dataclass(frozen=True)
class Book:
    """Documents of a library that are read one after the other."""

    title: str
    prompt: str
    """What somebody types to get it."""
    chapters: tuple[str, ...]
    """Titles of its documents, in order."""


def subject_of_book(name: str) -> str:
    """Return the subject of a book's title or prompt: "a comprehensive guide to tea" is about "tea"."""
    text = _CLAUSE.split(" ".join(name.split()))[0]
    for pattern in (_BEFORE, _AFTER, _WHOLE_STORY):
        rest = pattern.sub("", text)
        text = rest if rest.strip(" ?.!") else text
    return text.strip()


class Books:
    """Books that can be searched by subject."""

    def __init__(self, books: Sequence[Book], concepts_BD: Tensor) -> None:
        """`concepts_BD`: the concepts of the books' subjects."""
        if len(books) != len(concepts_BD):
            raise ValueError(f"{len(concepts_BD)} concepts for {len(books)} books")
        self.books = tuple(books)
        self.concepts_BD = concepts_BD.float()
        self._stems = [stems_of(" ".join((book.title, book.prompt, *book.chapters))) for book in books]

    @classmethod
    def of(cls, books: Sequence[Book], encode: Encode) -> Books:
        """Return books, encoding their subjects: the mean of what title and prompt say."""
        titles = F.normalize(encode([subject_of_book(book.title) for book in books]), dim=1)
        prompts = F.normalize(encode([subject_of_book(book.prompt) for book in books]), dim=1)
        return cls(books, F.normalize(titles + prompts, dim=1))

    def __len__(self) -> int:
        return len(self.books)

    def likeness(self, encode: Encode, names: Sequence[str]) -> Tensor:
        """Return how near each book's subject is to that of `names` (B,), about a cosine."""
        return self._likeness(_Subject.of(encode, names))

    def _likeness(self, subject: _Subject) -> Tensor:
        near_B = (subject.concepts_ND @ F.normalize(self.concepts_BD, dim=1).T).mean(dim=0)
        # no concept tells type 1 from type 2, or the First World War from the Second
        is_other = [has_other_number(book.title, subject.said) for book in self.books]
        near_B = near_B.masked_fill(torch.tensor(is_other), -1.0)
        if subject.stems:
            unsaid = [1.0 - len(subject.stems & stems) / len(subject.stems) for stems in self._stems]
            near_B = near_B - BOOK_UNSAID_WEIGHT * near_B.new_tensor(unsaid)
        return near_B

    def find(self, encode: Encode, names: Sequence[str], least: float = LEAST_BOOK_LIKENESS) -> Book | None:
        """Return the book on the subject of `names`, or None; a subject that is one chapter's has no book.

        `least`: how near the book's subject must be, about a cosine.
        """
        if not self.books:
            return None
        subject = _Subject.of(encode, names)
        best = self._likeness(subject).max(dim=0)
        likeness, book = float(best.values), self.books[int(best.indices)]
        if likeness < least:
            return None
        later = list(book.chapters[1:])  # the first chapter is about all of the subject
        near_C = (subject.concepts_ND @ F.normalize(encode(later), dim=1).T).mean(dim=0)
        is_in_chapter = any(subject.stems <= stems_of(chapter) for chapter in later)
        is_in_name = bool(subject.stems & stems_of(f"{book.title} {book.prompt}"))
        is_narrower = float(near_C.max()) > likeness + NARROWER_BY
        return None if is_narrower or (is_in_chapter and not is_in_name) else book


@dataclass(frozen=True)
class _Subject:
    """What a document's names say of its subject."""

    concepts_ND: Tensor
    """Concept of each name's subject, of length 1."""
    said: str
    """The names' subjects, a line each."""
    stems: set[str]
    """Stems of its content words."""

    @classmethod
    def of(cls, encode: Encode, names: Sequence[str]) -> _Subject:
        subjects = list(dict.fromkeys(subject_of_book(name) for name in names))
        said = "\n".join(subjects)
        return cls(F.normalize(encode(subjects), dim=1), said, stems_of(said))


NO_BOOKS = Books((), torch.zeros(0, 1))


def read_books(path: Path) -> list[Book]:
    """Read books, one JSON object a line with title, prompt and chapters.

    Raises InputError for a line that is no book.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the books {path} cannot be read ({error})") from error
    return [_book(line, f"line {n} of {path}") for n, line in enumerate(lines, 1) if line.strip()]


def _book(line: str, where: str) -> Book:
    expected = 'expected {"title": ..., "prompt": ..., "chapters": [titles of documents]}'
    try:
        row = json.loads(line)
        book = Book(row["title"], row["prompt"], tuple(row["chapters"]))
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{where}: {expected}, got {line[:80]!r}") from error
    if not all(isinstance(text, str) and text.strip() for text in (book.title, book.prompt, *book.chapters)):
        raise InputError(f"{where}: {expected}, got {line[:80]!r}")
    if len(book.chapters) < FEWEST_CHAPTERS:
        raise InputError(f"{where}: expected {FEWEST_CHAPTERS} chapters or more, got {len(book.chapters)}")
    return book


def rows_of(books: Iterable[Book]) -> str:
    """Return books as the lines that `read_books` reads."""
    return "".join(
        json.dumps(
            {"title": book.title, "prompt": book.prompt, "chapters": book.chapters}, ensure_ascii=False
        )
        + "\n"
        for book in books
    )
