"""`backup`, `restore` and `gc`: the database as a whole."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from concepts.counting import count_phrase, counted
from concepts.errors import StorageError, UsageError
from longhand.asking.durations import parse_duration
from longhand.commands.documents import open_store
from longhand.showing.terminal import format_bytes, print_json, say

if TYPE_CHECKING:
    from storage import DocumentStatus

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("backup")(backup)
    app.command("restore")(restore)
    app.command("gc")(collect_garbage)


def backup(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.")],
) -> None:
    """Copy the database to a file, also while workers write; PostgreSQL's needs pg_dump."""
    with open_store() as store:
        num_bytes = store.backup(path)
        location = store.location
    say(f"backed up {location} to {path} ({format_bytes(num_bytes)})")


def restore(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="What `longhand backup` has made.")],
    force: Annotated[
        bool, typer.Option("--force", help="Even where documents are stored, or the database is damaged.")
    ] = False,
) -> None:
    """Replace the database by a backup; refused while somebody is at work."""
    from storage import restore_backup

    _release_dead()
    num_documents = restore_backup(path, force=force)
    number = counted(num_documents, "document")
    say(f"restored {number} from {path}; longhand ls shows them, longhand worker goes on with what is queued")


def _release_dead() -> None:
    """Give back what dead processes of this machine hold: they are not at work."""
    from flows.leases.lease import release_dead

    with suppress(StorageError), open_store() as store:
        release_dead(store)


def collect_garbage(
    older_than: Annotated[str, typer.Option(help="Age since the last change: 30d, 12h.")],
    status: Annotated[
        str, typer.Option(help="Which documents, with commas: done, failed, cancelled; or none.")
    ] = "done,failed,cancelled",
    versions: Annotated[
        bool,
        typer.Option("--versions", help="Also sentences of outlines that were replaced; their plans stay."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete finished documents by age, and old attempts; what runs, waits or awaits review stays."""
    from dataclasses import asdict

    age_s = parse_duration("--older-than", older_than, "30d")
    statuses = _parse_statuses(status)
    with open_store() as store:
        before = store.size_bytes()
        found = store.collect_garbage(age_s, statuses=statuses, versions=versions, dry_run=dry_run)
        is_anything = any(asdict(found).values())
        is_reclaimed = not dry_run and is_anything and store.reclaim_space()
        after = store.size_bytes()
        location = store.location
    if as_json:
        print_json(
            asdict(found)
            | {"dry_run": dry_run, "size_before": before, "size_after": after, "is_reclaimed": is_reclaimed}
        )
        return
    phrase = count_phrase(
        {
            "document": found.num_documents,
            "replaced outline": found.num_versions,
            "sentence": found.num_concepts,
            "attempt": found.num_attempts,
        }
    )
    if not phrase:
        say("nothing is that old")
        return
    say(f"{'would delete' if dry_run else 'deleted'} {phrase}: {format_bytes(found.num_bytes)}")
    if is_reclaimed:
        say(f"{location}: {format_bytes(before)} before, {format_bytes(after)} now")
    elif not dry_run:
        say(f"others have {location} locked: the space is used for new documents, or freed by the next gc")


def _parse_statuses(typed: str) -> tuple[DocumentStatus, ...]:
    from storage import FINAL

    names = [name.strip() for name in typed.split(",")]
    if names == ["none"]:
        return ()
    wrong = [name for name in names if name not in FINAL]
    if wrong:
        raise UsageError(
            f"--status names {wrong[0]!r}: give any of {', '.join(FINAL)}, with commas, or none; "
            "others are never deleted by age"
        )
    return tuple(status for status in FINAL if status in names)
