"""`write` and `resume`: the commands that run models."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from concepts.errors import UsageError
from longhand.terminal import print_json, print_text, say

if TYPE_CHECKING:
    from flows.events import Event
    from longhand.outlines import UserOutline
    from longhand.progress import WritingProgress
    from storage import NewDocument, Store

DEFAULT_LANG = "eng_Latn"
DEFAULT_SEED = 7
EXIT_INTERRUPTED = 130

Out = Annotated[Path | None, typer.Option("--out", "-o", help="A Markdown file instead of stdout.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ShowTimings = Annotated[bool, typer.Option("--timings", help="Say on stderr where the time went.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("write")(write)
    app.command("resume")(resume)


def write(
    prompt: Annotated[str, typer.Argument(help="What the document is about; a word is enough.")],
    sections: Annotated[int | None, typer.Option(help="Number of sections, 1 to 200.")] = None,
    depth: Annotated[
        int | None, typer.Option(help="1: sections (the default); 2: parts with sections.")
    ] = None,
    lang: Annotated[str, typer.Option(help="Language of the document.")] = DEFAULT_LANG,
    prompt_lang: Annotated[
        str | None, typer.Option(help="Language of prompt, goal and outline, where it is another one.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same document.")] = DEFAULT_SEED,
    goal: Annotated[str | None, typer.Option(help="Where the document should arrive.")] = None,
    outline: Annotated[
        Path | None, typer.Option(help="Your own headings: Markdown, or a list, instead of planning.")
    ] = None,
    plan_only: Annotated[bool, typer.Option("--plan-only", help="Stop after the outline.")] = False,
    out: Out = None,
    as_json: AsJson = False,
    timings: ShowTimings = False,
) -> None:
    """Plan, write and decode a document; every step is stored before the next."""
    from longhand.files import check_target

    if out is not None:
        check_target(out)
        if plan_only:
            raise UsageError("--plan-only makes no text: leave --out away, or --plan-only")
    new = _new_document(
        prompt,
        sections=sections,
        depth=depth,
        lang=lang,
        prompt_lang=prompt_lang,
        seed=seed,
        goal=goal,
        outline=outline,
    )
    from storage import Store

    with Store.open() as store:
        document_id = store.create_document(new).id
        _run(
            store,
            document_id,
            plan_only=plan_only,
            is_resume=False,
            as_json=as_json,
            timings=timings,
            out=out,
        )


def resume(
    document_id: Annotated[str, typer.Argument(metavar="ID", help="The document's id, or its beginning.")],
    out: Out = None,
    as_json: AsJson = False,
    timings: ShowTimings = False,
) -> None:
    """Go on with an unfinished document where it stopped."""
    from flows.errors import FinishedError
    from longhand.files import check_target
    from storage import Store

    if out is not None:
        check_target(out)
    with Store.open() as store:
        document = store.get_document(document_id)
        if document.status == "done":
            raise FinishedError(f"{document.id} is finished: longhand show {document.id}")
        _run(store, document.id, plan_only=False, is_resume=True, as_json=as_json, timings=timings, out=out)


def _new_document(
    prompt: str,
    *,
    sections: int | None,
    depth: int | None,
    lang: str,
    prompt_lang: str | None,
    seed: int,
    goal: str | None,
    outline: Path | None,
) -> NewDocument:
    """Check everything that was typed, before anything is stored or loaded."""
    from flows.options import WritingOptions
    from longhand.prompts import check_depth, check_language, check_prompt, check_sections, check_seed
    from storage import NewDocument

    text = check_prompt(prompt)
    check_language(lang, known_languages())
    if prompt_lang is not None:
        check_language(prompt_lang, known_languages())
    chosen_depth = check_depth(1 if depth is None else depth)
    check_sections(sections)
    title: str | None = None
    entries: tuple[tuple[str, str], ...] = ()
    if outline is not None:
        if sections is not None:
            raise UsageError("--outline names the sections itself: leave --sections away")
        found = _read_outline(outline, depth)
        title, chosen_depth = found.title, found.depth
        entries = tuple((heading.path, heading.text) for heading in found.headings)
    options = WritingOptions(
        sections=sections,
        depth=chosen_depth,
        goal=None if goal is None else check_prompt(goal, "the goal"),
        outline=entries,
        prompt_lang=prompt_lang,
    )
    return NewDocument(prompt=text, lang=lang, seed=check_seed(seed), title=title, params=options.to_params())


def _read_outline(path: Path, depth: int | None) -> UserOutline:
    from longhand.outlines import read_outline
    from longhand.prompts import MAX_DEPTH

    return read_outline(path, max_depth=MAX_DEPTH if depth is None else depth)


def known_languages() -> tuple[str, ...]:
    """Return the languages of the default space: its card's, else those its vocabulary has tokens for."""
    from concepts.card import find_card
    from concepts.errors import ModelError
    from concepts.space.config import LANGS

    try:
        langs = find_card("space", verify=False).config.get("langs")
    except ModelError:
        # Whoever loads the space says what is wrong with it.
        return LANGS
    return tuple(map(str, langs)) if isinstance(langs, list | tuple) and langs else LANGS


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
    from longhand.progress import WritingProgress
    from longhand.running import make_runner
    from storage import Busy

    started = time.monotonic()
    try:
        with WritingProgress() as progress:

            def on_event(event: Event) -> None:
                progress.show(event)
                if event.kind == "outline" and not plan_only:
                    _show_outline(store, document_id, progress)

            spent = make_runner().run(
                store, document_id, plan_only=plan_only, resume=is_resume, on_event=on_event
            )
    except KeyboardInterrupt:
        say(f"longhand: interrupted; stored; go on with: longhand resume {document_id}")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    except Busy:
        # Someone else is at work: there is nothing to go on with.
        raise
    except Exception:
        # The error itself is said by the application, after this line.
        say(f"what is done is stored as {document_id}; go on with: longhand resume {document_id}")
        raise
    if timings:
        _show_timings(spent, time.monotonic() - started)
    if plan_only:
        _print_plan(store, document_id, as_json=as_json)
    else:
        _print_document(store, document_id, as_json=as_json, out=out)


def _show_outline(store: Store, document_id: str, progress: WritingProgress) -> None:
    from longhand.trees import format_outline, outline_rows

    rows = outline_rows(store.get_outline(document_id), None)
    if rows:
        progress.remark(f"outline of {document_id}:\n{format_outline(rows)}")


def _show_timings(spent: Mapping[str, float], total_s: float) -> None:
    for name, seconds in spent.items():
        say(f"{name:<20} {seconds:8.2f} s")
    say(f"{'in all':<20} {total_s:8.2f} s")


def _print_plan(store: Store, document_id: str, *, as_json: bool) -> None:
    from longhand.trees import format_outline, outline_rows

    rows = outline_rows(store.get_outline(document_id), None)
    if as_json:
        print_json({"id": document_id, "status": store.get_document(document_id).status, "items": rows})
    else:
        print_text(format_outline(rows))
    say(f"stored as {document_id}; write it with: longhand resume {document_id}")


def _print_document(store: Store, document_id: str, *, as_json: bool, out: Path | None) -> None:
    from longhand.export import to_json, to_markdown
    from longhand.files import write_atomic

    exported = store.export_document(document_id)
    if out is not None:
        write_atomic(out, to_markdown(exported))
        say(f"wrote {out}")
    if as_json:
        print_text(to_json(exported))
    elif out is None:
        print_text(to_markdown(exported))
    say(f"stored as {document_id}; see it again with: longhand show {document_id}")
