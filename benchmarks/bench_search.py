"""Search by meaning: our exact query over the stored vectors against sqlite-vec's virtual table on a copy.

    python benchmarks/bench_search.py --sentences 100000 --dim 384

Prints the time of each, their ratio, the size of the database with and without the copy, and whether
both find the same. `--url` takes a PostgreSQL database (of its own: it is filled), without the comparison.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, text

from storage import ItemConcepts, NewDocument, NewPlanItem, SpaceRef, Store, UnitSpec
from storage.database.pool import Database, resolve_url
from storage.search.nearest import can_load_extensions, load_sqlite_vec, search

PER_SECTION, SECTIONS = 10, 20
LIMIT, ROUNDS = 10, 5


def fill(store: Store, space: SpaceRef, num_sentences: int) -> None:
    """Store documents of random sentences."""
    noise = np.random.default_rng(1)

    def draw(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return noise.standard_normal((*shape, space.dim)).astype(np.float32)

    for _ in range(-(-num_sentences // (PER_SECTION * SECTIONS))):
        document = store.create_document(NewDocument(prompt="Search me.", lang="eng_Latn"))
        lease = store.claim(document.id, "benchmark", 60)
        items = [NewPlanItem(path=str(n + 1), lead=draw(), gist=draw()) for n in range(SECTIONS)]
        with store.fenced(lease, space=space) as tx:
            tx.create_outline(items)
        ids = [item.id for item in store.get_outline(document.id).items]
        with store.fenced(lease, space=space) as tx:
            (unit,) = tx.plan_units("write", [UnitSpec(item_ids=tuple(ids))])
            tx.commit_concepts(unit.id, [ItemConcepts(item_id=i, vectors=draw(PER_SECTION)) for i in ids])
        store.release(lease)


def timed(work: Callable[[], list[int]]) -> tuple[float, list[int]]:
    """Return the median seconds of some rounds, and the result."""
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        found = work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds), found


def copy_to_virtual_table(connection: Connection, dim: int) -> None:
    """Make the table that we do without: a vec0 table with every sentence."""
    connection.execute(
        text(
            f"CREATE VIRTUAL TABLE copy USING vec0(id INTEGER PRIMARY KEY, v float[{dim}] distance_metric=cosine)"
        )
    )
    connection.execute(text("INSERT INTO copy (id, v) SELECT id, vector FROM concepts"))


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sentences", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--url", help="a PostgreSQL database of its own")
    options = parser.parse_args()
    space = SpaceRef(name="benchmark", checksum="1", dim=options.dim)
    with tempfile.TemporaryDirectory(prefix="longhand-search-") as folder:
        url = options.url or f"sqlite:///{folder}/search.db"
        with Store.open(url) as store:
            fill(store, space, options.sentences)
        driver: dict[str, object] = {}
        if options.url is None:
            import sqlite3

            if not can_load_extensions(sqlite3):
                import pysqlite3.dbapi2

                driver = {"driver": pysqlite3.dbapi2}
        database = Database(resolve_url(url), 60.0, **driver)  # type: ignore[arg-type]
        query = np.random.default_rng(2).standard_normal(options.dim).astype(np.float32)
        ours, matches = timed(
            lambda: [
                hash((m.document_id, m.path, m.ordinal))
                for m in search(database, query, space, ["sentences"], LIMIT)
            ]
        )
        print(f"{options.sentences:,} sentences of {options.dim} numbers, the {LIMIT} nearest")
        print(f"stored vectors, exact     {ours * 1000:8.1f} ms")
        if options.url is None:
            compare(database, Path(folder) / "search.db", query.tobytes(), ours, options.dim)
        database.close()
        assert len(matches) == LIMIT


def compare(database: Database, path: Path, query: bytes, ours: float, dim: int) -> None:
    """Time the virtual table and print the ratio."""
    size = path.stat().st_size
    with database.write() as connection:
        load_sqlite_vec(connection)
        copy_to_virtual_table(connection, dim)
    with database.read() as connection:
        load_sqlite_vec(connection)
        knn = text("SELECT id FROM copy WHERE v MATCH :query AND k = :k ORDER BY distance")
        scan = text("SELECT id FROM concepts ORDER BY vec_distance_cosine(vector, :query) LIMIT :k")
        values = {"query": query, "k": LIMIT}
        theirs, found = timed(lambda: list(connection.scalars(knn, values)))
        same = found == list(connection.scalars(scan, values))
    with database.raw() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    print(f"virtual table on a copy   {theirs * 1000:8.1f} ms")
    print(f"ratio                     {ours / theirs:8.2f}")
    print(f"database, with the copy   {size / 1e6:8.1f} MB, {path.stat().st_size / 1e6:.1f} MB")
    print(f"both find the same        {same}")


if __name__ == "__main__":
    main()
