"""`write` and `resume`: the commands that run models."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Unpack

import typer

from concepts.counting import counted
from concepts.errors import InputError, LonghandError, NotFoundError, UsageError
from flows.document.asked.wishes import WISHES
from longhand.asking.completion import complete_languages
from longhand.asking.options import COMMON, MODELS, asks, out_option
from longhand.asking.requests import Wishes
from longhand.commands.documents import DocumentId, DocumentIds, InStatus, choose_documents
from longhand.doing.crew import shared
from longhand.interrupts import EXIT_INTERRUPTED
from longhand.showing.terminal import print_json, print_text, say

if TYPE_CHECKING:
    from flows.document.job.events import Event
    from longhand.showing.live_text import LiveText
    from longhand.showing.progress import WritingProgress
    from storage import DocumentRecord, DocumentStatus, NewDocument, Store

STOPPED: tuple[DocumentStatus, ...] = ("planning", "planned", "writing", "decoding", "failed", "paused")
"""Statuses of documents that `resume --all` goes on with, where nobody works on them."""

Out = Annotated[
    Path | None,
    out_option("A file instead of stdout: .md, .json, .html, .docx, .pdf or .epub."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ShowTimings = Annotated[bool, typer.Option("--timings", help="Say on stderr where the time went.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("write")(shared(write, repeatable=False))
    app.command("resume")(shared(resume))
    app.command("translate")(shared(translate))


@asks("speech", *COMMON, "plan_only", "review", *MODELS, before="out")
def write(
    prompt: Annotated[
        str | None, typer.Argument(help=f"{WISHES['prompt'].help} Or the id of a stored document.")
    ] = None,
    out: Out = None,
    as_json: AsJson = False,
    timings: ShowTimings = False,
    **wishes: Unpack[Wishes],
) -> None:
    """Plan, write and decode a document; every step is stored before the next."""
    from longhand.asking.files import check_document_target
    from longhand.asking.requests import make_document
    from longhand.doing.running import create_checked

    plan_only = wishes["plan_only"] or False
    for name, stops in (("--plan-only", plan_only), ("--review", wishes["review"])):
        if out is not None and stops:
            raise UsageError(f"{name} makes no text: leave out --out or {name}")
    if (prompt is None) == (wishes["speech"] is None):
        raise UsageError("give either a prompt in words or --speech FILE: one of the two")
    if out is not None:
        check_document_target(out)
    from storage import Store

    with Store.open() as store:
        if prompt is not None and is_stored(store, prompt):
            if any(value not in (None, WISHES[name].default) for name, value in wishes.items()):
                raise UsageError(f"{prompt} is a stored document and keeps its options: give only its id")
            _resume(store, prompt, as_json=as_json, timings=timings, out=out)
            return
        new = make_document(prompt or "", **wishes)
        say_size(new)
        document_id = create_checked(store, new)
        _run(
            store,
            document_id,
            plan_only=plan_only,
            is_resume=False,
            as_json=as_json,
            timings=timings,
            out=out,
        )


def say_size(new: NewDocument) -> None:
    """Say on stderr how long a document of parts and sections will be about, before it begins."""
    from flows.document.asked.options import WritingOptions

    options = WritingOptions.from_params(new.params)
    if options.depth != 2 or options.outline:
        return
    from concepts.library.parts import FEWEST_PARTS, MOST_PARTS, USUAL_SECTIONS
    from planner import PlanOptions

    each = f"of about {USUAL_SECTIONS} sections"
    if options.sections:
        say(
            f"{counted(options.sections, 'part')} {each}: about {options.sections * USUAL_SECTIONS} sections in all"
        )
        return
    fewest, most = FEWEST_PARTS, max(MOST_PARTS, PlanOptions().max_open_items)
    say(
        f"{fewest} to {most} parts {each}: about {fewest * USUAL_SECTIONS} to {most * USUAL_SECTIONS} sections in all; "
        "--sections sets the number of parts"
    )


def resume(
    ids: DocumentIds = None,
    all_documents: Annotated[
        bool, typer.Option("--all", help="All that stopped: failed, paused, planned or interrupted ones.")
    ] = False,
    status: InStatus = None,
    out: Out = None,
    as_json: AsJson = False,
    timings: ShowTimings = False,
    queue: Annotated[
        bool, typer.Option("--queue", help="Leave it to the workers, not to this command.")
    ] = False,
) -> None:
    """Go on with unfinished documents where they stopped; several are written one after the other."""
    from longhand.asking.files import check_document_target
    from longhand.asking.requests import note_left_out
    from storage import Store

    if out is not None:
        check_document_target(out)
    note_left_out()
    with Store.open() as store:
        if queue and (out is not None or as_json or timings):
            raise UsageError("--queue only queues documents: leave out --out, --json and --timings")
        documents = _stopped(store, ids or [], all_documents=all_documents, status=status)
        if queue:
            _queue(store, documents)
        elif len(documents) == 1:
            _resume(store, documents[0].id, as_json=as_json, timings=timings, out=out)
        elif out is not None or as_json:
            raise UsageError("--out and --json are for one document: longhand export writes several")
        else:
            _resume_all(store, documents, timings=timings)


def _stopped(
    store: Store, ids: Sequence[str], *, all_documents: bool, status: str | None
) -> list[DocumentRecord]:
    """Return the documents that are meant; raise where one that was named cannot go on."""
    from flows.leases.lease import release_dead
    from longhand.showing.states import is_held

    if not all_documents:
        chosen = choose_documents(store, ids, all_documents=False, status=status)
        return [_check_unfinished(document) for document in chosen]
    if ids or status is not None:
        raise UsageError("--all and ids or --status: name documents, or take all of them")
    release_dead(store)
    found = [document for document in store.list_documents(STOPPED, limit=2**31 - 1) if not is_held(document)]
    if not found:
        raise NotFoundError(f"no document in {store.location} has stopped: see longhand ls")
    return found


def _queue(store: Store, documents: Sequence[DocumentRecord]) -> None:
    from flows.leases.lease import release_dead
    from longhand.doing.running import tell_prefect

    release_dead(store)
    errors: list[LonghandError] = []
    queued: list[DocumentRecord] = []
    for document in documents:
        try:
            store.requeue_document(document.id)
        except LonghandError as error:
            errors.append(error)
        else:
            queued.append(store.get_document(document.id))
    if queued:
        is_told = tell_prefect(queued, "queued")
        they, it = ("they wait", "them") if len(queued) > 1 else ("it waits", "it")
        next_step = f"workers go on with {it}" if is_told else f"{they} for a server: longhand up"
        say(f"queued {', '.join(document.id for document in queued)}; {next_step}")
    raise_last(errors)


def _resume_all(store: Store, documents: Sequence[DocumentRecord], *, timings: bool) -> None:
    """Run documents one after the other; one that fails does not keep the others from it."""
    errors: list[LonghandError] = []
    for number, document in enumerate(documents, 1):
        say(f"{number} of {len(documents)}: {document.id}")
        try:
            spent = run_document(store, document.id, tells_outline=False)
        except LonghandError as error:
            errors.append(error)
            continue
        if timings:
            show_timings(spent)
        print_text(document.id)
    raise_last(errors)


def raise_last(errors: Sequence[LonghandError]) -> None:
    """Say all errors but the last, and raise that; nothing where there are none."""
    for error in errors[:-1]:
        say(f"longhand: {error}")
    if errors:
        raise errors[-1]


def _resume(store: Store, document_id: str, *, as_json: bool, timings: bool, out: Path | None) -> None:
    document = _unfinished(store, document_id)
    _run(store, document.id, plan_only=False, is_resume=True, as_json=as_json, timings=timings, out=out)


def _unfinished(store: Store, document_id: str) -> DocumentRecord:
    """Return a document that there is something to do for, and nobody's approval is missing."""
    return _check_unfinished(store.get_document(document_id))


