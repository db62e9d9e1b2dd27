"""A prompt in another language is read as the nearest document; a translated one comes first among equals."""

from __future__ import annotations

import pytest

from concepts.library import foreign
from concepts.library.foreign import Reading, read_foreign
from concepts.library.library import Library, Passage
from concepts.library.stored import EMPTY
from tests.concepts.library.toy_library import encode

NAMES = ("Slugs garden", "Slugs garden winter", "Bread oven", "Letter landlord")
LIBRARY = Library.of([Passage(name, "Part", ("One.", "Two.")) for name in NAMES], encode, least_likeness=0.0)


def read(text: str, *preferred: str) -> str | None:
    (vector,) = encode([text])
    found = read_foreign(LIBRARY, encode, vector, preferred)
    return None if found is None else found.title


def test_the_nearest_document_is_found() -> None:
    assert [read(name) for name in NAMES] == list(NAMES)
    (vector,) = encode([NAMES[2]])
    found = read_foreign(LIBRARY, encode, vector)
    assert found is not None
    assert found.likeness == pytest.approx(1.0, abs=1e-4)
    assert found.is_near


def test_what_stands_under_a_prompts_title_is_nearer_than_what_is_on_it() -> None:
    said = [
        (Reading("Tea", likeness).is_near, Reading("Tea", likeness).is_sure)
        for likeness in (0.49, 0.5, 0.59, 0.6)
    ]
    assert said == [(False, False), (True, False), (True, False), (True, True)]


def test_a_preferred_document_wins_only_where_it_is_about_as_near(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "WITHIN", 0.5)
    assert read("Slugs garden", "Slugs garden winter") == "Slugs garden winter"
    assert read("Slugs garden", "Bread oven") == "Slugs garden"
    monkeypatch.setattr(foreign, "WITHIN", 0.0)
    assert read("Slugs garden", "Slugs garden winter") == "Slugs garden"


def test_a_text_that_is_far_from_all_is_not_near_and_an_empty_library_knows_nothing() -> None:
    (vector,) = encode(["Quasar"])
    found = read_foreign(LIBRARY, encode, vector)
    assert found is not None and not found.is_near
    assert read_foreign(EMPTY, encode, vector) is None
