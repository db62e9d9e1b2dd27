"""`export`: stored documents as files that others read, without any model."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from concepts.counting import counted, is_or_are
from concepts.errors import NotFoundError, UsageError, shorten
from flows.document.asked.wishes import DEFAULT_LANG
from longhand.asking.completion import complete_formats
from longhand.asking.options import out_option
from longhand.commands.documents import DecodedLang, DocumentIds, InStatus, choose_documents
from longhand.showing.terminal import print_text, say

if TYPE_CHECKING:
    from longhand.formats import Format
    from storage import DocumentRecord, ExportedDocument, ExportedSection, Store

_CODE = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("export")(export)


def export(
    ids: DocumentIds = None,
    all_documents: Annotated[bool, typer.Option("--all", help="All documents.")] = False,
    status: InStatus = None,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            help="md, json, html, docx, pdf or epub; else by the name of --out.",
            autocompletion=complete_formats,
        ),
    ] = None,
    out: Annotated[Path | None, out_option("A file instead of stdout.")] = None,
    out_dir: Annotated[Path | None, typer.Option(help="A folder for one file a document.")] = None,
    lang: DecodedLang = None,
    version: Annotated[int | None, typer.Option(help="An older version of the outline.")] = None,
    with_vectors: Annotated[bool, typer.Option("--with-vectors", help="Every concept's vector.")] = False,
    parquet: Annotated[
        Path | None, typer.Option(help="All concepts as rows of a Parquet file, with vectors.")
    ] = None,
    datasette: Annotated[
        Path | None, typer.Option(help="A metadata file to browse the database with Datasette.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
) -> None:
    """Write documents as Markdown, JSON, HTML, Word, PDF or EPUB, as far as they are decoded; or as data."""
    chosen = list(ids or ())
    if bool(chosen) + all_documents + (status is not None) > 1:
        raise UsageError("ids, --all, --status: name documents, or take all of them, or all in a status")
    if sum(target is not None for target in (out, out_dir, parquet, datasette)) > 1:
        raise UsageError("one of --out, --out-dir, --parquet and --datasette at a time")
    for_text = {"--format": format, "--lang": lang, "--version": version, "--with-vectors": with_vectors}
    if datasette is not None:
        _refuse("--datasette", for_text | {"--all": all_documents, "--status": status, "ids": chosen})
        _write_metadata(datasette, replace=force)
        return
    if status is not None:
        with _open_store() as store:
            found = choose_documents(store, (), all_documents=False, status=status)
        chosen = [document.id for document in found]
    if not chosen and not all_documents:
        raise UsageError("which document? name ids (longhand ls), --status STATUS or --all")
    if parquet is not None:
        _refuse("--parquet", for_text)
        _write_parquet(chosen, parquet, replace=force)
        return
    if out_dir is None and (all_documents or len(chosen) > 1):
        raise UsageError("several documents need a folder: --out-dir DIR, or --parquet FILE")
    code = None if lang is None else _read_code(lang, chosen)
    wish = Wish(_choose_format(format, out, with_vectors=with_vectors), code, version, with_vectors)
    if out_dir is not None:
        _write_folder(chosen, out_dir, wish, replace=force, are_named=bool(ids))
    else:
        _write_one(chosen[0], out, wish, replace=force)


@dataclass(frozen=True)
class Wish:
    """How each document is to be written."""

    format: Format
    lang: str | None
    version: int | None
    with_vectors: bool


def _refuse(option: str, others: Mapping[str, object]) -> None:
    given = [name for name, value in others.items() if value]
    if given:
        raise UsageError(f"{option} does not go with {given[0]}: leave one of the two out")


def _choose_format(name: str | None, out: Path | None, *, with_vectors: bool) -> Format:
    from flows.document.asked.prompts import check_choice
    from longhand.formats import FORMATS, SUFFIXES, format_of

    default = FORMATS["json" if with_vectors else "md"]
    if name is None:
        format = default if out is None else format_of(out, default)
    else:
        format = FORMATS[check_choice("--format", name, tuple(FORMATS))]
        suffix = None if out is None else SUFFIXES.get(out.suffix.lower())
        if suffix not in (None, format):
            raise UsageError(
                f"--format is {name}, but {out} is named as {suffix.name}: leave one of them out"
            )
    if with_vectors and format.name != "json":
        raise UsageError(f"--with-vectors goes with --format json, not {format.name}; or take --parquet")
    return format


def _write_one(document_id: str, out: Path | None, wish: Wish, *, replace: bool) -> None:
    from longhand.asking.files import check_target, write_atomic

    if out is not None:
        check_target(out, replace=replace)
    elif not wish.format.is_text and sys.stdout.isatty():
        raise UsageError(f"{wish.format.name} is no text for a terminal: name a file with --out")
    with _open_store() as store:
        document = store.get_document(document_id)
        exported = _read(store, document, wish)
        content = _render(store, exported, wish)
        next_step = _next_step(store, document, exported) if exported.num_missing else ""
    if out is not None:
        write_atomic(out, content, replace=replace)
        say(f"wrote {out}" if out.suffix else f"wrote {out} as {wish.format.name}: its name has no suffix")
    elif wish.format.is_text:
        print_text(content.decode("utf-8"))
    else:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    if next_step:
        say(f"{_missing(exported)} not decoded yet: {next_step}")


def _missing(exported: ExportedDocument, document_id: str = "") -> str:
    num = exported.num_missing
    return f"{counted(num, 'sentence')}{f' of {document_id}' if document_id else ''} {is_or_are(num)}"


def _write_folder(ids: list[str], folder: Path, wish: Wish, *, replace: bool, are_named: bool) -> None:
    """Write one file a document; no ids means all documents.

    `are_named`: each has something to read in the language, or nothing is written; else those that have are written.
    """
    from longhand.asking.files import check_target, make_folder, write_atomic
    from longhand.commands.documents import UndecodedError

    with _open_store() as store:
        documents = [store.get_document(wanted) for wanted in ids or store.list_document_ids()]
        if not documents:
            raise NotFoundError(f"no documents yet in {store.location}: longhand write")
        paths = {document.id: folder / _file_name(document, wish) for document in documents}
        if are_named:
            for document in documents:
                _read(store, document, wish)
        make_folder(folder)
        for path in paths.values():
            check_target(path, replace=replace)
        num_written = 0
        for document in {document.id: document for document in documents}.values():
            try:
                exported = _read(store, document, wish)
            except (NotFoundError, UndecodedError) as error:
                say(f"left out: {error}")
                continue
            write_atomic(paths[document.id], _render(store, exported, wish), replace=replace)
            num_written += 1
            if exported.num_missing:
                said = f"{_missing(exported, document.id)} not decoded yet"
                say(f"{said}: {_next_step(store, document, exported)}")
    say(f"wrote {counted(num_written, 'file')} to {folder}")


def _next_step(store: Store, document: DocumentRecord, exported: ExportedDocument) -> str:
    """Return the command that decodes what is missing; a version that is not in use comes into use first."""
    version = exported.outline_version
    if store.get_outline(document.id).version != version:
        restore = f"longhand outline {document.id} --restore {version}"
        return f"{restore}, then {_decoding_step(document, exported, is_done=_is_decoded(exported.sections))}"
    return _decoding_step(document, exported, is_done=document.status == "done")


def _decoding_step(document: DocumentRecord, exported: ExportedDocument, *, is_done: bool) -> str:
    if is_done and exported.lang != document.lang:
        return f"longhand translate {document.id} --lang {exported.lang}"
    return f"longhand resume {document.id}"


def _is_decoded(sections: Sequence[ExportedSection]) -> bool:
    """Return whether all sections have their text in the document's own language."""
    return all(
        section.status == "decoded" if section.is_leaf else _is_decoded(section.children)
        for section in sections
    )