def _check_unfinished(document: DocumentRecord) -> DocumentRecord:
    from flows.errors import FinishedError

    if document.status == "done":
        raise FinishedError(f"{document.id} is finished: longhand show {document.id}")
    if document.status == "awaiting_review":
        raise InputError(
            f"{document.id} waits for review: see longhand outline {document.id}, "
            f"then longhand approve {document.id}"
        )
    return document


def is_stored(store: Store, prompt: str) -> bool:
    """Return whether a prompt is the whole id of a stored document (a beginning may be a word)."""
    from storage.ids import ID_LENGTH

    if len(prompt) != ID_LENGTH:
        return False
    try:
        store.get_document(prompt)
    except NotFoundError:
        return False
    return True


def translate(
    document_id: DocumentId,
    lang: Annotated[
        str, typer.Option(help="Language to say the document's text in.", autocompletion=complete_languages)
    ],
    out: Out = None,
    as_json: AsJson = False,
    timings: ShowTimings = False,
) -> None:
    """Say a written document in another language, without planning or writing it again."""
    from longhand.asking.files import check_document_target
    from longhand.asking.requests import read_translation
    from storage import Store

    if out is not None:
        check_document_target(out)
    with Store.open() as store:
        document = store.get_document(document_id)
        lang, is_due = read_translation(store, document, lang)
        if not is_due:
            print_document(store, document.id, as_json=as_json, out=out, lang=lang)
            return

        from longhand.doing.running import make_runner

        spent = _watched(
            lambda progress: make_runner().translate(store, document.id, lang, on_event=progress.show),
            f"longhand translate {document.id} --lang {lang}",
            document.id,
        )
        if timings:
            show_timings(spent)
        print_document(store, document.id, as_json=as_json, out=out, lang=lang)


