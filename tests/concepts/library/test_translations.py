"""A translation memory gives what a translator wrote, and only that; the one that ships fits the library."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from concepts.errors import ModelError
from concepts.library.stored import DOCUMENTS_FILE, StoredPassages
from concepts.library.translations import (
    TRANSLATIONS_FILE,
    TranslatedDocument,
    TranslationMemory,
    read_translations,
    write_translations,
)
from concepts.models.installed import find_card

TEA = TranslatedDocument(
    ("Tea", "Water", "It boils."),
    {"deu_Latn": ("Tee", "Wasser", "Es kocht."), "fra_Latn": ("Le thé", "L'eau", "Elle bout.")},
)
MILK = TranslatedDocument(
    ("Milk", "Water", "It is white."), {"deu_Latn": ("Milch", "Das Wasser", "Sie ist weiß.")}
)


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / TRANSLATIONS_FILE
    write_translations(path, [TEA, MILK])
    assert list(read_translations(path)) == [MILK, TEA]


def test_a_text_is_found_both_ways_and_by_language() -> None:
    memory = TranslationMemory([TEA, MILK])

    def say(text: str, source: str, target: str) -> str | None:
        langs = {"en": "eng_Latn", "de": "deu_Latn", "fr": "fra_Latn", "es": "spa_Latn"}
        return memory.translate([text], langs[source], langs[target])[0]

    assert say("It boils.", "en", "de") == "Es kocht."
    assert say(" It boils. ", "en", "fr") == "Elle bout."
    assert say("Water", "en", "de") == "Wasser"  # the first document's
    assert say("It is white.", "en", "fr") is None
    assert say("It boils.", "en", "es") is None
    assert say("Sie ist weiß.", "de", "en") == "It is white."
    assert say("Sie ist weiß.", "fr", "en") is None
    assert say("Es kocht.", "de", "fr") == "Elle bout."
    assert say("Sie ist weiß.", "de", "fr") is None
    assert say("", "de", "fr") is None
    assert memory.titles("deu_Latn") == {"Tea": "Tee", "Milk": "Milch"}
    assert memory.titles("fra_Latn") == {"Tea": "Le thé"}


def test_a_text_of_several_documents_is_told_as_beside_its_neighbours() -> None:
    memory = TranslationMemory([TEA, MILK])
    assert memory.translate(["Water", "It is white."], "eng_Latn", "deu_Latn") == [
        "Das Wasser",
        "Sie ist weiß.",
    ]
    assert memory.translate(["Water", "It boils.", "Rye"], "eng_Latn", "deu_Latn") == [
        "Wasser",
        "Es kocht.",
        None,
    ]
    assert memory.translate(["Water", "It is white."], "eng_Latn", "fra_Latn") == ["L'eau", None]
    assert memory.translate([], "eng_Latn", "fra_Latn") == []


def test_blanks_are_told_with_their_defaults_and_others_stay() -> None:
    story = TranslatedDocument(
        ("[girl's name: Lena] runs.", "Dear [name], [girl's name: Lena] wins."),
        {
            "fra_Latn": (
                "[prénom de la fille : Léna] court.",
                "Cher [nom], [prénom de la fille : Léna] gagne.",
            )
        },
    )
    memory = TranslationMemory([story])
    assert memory.translate(["Lena runs."], "eng_Latn", "fra_Latn") == ["Léna court."]
    assert memory.translate(["Dear [name], Lena wins."], "eng_Latn", "fra_Latn") == [
        "Cher [nom], Léna gagne."
    ]
    assert memory.translate(["Léna court."], "fra_Latn", "eng_Latn") == ["Lena runs."]


@pytest.mark.parametrize(
    "line",
    ["[]", "{}", '{"english": ["a"], "texts": {"deu_Latn": []}}', '{"english": [], "texts": {}}', "{"],
)
def test_a_damaged_file_is_one_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / TRANSLATIONS_FILE
    path.write_bytes(lzma.compress(line.encode()))
    with pytest.raises(ModelError, match="cannot be read") as error:
        TranslationMemory.load(path)
    assert "\n" not in str(error.value)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ModelError, match="cannot be read"):
        TranslationMemory.load(path)


def test_the_translations_that_ship_are_of_the_library_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LONGHAND_MODELS", raising=False)
    card = find_card("library", verify=False)
    with lzma.open(card.path(DOCUMENTS_FILE), "rt", encoding="utf-8") as lines:
        stored = StoredPassages(lines)
    texts: dict[str, set[str]] = {}
    place = 0
    for entry in stored.entries:
        own = texts.setdefault(entry.title, {entry.title})
        for passage in stored[place : place + entry.num_passages]:
            own.update((passage.heading, *passage.sentences))
        place += entry.num_passages
    translated = list(read_translations(card.path(TRANSLATIONS_FILE)))
    assert len(translated) >= 20
    for document in translated:
        assert document.title in texts
        assert not set(document.english) - texts[document.title], document.title
        for lang, found in document.texts.items():
            assert all(text.strip() == text and text for text in found), (document.title, lang)
