"""`submit`, `worker`, `status`, `requeue`, `cancel`, `pause` and `priority`: documents that wait for workers."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Unpack

import typer

from concepts.errors import LonghandError, NotFoundError, UsageError
from flows.document.asked.prompts import check_choice, check_key
from flows.document.asked.wishes import WISHES
from longhand.asking.completion import complete_choices
from longhand.asking.durations import parse_duration
from longhand.asking.options import COMMON, MODELS, asks
from longhand.asking.requests import Wishes
from longhand.commands.documents import DocumentId, DocumentIds, open_store
from longhand.commands.writing import raise_last
from longhand.doing.crew import shared
from longhand.showing.terminal import (
    print_json,
    print_text,
    say,
)

if TYPE_CHECKING:
    from longhand.doing.running import Change
    from longhand.showing.worklog import WorkLog
    from storage import DocumentRecord, DocumentStatus, NewDocument, Store

MAX_BATCH = 64

UNFINISHED: tuple[DocumentStatus, ...] = (
    "queued", "planning", "writing", "decoding", "planned", "awaiting_review", "paused"
)  # fmt: skip
Prompt = Annotated[str | None, typer.Argument(help=WISHES["prompt"].help)]
File = Annotated[
    Path | None, typer.Option("--file", "-f", help="Many prompts: JSON Lines, - for stdin.", allow_dash=True)
]
All = Annotated[bool, typer.Option("--all", help="All documents that are not finished.")]
Status = Annotated[
    str | None,
    typer.Option(
        help="All documents with this status, such as queued.", autocompletion=complete_choices(*UNFINISHED)
    ),
]
Batch = Annotated[int, typer.Option(help="Documents in work at once; they overlap.")]
Together = Annotated[
    bool,
    typer.Option(
        "--together",
        help="Documents in work share model calls: faster, but words may differ where rounding decides.",
    ),
]
LOG_FORMATS = ("text", "json")
LogFormat = Annotated[
    str,
    typer.Option(
        envvar="LONGHAND_LOG_FORMAT",
        help="text, or json: an object a line.",
        autocompletion=complete_choices(*LOG_FORMATS),
    ),
]
MetricsPort = Annotated[
    int | None,
    typer.Option(
        help="Serve metrics for Prometheus on this port of this machine; process N of a launch N ports above."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("submit")(submit)
    app.command("worker")(shared(work))
    app.command("status")(show_status)
    app.command("requeue")(requeue)
    app.command("cancel")(cancel)
    app.command("pause")(pause)
    app.command("priority", context_settings={"ignore_unknown_options": True})(set_priority)


@asks("speech", "key", "priority", *COMMON, *MODELS, "review", before="as_json")
def submit(
    prompt: Prompt = None, file: File = None, as_json: AsJson = False, **wishes: Unpack[Wishes]
) -> None:
    """Queue documents for workers; everything is checked before anything is stored."""
    from longhand.asking.requests import check_models
    from longhand.doing.running import tell_prefect

    news = [new for new, _ in read_requests(prompt, file, **wishes)]
    check_models()
    with open_store() as store:
        submitted = store.submit_documents(news)
        is_told = tell_prefect([store.get_document(found.id) for found in submitted], "queued")
    if as_json:
        print_json(
            [
                {"id": found.id, "is_new": found.is_new, "key": new.idempotency_key, "prompt": new.prompt}
                for found, new in zip(submitted, news, strict=True)
            ]
        )
    else:
        print_text("\n".join(found.id for found in submitted))
    num_known = sum(not found.is_new for found in submitted)
    known = f", {num_known} known by their keys" if num_known else ""
    next_step = "workers take them: longhand status" if is_told else "they wait for a server: longhand up"
    say(f"queued {len(submitted) - num_known}{known}; {next_step}")


def read_requests(
    prompt: str | None, file: Path | None, **wishes: Unpack[Wishes]
) -> list[tuple[NewDocument, bool]]:
    """Return the documents that were asked for, by a prompt or by a file, and for each whether a seed was named."""
    from longhand.asking.requests import make_document, read_documents

    if sum(given is not None for given in (prompt, file, wishes.get("speech"))) != 1:
        or_speech = " or --speech" if "speech" in wishes else ""
        raise UsageError(f"give either a prompt or --file{or_speech}: one of them")
    if (key := wishes.get("key")) is not None:
        check_key(key)
    if file is not None:
        return read_documents(file, **wishes)
    return [(make_document(prompt or "", **wishes), wishes.get("seed") is not None)]


def work(
    once: Annotated[bool, typer.Option("--once", help="End after one document.")] = False,
    drain: Annotated[bool, typer.Option("--drain", help="End when nothing is left to do.")] = False,
    batch: Batch = 2,
    together: Together = False,
    prefect_api: Annotated[
        str | None,
        typer.Option(help="URL of the Prefect API whose queue it is; else $LONGHAND_PREFECT_API, or `up`'s."),
    ] = None,
    log_format: LogFormat = "text",
    log_file: Annotated[Path | None, typer.Option(help="Where to write what happens; else stderr.")] = None,
    metrics_port: MetricsPort = None,
    metrics_host: Annotated[
        str, typer.Option(help="Address for --metrics-port; this machine alone can reach the default.")
    ] = "127.0.0.1",
) -> None:
    """Take documents from the queue and write them, until Ctrl-C."""
    from longhand.doing.running import make_worker
    from longhand.showing.worklog import open_log, serving_metrics, telling

    if once and drain:
        raise UsageError("--once ends after one document, --drain when none is left: give one of the two")
    if once and together:
        raise UsageError("--once takes one document, --together is for several: give one of the two")
    check_batch(batch, together=together)
    check_log_format(log_format)
    check_metrics_port(metrics_port)
    with (
        open_log(log_format, log_file) as log,
        open_store() as store,
        serving_metrics(store, metrics_host, metrics_port, log) as count,
        make_worker(
            store,
            batch=1 if once else batch,
            together=together,
            on_event=telling(log.show, count),
            prefect_api=prefect_api,
        ) as worker,
        _stopping_on_signals(worker.stop, log) as stopped,
    ):
        log.say("started", f"worker on {store.location}; end it with Ctrl-C")
        tally = worker.run(drain=drain, limit=1 if once else None)
        counts = ", ".join(f"{number} {outcome}" for outcome, number in sorted(tally.items()))
        log.say("ended", counts or "nothing to do")
    if stopped:
        raise typer.Exit(128 + stopped[0])
    if (once or drain) and tally.get("failed"):
        raise typer.Exit(1)


def check_batch(batch: int, *, together: bool) -> None:
    """Raise UsageError where so many documents are not to be in work at once, or have nobody to share with."""
    if not 1 <= batch <= MAX_BATCH:
        raise UsageError(f"--batch is {batch}: give a number from 1 to {MAX_BATCH}")
    if together and batch == 1:
        raise UsageError(
            "--together is for several documents in work at once: give --batch 2 or more, or leave it out"
        )


def check_log_format(typed: str) -> None:
    """Raise UsageError where there is no such log."""
    check_choice("--log-format", typed, LOG_FORMATS)


def check_metrics_port(port: int | None) -> None:
    """Raise UsageError where the number is no port."""
    if port is not None and not 0 <= port <= 65535:
        raise UsageError(f"--metrics-port is {port}: give a number from 1024 to 65535, or 0 for a free one")


@contextmanager
def _stopping_on_signals(stop: Callable[[], None], log: WorkLog) -> Iterator[list[int]]:
    """Call `stop` at the first Ctrl-C or SIGTERM, end the process at the second; yield what came."""
    came: list[int] = []

    def receive(number: int, _: object) -> None:
        if came:
            os._exit(128 + number)  # leases of a dead process are free for every worker of this machine
        came.append(number)
        log.say("stopping", "stopping after the units that run; once more to stop at once")
        stop()

    before = {number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def show_status(
    window: Annotated[str, typer.Option(help="Time that the rate is taken over, such as 10m or 1h.")] = "10m",
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Show it again whenever it changes, until Ctrl-C.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is queued and running, how fast it goes, and what failed."""
    from longhand.showing.following import follow_queue, print_status, read_status

    window_s = parse_duration("--window", window, "10m")
    with open_store() as store:
        if follow:
            follow_queue(store, window_s, as_json=as_json)
        else:
            print_status(read_status(store, window_s), as_json=as_json)


