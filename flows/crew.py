"""Several processes on one document: processes that `accelerate launch` starts share the units of one lease holder.

The process of rank 0, the *leader*, works as it would alone: it claims documents, renews their leases, plans,
prints and runs the Prefect flow. The others, the *helpers*, look in the database for free units of the leader's
documents, take one, write or decode it, and commit it under the leader's lease, as the leader would: the fence
is the first statement, a unit is committed once, its members and seeds are stored.
The leader takes units from the first to the last. A helper begins with its own share, as accelerate splits units
between processes, then takes units that nobody has begun, the last one first; where they meet, the leader waits.

Processes share whole units, never rows of one: a matrix product may round differently in a batch of another size,
and a document must come out the same on any number of devices (see `flows.models.sharing`).

Processes send each other only the facts that they check at the start and the news that the leader has ended, both
through the key-value store of torch's rendezvous (`TCPStore`). No collective operation can hang when a process
dies: another process takes a dead helper's unit (at once on the same machine, else when its time expires). If
the leader dies, its document is claimed again and the helpers write nothing more.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Protocol

from concepts.errors import LonghandError, LostLease, ModelError, NotFoundError, StorageError
from concepts.models.card import DEFAULT_NAMES, Kind
from concepts.models.installed import find_card
from concepts.neural.processes import process_state
from flows.document import steps
from flows.document.job.events import OnWorkerEvent, UnitReport, unit_event
from flows.document.job.job import Job, error_text
from flows.document.prompting import check_same_model, check_same_space
from flows.errors import CrewError
from flows.leases.lease import LEASE_S, HeldLease
from flows.leases.owner import current_owner, is_dead
from flows.models.sharing import SharedModels
from storage import OpenUnit, Store

if TYPE_CHECKING:
    from flows.document.engine import Engine

JOIN_TIMEOUT_S = 600.0
"""How long processes wait for each other at the start; importing torch from a slow disk may take minutes."""
RESTARTS_VARIABLE = "TORCHELASTIC_RESTART_COUNT"
POLL_S = 0.1
"""How often a helper with nothing to do looks for a unit."""
LOOK_EVERY_S = 1.0
"""How often a helper looks whether the leader has ended."""
_LAUNCH_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")


def _key(name: str) -> str:
    # A launcher that restarts its processes may keep the store, with the keys of the dead processes.
    return f"longhand/{os.environ.get(RESTARTS_VARIABLE, '0')}/{name}"


@dataclass(frozen=True)
class Place:
    """Rank of this process and number of processes."""

    rank: int
    size: int


def place_of_process(environment: Mapping[str, str] | None = None) -> Place:
    """Return this process's place as the launcher set it; without a launcher, the only process. Imports nothing."""
    environment = os.environ if environment is None else environment
    try:
        place = Place(int(environment.get("RANK", "0")), int(environment.get("WORLD_SIZE", "1")))
    except ValueError:
        return Place(0, 1)
    return place if 0 <= place.rank < place.size else Place(0, 1)


class Board(Protocol):
    """Keys and values that all processes of a launch see: torch's `Store`."""

    def set(self, key: str, value: str) -> None:
        """Write a value."""

    def get(self, key: str) -> bytes:
        """Wait for a value and return it."""

    def check(self, keys: list[str]) -> bool:
        """Return whether all keys are there, without waiting."""

    def wait(self, keys: list[str], timeout: timedelta) -> None:
        """Wait for keys; raise an error when the time is over."""


@dataclass(frozen=True)
class Crew:
    """The processes of one launch, which have found each other."""

    rank: int
    board: Board
    leader: str
    """Owner (`flows.leases.owner`) of the documents to help with."""

    def end(self) -> None:
        """Tell the helpers that the leader has ended; the leader calls it."""
        with suppress(RuntimeError):  # the store is gone, and its readers with it
            self.board.set(_key("end"), "1")

    def is_over(self) -> bool:
        """Return whether the leader has ended or cannot be reached any more."""
        if is_dead(self.leader):
            return True
        try:
            return self.board.check([_key("end")])
        except RuntimeError:  # torch's DistError: the machine with the store is gone
            return True


