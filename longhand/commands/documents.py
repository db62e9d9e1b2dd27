"""`ls`, `show`, `outline` and `rm`: stored documents, without any model."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from concepts.counting import counted
from concepts.errors import NotFoundError, StorageError, UsageError, shorten
from longhand.asking.completion import complete_ids, complete_languages, complete_statuses
from longhand.asking.options import choice_option
from longhand.showing.states import is_held, next_step_of, progress_of, state_of
from longhand.showing.terminal import (
    format_duration,
    format_time,
    print_facts,
    print_json,
    print_table,
    print_text,
    say,
)

if TYPE_CHECKING:
    from longhand.showing.stages import StageRow
    from storage import AttemptRecord, DocumentRecord, Note, OutlineRecord, Store

DocumentId = Annotated[
    str,
    typer.Argument(metavar="ID", help="The document's id, or its beginning.", autocompletion=complete_ids),
]
DocumentIds = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ID...]", help="Documents by id, or by its beginning.", autocompletion=complete_ids
    ),
]
DecodedLang = Annotated[
    str | None,
    typer.Option("--lang", help="A language the text is decoded in.", autocompletion=complete_languages),
]
InStatus = Annotated[
    str | None,
    typer.Option("--status", help="All documents in this status.", autocompletion=complete_statuses),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("ls")(list_documents)
    app.command("show")(show_document)
    app.command("rm")(remove_document)


def open_store() -> Store:
    """Open the database that the environment names."""
    from storage import Store

    return Store.open()


def list_documents(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORDS...]", help="Only with these words in the title.")
    ] = None,
    status: Annotated[
        str | None, typer.Option(help="Only documents in this status.", autocompletion=complete_statuses)
    ] = None,
    lang: Annotated[
        str | None,
        typer.Option(help="Only documents in this language.", autocompletion=complete_languages),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Made since a date (2026-11-28), or for so long (7d).")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Made before a date, or so long ago.")
    ] = None,
    sort: Annotated[
        str,
        choice_option("--sort", ("created", "updated", "title", "status"), "Times are listed newest first."),
    ] = "created",
    limit: Annotated[int, typer.Option(help="How many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List stored documents, newest first."""
    from flows.document.asked.prompts import check_choice, check_limit, known_languages, take_noted
    from longhand.asking.durations import parse_time
    from storage import DOCUMENT_STATUSES
    from storage.records import SORTS

    if status is not None:
        check_choice("--status", status, DOCUMENT_STATUSES)
    check_choice("--sort", sort, SORTS)
    check_limit(limit)
    now = time.time()
    with open_store() as store:
        wanted = next((known for known in DOCUMENT_STATUSES if known == status), None)
        if lang is not None:
            known = tuple(dict.fromkeys((*store.list_document_languages(), *known_languages())))
            lang = check_choice("--lang", take_noted(lang, known, say) or lang, known)
        found = store.list_documents(
            wanted,
            lang=lang,
            text=" ".join(words or ()),
            since=None if since is None else parse_time("--since", since, now),
            until=None if until is None else parse_time("--until", until, now),
            sort=next(known for known in SORTS if known == sort),
            limit=limit,
        )
        location = store.location
        is_filtered = not found and bool(store.count_documents())
    if as_json:
        print_json([describe(document) for document in found])
    elif not found:
        if is_filtered:
            say(f"no document in {location} is of this kind: longhand ls lists all")
        else:
            say(f'no documents yet in {location}; write one with: longhand write "How to share a folder"')
    else:
        from longhand.formats.export import short_title

        rows = [
            (d.id, state_of(d), progress_of(d), format_time(d.created_at), short_title(d.title or d.prompt))
            for d in found
        ]
        print_table(("ID", "STATUS", "SECTIONS", "CREATED", "TITLE"), rows, flexible="TITLE")