def requeue(
    prefect_api: Annotated[
        str | None, typer.Option(help="URL of a Prefect API; else $LONGHAND_PREFECT_API, else `up`'s.")
    ] = None,
) -> None:
    """Give documents that wait and have lost their flow run (a server that was wiped, or away) a run again."""
    from flows.prefect.work_pool import prepare, put_back_lost, recover
    from longhand.doing.running import need_api

    with need_api(prefect_api) as api, open_store() as store:
        prepare(api)
        num_left = len(recover(api, store))
        found = put_back_lost(api, store)
    if found:
        print_text("\n".join(found))
    left = f", {num_left} that dead workers had left" if num_left else ""
    say(f"put back {len(found)}{left}")


def cancel(ids: DocumentIds = None, every: All = False, status: Status = None) -> None:
    """Cancel documents, also while a worker is at them; what is stored stays."""
    _change(ids, every, status, lambda store, found: store.cancel_document(found.id), "cancelled")


def pause(ids: DocumentIds = None, every: All = False, status: Status = None) -> None:
    """Take documents out of the queue until `longhand resume`, also while a worker is at them."""
    _change(ids, every, status, lambda store, found: store.pause_document(found.id), "paused")


def set_priority(
    document_id: DocumentId,
    priority: Annotated[
        int, typer.Argument(metavar="N", help="Above 0: before all others; below 0: after them; 0 is usual.")
    ],
) -> None:
    """Change which documents workers take first."""
    from longhand.doing.running import tell_prefect

    WISHES["priority"].check(priority)
    with open_store() as store:
        document = store.get_document(document_id)
        store.set_priority(document.id, priority)
        tell_prefect([store.get_document(document.id)], "priority")
    say(f"{document.id} has priority {priority}")


