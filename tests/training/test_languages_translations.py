"""Translations are added to a library, whose card knows them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from concepts.errors import InputError
from concepts.library.translations import TRANSLATIONS_FILE, read_translations
from concepts.models.card import read_card
from tests.concepts.library.toy_library import toy_documents, write_toy
from training.languages.translations import add_translations, read_lines

TEA = ["Tea", "It boils."]


def lines(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_texts_are_added_by_language_and_replaced_where_they_are_new(tmp_path: Path) -> None:
    card = write_toy(toy_documents(2), tmp_path / "library")
    first = lines(tmp_path / "a", {"english": TEA, "texts": {"deu_Latn": ["Tee", "Er kocht."]}})
    more = lines(
        tmp_path / "b",
        {"english": TEA, "texts": {"fra_Latn": ["Thé", "Il bout."], "deu_Latn": ["Der Tee", "Er kocht."]}},
        {"english": ["Milk"], "texts": {"deu_Latn": ["Milch"]}},
    )
    assert [add_translations(card.folder, [path]) for path in (first, more)] == [1, 2]
    read_card(card.folder).verify((TRANSLATIONS_FILE,))
    milk, tea = read_translations(card.path(TRANSLATIONS_FILE))
    assert milk.texts == {"deu_Latn": ("Milch",)}
    assert tea.texts == {"deu_Latn": ("Der Tee", "Er kocht."), "fra_Latn": ("Thé", "Il bout.")}
    changed = lines(
        tmp_path / "c", {"english": ["Tea", "It cools."], "texts": {"spa_Latn": ["Té", "Enfría."]}}
    )
    add_translations(card.folder, [changed])
    _, tea = read_translations(card.path(TRANSLATIONS_FILE))
    assert tea.texts == {"spa_Latn": ("Té", "Enfría.")}  # the others are of another text


@pytest.mark.parametrize(
    "row",
    [
        "tea",
        {"english": TEA},
        {"english": TEA, "texts": {"deu_Latn": ["Tee"]}},
        {"english": TEA, "texts": {"deu_Latn": ["Tee", " "]}},
    ],
)
def test_a_line_that_is_no_translated_document_is_named(tmp_path: Path, row: object) -> None:
    with pytest.raises(InputError, match="line 1"):
        read_lines(lines(tmp_path / "a", row))
