"""The seam between commands and flows: what `write` and `resume` need of whoever runs a document.

Commands take the runner from `make_runner`, so that a test puts its own in that place. Prefect and
torch are imported only once a document runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from flows.events import OnEvent
    from flows.worker import OnWorkerEvent, Worker
    from storage import DocumentRecord, Store

FlowRunState = Literal["cancelled", "paused"]


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
        from flows.engine import ModelEngine
        from flows.run import resume_document, write_document

        engine = ModelEngine.for_document(store.get_document(document_id))
        if resume:
            timings = resume_document(store.url, document_id, engine=engine, on_event=on_event)
        else:
            timings = write_document(
                store.url, document_id, engine=engine, on_event=on_event, plan_only=plan_only
            )
        return timings.to_dict()

    def translate(
        self, store: Store, document_id: str, lang: str, *, on_event: OnEvent
    ) -> Mapping[str, float]:
        """Hand the document to the flow that decodes."""
        from flows.engine import ModelEngine
        from flows.translation import translate_document

        engine = ModelEngine.for_document(store.get_document(document_id))
        return translate_document(store.url, document_id, lang, engine=engine, on_event=on_event).to_dict()


def make_worker(store: Store, *, batch: int, on_event: OnWorkerEvent) -> Worker:
    """Return a worker with the real models."""
    from flows.device import SharedModels
    from flows.worker import Worker

    return Worker(store, SharedModels(), batch=batch, on_event=on_event)


def show_in_prefect(document: DocumentRecord, state: FlowRunState) -> None:
    """Show in Prefect what was done to a document."""


def make_runner() -> Runner:
    """Return the runner of this process."""
    return FlowRunner()
