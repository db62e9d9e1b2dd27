"""Our Prefect worker type: it runs documents' flows in its own process, with models that stay loaded.

    longhand worker
    prefect worker start --pool longhand --type longhand

Both commands start the same worker. It takes several flow runs of the work pool `longhand` at once, each in a thread,
and runs our flow for them. It ignores the deployment's entry point, command and environment: whoever can write to
Prefect's server can have documents written here, but run nothing else. We add to Prefect's worker: it finds a dead
worker's runs by their documents' leases (`flows.prefect.work_pool.recover`), and it applies a user's action on a run
to its document.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import anyio
import anyio.to_thread
from prefect._flow_run_suspension import mark_flow_run_suspension_requested
from prefect.client.schemas.objects import State
from prefect.exceptions import Abort, Pause
from prefect.flow_engine import run_flow_async
from prefect.settings import get_current_settings
from prefect.states import Cancelled, Failed, Suspended
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

from concepts.errors import LonghandError, NotFoundError, StorageError
from flows.document.job.events import OnWorkerEvent, Outcome, WorkerEvent
from flows.document.job.job import error_text
from flows.leases.lease import LEASE_S
from flows.leases.owner import current_owner
from flows.models.sharing import SharedModels
from flows.prefect import work_pool
from flows.prefect.api import PrefectApi
from flows.prefect.flow import write_document
from flows.prefect.host import Host, hosting
from flows.prefect.isolation import share_certificates
from storage import Store

if TYPE_CHECKING:
    import anyio.abc
    from prefect.client.schemas.objects import FlowRun
    from prefect.client.schemas.responses import WorkerFlowRunResponse

BATCH = 2
"""Documents in work at once, unless Prefect's `--limit` says otherwise."""
TOGETHER_VARIABLE = "LONGHAND_TOGETHER"
WATCH_S = 3.0
"""How often a worker checks for actions on its runs in Prefect's UI."""
RECOVER_S = 15.0
"""How often it checks for runs of dead workers."""
AGAIN_S = 5.0
"""How long it waits after Prefect's server was unreachable for long."""
SPARE = 2
"""Runs requested beyond the free slots, in case another worker is faster."""
USERS_STATES = ("AwaitingRetry", "Resuming")
"""Prefect's names for the states of runs that a user retried or resumed."""


class LonghandConfiguration(BaseJobConfiguration):
    """A deployment's settings for its runs; we use none."""


class LonghandVariables(BaseVariables):
    """No variables."""


class LonghandResult(BaseWorkerResult):
    """How a flow run's thread ended; the run's state holds its outcome."""