def _run(
    store: Store,
    document_id: str,
    *,
    plan_only: bool,
    is_resume: bool,
    as_json: bool,
    timings: bool,
    out: Path | None,
) -> None:
    # What stops after its plan prints that as its result.
    stops = plan_only or bool(store.get_document(document_id).params.get("review"))
    from longhand.showing.live_text import LiveText

    live = None
    if sys.stdout.isatty() and not (stops or as_json or out is not None):
        live = LiveText(store, document_id)
    spent = run_document(
        store, document_id, plan_only=plan_only, is_resume=is_resume, tells_outline=not stops, live=live
    )
    if timings:
        show_timings(spent)
    if plan_only or store.get_document(document_id).status == "awaiting_review":
        print_plan(store, document_id, as_json=as_json)
    else:
        print_document(store, document_id, as_json=as_json, out=out, live=live)


def run_document(
    store: Store,
    document_id: str,
    *,
    plan_only: bool = False,
    is_resume: bool = True,
    tells_outline: bool = True,
    live: LiveText | None = None,
) -> Mapping[str, float]:
    """Run a document, with progress (and the outline, once it is stored) on stderr; return its seconds by stage.

    `live`: prints the text on stdout, a terminal, section by section.
    """
    from longhand.doing.reach import (
        FAR,
        describe_blanks,
        describe_gaps,
        describe_language,
        describe_length,
        describe_sources,
        describe_spelling,
        describe_stand_in,
        describe_untold,
        is_far,
    )
    from longhand.doing.running import make_runner

    told: set[str] = set()

    def work(progress: WritingProgress) -> Mapping[str, float]:
        def on_event(event: Event) -> None:
            progress.show(event)
            if event.kind == "outline" and tells_outline:
                _show_outline(store, document_id, progress)
            if event.kind == "outline" and is_far(store, document_id):
                progress.remark(FAR)
            # the first "writing" comes before notes are looked for
            if event.kind == "decoding" and "notes" not in told:
                told.add("notes")
                for describe in (
                    describe_spelling,
                    describe_language,
                    describe_stand_in,
                    describe_length,
                    describe_gaps,
                    describe_sources,
                    describe_untold,
                    describe_blanks,
                ):
                    if (line := describe(store, document_id)) is not None:
                        progress.remark(line)
            if live is not None and (text := live.take(event)):
                progress.print_text(text)

        return make_runner().run(store, document_id, plan_only=plan_only, resume=is_resume, on_event=on_event)

    return _watched(work, f"longhand resume {document_id}", document_id, is_live=live is not None)


