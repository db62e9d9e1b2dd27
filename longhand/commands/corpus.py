"""`corpus fetch`, `import` and `library`: documents to train on and to write from, downloaded or one's own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from longhand.showing.terminal import print_table, print_text, say

corpus_app = typer.Typer(help="Fetch and import documents to train on.", rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(corpus_app, name="corpus")


@corpus_app.callback()
def options() -> None:
    """Documents to train on."""


@corpus_app.command("fetch")
def fetch(
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder for packages and extracted files.")],
    packages: Annotated[
        Path | None,
        typer.Option(
            "--packages", metavar="FILE", help="Help packages, a name a line, instead of the shipped list."
        ),
    ] = None,
    languages: Annotated[
        str, typer.Option("--languages", help="Languages to extract, of en,de,fr,es.")
    ] = "en,de,fr,es",
) -> None:
    """Download manuals, recipes and articles, and extract them for `corpus import`."""
    from concepts.corpus.records import BLOCK_KINDS
    from concepts.errors import InputError
    from training.sources.fetch import fetch_corpus, read_package_names

    names = None if packages is None else read_package_names(packages)
    codes = [code.strip() for code in languages.split(",") if code.strip()]
    try:
        report = fetch_corpus(out, packages=names, codes=codes, progress=_progress())
    except OSError as error:
        raise InputError(f"the corpus cannot be written to {out}: {error.strerror or error}") from error
    print_table(("FILE", "DOCUMENTS", *(f"{kind.upper()}S" for kind in BLOCK_KINDS)), report.rows())
    for reason, count in report.drops.rows():
        say(f"{reason}: {count}")
    if report.missing:
        say(f"cannot be downloaded: {', '.join(report.missing)} (after apt-get update?)")
    say(f"wrote {out}; go on with: longhand corpus import {out} --out CORPUS")


def _progress() -> Callable[[str, int, int | None], None]:
    is_terminal = sys.stderr.isatty()

    def show(name: str, done: int, total: int | None) -> None:
        if is_terminal:
            end = "\n" if done == total else ""
            print(f"\r\x1b[K{name}: {done}", end=end, file=sys.stderr, flush=True)
        elif done == total:
            say(f"{name}: {done}")

    return show


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
    from concepts.errors import InputError
    from training.corpus.build import build_corpus

    try:
        report = build_corpus(inputs, out, progress=_progress())
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


@corpus_app.command("library")
def library(
    corpus: Annotated[Path, typer.Argument(metavar="CORPUS", help="A folder that `corpus import` made.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The library's folder.")],
    name: Annotated[str | None, typer.Option(help="Its name; else the folder's.")] = None,
    kinds: Annotated[
        str | None,
        typer.Option(help="Kinds of documents, such as guide,howto; else all.", metavar="KIND,..."),
    ] = None,
    books: Annotated[
        Path | None,
        typer.Option(
            help="Books: JSONL with title, prompt and chapters, the titles of their documents in order.",
            metavar="FILE",
        ),
    ] = None,
    licence: Annotated[str, typer.Option(help="What its card says of the licence.")] = "as the documents",
    space: Annotated[str | None, typer.Option(help="The concept space; else the one that ships.")] = None,
) -> None:
    """Make a library of English documents, which `write --library` writes from."""
    from typing import get_args

    from concepts.codecs.spaces import load_codec
    from concepts.corpus.records import Kind
    from concepts.errors import InputError, UsageError
    from concepts.library.books import read_books
    from concepts.library.stored import write_library
    from training.corpus.embed import embedded_encoder
    from training.corpus.store import data_line, load_documents

    wanted = [kind.strip() for kind in kinds.split(",")] if kinds is not None else None
    for kind in wanted or ():
        if kind not in get_args(Kind):
            raise UsageError(f"--kinds has {kind!r}: expected some of {', '.join(get_args(Kind))}")
    sequences = [] if books is None else read_books(books)
    codec = load_codec(space)
    display = _progress()
    try:
        card = write_library(
            load_documents(corpus, lang="eng_Latn", kinds=wanted),  # type: ignore[arg-type]  # checked above
            out,
            embedded_encoder(corpus, codec, on_progress=lambda done, total: display("embedded", done, total)),
            name=name or out.resolve().name,
            space_id=codec.space_id,
            dim=codec.dim,
            data=data_line(corpus),
            licence=licence,
            books=sequences,
        )
    except OSError as error:
        raise InputError(f"the library cannot be written to {out}: {error.strerror or error}") from error
    say(
        f"the library {card.model_id} is in {card.folder}; write from it with: longhand write ... --library {out}"
    )
