"""Books of a library: found by subject, and their chapters as parts of a document."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from concepts.corpus.records import Block, Document, Section
from concepts.errors import InputError
from concepts.library.books import LEAST_EXACT_LIKENESS, Book, Books, read_books, rows_of, subject_of_book
from concepts.library.library import CASES, Library, Passage
from concepts.library.notes import find_notes
from concepts.library.parts import OVERVIEW, find_digest, find_parts
from concepts.library.stored import BOOKS_FILE, load_library
from tests.concepts.library.toy_library import DIM, encode, write_toy

CHAPTERS = ("What bees are", "Hives for bees", "Harvesting honey", "Bees in winter")
OTHER = "Guide to bees of the city"
BOOK = Book("Bees: a complete guide", "a comprehensive guide to bees", CHAPTERS)


def passages_called(title: str) -> list[Passage]:
    return [
        Passage(
            title, heading, tuple(f"{heading} of {title.lower()} {what}." for what in ("is", "was", "stays"))
        )
        for heading in ("Beginning", "Middle", "Work", "End")
    ]


def library_of(*titles: str) -> Library:
    library = Library.of([p for title in titles for p in passages_called(title)], encode, least_likeness=0.0)
    return Library(library.passages, *library.codes, least_likeness=0.0, books=Books.of([BOOK], encode))


LIBRARY = library_of(*reversed(CHAPTERS), OTHER, "Baking bread")


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("A comprehensive guide to beekeeping", "beekeeping"),
        ("Beekeeping: a complete guide", "Beekeeping"),
        ("the complete beginner's guide to sewing", "sewing"),
        ("Everything you need to know about wine", "wine"),
        ("A complete history of Rome", "history of Rome"),
        ("Chess for beginners", "Chess"),
        ("A comprehensive guide to bees for beginners, from the first hive to the harvest", "bees"),
        ("A full length account of lighthouses - how they were built", "lighthouses"),
        ("everything there is to know about sourdough bread", "sourdough bread"),
        ("Very long and thorough textbook style introduction to statistics", "statistics"),
        ("Urban beekeeping handbook: all that counts", "Urban beekeeping"),
        ("Guide to", "Guide to"),
        ("Bees", "Bees"),
        ("Full moons", "Full moons"),
    ],
)
def test_the_subject_of_a_book_has_no_word_for_books(name: str, subject: str) -> None:
    assert subject_of_book(name) == subject


def test_a_book_is_found_by_its_subject_alone() -> None:
    books = Books.of(
        [BOOK, Book("Bread: a complete guide", "a comprehensive guide to bread", CHAPTERS)], encode
    )
    assert books.find(encode, ["The ultimate handbook of bees", "bees"]) == BOOK
    assert books.find(encode, ["A comprehensive guide to falcons"]) is None
    assert Books.of([], lambda texts: torch.zeros(len(texts), DIM)).find(encode, ["bees"]) is None


def test_a_subject_that_is_one_chapters_has_no_book() -> None:
    """A chapter is nearer than the book by its concept, or has all words of the subject, of which the book has none."""
    books = Books.of([BOOK], encode)
    assert books.find(encode, ["Bees"]) == BOOK
    assert books.find(encode, ["A comprehensive guide to bees in winter"]) is None
    book = Book("Keeping bees", "keeping bees", (*CHAPTERS[:2], "Insomnia", "Bees in winter"))

    def encoded(texts: list[str]) -> Tensor:
        return torch.tensor(
            [[0.75, 0.66] if text.lower() == "keeping bees" else [1.0, 0.0] for text in texts]
        )

    assert Books.of([book], encoded).find(encoded, ["Insomnia"]) is None


def test_a_book_on_a_wider_subject_is_not_exact() -> None:
    near = {"Bees": [1.0, 0.0], "Guide to the bees of a city": [0.75, 0.66], "bees": [1.0, 0.0]}

    def encoded(texts: list[str]) -> Tensor:
        return torch.tensor([near.get(text, [0.75, -0.66]) for text in texts])

    books = Books.of([replace(BOOK, title="Bees", prompt="bees")], encoded)
    assert books.find(encoded, ["Bees"], LEAST_EXACT_LIKENESS) is not None
    near["the bees of a city"] = near["Guide to the bees of a city"]
    assert books.find(encoded, ["Guide to the bees of a city"]) is not None
    assert books.find(encoded, ["Guide to the bees of a city"], LEAST_EXACT_LIKENESS) is None


def test_numbers_of_a_subject_count() -> None:
    book = Book(
        "Diabetes of type 2: a complete guide", "a comprehensive guide to diabetes of type 2", CHAPTERS
    )
    books = Books.of([book], encode)
    assert books.find(encode, ["A complete guide to diabetes of type 2"]) == book
    assert books.likeness(encode, ["diabetes"])[0] > -1.0
    assert books.likeness(encode, ["diabetes of type 1"])[0] == -1.0
    assert books.find(encode, ["A complete guide to diabetes of type 1"]) is None


def test_ordinals_of_a_subject_count() -> None:
    second = Book("The Second War", "the second war", CHAPTERS)
    books = Books.of([second], encode)
    assert books.likeness(encode, ["war II"])[0] > -1.0
    assert books.likeness(encode, ["the First War"])[0] == -1.0


def test_the_chapters_of_a_book_are_the_parts_in_its_order() -> None:
    found = find_parts(LIBRARY, encode, ["A comprehensive guide to bees"])
    assert [part.heading for part in found] == list(CHAPTERS)
    assert found[0].sections == ("Beginning", "Middle", "Work", "End")


def test_a_first_chapter_that_is_called_as_the_document_is_its_overview() -> None:
    book = replace(BOOK, title=CHAPTERS[0], prompt=CHAPTERS[0].lower())
    library = Library(LIBRARY.passages, *LIBRARY.codes, least_likeness=0.0, books=Books.of([book], encode))
    found = [part.heading for part in find_parts(library, encode, [CHAPTERS[0]])]
    assert found == [OVERVIEW, *CHAPTERS[1:]]


def test_fewer_parts_keep_the_first_chapter_and_the_order() -> None:
    found = [part.heading for part in find_parts(LIBRARY, encode, ["guide to bees"], 2)]
    assert found[0] == CHAPTERS[0] and found[1] in CHAPTERS[1:]


def test_fewer_words_keep_all_chapters_with_fewer_sections() -> None:
    found = find_parts(LIBRARY, encode, ["guide to bees"], num_words=1_000)
    assert [part.heading for part in found] == list(CHAPTERS)
    assert all(len(part.sections) == 2 and part.sections[0] == "Beginning" for part in found)
    whole = find_parts(LIBRARY, encode, ["guide to bees"], num_words=20_000)
    assert all(len(part.sections) == 4 for part in whole)


def test_more_parts_come_from_other_documents_or_there_are_none() -> None:
    found = [part.heading for part in find_parts(LIBRARY, encode, ["guide to bees"], 5)]
    assert [heading for heading in found if heading in CHAPTERS] == list(CHAPTERS)
    assert OTHER in found
    assert find_parts(LIBRARY, encode, ["guide to bees"], 30) == []
    assert len(find_parts(LIBRARY, encode, ["guide to bees"], 30, is_wish=True)) == len(CHAPTERS)


def test_where_a_book_is_needed_only_documents_that_are_called_so_stand_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("concepts.library.parts.PARTS_WITHIN", 0.9)
    monkeypatch.setattr("concepts.library.parts.SAME_SUBJECT", 0.0)
    assert find_parts(LIBRARY, encode, ["guide to bread"], book="wider") == []
    assert len(find_parts(LIBRARY, encode, ["guide to bees"], book="wider")) == len(CHAPTERS)
    bare = Library(LIBRARY.passages, *LIBRARY.codes, least_likeness=0.0)
    found = {part.heading for part in find_parts(bare, encode, ["guide to bees"], book="wider")}
    assert len(found) >= 2 and all("bees" in heading.lower() for heading in found)
    assert find_parts(bare, encode, ["guide to bees"], book="exact") == []


def test_what_is_measured_gets_no_book() -> None:
    library = library_of(*CHAPTERS)
    library.is_measured = True
    assert library.find_book(encode, ["guide to bees"]) is None


def test_sections_of_one_heading_get_the_text_of_their_own_chapter() -> None:
    headings = ["Beginning", "Middle", "Work", "End"] * len(CHAPTERS)
    parts = [chapter for chapter in CHAPTERS for _ in range(4)]
    found = find_notes(LIBRARY, encode, "A comprehensive guide to bees", headings, parts=parts)
    assert [{note.title for note in notes} for notes in found] == [{part} for part in parts]
    assert [{note.heading for note in notes} for notes in found] == [{heading} for heading in headings]


def test_a_digest_has_a_section_for_each_chapter() -> None:
    """Only where the book is on the very subject, and the nearest document is about a part of it."""
    library = library_of(*CHAPTERS, "Bees: a short guide")
    assert find_digest(LIBRARY, encode, ["Guide to bees"]) == list(CHAPTERS)
    assert find_digest(LIBRARY, encode, ["Guide to bees"], 3)[0] == CHAPTERS[0]
    assert len(find_digest(LIBRARY, encode, ["Guide to bees"], 3)) == 3
    assert find_digest(library, encode, ["Guide to bees"]) == [], "a document is called so"
    assert find_digest(LIBRARY, encode, ["Guide to bread"]) == []
    assert find_digest(LIBRARY, encode, ["What bees are"]) == []
    assert find_digest(LIBRARY, encode, ["Bees"], typed="A letter about bees") == []


def test_the_sections_of_a_digest_are_the_first_of_their_chapters() -> None:
    found = find_notes(LIBRARY, encode, "Guide to bees", CHAPTERS)
    assert [{(note.title, note.heading) for note in notes} for notes in found] == [
        {(title, "Beginning")} for title in CHAPTERS
    ]
    (taken, *_), *_ = found
    again = find_notes(LIBRARY, encode, "Guide to bees", CHAPTERS, taken=[taken.text])
    assert taken.text not in [note.text for notes in again for note in notes]


def documents() -> list[Document]:
    return [
        Document(
            title,
            tuple(Section(p.heading, (Block(p.sentences),)) for p in passages_called(title)),
            "eng_Latn",
            "folder:own",
        )
        for title in CHAPTERS
    ]


def test_books_are_stored_with_their_library(tmp_path: Path) -> None:
    write_toy(documents(), tmp_path / "bees", books=[BOOK])
    library = load_library(str(tmp_path / "bees"), space_id="toy@1", encode=encode)
    assert library.find_book(encode, ["A comprehensive guide to bees"]) == BOOK
    assert read_books(tmp_path / "bees" / BOOKS_FILE) == [BOOK]
    write_toy(documents(), tmp_path / "none")
    library = load_library(str(tmp_path / "none"), space_id="toy@1", encode=encode)
    assert library.find_book(encode, ["A comprehensive guide to bees"]) is None


def test_a_chapter_that_is_no_document_is_named(tmp_path: Path) -> None:
    book = Book("Bees", "bees", (*CHAPTERS, "Wasps"))
    with pytest.raises(
        InputError, match="the book 'Bees' has a chapter 'Wasps', which is no document's title"
    ):
        write_toy(documents(), tmp_path, books=[book])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("no JSON", "line 2 of .*: expected"),
        ("[1]", "line 2 of .*: expected"),
        ('{"title": "Bees", "prompt": "bees"}', "line 2 of .*: expected"),
        ('{"title": 3, "prompt": "bees", "chapters": ["a", "b", "c"]}', "line 2 of .*: expected"),
        ('{"title": "Bees", "prompt": "bees", "chapters": ["a", " ", "c"]}', "line 2 of .*: expected"),
        ('{"title": "Bees", "prompt": "bees", "chapters": ["a"]}', "expected 3 chapters or more, got 1"),
    ],
)
def test_a_line_that_is_no_book_is_refused(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "books.jsonl"
    path.write_text(rows_of([BOOK]) + line + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=reason):
        read_books(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        read_books(path)


def test_a_digest_tells_the_cases_of_its_prompt() -> None:
    cases = [
        replace(passage, heading=heading, title=f"Bees{CASES}")
        for heading, passage in zip(
            ("Bees allergy", "Bees balcony", "Bees winter"), passages_called("Bees"), strict=False
        )
    ]
    library = Library.of([*LIBRARY.passages, *cases], encode, least_likeness=0.0)
    library = Library(library.passages, *library.codes, least_likeness=0.0, books=Books.of([BOOK], encode))
    found = find_digest(library, encode, ["Guide to bees"], typed="Guide to bees with an allergy")
    assert found == [CHAPTERS[0], "Bees allergy", *CHAPTERS[1:]]
