"""One fault at a time: break a writing process, let others finish its document, compare with a calm run.

Each trial is a new document with the same prompt and seed in one database, so that all texts must be
equal. The writing processes are forks of this one that run the flow `write-document` with the fake engine, as flow
runs of one Prefect server; the trials about Prefect itself start processes with servers of their own. Used by
tests (a few trials of each kind) and by `benchmarks/faults/fault_fuzz.py` (as many as the minutes allow).
"""

from __future__ import annotations

from collections.abc import Callable

from tests.flows.faults.databases import Database, PostgreSQL
from tests.flows.faults.machine import MachineTrials
from tests.flows.faults.prefect_server import PrefectTrials
from tests.flows.faults.processes import ProcessTrials
from tests.flows.faults.resources import may_limit_memory, may_mount
from tests.flows.faults.sharing import SharingTrials


class Trials(ProcessTrials, SharingTrials, MachineTrials, PrefectTrials):
    """The trials on one database; each method is one kind of fault and returns the units redone."""


Kind = Callable[[Trials], int]
KINDS: tuple[tuple[Kind, float], ...] = (
    (Trials.kill_at_point, 10),
    (Trials.kill_at_random, 4),
    (Trials.kill_twice, 2),
    (Trials.kill_in_model, 2),
    (Trials.out_of_memory, 1),
    (Trials.out_of_memory_kill, 1),
    (Trials.nan_from_model, 1),
    (Trials.two_processes, 1),
    (Trials.unit_beyond_lease, 0.5),
    (Trials.worker_killed, 3),
    (Trials.sharing_worker_killed, 2),
    (Trials.helper_killed, 2),
    (Trials.leader_killed, 2),
    (Trials.pause_between, 1),
    (Trials.pause_anywhere, 1),
    (Trials.clock_jump, 1),
    (Trials.connection_cut, 2),
    (Trials.server_killed, 1),
    (Trials.disk_full, 1),
    (Trials.export_to_full_disk, 0.3),
    (Trials.full_disk_under_prefect, 0.2),
    (Trials.interrupted, 0.5),
    (Trials.writer_and_server_killed, 0.2),
    (Trials.prefect_killed, 0.2),
)
"""All kinds of fault, and how often each is drawn in a fuzz."""
NEEDS_POSTGRESQL: tuple[Kind, ...] = (Trials.connection_cut, Trials.server_killed)
NEEDS_MOUNT: tuple[Kind, ...] = (
    Trials.disk_full,
    Trials.export_to_full_disk,
    Trials.full_disk_under_prefect,
)
NEEDS_MEMORY_GROUP: tuple[Kind, ...] = (Trials.out_of_memory_kill,)


def kinds_for(database: Database) -> list[tuple[Kind, float]]:
    """Return the kinds that can be tried on a database, and on this machine."""
    missing: tuple[Kind, ...] = () if isinstance(database, PostgreSQL) else NEEDS_POSTGRESQL
    if not may_mount():
        missing += NEEDS_MOUNT
    if not may_limit_memory():
        missing += NEEDS_MEMORY_GROUP
    return [(kind, weight) for kind, weight in KINDS if kind not in missing]
