"""`outline`, `approve`, `rewrite` and `diff`: plans shown, changed, compared and let go on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from concepts.errors import InputError, UsageError
from longhand.commands.documents import AsJson, DocumentId, open_store
from longhand.doing.crew import shared
from longhand.showing.terminal import format_time, print_json, print_table, print_text, say

if TYPE_CHECKING:
    from longhand.outline.drafts import Edit
    from storage import DocumentRecord, OutlineRecord, Store


QUICK_S = 1.0
"""Nobody reads an outline in less: an editor that is back so soon has opened a window and left it."""


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("outline")(outline)
    app.command("approve")(approve)
    app.command("rewrite")(shared(rewrite, repeatable=False))
    app.command("diff")(diff)


def outline(
    document_id: DocumentId,
    version: Annotated[int | None, typer.Option(help="Show an older version of the outline.")] = None,
    versions: Annotated[bool, typer.Option("--versions", help="List all versions.")] = False,
    edit: Annotated[bool, typer.Option("--edit", help="Change it in your editor, as Markdown.")] = False,
    source: Annotated[
        Path | None, typer.Option("--from", help="Take the edited Markdown from a file, not an editor.")
    ] = None,
    heading: Annotated[
        list[str] | None, typer.Option("--set", metavar='3="HEADING"', help="Give item 3 another heading.")
    ] = None,
    length: Annotated[
        list[str] | None, typer.Option("--length", metavar="3=8", help="Plan 8 sentences for item 3.")
    ] = None,
    move: Annotated[
        tuple[str, str] | None, typer.Option("--move", metavar="5 2", help="Put item 5 in the place of 2.")
    ] = None,
    drop: Annotated[list[str] | None, typer.Option("--drop", metavar="4", help="Leave item 4 out.")] = None,
    add: Annotated[
        list[str] | None, typer.Option("--add", metavar='"HEADING"', help="Add a section at the end.")
    ] = None,
    after: Annotated[str | None, typer.Option(metavar="2", help="Add it behind item 2.")] = None,
    under: Annotated[str | None, typer.Option(metavar="2", help="Add it as the last one of item 2.")] = None,
    restore: Annotated[
        int | None, typer.Option(metavar="VERSION", help="Use an older version again.")
    ] = None,
    approve: Annotated[
        bool, typer.Option("--approve", help="After the change, let a reviewed document go on.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a document's outline, or change it: every change is a new version, the old ones stay."""
    edits = read_edits(heading, length, move, drop, add, after, under)
    ways = [edit, source is not None, bool(edits), restore is not None]
    if versions and (any(ways) or version is not None or approve):
        raise UsageError("--versions only lists: leave the other options out")
    if sum(ways) > 1:
        raise UsageError("--edit, --from, --restore and single changes exclude each other: give one of them")
    if any(ways) and version is not None:
        raise UsageError("--version only shows: use --restore first, then change the outline")
    if approve and (not any(ways) or restore is not None):
        raise UsageError("--approve goes with a change of the outline; without one: longhand approve ID")
    from longhand.outline import editing

    with open_store() as store:
        document = store.get_document(document_id)
        if versions:
            _list_versions(store, document, as_json=as_json)
            return
        if edit:
            found = _edit_in_editor(store, document, approve=approve)
        elif source is not None:
            text = _read_file(source)
            found = editing.edit_markdown(store, document.id, text, name=str(source), approve=approve)
        elif edits:
            found = editing.edit_outline(store, document.id, edits, approve=approve)
        elif restore is not None:
            found = editing.restore_version(store, document.id, restore)
        else:
            found = store.get_outline(document.id, version)
        _show(store, store.get_document(document.id), found, as_json=as_json)
        if approve:
            from longhand.doing.running import tell_prefect

            tell_prefect([store.get_document(document.id)], "queued")
        if any(ways):
            _say_what_is_left(document, store.get_document(document.id), found, store)