def _file_name(document: DocumentRecord, wish: Wish) -> str:
    from longhand.formats.export import file_stem, short_title

    title = short_title(document.title or document.prompt)
    return f"{file_stem(document.id, title, wish.lang or document.lang)}.{wish.format.name}"


def _read(store: Store, document: DocumentRecord, wish: Wish) -> ExportedDocument:
    from longhand.commands.documents import check_decoded

    # Which languages an older version has is not known; what it lacks is counted as missing.
    if wish.version is None:
        check_decoded(store, document, wish.lang)
    exported = store.export_document(document.id, wish.lang, version=wish.version)
    if not exported.sections:
        raise NotFoundError(
            f"{document.id} has no outline yet (status: {document.status}): longhand resume {document.id}"
        )
    return exported


def _read_code(typed: str, ids: Sequence[str]) -> str:
    """Return the code of a typed language, one of the documents (none: of all) or of the space that ships.

    A code of no known language stays as it is: which languages an older version has is not known.
    """
    from flows.document.asked.prompts import known_languages, take_noted

    if _CODE.fullmatch(typed) is not None:
        return typed
    with _open_store() as store:
        documents = [store.get_document(wanted) for wanted in ids or store.list_document_ids()]
        decoded = [(document.lang, *store.list_languages(document.id)) for document in documents]
    known = dict.fromkeys((*(lang for own in decoded for lang in own), *known_languages()))
    code = take_noted(typed, tuple(known), say)
    if code is None:
        raise UsageError(
            f"--lang is {shorten(typed)!r}: expected a language such as {DEFAULT_LANG} or German"
        )
    return code