@dataclass(frozen=True)
class Facts:
    """Facts that must be equal in all processes."""

    owner: str
    database: str
    location: str
    """The database's name for people."""
    models: dict[Kind, str] = field(default_factory=dict)
    """Identities of the models that ship."""


def facts_of(store: Store) -> Facts:
    """Return the facts of this process."""
    models: dict[Kind, str] = {}
    for kind in ("space", "planner", "writer"):
        with suppress(ModelError):  # the commands that need it say so
            models[kind] = find_card(kind, verify=False).model_id
    return Facts(current_owner(), store.identity(), store.location, models)


def join(store: Store, place: Place, *, board: Board | None = None) -> Crew:
    """Meet the other processes of the launch; CrewError if one is missing, or has other data or models.

    Every process gets the same error. `board` None: the store named in the launcher's environment.
    """
    mine = facts_of(store)
    try:
        board = _find_board() if board is None else board
        board.set(_key(f"facts/{place.rank}"), json.dumps(vars(mine)))
        patience = timedelta(seconds=JOIN_TIMEOUT_S)
        keys = [_key(f"facts/{rank}") for rank in range(place.size)]
        board.wait(keys, patience)
        found = [Facts(**json.loads(board.get(key))) for key in keys]
        board.set(_key(f"read/{place.rank}"), "1")
        if place.rank == 0:  # the store may be in this process, and end with it
            board.wait([_key(f"read/{rank}") for rank in range(place.size)], patience)
    except (RuntimeError, ValueError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise CrewError(
            f"the {place.size} processes of this launch do not find each other ({first[:200]}): start them "
            "together, with `accelerate launch` or `torchrun`"
        ) from error
    for rank, other in enumerate(found):
        check_alike(rank, other, found[0])
    return Crew(place.rank, board, found[0].owner)


def check_alike(rank: int, facts: Facts, leader: Facts) -> None:
    """Raise CrewError if a process has another database or other models than the leader."""
    if facts.database != leader.database:
        raise CrewError(
            f"process {rank} has the database {facts.location}, process 0 has {leader.location}, and they are "
            "two: set LONGHAND_DATABASE_URL to one for all; a SQLite file serves one machine, several need PostgreSQL"
        )
    for kind, name in DEFAULT_NAMES.items():
        got, wanted = (each.models.get(kind, "none") for each in (facts, leader))  # type: ignore[call-overload]
        if got != wanted:
            raise CrewError(
                f"process {rank} has the {kind} {got}, process 0 has {wanted} (both by the name {name}): "
                "install the same Longhand and the same LONGHAND_MODELS everywhere"
            )


def _find_board() -> Board:
    # If the process with the store has ended, torch would print a stack of C++ frames as a warning.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    from torch.distributed.rendezvous import rendezvous

    board, _, _ = next(iter(rendezvous("env://", timeout=timedelta(seconds=JOIN_TIMEOUT_S))))
    found: Board = board
    return found


def use_device_of_rank(place: Place) -> None:
    """Give this process its own device and tell accelerate its rank, without opening a process group.

    Nothing here needs a group: it waits for the others, and fails if a launcher restarts its processes on a store
    with older addresses. accelerate (`PartialState`) opens one if it finds a launcher's variables.
    """
    import torch
    from accelerate.utils import parse_flag_from_env

    local_rank = os.environ.get("LOCAL_RANK", "0")
    for name in _LAUNCH_VARIABLES:
        os.environ.pop(name, None)
    kind = torch.accelerator.current_accelerator(check_available=True)
    if kind is not None and not parse_flag_from_env("ACCELERATE_USE_CPU"):
        torch.accelerator.set_device_index(int(local_rank))
        os.environ["ACCELERATE_TORCH_DEVICE"] = f"{kind.type}:{local_rank}"
    state = process_state()
    state.process_index, state.num_processes = place.rank, place.size
    state.local_process_index = int(local_rank)


def in_own_order(units: Sequence[OpenUnit]) -> list[OpenUnit]:
    """Return open units, given last first, in the order in which this process takes those of each document."""
    state = process_state()
    found: list[OpenUnit] = []
    for _, group in groupby(units, key=lambda unit: unit.lease.document_id):
        last_first = list(group)
        with state.split_between_processes(last_first[::-1]) as share:
            own = share[::-1]
        found += [*own, *(unit for unit in last_first if unit not in own)]
    return found


class Helper:
    """Does units of the leader's documents, one at a time."""

    def __init__(
        self,
        store: Store,
        models: SharedModels,
        leader: str,
        *,
        is_over: Callable[[], bool],
        on_event: OnWorkerEvent,
        lease_s: float = LEASE_S,
    ) -> None:
        """`is_over`: whether to stop. `on_event` gets each finished unit and each that this process cannot do."""
        self._store, self._models, self._leader = store, models, leader
        self._is_over, self._on_event, self._lease_s = is_over, on_event, lease_s
        self._me = current_owner()
        self._left_alone: set[tuple[int, int]] = set()
        """Units that failed here, by epoch: the leader will hit the error itself and report it."""
        self._looked_at = -math.inf

    def run(self) -> None:
        """Help until the leader has ended."""
        while not self._is_over():
            until = time.monotonic() + LOOK_EVERY_S
            while time.monotonic() < until:
                try:
                    has_helped = self.help_once()
                except StorageError:
                    has_helped = False  # the leader waits for the database, or gives up and ends this, too
                if not has_helped:
                    time.sleep(POLL_S)

    def help_once(self) -> bool:
        """Do one unit; return False if none is open."""
        self._load_ahead()
        for found in in_own_order(self._store.list_open_units(self._leader)):
            if (found.id, found.lease.epoch) in self._left_alone:
                continue
            if found.taken_by is None or is_dead(found.taken_by):
                self._do(found)
                return True
        return False

    def _load_ahead(self) -> None:
        """Start loading the models of the leader's documents while it plans."""
        if time.monotonic() - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = time.monotonic()
        for held in self._store.list_held():
            if held.owner == self._leader:
                with suppress(NotFoundError):
                    self._models.engine_for(self._store.get_document(held.id))

    def _do(self, found: OpenUnit) -> None:
        lease = found.lease
        reports: list[UnitReport] = []
        started = time.time()
        try:
            engine = self._models.engine_for(self._store.get_document(lease.document_id))
            rank = process_state().process_index
            job = Job(self._store, lease, engine, helper=self._me, rank=rank, on_unit=reports.append)
            self._check_models(job, engine)
            with HeldLease(self._store, lease, self._lease_s, shared_by=self._me):
                (steps.write_unit if found.stage == "write" else steps.decode_unit)(job, found.id)
        except (LostLease, NotFoundError):
            pass  # the document is another's, or was deleted
        except Exception as error:  # noqa: BLE001  # the leader reports it, if it hits it as well
            self._left_alone.add((found.id, lease.epoch))
            with suppress(LonghandError), self._store.fenced(lease) as tx:
                tx.leave_unit(found.id, self._me)
            if isinstance(error, StorageError):
                return
            if not reports:  # it went wrong before the try began
                spent, text = time.time() - started, error_text(error)
                reports.append(
                    UnitReport(stage=found.stage, unit_id=found.id, seconds=spent, model_s=0.0, error=text)
                )
        for report in reports:
            self._on_event(unit_event(lease, report))

    def _check_models(self, job: Job, engine: Engine) -> None:
        job.prepare("encode")
        document = self._store.get_document(job.document_id)
        check_same_space(document, engine.space)
        if document.status == "writing":
            job.prepare("write")
            check_same_model("writer", document.writer, engine.writer)


@contextmanager
def led(crew: Crew) -> Iterator[None]:
    """End the helpers when the block ends, with or without an error."""
    try:
        yield
    finally:
        crew.end()