class LonghandWorker(BaseWorker[LonghandConfiguration, LonghandVariables, LonghandResult]):
    """Runs documents of a store until it is stopped."""

    type = work_pool.WORKER_TYPE
    job_configuration = LonghandConfiguration
    job_configuration_variables = LonghandVariables
    _description = "Writes Longhand's documents in its own process, with models that stay loaded."

    def __init__(
        self,
        work_pool_name: str,
        *,
        store: Store | None = None,
        models: SharedModels | None = None,
        on_work: OnWorkerEvent = lambda event: None,
        drain: bool = False,
        num_documents: int | None = None,
        lease_s: float = LEASE_S,
        limit: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Arguments as for Prefect's worker.

        store: None: the default database. models: None: the real ones. on_work: gets the worker's events. drain: end
        when nothing waits and nobody else works. num_documents: end after this many. lease_s: of documents in work.
        """
        super().__init__(work_pool_name, limit=limit or BATCH, **kwargs)
        self._store = store
        self._models = models
        self._on_work, self._lease_s = on_work, lease_s
        self._is_draining, self._num_left = drain, num_documents
        self._host: Host | None = None
        self._mine: dict[str, str | None] = {}
        """Document (None: not stored yet) of each flow run in this process."""
        self._flow_id: Any = None
        self._free = anyio.Event()
        self._polling = anyio.Lock()
        self._loops: anyio.CancelScope | None = None
        self._is_in_trouble = False
        self._cancelled_since = time.time()
        self._followed: set[str] = set()
        """Ids of run states for which this worker has cancelled the documents."""
        self.has_started = False
        self.is_stopping = False
        """Whether the worker was asked to stop."""
        self.finished = threading.Event()
        """Set when nothing is left to do: after a drain, or the last of `num_documents`."""
        self.tally: dict[Outcome, int] = {}
        """Number of documents by outcome."""

    # Life

    async def setup(self) -> None:
        """Create the work pool if it is missing, load the models, and put back the runs of dead workers."""
        share_certificates()
        if self._host is None:
            store = Store.open() if self._store is None else self._store
            models = self._models
            if models is None:
                models = SharedModels(together=os.environ.get(TOGETHER_VARIABLE) == "1")
            await anyio.to_thread.run_sync(models.load_default)
            self._host = Host(
                store=store,
                models=models.engine_for,
                lease_s=self._lease_s,
                on_work=self._tell,
                is_worker=True,
            )
        if not self.is_stopping:
            self._host.stopping.clear()
        await self._with_api(work_pool.prepare)
        await self._with_api(partial(work_pool.recover, store=self._host.store, mine=self._mine))
        await self._with_api(partial(work_pool.put_back_lost, store=self._host.store))
        await super().setup()
        self.has_started = True
        assert self._runs_task_group is not None
        await self._runs_task_group.start(self._run_loops)

    async def _run_loops(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        async with anyio.create_task_group() as group:
            self._loops = group.cancel_scope
            group.start_soon(self._watch)
            group.start_soon(self._poll_when_free)
            task_status.started()

    async def teardown(self, *exc_info: Any) -> None:
        """Let running runs end after their current steps, and wait for them."""
        if self._host is not None:
            self._host.stopping.set()
        if self._loops is not None:
            self._loops.cancel()
        await super().teardown(*exc_info)

    def stop(self) -> None:
        """Ask to stop: running steps finish, then all documents are released. For any thread."""
        self.is_stopping = True
        if self._host is not None:
            self._host.stopping.set()

    def _tell(self, event: WorkerEvent) -> None:
        if event.kind in ("done", "planned", "failed", "released", "cancelled", "paused", "lost"):
            self.tally[event.kind] = self.tally.get(event.kind, 0) + 1
        self._on_work(event)

    # Runs

    async def _submit_run(self, flow_run: FlowRun) -> None:
        """Run a flow run here. Prefect's own method first asks its server six times for a deployment's settings."""
        try:
            if not await self._propose_pending_state(flow_run):
                self._release_limit_slot(flow_run.id)
                return
            try:
                await self.client.update_flow_run(flow_run.id, infrastructure_pid=current_owner())
            except Exception as error:  # noqa: BLE001  # Prefect's; if it fails, a dead worker's run is found later
                self.tell_trouble(error_text(error))
            assert self._runs_task_group is not None
            self._runs_task_group.start_soon(self._run_here, flow_run)
        finally:
            self._submitting_flow_run_ids.discard(flow_run.id)
            if self._cancelling_observer is not None:
                self._cancelling_observer.remove_in_flight_flow_run_id(flow_run.id)

    async def _run_here(self, flow_run: FlowRun) -> None:
        try:
            await self.run(flow_run, LonghandConfiguration())
        finally:
            self._release_limit_slot(flow_run.id)

    async def run(
        self,
        flow_run: FlowRun,
        configuration: LonghandConfiguration,
        task_status: anyio.abc.TaskStatus[str] | None = None,  # type: ignore[override]
    ) -> LonghandResult:
        """Run our flow for a flow run in its own thread; refuse a run of another flow."""
        run_id = str(flow_run.id)
        self._mine[run_id] = flow_run.parameters.get("document_id")
        if task_status is not None:
            task_status.started(current_owner())
        try:
            await anyio.to_thread.run_sync(self._run_thread, flow_run, await self._is_ours(flow_run))
        finally:
            self._mine.pop(run_id, None)
            if self._num_left == 0 and not self._mine:
                self.finished.set()
        return LonghandResult(identifier=run_id, status_code=0)

    async def _is_ours(self, flow_run: FlowRun) -> bool:
        if self._flow_id is None:
            self._flow_id = (await self.client.read_flow_by_name(work_pool.FLOW_NAME)).id
        return bool(flow_run.flow_id == self._flow_id)

    def _run_thread(self, flow_run: FlowRun, is_ours: bool) -> None:
        try:
            asyncio.run(self._run_flow(flow_run, is_ours))
        except (Abort, Pause):
            pass  # Prefect has set the run's state
        except Exception as error:  # noqa: BLE001  # Prefect's; the document is sound, and the run is found again
            self.tell_trouble(f"flow run {flow_run.name} was left: {type(error).__name__}: {error}")

    async def _run_flow(self, flow_run: FlowRun, is_ours: bool) -> None:
        assert self._host is not None
        if not is_ours:
            message = f"this work pool runs the flow {work_pool.FLOW_NAME} and no other"
            await self._refuse(flow_run, Failed(name="Refused", message=message))
            return
        stopped = self._stopped(flow_run)
        if stopped is not None:
            await self._refuse(flow_run, stopped)
            return
        # Without its deployment Prefect starts no thread, client and subscription per run to listen for suspension:
        # `_look` checks all runs at once.
        alone = flow_run.model_copy(update={"deployment_id": None})
        with hosting(self._host):
            await run_flow_async(
                write_document, flow_run=alone, parameters=flow_run.parameters, return_type="state"
            )

    def _stopped(self, flow_run: FlowRun) -> Any:
        """Return the state of a run whose document was stopped; None if the run goes on.

        The store decides, unless a user has retried or resumed the run since.
        """
        assert self._host is not None
        store, document_id = self._host.store, flow_run.parameters.get("document_id")
        if document_id is None:
            return None
        try:
            document = store.get_document(document_id)
        except NotFoundError:
            return Cancelled(message=f"document {document_id} was deleted")
        except StorageError:
            return None  # the flow reports it
        is_users = flow_run.state_name in USERS_STATES
        if document.status in ("cancelled", "paused") and not is_users:
            return Cancelled() if document.status == "cancelled" else Suspended()
        if document.status in ("cancelled", "paused", "failed") or (
            is_users and document.status == "planned"
        ):
            store.requeue_document(document.id)
        return None

    async def _refuse(self, flow_run: FlowRun, state: Any) -> None:
        from prefect.client.orchestration import get_client

        async with get_client() as client:
            await client.set_flow_run_state(flow_run.id, state, force=True)

    # Polling

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Take as many runs as there are free slots; with `drain`, check whether all is done."""
        assert self._host is not None
        if self._host.stopping.is_set() or self.finished.is_set() or self._num_left == 0:
            return []
        async with self._polling:
            if self.limiter.available_tokens < 1:
                return []
            found = await super().get_and_submit_flow_runs()
        if (
            not found
            and self._is_draining
            and not self.limiter.borrowed_tokens
            and self._has_successfully_synced
        ):
            left = await self._with_api(partial(work_pool.recover, store=self._host.store, mine=self._mine))
            is_empty = not left and not await self._with_api(work_pool.count_due)
            # documents of other processes are not done yet, and wait again if those processes die
            if is_empty and not await self._with_api(partial(work_pool.has_others, mine=self._mine)):
                self.finished.set()
        return found

    async def _get_scheduled_flow_runs(self) -> list[WorkerFlowRunResponse]:
        # Prefect's own method asks for 200 each time, its server's largest cost.
        from prefect.client.schemas.responses import WorkerFlowRunResponse

        free = int(self.limiter.available_tokens)
        if self._num_left is not None:
            free = min(free, self._num_left)
        body: dict[str, Any] = {
            "scheduled_before": datetime.now(UTC).isoformat(),
            "limit": free if self._num_left is not None else free + SPARE,
        }
        if self._work_queues:
            body["work_queue_names"] = list(self._work_queues)
        path = {"name": self._work_pool_name}
        answer = await self.client.request(
            "POST", "/work_pools/{name}/get_scheduled_flow_runs", path_params=path, json=body
        )
        found = WorkerFlowRunResponse.model_validate_list(answer.json())
        # A run that was suspended and resumed during a step waits until the step has ended here: Prefect's limiter
        # would raise an error for it, which restarts the worker and stops all its other runs.
        return [response for response in found if str(response.flow_run.id) not in self._mine]

    async def _propose_pending_state(self, flow_run: FlowRun) -> bool:
        is_ours = await super()._propose_pending_state(flow_run)
        if is_ours and self._num_left is not None:
            self._num_left -= 1
        return is_ours

    def _release_limit_slot(self, flow_run_id: Any) -> None:
        super()._release_limit_slot(flow_run_id)
        self._free.set()

    async def _poll_when_free(self) -> None:
        """Take the next run as soon as a slot is free, instead of at the next poll."""
        while True:
            await self._free.wait()
            self._free = anyio.Event()
            try:
                await self.get_and_submit_flow_runs()
            except Exception as error:  # noqa: BLE001  # the loop of Prefect's worker polls, too, and reports it
                self.tell_trouble(error_text(error))

    # Watching

    async def _watch(self) -> None:
        recovered_at = time.monotonic()
        while True:
            await anyio.sleep(WATCH_S)
            is_due = time.monotonic() - recovered_at >= RECOVER_S
            try:
                await self._with_api(self._look)
                if is_due:
                    recovered_at = time.monotonic()
                    await self._with_api(self._recover)
                    self._is_in_trouble = False
            except LonghandError as error:
                self.tell_trouble(str(error))

    def _look(self, api: PrefectApi) -> None:
        """Cancel the documents of cancelled runs here; let suspended runs end after their current step."""
        assert self._host is not None
        at_work = dict(self._host.at_work)
        for run in api.read_runs([*at_work.values()]) if at_work else ():
            if run["state"]["type"] == "PAUSED":
                mark_flow_run_suspension_requested(UUID(run["id"]), State.model_validate(run["state"]))
            state_id = run["state"]["id"]
            if run["state"]["type"] in ("CANCELLING", "CANCELLED") and state_id not in self._followed:
                # Only once: while the step still runs here, somebody may resume the document elsewhere.
                self._followed.add(state_id)
                for document_id, run_id in at_work.items():
                    if run_id == run["id"]:
                        self._host.store.cancel_document(document_id)

    def _recover(self, api: PrefectApi) -> None:
        assert self._host is not None
        work_pool.recover(api, self._host.store, mine=self._mine)
        self._cancelled_since = work_pool.follow_cancelled(api, self._host.store, self._cancelled_since)

    async def _with_api(self, function: Callable[[PrefectApi], Any]) -> Any:
        settings = get_current_settings().api
        auth = None if settings.auth_string is None else settings.auth_string.get_secret_value()

        def call() -> Any:
            with PrefectApi(settings.url or "", auth) as api:
                return function(api)

        return await anyio.to_thread.run_sync(call)

    def tell_trouble(self, message: str) -> None:
        """Report trouble with Prefect's server or the database, once until all goes well again."""
        if not self._is_in_trouble:
            self._is_in_trouble = True
            self._on_work(WorkerEvent(kind="trouble", message=message))


async def run_worker(worker: LonghandWorker) -> None:
    """Run a worker until it has finished or is stopped; if Prefect's server goes away meanwhile, it waits.

    Raises errors before its first work: ModelError, StorageError, or FlowError.
    """

    async def watch(scope: anyio.CancelScope) -> None:
        while not worker.finished.is_set() and not worker.is_stopping:
            await anyio.sleep(0.1)
        scope.cancel()

    while not worker.is_stopping and not worker.finished.is_set():
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(watch, group.cancel_scope)
                await worker.start(printer=lambda *words: None)
        except Exception as raised:  # noqa: BLE001  # Prefect's; reported, or raised if nothing was done yet
            error = _first(raised)
            if not worker.has_started:
                raise error from None
            worker.tell_trouble(f"{type(error).__name__}: {error}")
            await anyio.sleep(AGAIN_S)


def _first(error: BaseException) -> BaseException:
    """Return the first error of a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
