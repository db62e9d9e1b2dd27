"""Documents of a worker as flow runs: Prefect's UI shows them, and what is done to a run there reaches us.

A run is made when a worker takes a document, and ended when it gives it back. Cancelling or pausing the
run does the same to the document; resuming a paused run queues it again. The store decides, the server
only shows: where it cannot be reached, documents are written all the same.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeVar
from uuid import UUID

from concepts.errors import LonghandError, NotFoundError, StorageError
from flows.owner import is_dead
from flows.prefect_link import PrefectLink, known_api
from storage import DocumentRecord, Lease, Store

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun, State

    from flows.worker import Outcome

T = TypeVar("T")
Shown = Literal["cancelled", "paused"]
RELEASED = "Released"
"""Name of the state of a run whose worker was asked to stop; its document waits for another one."""
NUM_PAUSED_WATCHED = 200


class PrefectMirror:
    """Shows the documents of one worker on a Prefect server."""

    def __init__(self, link: PrefectLink, on_trouble: Callable[[str], None] = lambda message: None) -> None:
        """`on_trouble` hears what goes wrong, once until it goes well again."""
        self._link, self._on_trouble = link, on_trouble
        self._lock = threading.Lock()
        self._open: dict[str, Lease] = {}
        """Lease on the document by flow run."""
        self._is_in_trouble = False

    def begin(self, document: DocumentRecord, lease: Lease) -> str | None:
        """Return the id of the flow run that shows the document: a paused one goes on, else a new one.

        A run left over from a dead worker is set to Crashed first.
        """
        flow_run_id = self._quietly(lambda client: begin_run(client, document))
        if flow_run_id is not None:
            with self._lock:
                self._open[flow_run_id] = lease
        return flow_run_id

    def end(self, flow_run_id: str, lease: Lease, outcome: Outcome, message: str) -> None:
        """Set the state that the outcome stands for, unless the run is another lease's by now."""
        with self._lock:
            is_ours = self._open.get(flow_run_id) == lease
            if is_ours:
                del self._open[flow_run_id]
        # What is lost is another worker's: it has ended our run, or goes on with it.
        if is_ours and outcome != "lost":
            state = end_state(outcome, lease.document_id, message)
            self._quietly(lambda client: set_state(client, flow_run_id, state))

    def follow(self, store: Store) -> None:
        """Cancel, pause or queue the documents whose runs a user has cancelled, paused or resumed."""
        with self._lock:
            at_work = dict(self._open)
        try:
            paused = {
                document.flow_run_id: document
                for document in store.list_documents("paused", limit=NUM_PAUSED_WATCHED)
                if document.flow_run_id is not None
            }
        except StorageError:
            return
        if not at_work and not paused:
            return
        runs = self._quietly(lambda client: read_runs(client, [*at_work, *paused])) or []
        for run in runs:
            state = run.state
            if state is None:
                continue
            document = paused.get(str(run.id))
            is_cancelled = state.type.value in ("CANCELLED", "CANCELLING")
            try:
                if document is not None:
                    if is_cancelled:
                        store.cancel_document(document.id)
                    elif _was_resumed(state, document):
                        # Told apart from a run whose worker died by not being Running any more.
                        self._quietly(partial(set_state, flow_run_id=str(run.id), state=waiting()))
                        store.requeue_document(document.id)
                elif is_cancelled:
                    store.cancel_document(at_work[str(run.id)].document_id)
                elif state.type.value == "PAUSED":
                    store.pause_document(at_work[str(run.id)].document_id)
            except (StorageError, NotFoundError):
                continue  # it ended meanwhile

    def _quietly(self, function: Callable[[SyncPrefectClient], T]) -> T | None:
        try:
            found = self._link.call(function)
        except Exception as error:  # noqa: BLE001  # whatever Prefect raises: the work goes on without it
            if not self._is_in_trouble:
                self._is_in_trouble = True
                text = str(error) if isinstance(error, LonghandError) else f"{type(error).__name__}: {error}"
                self._on_trouble(f"{text}; documents are written all the same")
            return None
        self._is_in_trouble = False
        return found


