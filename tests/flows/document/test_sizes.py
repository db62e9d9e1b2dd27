"""How long a document is to be: by its prompt and its options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from concepts.errors import UsageError
from flows.document import steps
from flows.document.asked.options import WritingOptions
from flows.document.asked.sizes import told_size
from storage import Store
from tests.flows.document.step_runner import run_steps
from tests.flows.flow_fakes import FakeEngine

Make = Callable[..., Any]


def test_sections_are_as_long_as_was_asked_for(store: Store, new_document: Make, new_job: Make) -> None:
    planned: list[list[int]] = []
    for length in (None, "short", "medium", "long"):
        document_id = new_document(store, WritingOptions(sections=6, depth=2, length=length))
        steps.plan_document(new_job(store, document_id))
        items = store.get_outline(document_id).items
        planned.append([item.planned_length for item in items if item.is_leaf])
    as_planned, short, medium, long = planned
    assert set(short) <= {3, 4} and set(medium) <= set(range(5, 9)) and set(long) <= set(range(9, 15))
    for scaled in (short, medium, long):
        order = sorted(range(6), key=lambda place: as_planned[place])
        assert [scaled[place] for place in order] == sorted(scaled)
        assert min(scaled) < max(scaled)
    with pytest.raises(UsageError, match="length is 'epic': expected one of short, medium, long"):
        WritingOptions(length="epic")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("prompt", "num_sections", "rest"),
    [
        ("The fall of Rome for GCSE, about 1500 words", 14, "The fall of Rome for GCSE"),
        ("Write a 400-word essay on tea", 5, "Write an essay on tea"),
        ("In 300 words: why cats purr", 4, "why cats purr"),
        ("400 words on tea", 5, "tea"),
        ("write 600 words about dogs", 8, "write something about dogs"),
        ("An article of about 700 words about bees", 9, "An article about bees"),
        ("A report of 2 pages on the Moon", 10, "A report on the Moon"),
        ("Bread (around 800 words)", 10, "Bread"),
        ("Guide to Rome in ten chapters", 10, "Guide to Rome"),
        ("A course in English, 6 units, with exercises", 6, "A course in English, with exercises"),
        ("How to learn about 500 words a week", None, "How to learn about 500 words a week"),
        ("How to read some 300 pages a day", None, "How to read some 300 pages a day"),
        ("Explain frost in 20 words", None, "Explain frost in 20 words"),
        ("10 words to avoid in a cover letter", None, "10 words to avoid in a cover letter"),
        ("The 1,000 words that learners need", None, "The 1,000 words that learners need"),
        ("A trip with three parts of the family", None, "A trip with three parts of the family"),
    ],
)
def test_a_prompt_may_say_how_long_its_document_is(prompt: str, num_sections: int | None, rest: str) -> None:
    found = told_size(prompt, "eng_Latn")
    assert (found.num_sections, found.rest) == (num_sections, rest)
    assert told_size(prompt, "deu_Latn").num_sections is None


@pytest.mark.parametrize(
    ("prompt", "num_parts"),
    [
        ("A comprehensive guide to beekeeping", None),
        ("the complete beginner's guide to sewing", None),
        ("a detailed history of Japan", None),
        ("Write me a book about whales", None),
        ("Everything you need to know about wine", None),
        ("Write a handbook for new teachers", None),
        ("Rome in ten chapters", 10),
        ("A course on drawing, 8 lessons", 8),
        ("A complete guide to buying a house in 5,000 words", None),
    ],
)
def test_a_prompt_may_ask_for_a_book(prompt: str, num_parts: int | None) -> None:
    found = told_size(prompt, "eng_Latn")
    assert (found.is_book, found.num_parts) == (True, num_parts)
    assert not told_size(prompt, "deu_Latn").is_book


@pytest.mark.parametrize(
    ("prompt", "num_words"),
    [
        ("A complete guide to buying a house in 5,000 words", 5000),
        ("The French Revolution, about 2000 words", 2000),
        ("A report of 20 pages on the Moon", 8000),
        ("How to stop worrying, 15000 words or more", 15000),
        ("A report of 2 pages on the Moon", None),
        ("A complete guide to tea", None),
    ],
)
def test_a_prompt_may_ask_for_more_words_than_a_document_has(prompt: str, num_words: int | None) -> None:
    assert told_size(prompt, "eng_Latn").num_words == num_words


@pytest.mark.parametrize(
    "prompt",
    [
        "A guide to beekeeping",
        "How to book a flight",
        "a complete guide to tea in 800 words",
        "Sorting my books about war",
        "Review of a book that I liked",
        "A full breakfast",
        "Rome in ten sections",
        "How to write 2,000 words a day",
        "The French Revolution, about 2000 words",
    ],
)
def test_other_prompts_ask_for_no_book(prompt: str) -> None:
    assert not told_size(prompt, "eng_Latn").is_book


def test_a_book_is_written_where_the_library_has_one(store: Store, new_document: Make, new_job: Make) -> None:
    def headings(prompt: str, options: WritingOptions, book: tuple[str, ...] = ("Rise", "Fall")) -> list[str]:
        document_id = new_document(store, options, prompt=prompt)
        engine = FakeEngine()
        engine.outline, engine.book = ["One", "Two", "Three"], list(book)
        run_steps(new_job(store, document_id, engine))
        return [item.heading or "" for item in store.get_outline(document_id).items]

    chapters = ["Rise", "Rise in short", "Fall", "Fall in short"]
    sections = ["One", "Two", "Three"]
    assert headings("A complete history of Rome", WritingOptions()) == chapters
    assert headings("A complete history of Rome", WritingOptions(), ()) == sections
    assert headings("The history of Rome in 1,800 words", WritingOptions()) == chapters
    assert headings("The history of Rome in 1,700 words", WritingOptions()) == sections
    assert headings("A history of Rome", WritingOptions()) == sections
    assert headings("A complete history of Rome", WritingOptions(depth=1)) == sections
    assert headings("A complete history of Rome", WritingOptions(sections=3)) == sections


def test_a_length_in_the_prompt_gives_way_to_what_is_known_and_to_options(
    store: Store, new_document: Make, new_job: Make
) -> None:
    def planned(prompt: str, options: WritingOptions, outline: tuple[str, ...]) -> tuple[int, str | None]:
        document_id = new_document(store, options, prompt=prompt)
        engine = FakeEngine()
        engine.outline = list(outline)
        run_steps(new_job(store, document_id, engine))
        return len(store.get_outline(document_id).leaves()), store.get_document(document_id).title

    known = ("One", "Two", "Three")
    assert planned("Rome in five chapters", WritingOptions(), ()) == (5, "Rome")
    assert planned("Rome in five chapters", WritingOptions(), known) == (3, "Rome")
    assert planned("Rome in five chapters", WritingOptions(sections=2), ()) == (2, "Rome")
