"""`corpus import`: documents of one's own, cleaned and split, to train on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from longhand.terminal import print_table, print_text, say

corpus_app = typer.Typer(help="Documents to train on.", rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(corpus_app, name="corpus")


@corpus_app.callback()
def options() -> None:
    """Documents to train on."""


@corpus_app.command("import")
def import_corpus(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR|FILE...", help="JSONL or pairs of the corpus format, Markdown, HTML, text, .po."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The corpus folder to make or replace.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole report as JSON.")] = False,
) -> None:
    """Read, clean, deduplicate and split documents; say what was dropped, by reason."""
    from concepts.corpus import build_corpus
    from concepts.errors import InputError

    is_terminal = sys.stderr.isatty()

    def show(name: str, done: int, total: int | None) -> None:
        if is_terminal:
            print(f"\r\x1b[K{name}: {done}", end="" if total is None else "\n", file=sys.stderr, flush=True)
        elif total is not None:
            say(f"{name}: {done}")

    try:
        report = build_corpus(inputs, out, progress=show)
    except OSError as error:
        raise InputError(f"the corpus cannot be written to {out}: {error.strerror or error}") from error
    if as_json:
        print_text(report.to_json())
        return
    print_table(("DOCUMENTS", "KEPT"), [(name, str(count)) for name, count in report.documents.items()])
    print_table(("SENTENCES", "KEPT"), [(name, str(count)) for name, count in report.sentences.items()])
    if report.pairs:
        print_table(("PAIRS", "KEPT"), [(name, str(count)) for name, count in report.pairs.items()])
    if report.drops:
        print_table(("DROPPED", "TIMES"), [(reason, str(count)) for reason, count in report.drops.rows()])
    say(f"wrote {out}")
