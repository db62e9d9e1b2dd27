"""Search by words on both databases: what matches, in which order, and that the index keeps step with the texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from storage import ItemConcepts, Lease, NewPlanItem, NewRendering, SpaceRef, UnitSpec
from storage.search import words as word_search
from storage.search.words import MAX_TERMS, parse_terms


def write(
    author: Any, space: SpaceRef, *sentences: str, heading: str = "Overview", lang: str = "eng_Latn"
) -> Lease:
    """Store a document of one section that says these sentences, and return its lease."""
    lease: Lease = author.claim(author.new())
    one = np.ones(4, dtype=np.float32)
    with author.store.fenced(lease, space=space) as tx:
        tx.create_outline([NewPlanItem(path="1", lead=one, gist=one, planned_length=len(sentences))])
    (item,) = author.store.get_outline(lease.document_id).items
    with author.store.fenced(lease, space=space) as tx:
        (made,) = tx.plan_units("write", [UnitSpec(item_ids=(item.id,))])
        tx.commit_concepts(made.id, [ItemConcepts(item_id=item.id, vectors=np.stack([one] * len(sentences)))])
    say(author, lease, sentences, heading, lang)
    return lease


def say(author: Any, lease: Lease, sentences: Any, heading: str, lang: str) -> None:
    todo = author.store.get_undecoded(lease.document_id, lang)
    with author.store.fenced(lease) as tx:
        spec = UnitSpec(item_ids=todo.item_ids, concept_ids=todo.concept_ids)
        (unit,) = tx.plan_units("decode", [spec], lang=lang, first_ordinal=None)
        texts = [NewRendering(text=heading, item_id=i) for i in todo.item_ids]
        texts += [
            NewRendering(text=s, concept_id=i) for s, i in zip(sentences, todo.concept_ids, strict=True)
        ]
        assert tx.commit_renderings(unit.id, texts, decoder="toy")


def places_of(matches: Any) -> list[tuple[str, str, int | None]]:
    return [(match.document_id, match.place, match.ordinal) for match in matches]


def test_the_text_with_the_rarest_words_comes_first(author: Any, space: SpaceRef) -> None:
    common = ["The folder is shared with a group."] * 3
    first = write(author, space, *common, "The password of a folder is secret.", heading="Folders")
    found = author.store.search_words("folder password")
    assert places_of(found)[0] == (first.document_id, "sentences", 3)
    assert {(match.place, match.ordinal) for match in found} == {
        ("plan", None), ("sentences", 0), ("sentences", 1), ("sentences", 2), ("sentences", 3)
    }  # fmt: skip
    best = found[0]
    assert (best.text, best.heading, best.path) == ("The password of a folder is secret.", "Folders", "1")
    assert (best.lang, best.similarity, best.found_by) == ("eng_Latn", None, ("words",))
    assert author.store.search_words("folder password", limit=2) == found[:2]
    (plan,) = author.store.search_words("folder", places=["plan"])
    assert (plan.place, plan.text) == ("plan", "Folders")


def test_words_match_without_capitals_accents_and_endings(author: Any, space: SpaceRef) -> None:
    write(author, space, "The café repairs old bicycles with puncture-proof tyres.", heading="Service")
    for asked in (
        "bicycle",
        "BICYCLES",
        "repairing",
        "cafe",
        "CAFÉ",
        "cafe\u0301",
        "puncture-proof",
        "proof",
        '"old bicycles"',
        "how do I repair them?",
        "NEAR(bicycles) OR* -text: {^",
    ):
        assert author.store.search_words(asked), asked
    for asked in (
        '"bicycles old"',
        "cycle",
        "what about tea",
        "...",
        '"',
        "\\",
        "'; DROP TABLE documents; --",
    ):
        assert not author.store.search_words(asked), asked


def test_a_translation_is_found_as_its_sentence(author: Any, space: SpaceRef) -> None:
    lease = write(author, space, "Bees make honey.", heading="Honey")
    say(author, lease, ["Bienen machen Honig."], "Der Honig", "deu_Latn")
    (match,) = author.store.search_words("Bienen", lang="deu_Latn")
    assert (match.text, match.lang, match.ordinal) == ("Bienen machen Honig.", "deu_Latn", 0)
    both = author.store.search_words("bees Bienen", places=["sentences"])
    assert places_of(both) == [(lease.document_id, "sentences", 0)]
    assert [match.text for match in author.store.search_words("Honig", places=["plan"])] == ["Der Honig"]


def test_only_outlines_in_use_are_looked_at_and_what_is_deleted_is_gone(author: Any, space: SpaceRef) -> None:
    lease = write(author, space, "Tea is brewed.")
    other = write(author, space, "Tea is drunk.")
    assert len(author.store.search_words("tea")) == 2
    author.store.create_outline_version(lease, [NewPlanItem(path="1", heading="New")])
    assert places_of(author.store.search_words("tea")) == [(other.document_id, "sentences", 0)]
    author.store.delete_document(other.document_id, force=True)
    assert author.store.search_words("tea") == ()


def test_hits_of_older_versions_hide_none_in_use(
    author: Any, space: SpaceRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = write(author, space, *["Tea tea tea."] * 30)
    author.store.create_outline_version(old, [NewPlanItem(path="1", heading="New")])
    lease = write(author, space, "Of all that is drunk in the afternoon it is tea.")
    monkeypatch.setattr(word_search, "FIRST_HITS", 2)
    assert places_of(author.store.search_words("tea", limit=1)) == [(lease.document_id, "sentences", 0)]


def test_a_changed_text_is_found_by_its_new_words_alone(author: Any, space: SpaceRef, url: str) -> None:
    write(author, space, "Tea is brewed.")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE renderings SET text = 'Coffee is roasted.' WHERE text LIKE 'Tea%'"))
    engine.dispose()
    assert author.store.search_words("tea") == ()
    assert len(author.store.search_words("coffee")) == 1


def test_the_index_of_sqlite_agrees_with_the_texts(author: Any, space: SpaceRef, url: str) -> None:
    if not url.startswith("sqlite"):
        pytest.skip("PostgreSQL keeps its own indexes in step")
    lease = write(author, space, "Tea is brewed.", "Tea is drunk.")
    author.store.delete_document(write(author, space, "Gone.").document_id, force=True)
    say(author, lease, ["Le thé.", "Du thé."], "Thé", "fra_Latn")
    engine = create_engine(url)
    with engine.begin() as connection:
        # Raises where the index holds other words than the table.
        connection.execute(
            text("INSERT INTO rendering_words (rendering_words, rank) VALUES ('integrity-check', 1)")
        )
    engine.dispose()


def test_terms_are_words_and_quoted_words() -> None:
    assert parse_terms('How do I "Share a  folder" folder Folder?', "eng_Latn") == (
        "share a folder", "folder"
    )  # fmt: skip
    assert parse_terms("how do I", "eng_Latn") == ("how", "do", "i")
    assert parse_terms("die Biene", "deu_Latn") == ("biene",)
    assert parse_terms("die bee", "eng_Latn") == ("die", "bee")
    assert parse_terms(" \0 -- ", "eng_Latn") == ()
    assert len(parse_terms(" ".join(map(str, range(1000))), "eng_Latn")) == MAX_TERMS


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.text(max_size=40))
def test_whatever_is_typed_is_looked_for(author: Any, words: str) -> None:
    author.store.search_words(words.encode("utf-8", "ignore").decode())
