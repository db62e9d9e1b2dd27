"""What every backend must do with documents, outlines and concepts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from sqlalchemy import event

from concepts.errors import InputError, NonFiniteError, NotFoundError, SpaceMismatchError, StorageError
from storage import (
    CardRef,
    ItemConcepts,
    NewDocument,
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
