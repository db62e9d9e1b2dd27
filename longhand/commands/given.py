"""`plan`, `summarize` and `expand`: documents made of files, not only of prompts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Unpack

import typer

from concepts.counting import counted
from concepts.errors import UsageError
from flows.document.asked.wishes import FILE_WISHES
from longhand.asking.options import asks, out_option
from longhand.asking.requests import GivenWishes
from longhand.commands.writing import (
    AsJson,
    Out,
    ShowTimings,
    print_document,
    print_plan,
    run_document,
    show_timings,
)
from longhand.doing.crew import shared
from longhand.showing.terminal import print_json, print_text, say

if TYPE_CHECKING:
    from storage import ExportedDocument, NewDocument, Store

File = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="Markdown, HTML, Word or text; - for stdin.", allow_dash=True),
]
MODELS = ("space", "planner", "writer", "steps", "guidance")
_SEED = replace(FILE_WISHES["seed"], help="Of sections that are written anew later.")
_KEPT_WISHES = {**FILE_WISHES, "seed": _SEED}


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("plan")(shared(plan, repeatable=False))
    app.command("summarize")(shared(summarize, repeatable=False))
    app.command("expand")(shared(expand, repeatable=False))


@asks("title", "lang", "prompt_lang", "seed", "review", *MODELS, before="as_json", table=_KEPT_WISHES)
def plan(
    source: Annotated[
        Path,
        typer.Option(
            "--from", metavar="FILE", help="Markdown, HTML, Word or text; - for stdin.", allow_dash=True
        ),
    ],
    as_json: AsJson = False,
    timings: ShowTimings = False,
    **wishes: Unpack[GivenWishes],
) -> None:
    """Store a document that exists: its outline as a plan, its sentences as the text, to edit and rewrite."""
    from longhand.asking.given import make_given
    from storage import Store

    new = make_given(source, "keep", **wishes)
    with Store.open() as store:
        document_id = _run(store, new, timings=timings, tells_outline=False)
        print_plan(store, document_id, as_json=as_json)


@asks(*("sentences", "title", "lang", "prompt_lang", "seed", *MODELS), before="out", table=FILE_WISHES)
def summarize(
    source: File,
    out: Annotated[Path | None, out_option("A Markdown file instead of stdout.")] = None,
    as_json: AsJson = False,
    timings: ShowTimings = False,
    **wishes: Unpack[GivenWishes],
) -> None:
    """Write a summary of a document, and show it beside its most typical sentences."""
    from longhand.asking.files import check_target, write_atomic
    from longhand.asking.given import baseline_of, make_given
    from longhand.formats import check_suffix
    from storage import Store

    if out is not None:
        check_suffix(out, (".md", ".markdown", ".txt"), "a summary beside its extract is Markdown")
        check_target(out)
    new = make_given(source, "summarize", **wishes)
    with Store.open() as store:
        document_id = _run(store, new, timings=timings)
        written = store.export_document(document_id)
        typical = baseline_of(store, document_id)
    assert typical is not None, "a summary is planned with its baseline"
    text = summary_markdown(written, typical)
    if out is not None:
        write_atomic(out, text)
        say(f"wrote {out}")
    if as_json:
        from longhand.formats.export import to_dict

        print_json({"id": document_id, "written": to_dict(written), "extractive": to_dict(typical)})
    elif out is None:
        print_text(text)
    say(
        f"stored as {document_id}: version {written.outline_version} is written, "
        f"version {typical.outline_version} extracted; see longhand outline {document_id}"
    )


@asks(
    *("sections", "depth", "title", "lang", "prompt_lang", "seed", "goal", "review", *MODELS),
    before="out",
    table=FILE_WISHES,
)
def expand(
    source: File,
    out: Out = None,
    as_json: AsJson = False,
    timings: ShowTimings = False,
    **wishes: Unpack[GivenWishes],
) -> None:
    """Write the long document of notes or of a summary: each heading, bullet or sentence becomes a section."""
    from longhand.asking.files import check_document_target
    from longhand.asking.given import make_given
    from storage import Store

    review = wishes["review"] or False
    if out is not None:
        if review:
            raise UsageError("--review makes no text: leave out --out or --review")
        check_document_target(out)
    new = make_given(source, "expand", **wishes)
    with Store.open() as store:
        document_id = _run(store, new, timings=timings, tells_outline=not review)
        if store.get_document(document_id).status == "awaiting_review":
            print_plan(store, document_id, as_json=as_json)
        else:
            print_document(store, document_id, as_json=as_json, out=out)


def _run(store: Store, new: NewDocument, *, timings: bool, tells_outline: bool = True) -> str:
    """Store a document, run it to its end, and return its id."""
    from longhand.doing.running import create_checked

    document_id = create_checked(store, new)
    # Headings without any text are an outline: there is nothing to keep but the plan.
    plan_only = bool(new.params.get("plan_only"))
    spent = run_document(
        store, document_id, plan_only=plan_only, is_resume=False, tells_outline=tells_outline
    )
    if timings:
        show_timings(spent)
    return document_id


def summary_markdown(written: ExportedDocument, typical: ExportedDocument) -> str:
    """Return a summary and its baseline as Markdown, each under a heading of its own, a line a section."""
    from longhand.formats.export import escape_line, leaves_of, title_of

    lines = [f"# {escape_line(title_of(written))}"]
    for name, document in (("Summary", written), ("Extract: the most typical sentences", typical)):
        sections = leaves_of(document)
        num = sum(len(section.sentences) for section in sections)
        lines.append(f"## {name} ({counted(num, 'sentence')})")
        for section in sections:
            if section.sentences:
                lines.append(escape_line(" ".join(sentence.text for sentence in section.sentences)))
    return "\n\n".join(lines) + "\n"
