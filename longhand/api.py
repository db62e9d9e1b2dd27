"""The Python interface: documents and outlines as objects over one database.

Objects hold no state: every property is read from the store on access, so changes by other processes or the command
line show at once. Ids may be shortened, as on the command line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from concepts.counting import counted
from concepts.errors import InputError, StorageError, UsageError
from flows.document.asked.wishes import DEFAULT_LANG, FILE_WISHES, WISHES
from flows.leases.lease import release_dead
from longhand.asking.given import baseline_of, make_given
from longhand.asking.requests import GivenWishes, Wishes, check_wishes, make_document, read_translation
from longhand.doing.running import create_checked
from longhand.doing.searching import search_words
from longhand.outline import editing
from longhand.outline.draft_markdown import format_draft
from longhand.outline.drafts import Add, Drop, Edit, Move, SetHeading, SetLength
from storage import Store

if TYPE_CHECKING:
    from typing import Unpack

    from flows.document.asked.options import Use
    from flows.document.job.events import Event, OnEvent
    from storage import (
        AttemptRecord,
        DocumentRecord,
        DocumentStatus,
        ExportedDocument,
        Match,
        NewDocument,
        Place,
        PlanItemRecord,
        Way,
    )
    from storage.records import Vector


def open(url: str | None = None, *, on_event: OnEvent | None = None) -> Longhand:
    """Open a database of documents; close it, or use it in a `with` block.

    `url`: as `LONGHAND_DATABASE_URL`, such as `sqlite:////folder/longhand.db`; None: that variable, else
    the file in the user's data folder. `on_event` gets each `flows.document.job.events.Event` of a run.
    Raises StorageError.
    """
    return Longhand(Store.open(url), on_event)


class Longhand:
    """An open database of documents, from `longhand.open`."""

    def __init__(self, store: Store, on_event: OnEvent | None = None) -> None:
        self.store = store
        """The underlying store, for anything without a method here."""
        self._on_event = on_event

    def __repr__(self) -> str:
        return f"<longhand.Longhand {self.store.location}>"

    def __enter__(self) -> Longhand:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self.store.close()

    def submit(self, prompt: str, **wishes: Unpack[Wishes]) -> Document:
        """Store a document for workers, or for `plan` and `write` later, and return it.

        `wishes`: see `flows.document.asked.wishes`, as on the command line; an outline is the Path of a file, Markdown,
        or a list of headings. Raises InputError, UsageError or ModelError for the first error, and stores nothing
        then.
        """
        return Document(self, self.store.create_document(_document_of(prompt, wishes)).id)

    def plan(self, prompt: str, **wishes: Unpack[Wishes]) -> Document:
        """Plan a document and return it with its outline; arguments and errors as for `submit`."""
        new = _document_of(prompt, wishes | {"plan_only": True})
        return Document(self, create_checked(self.store, new)).plan()

    def write(self, prompt: str, **wishes: Unpack[Wishes]) -> Document:
        """Plan, write and decode a document and return it; arguments and errors as for `submit`."""
        return Document(self, create_checked(self.store, _document_of(prompt, wishes))).write()

    def plan_from(self, path: str | Path, **wishes: Unpack[GivenWishes]) -> Document:
        """Store an existing document with its own outline and text, to be edited and rewritten; return it.

        `path`: a Markdown, HTML, Word or text file, `-` is stdin. `wishes` are `title`, `lang`,
        `prompt_lang` (the file's), `seed`, `review`, `priority`, `key`, the models, `steps` and `guidance`.
        Raises InputError, UsageError or ModelError for the first error, and stores nothing then.
        """
        return self._make_of(path, "keep", wishes)

    def summarize(self, path: str | Path, **wishes: Unpack[GivenWishes]) -> Document:
        """Write a summary of a file and return it; `extract` has its most typical sentences.

        `wishes` as for `plan_from`, and `sentences`.
        """
        return self._make_of(path, "summarize", wishes)

    def expand(self, path: str | Path, **wishes: Unpack[GivenWishes]) -> Document:
        """Write a long document from notes and return it.

        `wishes` as for `plan_from`, and `sections`, `depth` and `goal`.
        """
        return self._make_of(path, "expand", wishes)

    def _make_of(self, path: str | Path, use: Use, wishes: GivenWishes) -> Document:
        new = make_given(Path(path), use, **check_wishes(wishes, FILE_WISHES))
        document = Document(self, create_checked(self.store, new))
        return document._started(plan_only=bool(new.params.get("plan_only")))

    def get(self, document_id: str) -> Document:
        """Return the document whose id begins with `document_id`; raise NotFoundError for none or several."""
        return Document(self, self.store.get_document(document_id).id)

    def documents(self, status: DocumentStatus | None = None, *, limit: int = 50) -> list[Document]:
        """Return documents, newest first."""
        return [Document(self, record.id) for record in self.store.list_documents(status, limit=limit)]

    def search(
        self,
        words: str,
        *,
        ways: Sequence[Way] = ("meaning", "words"),
        places: Sequence[Place] = ("plan", "sentences"),
        limit: int = 10,
        lang: str = DEFAULT_LANG,
    ) -> tuple[Match, ...]:
        """Return the plan items and sentences of all documents that are near in meaning or hold the words, best first.

        Each match has `document_id`, `path`, `text`, `similarity`, `found_by` and more. `lang`: of the words. A
        search by words alone loads no model.
        """
        return search_words(self.store, words, ways=ways, places=places, limit=limit, lang=lang)

    def tell(self, event: Event) -> None:
        """Pass a run's event to the `on_event` of `open`."""
        if self._on_event is not None:
            self._on_event(event)


def _document_of(prompt: object, wishes: Wishes) -> NewDocument:
    checked = check_wishes(wishes, WISHES)
    if not isinstance(prompt, str):
        raise UsageError(f"the prompt is {prompt!r:.40}: expected a text")
    return make_document(prompt, **checked)


class Document:
    """One stored document."""

    def __init__(self, longhand: Longhand, document_id: str) -> None:
        self._longhand = longhand
        self._store = longhand.store
        self.id = document_id
        """The full id."""

    def __repr__(self) -> str:
        try:
            record = self.record
        except StorageError:  # deleted, for instance
            return f"<longhand.Document {self.id}>"
        return f"<longhand.Document {self.id} {record.title!r} ({record.status})>"

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def _repr_html_(self) -> str:
        return _as_html(self._repr_markdown_())

    @property
    def record(self) -> DocumentRecord:
        """All stored facts about the document except its text."""
        return self._store.get_document(self.id)

    @property
    def status(self) -> DocumentStatus:
        """The status, such as `planned` or `done`."""
        return self.record.status

    @property
    def title(self) -> str | None:
        """The title; None before it is planned."""
        return self.record.title

    @property
    def attempts(self) -> tuple[AttemptRecord, ...]:
        """All attempts, oldest first, with timings and errors."""
        return self._store.get_attempts(self.id)

    @property
    def outline(self) -> Outline:
        """The active version; raises NotFoundError before the document is planned."""
        return Outline(self)

    @property
    def versions(self) -> tuple[int, ...]:
        """The numbers of all stored outlines."""
        return tuple(outline.version for outline in self._store.list_outlines(self.id))

    def plan(self) -> Document:
        """Plan the document if it is not planned yet, and return it."""
        if not self._is_planned():
            self._run(plan_only=True)
        return self

    def _is_planned(self) -> bool:
        record = self.record
        if record.status == "planning" or record.active_outline_id is None:
            return False
        is_open = self._store.next_unit(self.id, "plan") is not None
        return not is_open and all(item.heading for item in self.outline)

    def write(self) -> Document:
        """Do all remaining steps and return the document; a finished document stays unchanged.

        A document for review stops after its outline, in the status `awaiting_review`, until `approve`.
        Raises Busy if another process works on it, and the errors of its run.
        """
        if self.status == "awaiting_review":
            raise InputError(f"{self.id} waits for review: look at its outline, then approve() it")
        if self.status != "done":
            self._run(plan_only=False)
        return self

    def _started(self, *, plan_only: bool) -> Document:
        self._run(plan_only=plan_only, resume=False)
        return self

    def _run(self, *, plan_only: bool, resume: bool | None = None) -> None:
        from longhand.doing.running import make_runner

        make_runner().run(
            self._store,
            self.id,
            plan_only=plan_only,
            resume=not plan_only if resume is None else resume,
            on_event=self._longhand.tell,
        )

    def approve(self) -> Document:
        """Approve a document that awaits review, so that workers or `write` write it; return it."""
        from longhand.doing.running import tell_prefect

        tell_prefect([editing.approve_document(self._store, self.id)], "queued")
        return self

    def rewrite(self, item: str, *, seed: int | None = None) -> Document:
        """Write one section again, as a new version, and return the document.

        `seed` None: a new one. Raises InputError if the item is not a written section, or the document awaits
        review; nothing changes then.
        """
        editing.rewrite_item(self._store, self.id, item, seed=seed)
        return self.write()

    def restore(self, version: int) -> Document:
        """Make an older version of the outline active, with its text; return the document."""
        editing.restore_version(self._store, self.id, version)
        return self

    def translate(self, lang: str) -> Document:
        """Translate the document into another language as well, and return it.

        Raises UsageError for a language that its space does not know, FlowError if it is not written yet.
        """
        from longhand.doing.running import make_runner

        lang, is_due = read_translation(self._store, self.record, lang)
        if is_due:
            make_runner().translate(self._store, self.id, lang, on_event=self._longhand.tell)
        return self

    @property
    def extract(self) -> ExportedDocument | None:
        """The most typical sentences of a summary's source text; None for other documents."""
        return baseline_of(self._store, self.id)

    def export(self, lang: str | None = None, *, version: int | None = None) -> ExportedDocument:
        """Return the text that is decoded in a language (None: the document's own), as plain records.

        `version`: of the outline; None: the active one.
        """
        if lang is not None:
            from concepts.languages.codes import take_language

            lang = take_language(lang, (self.record.lang, *self._store.list_languages(self.id))) or lang
        return self._store.export_document(self.id, lang, version=version)

    def markdown(self, lang: str | None = None, *, version: int | None = None) -> str:
        """Return the text as Markdown; arguments as for `export`."""
        from longhand.formats.export import to_markdown

        return to_markdown(self.export(lang, version=version))

    def json(self, lang: str | None = None, *, version: int | None = None) -> str:
        """Return the text with scores as JSON; arguments as for `export`."""
        from longhand.formats.export import to_json

        return to_json(self.export(lang, version=version))

    def save(self, path: str | Path, *, lang: str | None = None, version: int | None = None) -> Path:
        """Write the text to a file in the format of its suffix and return the path; arguments as for `export`.

        Suffixes: .md, .json, .html, .docx, .pdf and .epub. Raises UsageError for another suffix, InputError if the
        file cannot be written.
        """
        from longhand.asking.files import write_atomic
        from longhand.formats import format_of

        path = Path(path)
        format = format_of(path, None)
        write_atomic(path, format.render(self.export(lang, version=version)))
        return path

    def concepts(self) -> dict[str, Vector]:
        """Return the raw sentence vectors (S, D) of every section by number."""
        leaves = self._store.get_outline(self.id).leaves()
        found = self._store.get_concepts([leaf.id for leaf in leaves])
        return {leaf.path: found[leaf.id].vectors for leaf in leaves if leaf.id in found}

    def delete(self) -> None:
        """Delete the document and everything that belongs to it; raise Busy if a process works on it."""
        release_dead(self._store)
        self._store.delete_document(self.id)


class Outline:
    """A snapshot of one version of a document's plan; every change makes a new version.

    Items are named by their numbers in this version, such as "3" or "2.1". A change returns the new outline.
    It raises EditError, which names the mistake, or InputError if this version is no longer the active one.
    `Document.write` then writes only the changed items.
    """

    def __init__(self, document: Document, version: int | None = None) -> None:
        self._document = document
        store = document._store
        found = store.get_outline(document.id, version)
        self.version = found.version
        """Version number, from 1."""
        self.items: tuple[PlanItemRecord, ...] = found.items
        """All items in reading order: `path`, `heading`, `planned_length`, `status` and more."""
        self._record = found

    def __repr__(self) -> str:
        return f"<longhand.Outline {self._document.id} version {self.version}, {counted(len(self.items), 'item')}>"

    def __iter__(self) -> Iterator[PlanItemRecord]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, path: str) -> PlanItemRecord:
        for item in self.items:
            if item.path == path:
                return item
        raise KeyError(path)

    def _repr_markdown_(self) -> str:
        return "\n".join(f"{'  ' * (i.depth - 1)}- {i.path} {i.heading or ''}" for i in self.items)

    def _repr_html_(self) -> str:
        return _as_html(self._repr_markdown_())

    def edit(self, *edits: Edit, approve: bool = False) -> Outline:
        """Do several edits, all or none; `approve` also approves a document that awaits review."""
        document = self._document
        editing.edit_outline(document._store, document.id, edits, version=self.version, approve=approve)
        return document.outline

    def rename(self, item: str, heading: str) -> Outline:
        """Change an item's heading."""
        return self.edit(SetHeading(item, heading))

    def set_length(self, item: str, num_sentences: int) -> Outline:
        """Change a section's planned number of sentences."""
        return self.edit(SetLength(item, num_sentences))

    def move(self, item: str, to: str) -> Outline:
        """Move an item, with all items below it, to another one's place."""
        return self.edit(Move(item, to))

    def drop(self, *items: str) -> Outline:
        """Remove items, with all items below them."""
        return self.edit(*(Drop(item) for item in items))

    def add(
        self, heading: str, *, after: str | None = None, under: str | None = None, length: int | None = None
    ) -> Outline:
        """Add a section at the end, after an item, or as the last one under an item."""
        return self.edit(Add(heading, after=after, under=under, length=length))

    def markdown(self) -> str:
        """Return the outline as Markdown to be edited and passed to `edit_markdown`."""
        return format_draft(self._record, self._document.title or self._document.record.prompt)

    def edit_markdown(self, text: str, *, approve: bool = False) -> Outline:
        """Store an edited `markdown()`."""
        document = self._document
        editing.edit_markdown(document._store, document.id, text, version=self.version, approve=approve)
        return document.outline


def _as_html(markdown: str) -> str:
    """Return HTML for a notebook; tags in the text are escaped."""
    from markdown_it import MarkdownIt

    return str(MarkdownIt("commonmark", {"html": False}).render(markdown))
