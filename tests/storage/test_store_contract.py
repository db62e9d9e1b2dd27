"""What every backend must do with documents, outlines, concepts and texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from sqlalchemy import event

from concepts.errors import InputError, NonFiniteError, NotFoundError, SpaceMismatchError, StorageError
from storage import (
    CardRef,
    ItemConcepts,
    ItemText,
    NewDocument,
    NewPlanItem,
    NewRendering,
    PromptConcept,
    SpaceRef,
    Store,
    UnitSpec,
)

if TYPE_CHECKING:
    from .conftest import Author, Clock


def test_document_round_trip(store: Store, space: SpaceRef, clock: Clock) -> None:
    new = NewDocument(
        prompt="Schreibe über Tee. 🍵",
        lang="deu_Latn",
        seed=2**62 + 1,
        title="Tee",
        params={"sections": 3, "temperature": 0.5, "goal": None, "nested": {"a": [1, "b"]}},
        space=space,
        planner=CardRef(name="p", checksum="1"),
        writer=CardRef(name="w", checksum="2"),
        idempotency_key="k",
        priority=7,
        flow_run_id="run",
    )
    made = store.create_document(new)
    found = store.get_document(made.id)
    assert found == made
    for name in ("prompt", "lang", "seed", "title", "params", "space", "planner", "writer", "priority"):
        assert getattr(found, name) == getattr(new, name)
    assert (found.status, found.epoch, found.owner, found.created_at) == ("queued", 0, None, clock.now)
    assert len(found.id) == 12


def test_idempotency_key_returns_the_first_document(store: Store) -> None:
    first = store.create_document(NewDocument(prompt="a", lang="eng_Latn", idempotency_key="k"))
    again = store.create_document(NewDocument(prompt="b", lang="eng_Latn", idempotency_key="k"))
    assert again == first
    assert len(store.list_documents()) == 1


def test_prefix_finds_one_document(author: Author, clock: Clock) -> None:
    old = author.new()
    clock.now += 2_000_000
    new = author.new()
    length = next(i for i in range(1, 13) if old.id[:i] != new.id[:i])
    assert old.id < new.id
    assert author.store.get_document(new.id[:length].upper()).id == new.id
    with pytest.raises(NotFoundError, match="ambiguous") as caught:
        author.store.get_document(new.id[: length - 1] or "")
    assert old.id in str(caught.value) and new.id in str(caught.value)


def test_a_whole_id_is_looked_up_by_its_index(author: Author) -> None:
    found = author.new()
    seen: list[str] = []
    engine = author.store._database.engine
    event.listen(engine, "before_cursor_execute", lambda _, __, statement, *___: seen.append(statement))
    assert author.store.get_document(found.id).id == found.id
    # For the beginning of an id SQLite looks at every document.
    assert seen and not any(" LIKE " in statement for statement in seen)


@pytest.mark.parametrize("typed", ["zzzz", "%", "_", "'; drop table documents; --"])
def test_unknown_id_is_not_found(author: Author, typed: str) -> None:
    author.new()
    with pytest.raises(NotFoundError, match="longhand ls"):
        author.store.get_document(typed)


def test_empty_id_is_not_found(author: Author) -> None:
    author.new()
    with pytest.raises(NotFoundError, match="empty"):
        author.store.get_document(" ")


def test_list_filters_pages_and_counts_progress(author: Author, clock: Clock) -> None:
    store = author.store
    lease = author.finished("first")
    clock.now += 1
    second = author.new("second")
    clock.now += 1
    third = author.new("third")
    assert [d.prompt for d in store.list_documents()] == ["third", "second", "first"]
    assert [d.id for d in store.list_documents(limit=1, offset=1)] == [second.id]
    assert [d.id for d in store.list_documents("queued")] == [third.id, second.id]
    assert [d.id for d in store.list_documents(["planned"])] == [lease.document_id]
    clock.now += 1
    store.create_document(NewDocument(prompt="a prompt", title="50%_Third", lang="deu_Latn"))
    assert [d.prompt for d in store.list_documents(lang="deu_Latn")] == ["a prompt"]
    made = store.get_document(second.id).created_at
    assert [d.prompt for d in store.list_documents(since=made, until=made + 1)] == ["second"]
    assert [d.prompt for d in store.list_documents(sort="title")] == ["a prompt", "first", "second", "third"]
    assert [d.prompt for d in store.list_documents(sort="status", limit=1)] == ["first"]
    assert [d.prompt for d in store.list_documents(sort="updated", offset=1)] == ["third", "second", "first"]
    assert [d.prompt for d in store.list_documents(text="third 50%")] == ["a prompt"]
    assert [d.prompt for d in store.list_documents(text="THIRD")] == ["a prompt", "third"]
    assert [d.prompt for d in store.list_documents("queued", text="%_t")] == ["a prompt"]
    assert store.list_documents(text="a prompt") == ()
    umlaut = author.new("Über Brot")
    assert [d.id for d in store.list_documents(text="über")] == [umlaut.id]
    store.delete_document(umlaut.id)
    assert (
        store.count_documents(),
        store.count_documents("queued"),
        store.count_documents(text="third"),
    ) == (4, 3, 2)
    assert store.list_document_languages() == ("deu_Latn", "eng_Latn")
    progress = store.get_document(lease.document_id).progress
    assert (progress.num_items, progress.num_written, progress.num_decoded) == (3, 3, 3)
    assert store.get_document(second.id).progress.num_items == 0


def test_listing_is_one_statement(author: Author) -> None:
    for number in range(3):
        author.finished(str(number))
    statements: list[str] = []
    event.listen(
        author.store._database.engine,
        "before_cursor_execute",
        lambda _c, _k, statement, *_: statements.append(statement),
    )
    assert len(author.store.list_documents()) == 3
    assert [s.split()[0] for s in statements if not s.startswith("BEGIN")] == ["SELECT"]


def test_delete_removes_everything(author: Author) -> None:
    lease = author.finished()
    kept = author.finished("kept")
    author.store.release(lease)
    author.store.delete_document(lease.document_id)
    with pytest.raises(NotFoundError):
        author.store.get_document(lease.document_id)
    assert author.store.get_prompt(lease.document_id) == ()
    assert author.store.export_document(kept.document_id).num_missing == 0
    with author.store._database.read() as connection:
        for table in ("outlines", "units", "prompt_concepts"):
            owners = connection.exec_driver_sql(f"SELECT DISTINCT document_id FROM {table}").scalars().all()
            assert owners == [kept.document_id]
        assert connection.exec_driver_sql("SELECT count(*) FROM concepts").scalar() == 6
    with pytest.raises(NotFoundError):
        author.store.delete_document(lease.document_id)


def test_prompt_round_trip_and_second_save_is_ignored(author: Author, space: SpaceRef) -> None:
    lease = author.claim(author.new())
    concepts = [
        PromptConcept(text="The goal.", vector=np.array([9, 8, 7, 6], np.float32), role="goal"),
        PromptConcept(text="One.", vector=np.array([1, 2, 3, 4], np.float32)),
        PromptConcept(text="Two.", vector=np.array([5, 6, 7, 8], np.float32)),
    ]
    with author.store.fenced(lease, space=space) as tx:
        assert tx.save_prompt(concepts)
    with author.store.fenced(lease, space=space) as tx:
        assert not tx.save_prompt(concepts[:1])
    stored = author.store.get_prompt(lease.document_id)
    assert [(c.role, c.text) for c in stored] == [
        ("prompt", "One."),
        ("prompt", "Two."),
        ("goal", "The goal."),
    ]
    assert stored[1].vector.tolist() == [5, 6, 7, 8]
    assert stored[1].vector.dtype == np.float32


def test_outline_is_a_tree_in_reading_order(author: Author) -> None:
    lease = author.claim(author.new())
    author.plan(lease, ["2", "1", "10", "2.10", "2.9", "2.9.1"])
    outline = author.store.get_outline(lease.document_id, vectors=True)
    assert [item.path for item in outline.items] == ["1", "2", "2.9", "2.9.1", "2.10", "10"]
    assert [item.path for item in outline.children("2")] == ["2.9", "2.10"]
    assert [item.path for item in outline.leaves()] == ["1", "2.9.1", "2.10", "10"]
    item = outline.children("2.9")[0]
    assert (item.parent_path, item.depth, item.ordinal, item.status) == ("2.9", 3, 1, "pending")
    given = author.item("2.9.1").lead
    assert item.lead is not None and given is not None and np.array_equal(item.lead, given)
    plain = author.store.get_outline(lease.document_id)
    assert plain.items[0].lead is None and plain.version == 1 and plain.source == "model"


def test_missing_outline_and_version(author: Author) -> None:
    lease = author.claim(author.new())
    with pytest.raises(NotFoundError, match="no document has the id 'nothing'"):
        author.store.get_outline("nothing")
    with pytest.raises(NotFoundError, match="no outline yet"):
        author.store.get_outline(lease.document_id)
    author.plan(lease)
    with pytest.raises(NotFoundError, match="no outline version 9"):
        author.store.get_outline(lease.document_id, 9)


def test_items_are_added_level_by_level(author: Author, space: SpaceRef) -> None:
    lease = author.claim(author.new())
    author.plan(lease, ["1", "2"])
    store = author.store
    with store.fenced(lease) as tx:
        (unit,) = tx.plan_units("plan", [UnitSpec(extra={"level": 2})])
    for expected in (True, False):
        with store.fenced(lease, space=space) as tx:
            ids = tx.add_plan_items([author.item("2.1"), author.item("2.2")], unit_id=unit.id)
        outline = store.get_outline(lease.document_id)
        assert [item.path for item in outline.items] == ["1", "2", "2.1", "2.2"], expected
        assert ids == {item.path: item.id for item in outline.children("2")}
    assert [item.path for item in outline.leaves()] == ["1", "2.1", "2.2"]
    assert store.next_unit(lease.document_id, "plan") is None


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["1", "1"], "names item 1 twice"),
        (["1", "2.1"], "no item 2: add it"),
        (["1."], "malformed"),
        (["01"], "malformed"),
        (["a"], "malformed"),
    ],
)
def test_bad_paths_are_refused(author: Author, space: SpaceRef, paths: list[str], message: str) -> None:
    lease = author.claim(author.new())
    with pytest.raises(InputError, match=message), author.store.fenced(lease, space=space) as tx:
        tx.create_outline([author.item(path) for path in paths])
    assert author.store.list_outlines(lease.document_id) == ()


def test_path_stored_already_is_refused_in_one_line(author: Author, space: SpaceRef) -> None:
    lease = author.claim(author.new())
    author.plan(lease)
    with (
        pytest.raises(StorageError, match="nothing was stored") as caught,
        author.store.fenced(lease, space=space) as tx,
    ):
        tx.add_plan_items([author.item("1")])
    assert "\n" not in str(caught.value)


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


def test_vectors_of_another_space_are_refused(author: Author, space: SpaceRef) -> None:
    store = author.store
    lease = author.claim(author.new())
    with pytest.raises(SpaceMismatchError, match="without their space"), store.fenced(lease) as tx:
        tx.create_outline([author.item("1")])
    author.plan(lease)
    assert store.get_document(lease.document_id).space == space
    other = SpaceRef(name="toy", checksum="another", dim=4)
    with (
        pytest.raises(SpaceMismatchError, match="holds concepts of the space toy"),
        store.fenced(lease, space=other),
    ):
        pass


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_vectors_that_are_not_finite_are_refused(author: Author, space: SpaceRef, bad: float) -> None:
    lease = author.claim(author.new())
    author.plan(lease, ["1"])
    unit_id = author.plan_write(lease)
    (written,) = author.concepts(lease, unit_id)
    written.vectors[1, 2] = bad
    with pytest.raises(NonFiniteError, match="vector 1"), author.store.fenced(lease, space=space) as tx:
        tx.commit_concepts(unit_id, [written])
    assert author.store.next_unit(lease.document_id, "write") is not None


@pytest.mark.parametrize("shape", [(2, 3), (4,), (1, 2, 4)])
def test_vectors_of_a_wrong_shape_are_refused(
    author: Author, space: SpaceRef, shape: tuple[int, ...]
) -> None:
    lease = author.claim(author.new())
    author.plan(lease, ["1"])
    unit_id = author.plan_write(lease)
    (written,) = author.concepts(lease, unit_id)
    wrong = ItemConcepts(item_id=written.item_id, vectors=np.zeros(shape, np.float32))
    with pytest.raises(SpaceMismatchError, match="expected"), author.store.fenced(lease, space=space) as tx:
        tx.commit_concepts(unit_id, [wrong])


def test_attempts_are_added(author: Author, clock: Clock) -> None:
    store = author.store
    lease = author.claim(author.new())
    with store.fenced(lease) as tx:
        tx.record_attempt("plan", started_at=clock.now, outcome="failed", error="no memory")
    store.claim(lease.document_id, "worker-2", 60, steal=True)
    store.record_attempt(
        lease, "plan", started_at=1.0, finished_at=2.5, outcome="lost", timing={"encode_s": 0.25}
    )
    first, second = store.get_attempts(lease.document_id)
    assert (first.outcome, first.error, first.finished_at, first.epoch) == ("failed", "no memory", None, 1)
    assert (second.outcome, second.timing, second.owner) == ("lost", {"encode_s": 0.25}, "worker-1")


def test_status_title_and_cards(author: Author) -> None:
    store = author.store
    lease = author.claim(author.new())
    with store.fenced(lease) as tx:
        tx.set_status("failed", "out of memory")
        tx.set_title("Tea")
        tx.set_cards(writer=CardRef(name="w", checksum="1"))
        tx.set_flow_run("run-9")
    found = store.get_document(lease.document_id)
    assert (found.status, found.error, found.title) == ("failed", "out of memory", "Tea")
    assert found.writer == CardRef(name="w", checksum="1") and found.planner is None
    assert found.flow_run_id == "run-9"
    with pytest.raises(StorageError, match="is no status"), store.fenced(lease) as tx:
        tx.set_status("flying")  # type: ignore[arg-type]
    store.release(lease)
    store.requeue_document(lease.document_id)
    assert store.get_document(lease.document_id).error is None


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
def test_texts_that_no_database_stores_are_refused(author: Author, text: str) -> None:
    with pytest.raises(InputError, match="the prompt"):
        author.new(text)
    lease = author.claim(author.new())
    with pytest.raises(InputError, match="the title"), author.store.fenced(lease) as tx:
        tx.set_title(text)


def test_bad_new_documents_are_refused(author: Author) -> None:
    with pytest.raises(InputError, match="empty"):
        author.new("  \n")
    with pytest.raises(InputError, match="64 bits"):
        author.new(seed=2**63)
    with pytest.raises(InputError, match="as JSON"):
        author.new(params={"a": object()})
    with pytest.raises(InputError, match="as JSON"):
        author.new(params={"a": float("nan")})


def test_two_thousand_documents_are_listed_quickly(author: Author) -> None:
    import time

    columns = "id, status, epoch, lang, seed, priority, created_at, updated_at, params, prompt"
    store = author.store
    with store._database.write() as connection:
        connection.exec_driver_sql(
            f"INSERT INTO documents ({columns}) WITH RECURSIVE n(i) AS "
            "(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "
            "SELECT 'id' || i, 'queued', 0, 'eng_Latn', 0, 0, i, i, '{}', 'p' FROM n"
        )
    start = time.perf_counter()
    assert len(store.list_documents(limit=2000)) == 2000
    assert time.perf_counter() - start < 2