def _chosen(
    store: Store, ids: list[str] | None, every: bool, status: str | None, done: Change
) -> list[DocumentRecord]:
    """Return the documents that are meant; an id that is none stops everything before the first change."""
    if sum((bool(ids), every, status is not None)) != 1:
        raise UsageError("give ids, --all, or --status: one of the three")
    if ids:
        return list({document.id: document for document in map(store.get_document, ids)}.values())
    statuses = [name for name in UNFINISHED if name != done]
    if status is not None:
        check_choice("--status", status, statuses)
        statuses = [name for name in statuses if name == status]
    found: list[DocumentRecord] = []
    while page := store.list_documents(statuses, limit=500, offset=len(found)):
        found += page
    if not found:
        kind = "waits or is being written" if status is None else f"is {status}"
        raise NotFoundError(f"no document in {store.location} {kind}: see longhand ls")
    return found


def _change(
    ids: list[str] | None,
    every: bool,
    status: str | None,
    change: Callable[[Store, DocumentRecord], None],
    done: Change,
) -> None:
    """Change documents one by one, and let their flow runs follow."""
    from longhand.doing.running import tell_prefect

    errors: list[LonghandError] = []
    with open_store() as store:
        changed = []
        for document in _chosen(store, ids, every, status, done):
            try:
                change(store, document)
            except LonghandError as error:
                errors.append(error)
            else:
                say(f"{done} {document.id}")
                changed.append(document)
        if changed:
            tell_prefect(changed, done)
    raise_last(errors)
