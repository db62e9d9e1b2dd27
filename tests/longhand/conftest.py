"""The command line run in this process on a database of its own, with a runner that needs no models."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import typer.main

from flows.document.asked.options import WritingOptions
from flows.document.job.events import Event, OnEvent, Said
from flows.leases.lease import claim
from longhand import cli
from storage import (
    ItemConcepts,
    Lease,
    NewDocument,
    NewPlanItem,
    NewRendering,
    PromptConcept,
    SpaceRef,
    Store,
    UnitSpec,
)
from tests.compiled_statements import share_compiled_statements

share_compiled_statements()

DIM = 4
SPACE = SpaceRef(name="toy", checksum="c0ffee", dim=DIM)
LEASE_S = 60.0


@dataclass
class Result:
    """What a command left."""

    exit_code: int
    stdout: str
    stderr: str


Run = Callable[..., Result]


def vectors(seed: int, *shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(seed).standard_normal((*shape, DIM)).astype(np.float32)


class FakeRunner:
    """Plans, writes and decodes made-up documents into the real store, as a flow would."""

    def __init__(self) -> None:
        self.fail_at: str | None = None
        """Kind of the event before which `error` is raised."""
        self.error: BaseException = KeyboardInterrupt()
        self.num_runs = 0
        self.said = "Sentence {} is here."
        """What is told of a sentence before it is stored."""

    def check(self, new: NewDocument) -> None:
        if self.fail_at == "check":
            raise self.error

    def run(
        self, store: Store, document_id: str, *, plan_only: bool, resume: bool, on_event: OnEvent
    ) -> Mapping[str, float]:
        self.num_runs += 1

        def tell(kind: str, done: int = 0, total: int = 0, said: Said | None = None) -> None:
            if kind == self.fail_at:
                raise self.error
            event = Event(kind=kind, document_id=document_id, done=done, total=total, said=said)  # type: ignore[arg-type]
            on_event(event)

        lease = claim(store, document_id, lease_s=LEASE_S)
        try:
            tell("starting")
            self._plan(store, lease, tell)
            if WritingOptions.from_params(store.get_document(document_id).params).review:
                store.release(lease, "awaiting_review")
                tell("awaiting_review")
                return {"plan": 0.1}
            if plan_only:
                store.release(lease, "planned")
                tell("planned")
                return {"plan": 0.1}
            self._write(store, lease, tell)
            self._decode(store, lease, tell)
        except BaseException:
            store.release(lease)
            raise
        store.release(lease, "done")
        tell("done")
        return {"plan": 0.1, "write": 0.2, "decode": 0.3}

    def translate(
        self, store: Store, document_id: str, lang: str, *, on_event: OnEvent
    ) -> Mapping[str, float]:
        self.num_runs += 1
        if self.fail_at is not None:
            raise self.error
        lease = claim(store, document_id, lease_s=LEASE_S)
        todo = store.get_undecoded(document_id, lang)
        with store.fenced(lease) as tx:
            spec = UnitSpec(item_ids=todo.item_ids, concept_ids=todo.concept_ids)
            (unit,) = tx.plan_units("decode", [spec], lang=lang, first_ordinal=None)
            headings = [NewRendering(text=f"Titel {i}", item_id=i) for i in todo.item_ids]
            sentences = [
                NewRendering(text=f"Satz {n}.", concept_id=i) for n, i in enumerate(todo.concept_ids, 1)
            ]
            tx.commit_renderings(unit.id, headings + sentences, decoder="toy")
            (unit,) = tx.plan_units("decode", [UnitSpec()], lang=lang, first_ordinal=None)
            tx.commit_title(unit.id, "Dokument")
        store.release(lease)
        on_event(Event(kind="decoding", document_id=document_id, done=8, total=8))
        return {"decode": 0.3}

    def _plan(self, store: Store, lease: Lease, tell: Callable[..., None]) -> None:
        document_id = lease.document_id
        document = store.get_document(document_id)
        if document.active_outline_id is None:
            options = WritingOptions.from_params(document.params)
            entries = options.outline or tuple(
                (str(n), f"Heading {n}") for n in range(1, (options.sections or 2) + 1)
            )
            tell("planning")
            with store.fenced(lease, space=SPACE) as tx:
                tx.set_status("planning")
                tx.save_prompt([PromptConcept(text=document.prompt, vector=vectors(1))])
                tx.create_outline(
                    [
                        NewPlanItem(
                            path=path, heading=heading, lead=vectors(i), gist=vectors(i), planned_length=3
                        )
                        for i, (path, heading) in enumerate(entries)
                    ],
                    source="user" if options.outline else "model",
                )
        unit = store.next_unit(document_id, "plan")
        if unit is not None:  # an edit left items to be planned
            items = [
                NewPlanItem(
                    path=item.path,
                    heading=item.heading,
                    lead=vectors(item.id),
                    gist=vectors(item.id),
                    planned_length=item.planned_length or 3,
                )
                for item in store.get_outline(document_id).items
                if item.id in unit.item_ids
            ]
            with store.fenced(lease, space=SPACE) as tx:
                tx.fill_plan_items(unit.id, items)
        tell("outline")

    def _write(self, store: Store, lease: Lease, tell: Callable[..., None]) -> None:
        document_id = lease.document_id
        leaves = store.get_outline(document_id).leaves()
        pending = [item for item in leaves if item.status == "pending"]
        held = store.pending_units(document_id, "write")
        for item in pending:
            with store.fenced(lease, space=SPACE) as tx:
                tx.set_status("writing")
                unit = next((unit for unit in held if item.id in unit.item_ids), None)
                if unit is None:
                    (unit,) = tx.plan_units("write", [UnitSpec(item_ids=(item.id,))], first_ordinal=None)
                tx.commit_concepts(
                    unit.id,
                    [
                        ItemConcepts(
                            item_id=item.id, vectors=vectors(item.id, 3), stop_reason="end", similarity=0.5
                        )
                    ],
                )
            tell("writing", item.ordinal, len(leaves))

    def _decode(self, store: Store, lease: Lease, tell: Callable[..., None]) -> None:
        document_id = lease.document_id
        document = store.get_document(document_id)
        todo = store.get_undecoded(document_id, document.lang)
        with store.fenced(lease) as tx:
            tx.set_status("decoding")
            spec = UnitSpec(item_ids=todo.item_ids, concept_ids=todo.concept_ids)
            (unit,) = tx.plan_units("decode", [spec], lang=document.lang, first_ordinal=None)
        tell("decoding", 0, len(todo.concept_ids))
        self._say(store, document_id, todo.concept_ids, tell)
        known = {item.id: item.heading for item in store.get_outline(document_id).items}
        headings = [NewRendering(text=known[i] or f"Heading {i}", item_id=i) for i in todo.item_ids]
        sentences = [
            NewRendering(text=f"Sentence {n} is here.", concept_id=i, score=0.9)
            for n, i in enumerate(todo.concept_ids, 1)
        ]
        with store.fenced(lease) as tx:
            tx.commit_renderings(unit.id, headings + sentences, decoder="toy")
        tell("decoding", len(todo.concept_ids), len(todo.concept_ids))

    def _say(
        self, store: Store, document_id: str, concept_ids: Sequence[int], tell: Callable[..., None]
    ) -> None:
        """Tell of the sentences that are to be stored, all sections side by side."""
        path_of = {item.id: item.path for item in store.get_outline(document_id).items}
        owners = store.get_owners(concept_ids)
        places: dict[str, int] = {}
        heard: list[Said] = []
        for n, concept_id in enumerate(concept_ids, 1):
            path = path_of[owners[concept_id]]
            ordinal = places[path] = places.get(path, -1) + 1
            heard.append(Said(path=path, ordinal=ordinal, text=self.said.format(n), block=None))
        for said in sorted(heard, key=lambda said: said.ordinal):
            tell("said", said=said)


@pytest.fixture(scope="session")
def database_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "longhand.db"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(autouse=True)
def database(database_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty database that every command of the test uses; no other variable of ours is set."""
    for name in ("LONGHAND_BUSY_TIMEOUT_S", "LONGHAND_MODELS", "LONGHAND_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "longhand.db"
    shutil.copy(database_template, path)
    monkeypatch.setenv("LONGHAND_DATABASE_URL", f"sqlite:///{path}")
    return path


@pytest.fixture
def store(database: Path) -> Iterator[Store]:
    with Store.open() as opened:
        yield opened


@pytest.fixture(scope="session", autouse=True)
def _signatures_are_read_once() -> Iterator[None]:
    """Typer reads a function's signature, with all its options, for every command that is run in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.main.get_params_from_function", cache(typer.main.get_params_from_function))
        yield


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> FakeRunner:
    fake = FakeRunner()
    monkeypatch.setattr("longhand.doing.running.make_runner", lambda: fake)
    return fake


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], runner: FakeRunner) -> Run:
    """Run one command as `main` would and return its exit code and what it printed."""

    def run_(*arguments: str) -> Result:
        capsys.readouterr()
        exit_code = cli.run(list(arguments))
        captured = capsys.readouterr()
        return Result(exit_code, captured.out, captured.err)

    return run_
