"""The seam between commands and flows: what `write` and `resume` need of whoever runs a document.

Commands take the runner from `make_runner`, so that a test puts its own in that place. Prefect and
torch are imported only once a document runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from longhand.terminal import say

if TYPE_CHECKING:
    from flows.events import OnEvent
    from flows.mirror import Shown
    from flows.prefect_link import PrefectLink
    from flows.worker import OnWorkerEvent, Worker
    from storage import DocumentRecord, Store


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

        document = store.get_document(document_id)
        _state_memory(ModelEngine.names_for(document)["space"])
        engine = ModelEngine.for_document(document)
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

        document = store.get_document(document_id)
        _state_memory(ModelEngine.names_for(document)["space"])
        engine = ModelEngine.for_document(document)
        return translate_document(store.url, document_id, lang, engine=engine, on_event=on_event).to_dict()


def _state_memory(space: str | None) -> None:
    """Say what a published space is about to take; raise ModelError where that is not free."""
    from concepts.published import PUBLISHED

    if space not in PUBLISHED:
        return
    from accelerate import PartialState

    from concepts.card import find_card
    from concepts.space.loading import choose_dtype, measure_space

    device = PartialState().device
    say(measure_space(find_card("space", space), device, choose_dtype(device, is_large=True)))


@contextmanager
def make_worker(
    store: Store, *, batch: int, together: bool, on_event: OnWorkerEvent, prefect_api: str | None
) -> Iterator[Worker]:
    """Yield a worker with the real models; a Prefect server that is known shows and guards what it does.

    `together`: its documents share model calls.
    Raises FlowError where the named server cannot be reached, or has no limit for the device.
    """
    from flows.device import SharedModels
    from flows.prefect_link import PrefectLink, known_api
    from flows.worker import Worker, WorkerEvent

    models = SharedModels(together=together)
    api_url = known_api(prefect_api)
    if api_url is None:
        yield Worker(store, models, batch=batch, on_event=on_event)
        return
    from flows.mirror import PrefectMirror
    from flows.slots import DeviceSlot

    def say_trouble(message: str) -> None:
        on_event(WorkerEvent(kind="trouble", message=message))

    with PrefectLink(api_url) as link:
        slot = DeviceSlot(link)
        slot.check()
        mirror = PrefectMirror(link, say_trouble)
        yield Worker(store, models, batch=batch, on_event=on_event, mirror=mirror, slot=slot)


def show_in_prefect(document: DocumentRecord, shown: Shown) -> None:
    """Show on a Prefect server, where one is known, what was done to a document; raises nothing."""
    from flows.mirror import show_state

    _tell_prefect(document, lambda link, run_id: show_state(link, run_id, shown, document.id))


def _tell_prefect(document: DocumentRecord, tell: Callable[[PrefectLink, str], object]) -> None:
    from concepts.errors import LonghandError
    from flows.prefect_link import PrefectLink, known_api

    try:
        api_url = None if document.flow_run_id is None else known_api()
        if api_url is not None and document.flow_run_id is not None:
            with PrefectLink(api_url) as link:
                tell(link, document.flow_run_id)
    except Exception as error:  # noqa: BLE001  # whatever Prefect raises: the store decides, the server only shows
        words = (
            str(error)
            if isinstance(error, LonghandError)
            else f"Prefect's server failed ({type(error).__name__})"
        )
        say(f"{words}; Prefect shows {document.id} as it was")


def make_runner() -> Runner:
    """Return the runner of this process."""
    return FlowRunner()