def _watched(
    work: Callable[[WritingProgress], Mapping[str, float]],
    again: str,
    document_id: str,
    *,
    is_live: bool = False,
) -> Mapping[str, float]:
    """Run `work` under a progress bar and return its seconds by stage; where it ends early, say how to go on."""
    from longhand.showing.progress import WritingProgress
    from storage import Busy

    started = time.monotonic()
    try:
        with WritingProgress(is_live=is_live) as progress:
            spent = work(progress)
    except KeyboardInterrupt:
        say(f"longhand: interrupted; stored; go on with: {again}")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    except Busy:
        # Someone else is at work: there is nothing to go on with.
        raise
    except Exception:
        # The error itself is said by the application, after this line.
        say(f"what is done is stored as {document_id}; go on with: {again}")
        raise
    return {**spent, "in all": time.monotonic() - started}


def _show_outline(store: Store, document_id: str, progress: WritingProgress) -> None:
    from longhand.outline.trees import format_outline, outline_rows

    rows = outline_rows(store.get_outline(document_id), None)
    if rows:
        progress.remark(f"outline of {document_id}:\n{format_outline(rows)}")


def show_timings(spent: Mapping[str, float]) -> None:
    """Say on stderr where the time of a run went."""
    for name, seconds in spent.items():
        say(f"{name:<20} {seconds:8.2f} s")


def print_plan(store: Store, document_id: str, *, as_json: bool) -> None:
    """Print the outline on stdout, and on stderr what can be done with it."""
    from longhand.outline.trees import format_outline, outline_rows

    rows = outline_rows(store.get_outline(document_id), None)
    if as_json:
        print_json({"id": document_id, "status": store.get_document(document_id).status, "items": rows})
    else:
        print_text(format_outline(rows))
    status = store.get_document(document_id).status
    if status == "awaiting_review":
        say(
            f"stored as {document_id}; change it with: longhand outline {document_id} --edit; "
            f"let it go on with: longhand approve {document_id}"
        )
    elif status == "done":
        say(
            f"stored as {document_id} with its text: longhand show {document_id}; "
            f"change it with: longhand outline {document_id} --edit"
        )
    else:
        say(f"stored as {document_id}; write it with: longhand resume {document_id}")


def print_document(
    store: Store,
    document_id: str,
    *,
    as_json: bool,
    out: Path | None,
    lang: str | None = None,
    live: LiveText | None = None,
) -> None:
    """Print the text on stdout, or write it to a file, and say on stderr under which id it is stored.

    `live` has printed the text already, unless what was said was not what was stored.
    """
    from longhand.asking.files import write_atomic
    from longhand.formats import format_of
    from longhand.formats.export import to_json, to_markdown

    exported = store.export_document(document_id, lang)
    if out is not None:
        write_atomic(out, format_of(out).render(exported))
        say(f"wrote {out}" if out.suffix else f"wrote {out} as Markdown: its name has no suffix")
    if as_json:
        print_text(to_json(exported))
    elif out is None:
        text = to_markdown(exported)
        if live is None or live.printed != text:
            if live is not None and live.printed:
                say("the text was changed after it was said; this is what is stored:")
            print_text(text)
    chosen = "" if lang is None else f" --lang {lang}"
    say(f"stored as {document_id}; see it again with: longhand show {document_id}{chosen}")
