"""Search by meaning on both databases: what is found, in which order, and what is not looked at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import create_engine, text

from concepts.errors import SpaceMismatchError, StorageError
from storage import ItemConcepts, NewPlanItem, SpaceRef, Store, UnitSpec
from storage.search import nearest as searching


def unit(*values: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.array(values, dtype=np.float32)


NORTH, EAST, SOUTH, NOWHERE = unit(0, 2, 0, 0), unit(3, 0, 0, 0), unit(0, -1, 0, 0), unit(0, 0, 0, 0)


def fill(author: Any, space: SpaceRef, *sentences: Any, lead: Any = EAST) -> Any:
    """Store a document of one section with these sentences, decoded, and return its lease."""
    lease = author.claim(author.new())
    with author.store.fenced(lease, space=space) as tx:
        tx.create_outline([NewPlanItem(path="1", lead=lead, gist=EAST, planned_length=2)])
    (item,) = author.store.get_outline(lease.document_id).items
    with author.store.fenced(lease, space=space) as tx:
        (made,) = tx.plan_units("write", [UnitSpec(item_ids=(item.id,))])
        tx.commit_concepts(made.id, [ItemConcepts(item_id=item.id, vectors=np.stack(sentences))])
    author.decode(lease)
    return lease


def test_the_nearest_come_first_with_text_and_place(author: Any, space: SpaceRef) -> None:
    first = fill(author, space, SOUTH, unit(1, 5, 0, 0))
    second = fill(author, space, NORTH, lead=unit(-1, 0, 0, 0))
    found = author.store.search(NORTH, space, limit=2)
    assert [(m.document_id, m.place, m.path, m.ordinal) for m in found] == [
        (second.document_id, "sentences", "1", 0),
        (first.document_id, "sentences", "1", 1),
    ]
    assert [round(m.similarity or 0, 3) for m in found] == [1.0, 0.981]
    assert {(m.lang, m.found_by) for m in found} == {("eng_Latn", ("meaning",))}
    assert found[0].text is not None and found[0].text.startswith("eng_Latn ")
    (plan,) = author.store.search(EAST, space, places=["plan"], limit=1)
    assert (plan.document_id, plan.similarity, plan.text) == (first.document_id, 1.0, plan.heading)
    assert plan.heading is not None and plan.heading.startswith("eng_Latn heading")


def test_only_outlines_in_use_of_the_same_space_are_looked_at(author: Any, space: SpaceRef) -> None:
    store = author.store
    lease = fill(author, space, NORTH)
    assert len(store.search(NORTH, space, places=["sentences"])) == 1
    other = SpaceRef(name=space.name, checksum="another", dim=3)
    assert store.search(unit(1, 0, 0), other) == ()
    three = author.claim(author.new())
    with store.fenced(three, space=other) as tx:
        tx.create_outline([NewPlanItem(path="1", lead=unit(1, 0, 0), gist=unit(1, 0, 0))])
    assert len(store.search(unit(1, 0, 0), other)) == 1
    # The next version has the sentence as a copy: it is found once, and not at all once it is dropped.
    (item,) = store.get_outline(lease.document_id, vectors=True).items
    same = NewPlanItem(path="1", lead=item.lead, gist=item.gist, content_hash=item.content_hash)
    store.create_outline_version(lease, [same], space=space)
    assert len(store.search(NORTH, space, places=["sentences"])) == 1
    store.create_outline_version(lease, [NewPlanItem(path="1", heading="New")])
    assert store.search(NORTH, space, places=["sentences"]) == ()
    assert store.search(EAST, space, places=["plan"]) == ()


def test_what_is_written_later_is_found_and_what_is_deleted_is_not(author: Any, space: SpaceRef) -> None:
    store = author.store
    first = fill(author, space, NORTH)
    assert {m.document_id for m in store.search(NORTH, space, places=["sentences"])} == {first.document_id}
    second = fill(author, space, NORTH)
    assert len(store.search(NORTH, space, places=["sentences"])) == 2
    store.delete_document(first.document_id, force=True)
    assert {m.document_id for m in store.search(NORTH, space)} == {second.document_id}


def test_a_vector_without_direction_is_never_found(author: Any, space: SpaceRef) -> None:
    fill(author, space, NOWHERE, SOUTH)
    found = author.store.search(NORTH, space, places=["sentences"], limit=10)
    assert [m.ordinal for m in found] == [1]


def test_every_match_is_exact(author: Any, space: SpaceRef) -> None:
    rows = np.random.default_rng(1).standard_normal((40, 4)).astype(np.float32)
    fill(author, space, *rows)
    query = rows[7] + 0.1
    wanted = rows @ query / np.linalg.norm(rows, axis=1) / np.linalg.norm(query)
    found = author.store.search(query, space, places=["sentences"], limit=10)
    assert [m.ordinal for m in found] == list(np.argsort(-wanted)[:10])
    assert np.allclose([m.similarity for m in found], np.sort(wanted)[::-1][:10], atol=1e-5)


def test_a_vector_of_another_length_is_refused(store: Store, space: SpaceRef) -> None:
    with pytest.raises(SpaceMismatchError, match="what is looked for has shape"):
        store.search(unit(1, 2), space)


def test_nothing_stored_is_nothing_found(store: Store, space: SpaceRef) -> None:
    assert store.search(NORTH, space) == ()


@pytest.fixture
def sqlite_store(sqlite_template: Path) -> Any:
    with Store.open(f"sqlite:///{sqlite_template}") as opened:
        yield opened


def test_without_a_way_to_load_extensions_the_rest_works(
    sqlite_store: Store, space: SpaceRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "find_spec", lambda name: None)
    with pytest.raises(StorageError, match="pip install pysqlite3 sqlite-vec"):
        sqlite_store.search(NORTH, space)
    with pytest.raises(StorageError, match="--by words needs none"):
        sqlite_store.check_can_search()
    assert sqlite_store.list_documents() == sqlite_store.search_words("tea") == ()


def test_a_search_process_that_dies_is_one_line(
    sqlite_store: Store, space: SpaceRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "can_load_extensions", lambda driver: False)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(StorageError, match="ended with 1: it said nothing"):
        sqlite_store.search(NORTH, space)


def test_a_damaged_vector_is_one_line(author: Any, space: SpaceRef, url: str) -> None:
    if not url.startswith("sqlite"):
        pytest.skip("a copy of a damaged vector is refused before it is made")
    fill(author, space, NORTH)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE concepts SET vector = x'00'"))
    engine.dispose()
    with pytest.raises(StorageError, match="failed"):
        author.store.search(NORTH, space)


def test_a_postgresql_without_pgvector_says_so_and_finds_words(
    postgresql_url: str, space: SpaceRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = text

    def without(statement: str) -> Any:
        return real(statement.replace("extname = 'vector'", "false").replace("name = 'vector'", "false"))

    monkeypatch.setattr(searching, "text", without)
    with Store.open(postgresql_url) as store:
        with pytest.raises(StorageError, match=r"search by meaning needs pgvector.*--by words needs none"):
            store.search(NORTH, space)
        with pytest.raises(StorageError, match="search by meaning needs pgvector"):
            store.check_can_search()
        assert store.search_words("tea") == ()


def test_what_computes_distances_is_named(store: Store) -> None:
    assert store.check_can_search().startswith(("sqlite-vec", "pgvector "))


def test_listing_imports_nothing_that_only_search_needs(sqlite_template: Path) -> None:
    code = (
        "import sys; from storage import Store\n"
        f"Store.open('sqlite:///{sqlite_template}').list_documents()\n"
        "heavy = {'pysqlite3', 'sqlite_vec', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)
