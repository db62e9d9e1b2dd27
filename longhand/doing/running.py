"""The seam between commands and flows: what `write` and `resume` need of whoever runs a document.

Commands take the runner from `make_runner`, so that a test puts its own in that place. Prefect and
torch are imported only once a document runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol

from concepts.errors import LonghandError, UsageError
from longhand.showing.terminal import say

if TYPE_CHECKING:
    from flows.document.events import OnEvent, OnWorkerEvent, Outcome
    from flows.prefect.api import PrefectApi
    from flows.worker import LonghandWorker
    from storage import DocumentRecord, Store

Change = Literal["queued", "cancelled", "paused", "priority"]
"""What was done to a document that its flow run is to follow."""
ANSWER_TIMEOUT_S = 3.0


class Runner(Protocol):
    """Brings a stored document to its end; everything it makes goes to the store."""

    def run(
        self, store: Store, document_id: str, *, plan_only: bool, resume: bool, on_event: OnEvent
    ) -> Mapping[str, float]:
        """Run a document with the models it asks for until it is done (or planned); return seconds by stage.

        `resume` goes on with one that was begun, and always goes to the end.
        `on_event` is called in the caller's thread. Raises LonghandError; what was stored before an
        error or Ctrl-C stays stored.
        """

    def translate(
        self, store: Store, document_id: str, lang: str, *, on_event: OnEvent
    ) -> Mapping[str, float]:
        """Decode a document that is done into `lang` and return seconds by stage; as `run` otherwise."""


class FlowRunner:
    """Runs documents as Prefect flows with the models they were begun with."""

    def run(
        self, store: Store, document_id: str, *, plan_only: bool, resume: bool, on_event: OnEvent
    ) -> Mapping[str, float]:
        """Hand the document to the flow."""
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
        """Hand the document to the flow that decodes."""
        from flows.models.engine import ModelEngine
        from flows.run import translate_document

        document = store.get_document(document_id)
        _state_memory(ModelEngine.names_for(document)["space"])
        engine = ModelEngine.for_document(document)
        return translate_document(
            store.url, document_id, lang, engine=engine, on_event=on_event, prefect_api=answering_api()
        ).to_dict()


def _state_memory(space: str | None) -> None:
    """Say what a published space is about to take; raise ModelError where that is not free."""
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
        """Ask to stop: steps that run are finished, then all documents are given back. May be called again."""
        self._is_stopped = True
        if self._worker is not None:
            self._worker.stop()

    def run(self, *, drain: bool = False, limit: int | None = None) -> dict[Outcome, int]:
        """Work until `stop`; return how many documents ended how. `drain`: until nothing waits, `limit`: so many.

        Raises ModelError where the models of new documents cannot be loaded, FlowError where Prefect's server
        cannot be reached at the start; later it is waited for.
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
    """Yield a worker with the real models. `together`: its documents share model calls.

    Raises UsageError where no Prefect server is known.
    """
    with need_api(prefect_api) as api:
        yield QueueWorker(store, batch=batch, together=together, on_event=on_event, prefect_api=api)


def need_api(typed: str | None) -> PrefectApi:
    """Return the Prefect server that is meant; UsageError where none is known."""
    from flows.prefect.api import API_VARIABLE
    from flows.station.known import known_api

    api = known_api(typed)
    if api is None:
        raise UsageError(
            f"no Prefect server is known: start one with longhand up, or name one with --prefect-api or {API_VARIABLE}"
        )
    return api


def answering_api() -> PrefectApi | None:
    """Return the Prefect server that is known, where it answers; say so where it does not."""
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
    """Let the flow runs of documents follow what was done to them; return whether that worked, and raise nothing.

    `queued`: they wait for a worker (those of a document that is not are left alone).
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