def show_document(
    document_id: DocumentId,
    lang: DecodedLang = None,
    notes: Annotated[
        bool, typer.Option("--notes", help="Show what each section is written from, not the text.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is known about a document, and its text as far as it is decoded."""
    from longhand.formats.export import to_markdown
    from longhand.showing.stages import stage_rows

    with open_store() as store:
        document = store.get_document(document_id)
        attempts = store.get_attempts(document.id)
        exported = store.export_document(document.id, check_decoded(store, document, lang))
        languages = store.list_languages(document.id)
        outline = None if document.active_outline_id is None else store.get_outline(document.id)
        num_versions = len(store.list_outlines(document.id))
        known = store.get_notes(document.id)
        renderings = store.get_renderings(document.id, document.lang)
    rows = stage_rows(document, outline, exported, attempts)
    if as_json:
        from dataclasses import asdict

        shown = describe(document) | {"languages": languages, "num_missing": exported.num_missing}
        shown["stages"] = rows
        shown["attempts"] = [asdict(attempt) for attempt in attempts]
        path_of = {} if outline is None else {item.id: item.path for item in outline.items}
        shown["notes"] = {path_of[i]: [asdict(note) for note in own] for i, own in known.items()}
        shown["sections"] = [asdict(section) for section in exported.sections]
        print_json(shown)
        return
    facts = {
        "id": document.id,
        "prompt": " ".join(document.prompt.split()),
        "status": state_of(document) + (f": {document.error}" if document.error else ""),
        "sections": progress_of(document),
        "language": document.lang,
        "also in": ", ".join(lang for lang in languages if lang != document.lang),
        "seed": str(document.seed),
        "space": str(document.space or ""),
        "planner": "" if document.planner is None else document.planner.name,
        "writer": "" if document.writer is None else document.writer.name,
        "created": format_time(document.created_at),
        "outline": "" if outline is None else _version_of(outline, num_versions),
    }
    print_facts(facts)
    if attempts:
        print_text("")
        _print_stages(rows, attempts)
    if notes and outline is not None:
        _print_notes(outline, known, {r.text for r in renderings})
    elif exported.sections:
        print_text("\n" + to_markdown(exported))
    if next_step := next_step_of(document):
        say(next_step)


def _print_notes(outline: OutlineRecord, notes: Mapping[int, Sequence[Note]], said: Collection[str]) -> None:
    """Print the notes of each section, with the document that each stands in; `said` is the text."""
    for leaf in outline.leaves():
        print_text(f"\n{leaf.path} {leaf.heading or ''}")
        for note in notes.get(leaf.id, ()):
            how = "word by word" if note.text in said else "not word by word"
            print_text(f"- {note.text} ({how}; {note.title}: {note.heading})")
        if leaf.id not in notes:
            print_text("none were looked for")
        elif not notes[leaf.id]:
            print_text("the library has none")


def _version_of(outline: OutlineRecord, num_versions: int) -> str:
    """Return which version is in use, of how many, and what is noted about it."""
    of = "" if num_versions == 1 else f" of {num_versions}"
    return f"version {outline.version}{of}" + (f": {outline.note}" if outline.note else "")


def _print_stages(rows: Sequence[StageRow], attempts: Sequence[AttemptRecord]) -> None:
    table = [
        (
            row["stage"],
            f"{row['done']}/{row['total']}" if row["total"] else "-",
            str(row["num_done"]),
            str(row["num_failed"]),
            format_duration(row["seconds"]),
            format_duration(row["model_s"]),
        )
        for row in rows
    ]
    runs = [a for a in attempts if a.stage == "run" and a.finished_at is not None]
    spent = sum((run.finished_at or 0.0) - run.started_at for run in runs)
    num_runs = counted(len(runs), "run")
    table.append(("in all", "", num_runs, "", format_duration(spent), ""))
    print_table(("STAGE", "DONE", "UNITS", "FAILED", "TIME", "MODELS"), table)


def remove_document(
    ids: DocumentIds = None,
    all_documents: Annotated[bool, typer.Option("--all", help="All documents.")] = False,
    status: InStatus = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Even while another process works on it.")] = False,
) -> None:
    """Delete documents and everything stored for them."""
    from flows.leases.lease import release_dead

    with open_store() as store:
        documents = choose_documents(store, ids or [], all_documents=all_documents, status=status)
        names = [_name_of(document) for document in documents]
        what = names[0] if len(names) == 1 else f"{len(names)} documents"
        if not yes:
            if not sys.stdin.isatty():
                words = ids or (["--all"] if all_documents else [f"--status {status}"])
                # One id as it is stored, which is what would go.
                shown = documents[0].id if ids and len(documents) == 1 else " ".join(words)
                raise UsageError(f"not asking without a terminal: longhand rm {shown} --yes")
            if len(names) > 1:
                say("\n".join(names))
            if not typer.confirm(f"Delete {what}?", err=True):
                say("kept")
                raise typer.Exit(1)
        release_dead(store)
        is_any_left = False
        for document, name in zip(documents, names, strict=True):
            try:
                store.delete_document(document.id, force=force)
            except StorageError as error:
                if len(documents) == 1:
                    raise
                is_any_left = True
                say(f"left: {error}")
            else:
                say(f"deleted {name}")
    if is_any_left:
        raise typer.Exit(1)


def _name_of(document: DocumentRecord) -> str:
    from longhand.formats.export import short_title

    return f"{document.id} ({short_title(document.title or document.prompt, 60)})"


def choose_documents(
    store: Store, ids: Sequence[str], *, all_documents: bool, status: str | None
) -> list[DocumentRecord]:
    """Return the documents that a command is for, each once: those with `ids`, in a status, or all.

    Raises UsageError unless exactly one of the three is asked for, NotFoundError where there is none.
    """
    from flows.document.asked.prompts import check_choice
    from storage import DOCUMENT_STATUSES

    if bool(ids) + all_documents + (status is not None) != 1:
        raise UsageError("which documents? give ids (longhand ls), --status STATUS or --all: one of them")
    if ids:
        found = [store.get_document(document_id) for document_id in ids]
        return list({document.id: document for document in found}.values())
    if status is not None:
        check_choice("--status", status, DOCUMENT_STATUSES)
    wanted = next((known for known in DOCUMENT_STATUSES if known == status), None)
    found = list(store.list_documents(wanted, limit=2**31 - 1))
    if not found:
        kind = "there are no documents" if status is None else f"no document is {status}"
        raise NotFoundError(f"{kind} in {store.location}: see longhand ls")
    return found


class UndecodedError(UsageError):
    """A document has no text in the language that was asked for."""


def check_decoded(store: Store, document: DocumentRecord, lang: str | None) -> str | None:
    """Return the code of a typed language, or raise UndecodedError where the document has no text in it."""
    from flows.document.asked.prompts import take_noted

    if lang is None:
        return None
    languages = list(dict.fromkeys((document.lang, *store.list_languages(document.id))))
    lang = take_noted(lang, languages, say) or lang
    if lang not in languages:
        raise UndecodedError(
            f"{document.id} has no text in {shorten(lang)!r}: it is decoded in {', '.join(languages)}; "
            f"longhand translate {document.id} --lang CODE adds one"
        )
    return lang


def describe(document: DocumentRecord) -> dict[str, object]:
    """Return a document as plain JSON values."""
    from dataclasses import asdict

    return asdict(document) | {"is_held": is_held(document)}