def _was_resumed(state: State, document: DocumentRecord) -> bool:
    """Return whether a run began to run, or is to, after its document was paused."""
    if state.type.value not in ("RUNNING", "SCHEDULED", "PENDING"):
        return False
    return state.timestamp.timestamp() > document.updated_at


def begin_run(client: SyncPrefectClient, document: DocumentRecord) -> str:
    """Return the id of the flow run that is to show a document."""
    from prefect.states import Running

    from flows.document import write_document_flow

    if document.flow_run_id is not None:
        (old,) = read_runs(client, [document.flow_run_id]) or (None,)
        if old is not None and old.state is not None and not old.state.is_final():
            goes_on = old.state.type.value in ("PAUSED", "SCHEDULED", "PENDING")
            set_state(client, document.flow_run_id, Running() if goes_on else crashed())
            if goes_on:
                return document.flow_run_id
    run = client.create_flow_run(
        write_document_flow,
        name=f"write-{document.id}",
        parameters={"document_id": document.id, "owner": document.owner or ""},
        state=Running(),
        tags=["longhand-worker"],
    )
    return str(run.id)


def set_state(client: SyncPrefectClient, flow_run_id: str, state: State) -> None:
    """Set the state of a run, whatever it is in."""
    client.set_flow_run_state(UUID(flow_run_id), state, force=True)


def read_runs(client: SyncPrefectClient, flow_run_ids: Sequence[str]) -> list[FlowRun]:
    """Return the runs that the server knows."""
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    ids = [UUID(flow_run_id) for flow_run_id in flow_run_ids]
    return client.read_flow_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=ids)))


def waiting() -> State:
    """Return the state of a run whose document is queued again."""
    from prefect.states import Pending

    return Pending(name="Queued", message="The document waits for a worker.")


def crashed() -> State:
    """Return the state of a run whose process died."""
    from prefect.states import Crashed

    return Crashed(message="The process that held the document is gone; another one goes on with it.")


def end_state(outcome: Outcome, document_id: str, message: str) -> State:
    """Return the state of a run whose document was given back."""
    from prefect.states import Cancelled, Completed, Crashed, Failed, Paused

    if outcome == "done":
        return Completed(message=f"longhand show {document_id}")
    if outcome == "planned":
        return Completed(message=message or f"{document_id} awaits review: longhand approve {document_id}")
    if outcome == "failed":
        return Failed(message=message)
    if outcome == "cancelled":
        return Cancelled(message=f"longhand resume {document_id} goes on with it all the same")
    if outcome == "paused":
        return Paused(message=f"longhand resume {document_id} --queue")
    assert outcome == "released", outcome
    return Crashed(name=RELEASED, message=message or "The worker was asked to stop; another one goes on.")


def show_state(link: PrefectLink, flow_run_id: str, shown: Shown, document_id: str) -> bool:
    """Show what was done to a document from outside; return whether the server knew its run, unfinished."""

    def change(client: SyncPrefectClient) -> bool:
        runs = read_runs(client, [flow_run_id])
        if not runs or runs[0].state is None or runs[0].state.is_final():
            return False
        set_state(client, flow_run_id, end_state(shown, document_id, ""))
        return True

    return link.call(change)


def crash_left_run(document: DocumentRecord) -> None:
    """Set the run that a dead process has left behind to Crashed, before another process goes on in place.

    Does nothing where no Prefect server is known or answers, or where a living process holds the document.
    """
    held = document.owner is not None and (document.lease_until or 0.0) > time.time()
    if document.flow_run_id is None or (held and not is_dead(document.owner or "")):
        return
    with suppress(Exception):  # whatever Prefect raises: the store decides, the server only shows
        api_url = known_api()
        if api_url is not None:
            with PrefectLink(api_url) as link:
                crash_zombie(link, document.flow_run_id)


def crash_zombie(link: PrefectLink, flow_run_id: str) -> bool:
    """Set a run that has not ended to Crashed, its process being dead; return whether it was so."""

    def change(client: SyncPrefectClient) -> bool:
        runs = read_runs(client, [flow_run_id])
        if not runs or runs[0].state is None or runs[0].state.is_final():
            return False
        set_state(client, flow_run_id, crashed())
        return True

    return link.call(change)
