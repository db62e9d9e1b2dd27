"""What every backend must do with units of work, sentences, their texts and blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from concepts.errors import NotFoundError, StorageError
from storage import (
    ItemText,
    NewPlanItem,
    NewRendering,
    SpaceRef,
    UnitSpec,
)

if TYPE_CHECKING:
    from .conftest import Author


def test_write_and_decode_in_two_languages(author: Author) -> None:
    lease = author.finished()
    store = author.store
    outline = store.get_outline(lease.document_id)
    assert {item.status for item in outline.leaves()} == {"decoded"}
    leaf = outline.leaves()[0]
    assert (leaf.stop_reason, leaf.similarity, leaf.unit) == ("length", 0.5, 0)
    assert leaf.heading == f"eng_Latn heading {leaf.id}"
    stored = store.get_concepts([leaf.id])[leaf.id]
    assert stored.vectors.shape == (2, 4) and len(stored.concept_ids) == 2
    assert np.array_equal(store.get_concept_vectors(stored.concept_ids[::-1]), stored.vectors[::-1])

    author.decode(lease, "fra_Latn")
    french = store.export_document(lease.document_id, "fra_Latn")
    assert french.sections[0].heading == f"fra_Latn heading {leaf.id}"
    assert [s.text for s in french.sections[0].sentences] == [f"fra_Latn {i}" for i in stored.concept_ids]
    assert french.sections[0].sentences[0].score == 0.9
    assert [s.block for s in french.sections[0].sentences] == ["paragraph", None]
    assert [s.path for s in french.sections[1].children] == ["2.1", "2.2"]
    assert store.list_languages(lease.document_id) == {"eng_Latn": 6, "fra_Latn": 6}
    renderings = store.get_renderings(lease.document_id, "eng_Latn")
    assert [r.item_id is not None for r in renderings[:4]] == [True, False, False, True]
    assert renderings[0].decoder == "toy-decoder"
    assert [r.block for r in renderings[:4]] == [None, "paragraph", None, None]
    assert store.get_outline(lease.document_id).leaves()[0].heading == leaf.heading


def test_export_counts_what_is_missing(author: Author) -> None:
    store = author.store
    lease = author.claim(author.new())
    assert store.export_document(lease.document_id).sections == ()
    author.plan(lease)
    author.write(lease)
    assert store.export_document(lease.document_id).num_missing == 6
    author.decode(lease)
    exported = store.export_document(lease.document_id, "deu_Latn")
    assert exported.num_missing == 6 and exported.sections[0].heading is None


def test_headings_set_by_hand_show_in_the_own_language(author: Author) -> None:
    lease = author.claim(author.new())
    author.plan(lease)
    first = author.store.get_outline(lease.document_id).items[0]
    with author.store.fenced(lease) as tx:
        tx.set_headings({first.id: "Leaves"})
    assert author.store.export_document(lease.document_id).sections[0].heading == "Leaves"
    assert author.store.export_document(lease.document_id, "fra_Latn").sections[0].heading is None


def test_units_are_fixed(author: Author) -> None:
    store = author.store
    lease = author.claim(author.new())
    author.plan(lease)
    a, b, c = (item.id for item in store.get_outline(lease.document_id).leaves())
    specs = [UnitSpec(item_ids=(a, b), extra={"seed": 1}), UnitSpec(item_ids=(c,))]
    with store.fenced(lease) as tx:
        first = tx.plan_units("write", specs)
    with store.fenced(lease) as tx:
        assert tx.plan_units("write", specs) == first
    with pytest.raises(StorageError, match="other members"), store.fenced(lease) as tx:
        tx.plan_units("write", [UnitSpec(item_ids=(a,)), UnitSpec(item_ids=(b, c))])
    with pytest.raises(NotFoundError, match="does not have"), store.fenced(lease) as tx:
        tx.plan_units("write", [UnitSpec(item_ids=(987654,))], first_ordinal=5)
    assert first[0].extra == {"seed": 1} and [u.ordinal for u in first] == [0, 1]
    assert store.next_unit(lease.document_id, "write") == first[0]
    with store.fenced(lease) as tx:
        assert tx.finish_unit(first[0].id)
        assert not tx.finish_unit(first[0].id)
    assert store.pending_units(lease.document_id, "write") == first[1:]
    assert store.next_unit(lease.document_id, "decode", "eng_Latn") is None
    with store.fenced(lease) as tx:
        (third,) = tx.plan_units("write", [UnitSpec()], first_ordinal=None)
    assert third.ordinal == 2


def test_duplicated_commit_leaves_no_duplicate_row(author: Author, space: SpaceRef) -> None:
    store = author.store
    lease = author.claim(author.new())
    author.plan(lease)
    unit_id = author.plan_write(lease)
    for expected in (True, False):
        with store.fenced(lease, space=space) as tx:
            assert tx.commit_concepts(unit_id, author.concepts(lease, unit_id)) is expected
    assert len(store.get_undecoded(lease.document_id, "eng_Latn").concept_ids) == 6
    todo = store.get_undecoded(lease.document_id, "eng_Latn")
    texts = [NewRendering(text="x", concept_id=i) for i in todo.concept_ids]
    with store.fenced(lease) as tx:
        (unit,) = tx.plan_units("decode", [UnitSpec(concept_ids=todo.concept_ids)], lang="eng_Latn")
    for expected in (True, False):
        with store.fenced(lease) as tx:
            assert tx.commit_renderings(unit.id, texts) is expected
    assert len(store.get_renderings(lease.document_id, "eng_Latn")) == 6


def test_only_the_members_of_a_unit_are_committed(author: Author, space: SpaceRef) -> None:
    store = author.store
    lease = author.claim(author.new())
    author.plan(lease)
    unit_id = author.plan_write(lease)
    with pytest.raises(StorageError, match="as it was written down"), store.fenced(lease, space=space) as tx:
        tx.commit_concepts(unit_id, author.concepts(lease, unit_id)[:1])
    assert store.get_unit(lease.document_id, unit_id).status == "pending"
    other = author.claim(author.new())
    with pytest.raises(NotFoundError, match="no unit"), store.fenced(other, space=space) as tx:
        tx.commit_concepts(unit_id, author.concepts(lease, unit_id))


def test_item_without_sentences_is_done(author: Author, space: SpaceRef) -> None:
    store = author.store
    lease = author.claim(author.new())
    author.plan(lease, ["1"])
    unit_id = author.plan_write(lease)
    with store.fenced(lease, space=space) as tx:
        tx.commit_concepts(unit_id, author.concepts(lease, unit_id, num_sentences=0))
    item = store.get_outline(lease.document_id).items[0]
    assert item.status == "decoded"
    assert store.get_concepts([item.id])[item.id].vectors.shape == (0, 4)


def test_edited_outline_keeps_what_did_not_change(author: Author, space: SpaceRef) -> None:
    store = author.store
    lease = author.finished()
    old = store.get_outline(lease.document_id)
    before = store.export_document(lease.document_id)
    # 1 is longer, 2.1 moves to 2.3, 2.2 stays, 3 is new.
    edited = [
        author.item("1", planned_length=5),
        author.item("2"),
        author.item("2.2"),
        NewPlanItem(**{**vars(author.item("2.1")), "path": "2.3"}),
        author.item("3"),
    ]
    new = store.create_outline_version(lease, edited, space=space, note="by hand")
    assert (new.version, new.source, new.note) == (2, "user", "by hand")
    status = {item.path: item.status for item in new.leaves()}
    assert status == {"1": "pending", "2.2": "decoded", "2.3": "decoded", "3": "pending"}
    after = store.export_document(lease.document_id)
    assert after.sections[1].heading == before.sections[1].heading
    assert after.sections[1].children[0].sentences == before.sections[1].children[1].sentences
    assert after.sections[1].children[1].sentences == before.sections[1].children[0].sentences
    assert store.get_outline(lease.document_id, 1).items == () or len(old.items) == 4
    author.write(lease)
    assert [o.version for o in store.list_outlines(lease.document_id)] == [1, 2]
    with store.fenced(lease) as tx:
        tx.activate_outline(old.id)
    assert store.export_document(lease.document_id).sections == before.sections


def test_given_text_keeps_its_blocks(author: Author, space: SpaceRef) -> None:
    store = author.store
    lease = author.claim(author.new())
    author.plan(lease, ["1", "2"])
    first, second = (item.id for item in store.get_outline(lease.document_id).items)
    steps = ItemText(
        item_id=first,
        vectors=np.ones((3, 4), dtype=np.float32),
        texts=("Do this.", "Wait.", "Do that."),
        blocks=("step", None, "verse"),
    )
    plain = ItemText(item_id=second, vectors=np.ones((1, 4), dtype=np.float32), texts=("Done.",))
    with store.fenced(lease, space=space) as tx:
        tx.store_text([steps, plain], lang="eng_Latn")
    sections = store.export_document(lease.document_id).sections
    assert [[s.block for s in section.sentences] for section in sections] == [["step", None, "verse"], [None]]
    rows = [row for row in store.dataset_rows(lease.document_id) if row.ordinal is not None]
    assert [row.block for row in rows] == ["step", None, "verse", None]
    for blocks, message in (
        (("step",), "3 sentences with 1 block"),
        (("poem", None, None), "no block is a"),
    ):
        author.store.create_outline_version(lease, [author.item("1", seed=len(blocks))], space=space)
        item = store.get_outline(lease.document_id).items[0].id
        odd = ItemText(item_id=item, vectors=steps.vectors, texts=steps.texts, blocks=blocks)  # type: ignore[arg-type]
        with pytest.raises(StorageError, match=message), store.fenced(lease, space=space) as tx:
            tx.store_text([odd], lang="eng_Latn")
    with pytest.raises(StorageError, match="expected one of paragraph, step, bullet, verse, or None"):
        NewRendering(text="x", concept_id=1, block="poem")  # type: ignore[arg-type]


def test_twice_the_same_item_is_copied_once_each(author: Author, space: SpaceRef) -> None:
    lease = author.claim(author.new())
    author.plan(lease, ["1"])
    author.write(lease)
    same = [author.item("1", seed=5), author.item("2", seed=5)]
    author.store.create_outline_version(lease, same, space=space)
    author.write(lease)
    again = author.store.create_outline_version(lease, [*same, author.item("3", seed=5)], space=space)
    assert [item.status for item in again.items] == ["written", "written", "pending"]