def approve(document_id: DocumentId) -> None:
    """Let a document that waits for review be written."""
    from longhand.doing.running import tell_prefect
    from longhand.outline.editing import approve_document

    with open_store() as store:
        document = approve_document(store, store.get_document(document_id).id)
        tell_prefect([document], "queued")
    say(f"approved: a worker writes {document.id}, or you: longhand resume {document.id}")


def rewrite(
    document_id: DocumentId,
    item: Annotated[str, typer.Option("--item", help="Number of the section, such as 3 or 2.1.")],
    seed: Annotated[int | None, typer.Option(help="Seed of the new text; else one not used before.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write one section again and print it; all others stay, and so does the version before."""
    from flows.document.asked.wishes import WISHES
    from longhand.commands.writing import run_document
    from longhand.formats.export import section_markdown, section_of
    from longhand.outline.editing import rewrite_item

    if seed is not None:
        WISHES["seed"].check(seed)
    with open_store() as store:
        document = store.get_document(document_id)
        before = document.active_outline_id
        made = rewrite_item(store, document.id, item, seed=seed)
        run_document(store, document.id, tells_outline=False)
        section = section_of(store.export_document(document.id), item)
        old = next(o.version for o in store.list_outlines(document.id) if o.id == before)
    if as_json:
        from dataclasses import asdict

        print_json({"id": document.id, "version": made.version, "section": asdict(section)})
    else:
        print_text(section_markdown(section))
    say(
        f"{made.note}: stored as version {made.version}; "
        f"the text before is back with: longhand outline {document.id} --restore {old}"
    )


def diff(
    document_id: DocumentId,
    versions: Annotated[
        tuple[int, int] | None,
        typer.Option(metavar="OLD NEW", help="Two versions; else the one in use and the one before it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare two versions of an outline: what was added, dropped, moved, renamed and written again."""
    from longhand.outline.comparison import compare_outlines, describe_change

    with open_store() as store:
        document = store.get_document(document_id)
        old, new = versions or _last_two(store, document)
        changes = compare_outlines(
            store.get_outline(document.id, old, vectors=True),
            store.get_outline(document.id, new, vectors=True),
        )
    if as_json:
        from dataclasses import asdict

        print_json({"id": document.id, "old": old, "new": new, "changes": [asdict(c) for c in changes]})
        return
    rows = [
        (
            "+" if change.is_added else "-" if change.is_dropped else "~" if describe_change(change) else "",
            change.old_path or "",
            change.new_path or "",
            (change.old_heading if change.is_dropped else change.new_heading) or "(not decoded yet)",
            f"“{change.old_heading}” before: " * change.is_renamed + describe_change(change),
        )
        for change in changes
    ]
    print_table(("", f"V{old}", f"V{new}", "HEADING", "WHAT"), rows, flexible="WHAT")


def _last_two(store: Store, document: DocumentRecord) -> tuple[int, int]:
    new = store.get_outline(document.id).version
    older = [outline.version for outline in store.list_outlines(document.id) if outline.version < new]
    if not older:
        raise InputError(f"{document.id} has no version before {new}: name two with --versions OLD NEW")
    return older[-1], new


def read_edits(
    headings: Sequence[str] | None,
    lengths: Sequence[str] | None,
    move: tuple[str, str] | None,
    drops: Sequence[str] | None,
    adds: Sequence[str] | None,
    after: str | None,
    under: str | None,
) -> list[Edit]:
    """Return the single changes that were typed; raise UsageError for one that cannot be read."""
    from longhand.outline.drafts import MAX_DIGITS, Add, Drop, Move, SetHeading, SetLength

    if (after is not None or under is not None) and not adds:
        raise UsageError('--after and --under say where --add goes: give --add "HEADING" too')
    edits: list[Edit] = []
    for typed in headings or ():
        item, _, words = _pair("--set", typed, '3="New heading"')
        edits.append(SetHeading(item, words))
    for typed in lengths or ():
        item, _, number = _pair("--length", typed, "3=8")
        if not number.isdecimal() or len(number) > MAX_DIGITS:
            raise UsageError(f"--length is {typed!r}: expected a number of sentences, such as 3=8")
        edits.append(SetLength(item, int(number)))
    if move is not None:
        edits.append(Move(*move))
    edits += [Add(words, after=after, under=under) for words in adds or ()]
    # Last, so that others may still name what goes.
    edits += [Drop(item) for item in drops or ()]
    return edits


def _pair(option: str, typed: str, example: str) -> tuple[str, str, str]:
    item, equals, value = (part.strip() for part in typed.partition("="))
    if not item or not equals:
        raise UsageError(f"{option} is {typed!r}: expected an item and a value, such as {example}")
    return item, equals, value


def _read_file(path: Path) -> str:
    from longhand.outline.outlines import read_text

    return read_text(path)


def _edit_in_editor(store: Store, document: DocumentRecord, *, approve: bool) -> OutlineRecord:
    from longhand.formats.export import short_title
    from longhand.outline.draft_markdown import format_draft
    from longhand.outline.editing import edit_markdown
    from longhand.outline.editors import edit_text

    before = store.get_outline(document.id)
    title = document.title or short_title(document.prompt)
    started = time.monotonic()
    given = format_draft(before, title)
    text, path = edit_text(given, f"longhand-{document.id}")
    was_quick = time.monotonic() - started < QUICK_S
    try:
        found = edit_markdown(
            store, document.id, text, name=path.name, version=before.version, approve=approve
        )
    except Exception:
        # The error itself is said by the application, after this line.
        say(f"your text is kept: mend it and run longhand outline {document.id} --from {path}")
        raise
    if text == given and was_quick:
        say(
            "the editor came back at once; if its window is still open, save there and run: "
            f"longhand outline {document.id} --from {path} (to have it waited for: EDITOR='code --wait')"
        )
    else:
        path.unlink(missing_ok=True)
    return found


def _list_versions(store: Store, document: DocumentRecord, *, as_json: bool) -> None:
    found = store.list_outlines(document.id)
    if not found:
        raise InputError(f"{document.id} has no outline yet: longhand resume {document.id}")
    if as_json:
        print_json(
            [
                {
                    "version": outline.version,
                    "is_active": outline.id == document.active_outline_id,
                    "source": outline.source,
                    "created_at": outline.created_at,
                    "note": outline.note,
                }
                for outline in found
            ]
        )
        return
    rows = [
        (
            str(outline.version),
            "in use" if outline.id == document.active_outline_id else "",
            format_time(outline.created_at),
            "planned" if outline.source == "model" else "by hand",
            outline.note or "",
        )
        for outline in found
    ]
    print_table(("VERSION", "", "CREATED", "MADE", "NOTE"), rows, flexible="NOTE")


def _show(store: Store, document: DocumentRecord, outline: OutlineRecord, *, as_json: bool) -> None:
    from longhand.outline.trees import outline_rows, print_outline

    rows = outline_rows(outline, store.export_document(document.id, version=outline.version))
    if as_json:
        print_json({"id": document.id, "version": outline.version, "source": outline.source, "items": rows})
    else:
        print_outline(document.title or document.prompt, rows)


def _say_what_is_left(
    before: DocumentRecord, after: DocumentRecord, outline: OutlineRecord, store: Store
) -> None:
    if (before.active_outline_id, before.status, before.title) == (
        after.active_outline_id, after.status, after.title
    ):  # fmt: skip
        say(f"nothing was changed: version {outline.version} stays")
        return
    pending = sum(item.status == "pending" for item in outline.leaves())
    left = f"{pending} to be written" if pending else "nothing to be written"
    step = {
        "awaiting_review": f"; let it go on with: longhand approve {after.id}",
        "queued": f"; a worker goes on, or you: longhand resume {after.id}",
        "done": f"; read it with: longhand show {after.id}",
    }.get(after.status, f"; go on with: longhand resume {after.id}")
    say(f"version {outline.version} is in use, {left}{step}")
