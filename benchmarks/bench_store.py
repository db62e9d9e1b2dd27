"""`longhand ls` and `show` on a large store, and how the store grows.

    python benchmarks/bench_store.py [--documents 10000] [--sections 10] [--sentences 10] [--repeats 5]

Fills a database with finished documents (by default 10,000 with 1,000,000 concepts; bulk inserts through the
tables, random vectors of the shipped space's length), at 10%, 50% and 100% of them prints the bytes a
document takes, and then how long the commands take. `--url` names an empty database, also on PostgreSQL;
`--keep FILE` keeps the SQLite file, and is used as it is where it exists.

Times are the best of the repeats, beside the times of `python -c pass` and of the imports alone, measured in turns,
so that a busy machine can be told from a slow program. "After the imports" is the second run of a command in one
process. At the end it lists the packages that `ls` imports longest.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sqlalchemy import Table, func, insert, select  # noqa: E402

from concepts.models.installed import find_card  # noqa: E402
from storage import Store  # noqa: E402
from storage.database.tables import (  # noqa: E402
    Attempt,
    Concept,
    Document,
    Outline,
    PlanItem,
    PromptConceptRow,
    Rendering,
    Unit,
)
from storage.ids import new_document_id  # noqa: E402

TABLES = (Document, PromptConceptRow, Outline, PlanItem, Concept, Rendering, Unit, Attempt)
"""Referenced tables come first."""
START_S = 1_750_000_000.0
DOCUMENTS_PER_TRANSACTION = 200
SENTENCES_PER_UNIT = 32
WORDS = [
    "share",
    "folder",
    "network",
    "open",
    "press",
    "select",
    "user",
    "name",
    "click",
    "window",
    "menu",
    "settings",
    "button",
    "list",
    "file",
]
ATTEMPT = {"epoch": 1, "owner": "bench/00000000:1:1", "outcome": "done"}
IMPORTS = "import longhand.app, longhand.commands.documents, typer._adapters, storage"
"""Imports of `longhand ls`; Typer reads options with the third."""
NUM_PACKAGES_SHOWN = 8
IN_PROCESS = """
import json, sys, time
from contextlib import redirect_stdout
from io import StringIO
from longhand.app import run_app
times = []
for _ in range(2):
    started = time.perf_counter()
    with redirect_stdout(StringIO()):
        assert run_app(sys.argv[1:]) == 0
    times.append(time.perf_counter() - started)