def _render(store: Store, exported: ExportedDocument, wish: Wish) -> bytes:
    if not wish.with_vectors:
        return wish.format.render(exported)
    from longhand.formats.vectors import to_json_with_vectors

    outline = store.get_outline(exported.id, exported.outline_version, vectors=True)
    concepts = store.get_concepts([item.id for item in outline.items])
    space = store.get_document(exported.id).space
    return to_json_with_vectors(exported, outline, concepts, space).encode("utf-8")


def _write_parquet(ids: list[str], path: Path, *, replace: bool) -> None:
    from longhand.asking.files import check_target, open_atomic
    from longhand.formats import check_suffix

    check_suffix(path, (".parquet", ".pq"), "--parquet writes a Parquet file")
    check_target(path, replace=replace)
    from longhand.formats.parquet import common_space, write_parquet

    with _open_store() as store:
        wanted = [store.get_document(wanted).id for wanted in ids] or store.list_document_ids()
        wanted = list(dict.fromkeys(wanted))
        space = common_space(store.get_document(document_id) for document_id in wanted)
        rows = (row for document_id in wanted for row in store.dataset_rows(document_id))
        with open_atomic(path, replace=replace) as file:
            num_rows = write_parquet(file, rows, space)
    say(
        f"wrote {counted(num_rows, 'row')} of {counted(len(wanted), 'document')} to {path}, "
        f"vectors of the space {space}"
    )


def _write_metadata(path: Path, *, replace: bool) -> None:
    from longhand.asking.files import check_target, write_atomic
    from longhand.formats import check_suffix
    from longhand.formats.datasette import to_metadata
    from storage.database.pool import resolve_url

    check_suffix(path, (".json",), "Datasette's metadata are JSON")
    check_target(path, replace=replace)
    url = resolve_url(None)
    if url.get_backend_name() != "sqlite":
        raise UsageError("Datasette reads SQLite only, and this database is PostgreSQL")
    database = Path(str(url.database))
    write_atomic(path, to_metadata(database.stem), replace=replace)
    say(f"wrote {path}; look at the store with: datasette {database} --metadata {path}")


def _open_store() -> Store:
    from storage import Store

    return Store.open()
