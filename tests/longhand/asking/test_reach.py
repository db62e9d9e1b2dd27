"""Whether the prompt of a stored document is far from what its planner has learnt."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from concepts.library.translations import TranslatedDocument, TranslationMemory
from flows.document.asked.options import WritingOptions
from longhand.doing.reach import (
    describe_blanks,
    describe_gaps,
    describe_language,
    describe_length,
    describe_sources,
    describe_spelling,
    describe_stand_in,
    describe_untold,
    is_far,
)
from planner.reach import Reach
from storage import CardRef, NewDocument, NewPlanItem, Note, PromptConcept, SpaceRef, Store

SPACE = SpaceRef(name="toy", checksum="c0ffee", dim=3)


def planned(store: Store, *vectors: tuple[float, ...], options: WritingOptions | None = None) -> str:
    params = (options or WritingOptions()).to_params()
    document = store.create_document(NewDocument(prompt="tea", lang="eng_Latn", params=params))
    with store.fenced(store.claim(document.id, "test", 60.0), space=SPACE) as tx:
        tx.set_cards(planner=CardRef(name="toy-planner", checksum="1"))
        tx.save_prompt([PromptConcept(text="tea", vector=np.array(v, dtype=np.float32)) for v in vectors])
    return document.id


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    names: list[object] = []
    monkeypatch.setattr(
        "concepts.models.installed.find_card", lambda kind, name, verify: names.append((kind, name))
    )
    monkeypatch.setattr("planner.reach.load_reach", lambda card: Reach(torch.eye(3)[:1], 0.9))
    return names


def test_a_prompt_is_measured_by_the_planner_of_its_document(store: Store, asked: list[object]) -> None:
    assert not is_far(store, planned(store, (1, 0, 0.1), (1, 0, -0.1)))
    assert is_far(store, planned(store, (0, 1, 0)))
    assert asked == [("planner", "toy-planner")] * 2


def test_given_headings_and_a_planner_without_a_reach_are_never_far(
    store: Store, asked: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = WritingOptions(outline=(("1", "Water"),))
    assert not is_far(store, planned(store, (0, 1, 0), options=given))
    assert asked == []
    monkeypatch.setattr("planner.reach.load_reach", lambda card: None)
    assert not is_far(store, planned(store, (0, 1, 0)))


def noted(
    store: Store,
    *counts: int,
    text: str = "Tea is hot.",
    prompt: str = "tea",
    title: str | None = None,
    lang: str = "eng_Latn",
    options: WritingOptions | None = None,
) -> str:
    """Store a document whose sections have so many notes each, of a document on tea."""
    params = {} if options is None else options.to_params()
    document = store.create_document(NewDocument(prompt=prompt, title=title, lang=lang, params=params))
    lease = store.claim(document.id, "test", 60.0)
    with store.fenced(lease, space=SPACE) as tx:
        tx.create_outline(
            [NewPlanItem(path=str(n), heading="Tea", planned_length=3) for n in range(1, len(counts) + 1)]
        )
    ids = {item.path: item.id for item in store.get_outline(document.id).items}
    note = Note(text=text, title="Tea", heading="Heat", score=0.5)
    with store.fenced(lease) as tx:
        tx.set_notes({ids[str(n)]: [note] * count for n, count in enumerate(counts, 1)})
    return document.id


@pytest.mark.parametrize(
    ("prompt", "options", "paths", "is_told"),
    [
        ("a complete guide to tea", WritingOptions(), ("1", "2"), True),
        ("3,000 words on tea", WritingOptions(), ("1", "2"), True),
        ("a complete guide to tea", WritingOptions(), ("1", "1.1"), False),
        ("a complete guide to tea", WritingOptions(depth=1), ("1", "2"), False),
        ("a complete guide to tea", WritingOptions(sections=2), ("1", "2"), False),
        ("a complete guide to tea", WritingOptions(library="none"), ("1", "2"), False),
        ("a guide to tea", WritingOptions(), ("1", "2"), False),
    ],
)
def test_a_book_that_the_library_lacks_is_told(
    store: Store, prompt: str, options: WritingOptions, paths: tuple[str, ...], is_told: bool
) -> None:
    params = options.to_params()
    document = store.create_document(NewDocument(prompt=prompt, lang="eng_Latn", params=params))
    with store.fenced(store.claim(document.id, "test", 60.0), space=SPACE) as tx:
        tx.create_outline([NewPlanItem(path=path, heading="Tea", planned_length=3) for path in paths])
    line = describe_length(store, document.id)
    assert (line is not None and "no book on this subject" in line) == is_told


def test_a_document_that_the_library_knows_little_of_says_so(store: Store) -> None:
    line = describe_gaps(store, noted(store, 0, 1, 4))
    assert line is not None and "1 of 3 sections" in line and "--library" in line
    assert describe_gaps(store, noted(store, 3, 2, 0)) is None
    assert describe_gaps(store, noted(store)) is None


def test_a_line_names_the_documents_that_most_sections_are_made_of(store: Store) -> None:
    assert describe_sources(store, noted(store, 3, 2, 0)) == "from the library, by sections: 'Tea' (2)"
    assert describe_sources(store, noted(store, 0, 1, 4)) is None
    assert describe_sources(store, noted(store)) is None


def test_blanks_that_are_left_to_the_reader_are_named(store: Store) -> None:
    assert describe_blanks(store, noted(store, 2, 1)) is None
    text = "Dear [name], on [date] of [month] [Name] saw [your name] in [place] for [amount]."
    line = describe_blanks(store, noted(store, 0, 1, text=text))
    assert line == "to fill in: [name], [date], [month], [your name] and 2 more"


def test_a_document_on_another_subject_is_told_of_with_its_title(store: Store) -> None:
    told = describe_stand_in(store, noted(store, 3, 3, prompt="coffee", title="Tea"))
    assert told is not None and "the nearest that it has is 'Tea'" in told
    assert describe_stand_in(store, noted(store, 3, 3, prompt="tea", title="Tea")) is None
    assert describe_stand_in(store, noted(store, 3, 3, prompt="coffee", title="Coffee")) is None
    assert describe_stand_in(store, noted(store, 3, 3, prompt="coffee")) is None


def test_words_that_are_taken_for_typing_errors_are_named(store: Store) -> None:
    told = describe_spelling(store, noted(store, 3, prompt="recieve the goverment"))
    assert (
        told
        == "read 'recieve' as 'receive', 'goverment' as 'government': a word in double quotes stays as it is"
    )
    assert describe_spelling(store, noted(store, 3, prompt="tea")) is None


def test_what_the_text_lacks_of_the_prompt_is_named(store: Store) -> None:
    told = describe_untold(store, noted(store, 3, prompt="hot tea for 104 kg of sauerkraut"))
    assert told == "of the prompt, the text lacks: 104 kg, sauerkraut"
    assert (
        describe_untold(store, noted(store, 3, prompt="hot tea with sauerkraut")) is None
    )  # maybe a synonym
    assert describe_untold(store, noted(store, 3, prompt="a ghost story about sauerkraut")) is None
    assert describe_untold(store, noted(store, prompt="104 kg of sauerkraut")) is None


def test_how_a_document_comes_by_its_language_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    german = WritingOptions(prompt_lang="deu_Latn", lang_of_prompt=True)
    told = describe_language(store, noted(store, 3, prompt="Tee", options=german))
    assert told is not None and "in German, so the document is in English: --lang deu_Latn" in told
    known = TranslatedDocument(("Tea", "Tea is hot."), {"deu_Latn": ("Tee", "Tee ist heiß.")})
    monkeypatch.setattr(
        "concepts.library.stored.load_translations",
        lambda space_id: TranslationMemory([known] if space_id == "toy@c0ffee" else []),
    )
    assert describe_language(store, noted(store, 3, lang="deu_Latn", options=german)) is None
    filled = TranslatedDocument(("Dear [name]",), {"deu_Latn": ("Lieber [Vorname]",)})
    monkeypatch.setattr(
        "concepts.library.stored.load_translations", lambda space_id: TranslationMemory([filled])
    )
    blank = noted(store, 1, text="Dear [name]", lang="deu_Latn")
    assert describe_blanks(store, blank) == "to fill in: [Vorname]"
    told = describe_language(store, noted(store, 2, 1, text="Tea is cold.", lang="deu_Latn"))
    assert told is not None and "3 of 3 sentences are translated by a small model" in told
    assert describe_language(store, noted(store, 3)) is None