print(json.dumps(times))
"""


class Author:
    """Makes rows of finished documents; ids continue from the stored ones."""

    def __init__(self, store: Store, dim: int, num_sections: int, num_sentences: int) -> None:
        self._store, self._dim = store, dim
        self._num_sections, self._num_sentences = num_sections, num_sentences
        self._random = random.Random(7)
        self._next = {table: self._last_id(table) for table in (Outline, PlanItem, Concept, Unit)}

    def _last_id(self, table: Table) -> int:
        with self._store._database.read() as connection:
            return int(connection.scalar(select(func.max(table.c.id))) or 0)

    def _id(self, table: Table) -> int:
        self._next[table] += 1
        return self._next[table]

    def _vector(self) -> bytes:
        # Any bytes: no measured command reads a vector.
        return self._random.randbytes(4 * self._dim)

    def _text(self, num_words: int) -> str:
        return " ".join(self._random.choices(WORDS, k=num_words)).capitalize()

    def write(self, first: int, count: int) -> None:
        """Store documents number `first` and the following ones in one transaction."""
        rows: dict[Table, list[dict[str, object]]] = {table: [] for table in TABLES}
        for number in range(first, first + count):
            for table, row in self._document(number):
                rows[table].append(row)
        with self._store._database.write() as connection:
            for table, found in rows.items():
                connection.execute(insert(table), found)

    def _document(self, number: int) -> Iterator[tuple[Table, dict[str, object]]]:
        now = START_S + 10 * number
        document_id, outline_id = new_document_id(now), self._id(Outline)
        space = {"space_card": "bench", "space_checksum": "0" * 64, "space_dim": self._dim}
        yield (
            Document,
            {
                "id": document_id,
                "status": "done",
                "epoch": 1,
                "lang": "eng_Latn",
                "seed": number,
                "priority": 0,
                "created_at": now,
                "updated_at": now + 7,
                "active_outline_id": outline_id,
                "title": self._text(5),
                "params": {"sections": self._num_sections},
                "prompt": self._text(7),
                **space,
            },
        )
        prompt = {"role": "prompt", "ordinal": 0, "text": self._text(7), "vector": self._vector()}
        yield PromptConceptRow, {"document_id": document_id, **prompt}
        yield (
            Outline,
            {
                "id": outline_id,
                "document_id": document_id,
                "version": 1,
                "source": "model",
                "created_at": now,
            },
        )
        sentences: list[int] = []
        for ordinal in range(1, self._num_sections + 1):
            item_id = self._id(PlanItem)
            yield (
                PlanItem,
                {
                    "id": item_id,
                    "outline_id": outline_id,
                    "path": str(ordinal),
                    "depth": 1,
                    "ordinal": ordinal,
                    "is_leaf": True,
                    "status": "decoded",
                    "planned_length": self._num_sentences,
                    "unit": (ordinal - 1) // 4,
                    "stop_reason": "end",
                    "similarity": 0.5,
                    "content_hash": f"{item_id:064x}",
                    "heading": self._text(3),
                    "lead": self._vector(),
                    "gist": self._vector(),
                },
            )
            yield Rendering, self._rendering(self._text(3), plan_item_id=item_id)
            for place in range(self._num_sentences):
                concept_id = self._id(Concept)
                sentences.append(concept_id)
                vector = self._vector()
                yield (
                    Concept,
                    {"id": concept_id, "plan_item_id": item_id, "ordinal": place, "vector": vector},
                )
                yield Rendering, self._rendering(self._text(12) + ".", concept_id=concept_id)
        for place, start in enumerate(range(0, len(sentences), SENTENCES_PER_UNIT)):
            unit_id = self._id(Unit)
            payload = {"items": [], "concepts": sentences[start : start + SENTENCES_PER_UNIT], "extra": {}}
            yield (
                Unit,
                {
                    "id": unit_id,
                    "document_id": document_id,
                    "outline_id": outline_id,
                    "stage": "decode",
                    "lang": "eng_Latn",
                    "ordinal": place,
                    "status": "done",
                    "payload": payload,
                },
            )
            yield Attempt, self._attempt(document_id, "decode", unit_id, now)
        yield Attempt, self._attempt(document_id, "run", None, now)

    def _rendering(self, text: str, **owner: int) -> dict[str, object]:
        both = {"concept_id": None, "plan_item_id": None}
        return {**both, **owner, "lang": "eng_Latn", "score": 0.9, "decoder": "bench", "text": text}

    def _attempt(self, document_id: str, stage: str, unit_id: int | None, now: float) -> dict[str, object]:
        timing = {"model_s": 1.0, "num_sentences": SENTENCES_PER_UNIT}
        times = {"started_at": now, "finished_at": now + 1.5}
        return {
            "document_id": document_id,
            "stage": stage,
            "unit_id": unit_id,
            **ATTEMPT,
            **times,
            "timing": timing,
        }


def fill(store: Store, args: argparse.Namespace) -> None:
    """Store the documents and print a document's size at 10%, 50% and 100% of them."""
    author = Author(store, args.dim, args.sections, args.sentences)
    marks = sorted({max(1, args.documents * percent // 100) for percent in (10, 50, 100)})
    empty, began, stored = store.size_bytes(), time.perf_counter(), 0
    while stored < args.documents:
        end = min(stored + DOCUMENTS_PER_TRANSACTION, next(mark for mark in marks if mark > stored))
        author.write(stored, end - stored)
        stored = end
        if stored in marks:
            with store._database.raw() as cursor:
                if store._database.is_sqlite:
                    cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            size = store.size_bytes() - empty
            concepts = stored * args.sections * args.sentences
            print(
                f"{stored:7,} documents, {concepts:9,} concepts: {size / 1e6:8.1f} MB, "
                f"{size / stored:9,.0f} bytes a document, {time.perf_counter() - began:6.1f} s so far"
            )


def best(repeats: int, measure: list[str], url: str) -> float:
    """Return the shortest wall time of a command, in seconds."""
    environment = {**os.environ, "LONGHAND_DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        subprocess.run(measure, env=environment, stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - started)
    return min(times)


def after_imports(repeats: int, command: list[str], url: str) -> float:
    """Return the shortest time of a command that runs in a process for the second time."""
    environment = {**os.environ, "LONGHAND_DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", IN_PROCESS, *command]
    found = [
        json.loads(subprocess.run(words, env=environment, capture_output=True, check=True).stdout)
        for _ in range(repeats)
    ]
    return float(min(times[1] for times in found))


def show_imports(url: str) -> None:
    """Print the packages that `longhand ls` imports longest, each without its own imports."""
    environment = {**os.environ, "LONGHAND_DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-X", "importtime", "-m", "longhand", "ls", "--limit", "1"]
    said = subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stderr
    spent: Counter[str] = Counter()
    number: Counter[str] = Counter()
    for line in said.splitlines():
        kind, _, row = line.partition(":")
        fields = row.split("|")
        if kind == "import time" and len(fields) == 3 and fields[0].strip().isdigit():
            package = fields[2].strip().partition(".")[0]
            spent[package] += int(fields[0])
            number[package] += 1
    print(
        f"ls imports {number.total()} modules, {spent.total() / 1e6:.3f} s under -X importtime, most of it in"
    )
    for package, microseconds in spent.most_common(NUM_PACKAGES_SHOWN):
        print(f"{package:<20}{microseconds / 1e6:8.3f} s {number[package]:6} modules")


def measure(store: Store, args: argparse.Namespace) -> None:
    """Print the times of the commands and of their queries."""
    url, repeats = store.url, args.repeats
    document_id = store.list_documents(limit=1, offset=args.documents // 2)[0].id
    nothing = best(repeats, [sys.executable, "-c", "pass"], url)
    imports = best(repeats, [sys.executable, "-c", IMPORTS], url)

    def queries(name: str) -> float:
        times = []
        for _ in range(repeats):
            started = time.perf_counter()
            if name == "ls":
                store.list_documents(limit=50)
            else:
                store.get_document(document_id)
                store.get_attempts(document_id)
                store.export_document(document_id)
                store.list_languages(document_id)
                store.get_outline(document_id)
            times.append(time.perf_counter() - started)
        return min(times)

    print(f"python -c pass: {nothing:.3f} s; imports of longhand and storage: {imports:.3f} s")
    print("command    wall  / pass  / imports   after the imports   queries alone")
    for command in (["ls"], ["show", document_id], ["ls", "--json"], ["show", document_id, "--json"]):
        wall = best(repeats, [sys.executable, "-m", "longhand", *command], url)
        alone = after_imports(repeats, command, url)
        name = " ".join(word for word in command if word != document_id)
        print(
            f"{name:<12}{wall:5.3f} s {wall / nothing:5.1f} {wall / imports:8.2f} {alone:16.4f} s "
            f"{queries(command[0]):14.4f} s"
        )
    show_imports(url)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--sections", type=int, default=10)
    parser.add_argument("--sentences", type=int, default=10, help="of a section")
    parser.add_argument("--dim", type=int, help="length of a vector; else the shipped space's")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--url", help="an empty database; else a SQLite file that is deleted afterwards")
    parser.add_argument("--keep", type=Path, help="a SQLite file to keep, or one that was kept")
    args = parser.parse_args()
    if min(args.documents, args.sections, args.sentences, args.repeats) < 1:
        parser.error("all numbers are at least 1")
    if args.dim is None:
        args.dim = int(str(find_card("space", verify=False).config["model_dim"]))
    with tempfile.TemporaryDirectory() as folder:
        file = folder + "/longhand.db" if args.keep is None else str(args.keep.resolve())
        with Store.open(args.url or f"sqlite:///{file}") as store:
            num_stored = sum(store.get_overview().counts.values())
            if num_stored and args.keep is None:
                parser.error(f"{store.location} holds {num_stored} documents: name an empty database")
            if num_stored:
                args.documents = num_stored
            else:
                fill(store, args)
            print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
            measure(store, args)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
