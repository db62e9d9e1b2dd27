"""A written document in a second language: its text translated, nothing planned, written or said anew."""

from __future__ import annotations

from contextlib import ExitStack, suppress

from concepts.errors import StorageError, UsageError
from flows.engine import Engine
from flows.errors import FlowError
from flows.events import OnEvent, ignore
from flows.job import Job
from flows.lease import LEASE_S, HeldLease, claim
from flows.run import run_flow
from flows.timings import Timings
from storage import DocumentRecord, Store


def translate_document(
    store_url: str | None,
    document_id: str,
    lang: str,
    *,
    engine: Engine,
    on_event: OnEvent = ignore,
    prefect_api: str | None = None,
    lease_s: float = LEASE_S,
) -> Timings:
    """Translate a document that is done into `lang` and return where the time went.

    Its units are stored before they run, so that the same call goes on after a crash; a language that is
    decoded already costs nothing. The document stays done, whatever happens here. Arguments as for
    `flows.run.write_document`.

    Raises FlowError where the document is not done, UsageError for its own language or one that its space
    does not know, Busy, LostLease, and what the translator raises.
    """
    with Store.open(store_url) as store:
        document = store.get_document(document_id)
        check_translatable(document, lang)
        timings = Timings()
        with ExitStack() as stack:
            held = stack.enter_context(HeldLease(store, claim(store, document.id, lease_s=lease_s), lease_s))
            job = Job(store, held.lease, engine, timings)
            try:
                with timings.span("total"):
                    run_flow(
                        job,
                        on_event,
                        lambda: _translate(job, lang),
                        stages=["translate"],
                        is_over=lambda: is_translated(store, document.id, lang),
                        prefect_api=prefect_api,
                    )
            finally:
                with suppress(StorageError):
                    held.release()
    return timings


async def _translate(job: Job, lang: str) -> None:
    from flows.document import translate_document_flow

    await translate_document_flow(job.document_id, lang, job.lease.owner)


def check_translatable(document: DocumentRecord, lang: str) -> None:
    """Raise UsageError for the document's own language, FlowError where it is not written yet."""
    if lang == document.lang:
        raise UsageError(f"{document.id} is written in {lang}: name another language, or see longhand show")
    if document.status != "done":
        raise FlowError(
            f"{document.id} is not written yet (status: {document.status}): finish it first with "
            f"longhand resume {document.id}"
        )


def is_translated(store: Store, document_id: str, lang: str) -> bool:
    """Return whether the title and every heading and sentence of the active outline have a text in `lang`."""
    todo = store.get_undecoded(document_id, lang)
    return not todo.item_ids and not todo.concept_ids and store.get_title(document_id, lang) is not None
