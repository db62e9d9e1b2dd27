"""The seam between commands and flows: the runner that `write` and `resume` use.

Commands get the runner from `make_runner`, which tests replace. Prefect and torch are imported only when a document
runs.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol

from concepts.errors import LonghandError, UsageError
from longhand.showing.terminal import say

if TYPE_CHECKING:
    from flows.document.job.events import OnEvent, OnWorkerEvent, Outcome
    from flows.prefect.api import PrefectApi
    from flows.worker import LonghandWorker
    from storage import DocumentRecord, NewDocument, Store

Change = Literal["queued", "cancelled", "paused", "priority"]
"""A change of a document that its flow run must follow."""
ANSWER_TIMEOUT_S = 3.0


class Runner(Protocol):
    """Runs a stored document to its end; all results go to the store."""

    def check(self, new: NewDocument) -> None:
        """Raise ModelError if a model of a new document is not on this machine; loads none."""

    def run(
        self, store: Store, document_id: str, *, plan_only: bool, resume: bool, on_event: OnEvent
    ) -> Mapping[str, float]:
        """Run a document with its models until it is done (or planned); return seconds by stage.

        `resume` continues a begun document, always to its end.
        `on_event` is called in the caller's thread. Raises LonghandError; results stored before an
        error or Ctrl-C stay stored.
        """

    def translate(
        self, store: Store, document_id: str, lang: str, *, on_event: OnEvent
    ) -> Mapping[str, float]:
        """Translate a finished document into `lang` and return seconds by stage; otherwise as `run`."""


class FlowRunner:
    """Runs documents as Prefect flows, with the models that they were begun with."""

    def check(self, new: NewDocument) -> None:
        """Look for the models that are fetched, not shipped: loading the others first takes ten seconds."""
        from concepts.models.installed import check_fetched
        from flows.document.asked.options import WritingOptions

        asked = WritingOptions.from_params(new.params)
        check_fetched(asked.space, asked.voice, needs_voice=not asked.plan_only)

    def run(
        self, store: Store, document_id: str, *, plan_only: bool, resume: bool, on_event: OnEvent
    ) -> Mapping[str, float]:
        """Pass the document to the flow."""
        from flows.models.engine import ModelEngine
        from flows.run import resume_document, write_document

        document = store.get_document(document_id)
        _state_memory(ModelEngine.names_for(document)["space"])
        engine = ModelEngine.for_document(document)
        if resume:
            timings = resume_document(
                store.url, document_id, engine=engine, on_event=on_event, prefect_api=answering_api()
            )
        else:
            timings = write_document(
                store.url,
                document_id,
                engine=engine,
                on_event=on_event,
                plan_only=plan_only,
                prefect_api=answering_api(),
            )
        return timings.to_dict()

    def translate(
        self, store: Store, document_id: str, lang: str, *, on_event: OnEvent
    ) -> Mapping[str, float]:
        """Pass the document to the translating flow."""
        from flows.models.engine import ModelEngine
        from flows.run import translate_document

        document = store.get_document(document_id)
        _state_memory(ModelEngine.names_for(document)["space"])
        engine = ModelEngine.for_document(document)
        return translate_document(
            store.url, document_id, lang, engine=engine, on_event=on_event, prefect_api=answering_api()
        ).to_dict()


def _state_memory(space: str | None) -> None:
    """Print how much memory a published space needs; raise ModelError if that is not free."""
    from concepts.models.published import PUBLISHED

    if space not in PUBLISHED:
        return
    from concepts.models.installed import find_card
    from concepts.neural.devices import choose_dtype, device_of_process
    from concepts.space.loading import measure_space

    device = device_of_process()
    say(measure_space(find_card("space", space), device, choose_dtype(device, is_large=True)))


class QueueWorker:
    """A worker of the queue, in this process."""

    def __init__(
        self, store: Store, *, batch: int, together: bool, on_event: OnWorkerEvent, prefect_api: PrefectApi
    ) -> None:
        self._store, self._batch, self._together = store, batch, together
        self._on_event, self._prefect_api = on_event, prefect_api
        self._worker: LonghandWorker | None = None
        self._is_stopped = False

    def stop(self) -> None:
        """Ask to stop: running steps finish, then all documents are released. May be called again."""
        self._is_stopped = True
        if self._worker is not None:
            self._worker.stop()

    def run(self, *, drain: bool = False, limit: int | None = None) -> dict[Outcome, int]:
        """Work until `stop` and return the number of documents by outcome.

        `drain`: stop when nothing waits; `limit`: stop after this many documents. Raises ModelError if the models of
        new documents cannot be loaded, FlowError if Prefect's server is unreachable at the start; later the worker
        waits for it.
        """
        import asyncio

        from flows.models.sharing import SharedModels
        from flows.prefect.isolation import import_prefect, our_settings

        import_prefect(logs=True)
        from flows.prefect import work_pool
        from flows.worker import LonghandWorker, run_worker

        with our_settings(self._prefect_api.url, self._prefect_api.auth, logs=True):
            self._worker = LonghandWorker(
                work_pool.POOL,
                name=f"{socket.gethostname()}, process {os.getpid()}",
                store=self._store,
                models=SharedModels(together=self._together),
                on_work=self._on_event,
                drain=drain,
                num_documents=limit,
                limit=self._batch,
            )
            if self._is_stopped:
                self._worker.stop()
            asyncio.run(run_worker(self._worker))
        return self._worker.tally


@contextmanager
def make_worker(
    store: Store, *, batch: int, together: bool, on_event: OnWorkerEvent, prefect_api: str | None
) -> Iterator[QueueWorker]:
    """Yield a worker with the real models. `together`: documents share model calls.

    Raises UsageError if no Prefect server is known.
    """
    with need_api(prefect_api) as api:
        yield QueueWorker(store, batch=batch, together=together, on_event=on_event, prefect_api=api)


def need_api(typed: str | None) -> PrefectApi:
    """Return the Prefect server from the option or the settings; UsageError if none is known."""
    from flows.prefect.api import API_VARIABLE
    from flows.station.known import known_api

    api = known_api(typed)
    if api is None:
        raise UsageError(
            f"no Prefect server is known: start one with longhand up, or name one with --prefect-api or {API_VARIABLE}"
        )
    return api


def answering_api() -> PrefectApi | None:
    """Return the known Prefect server if it answers; print a remark if it does not."""
    from flows.prefect.api import PrefectApi
    from flows.station.known import known_api

    api = known_api()
    if api is None:
        return None
    try:
        with PrefectApi(api.url, api.auth, timeout_s=ANSWER_TIMEOUT_S) as probe:
            probe.call("GET", "/admin/version")
    except LonghandError as error:
        say(f"{error}; going on without it")
        return None
    return api


def tell_prefect(documents: Sequence[DocumentRecord], change: Change) -> bool:
    """Apply a change of documents to their flow runs; return whether that worked, and raise nothing.

    `queued`: the runs wait for a worker (runs of documents that are not queued stay unchanged).
    """
    from flows.prefect import work_pool
    from flows.station.known import known_api

    try:
        api = known_api()
        if api is None:
            return False
        with api:
            if change == "queued":
                waiting = [document for document in documents if document.status == "queued"]
                work_pool.put_back(api, waiting)
                return True
            for document in documents:
                if change == "priority":
                    work_pool.change_priority(api, document)
                else:
                    work_pool.stop_run(api, document, change)
    except LonghandError as error:
        say(f"{error}; the store has it: longhand requeue tells Prefect later")
        return False
    return True


def make_runner() -> Runner:
    """Return the runner of this process."""
    return FlowRunner()


def create_checked(store: Store, new: NewDocument) -> str:
    """Store a document that this process is about to run and return its id.

    Raises ModelError, and stores nothing, if one of its models is not on this machine.
    """
    from flows.leases.lease import create_own

    make_runner().check(new)
    return create_own(store, new)
