"""The Python interface: documents and outlines as objects over one database.

Objects hold no state of their own: every property is read from the store when it is asked for, so what
another process or the command line does shows at once. Ids may be shortened, as on the command line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from concepts.errors import InputError, UsageError
from flows.document.wishes import DEFAULT_LANG, FILE_WISHES, WISHES
from flows.leases.lease import create_own, release_dead
from longhand.asking.given import baseline_of, make_given
from longhand.asking.requests import GivenWishes, Wishes, check_wishes, is_translation_due, make_document
from longhand.doing.searching import search_words
from longhand.outline import editing
from longhand.outline.draft_markdown import format_draft
from longhand.outline.drafts import Add, Drop, Edit, Move, SetHeading, SetLength
from storage import Store

if TYPE_CHECKING:
    from typing import Unpack

    from flows.document.events import Event, OnEvent
    from flows.document.options import Use
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
    the file in the user's data folder. `on_event` is called with each `flows.document.events.Event` of a run.
    Raises StorageError.
    """
    return Longhand(Store.open(url), on_event)


class Longhand:
    """An open database of documents, from `longhand.open`."""

    def __init__(self, store: Store, on_event: OnEvent | None = None) -> None:
        self.store = store
        """The store beneath, for what has no method here."""
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

        `wishes` are those of `flows.document.wishes`, as on the command line; an outline is the Path of a file,
        Markdown, or a list of headings. Raises InputError, UsageError or ModelError
        for the first thing wrong; nothing is stored then.
        """
        return Document(self, self.store.create_document(_document_of(prompt, wishes)).id)

    def plan(self, prompt: str, **wishes: Unpack[Wishes]) -> Document:
        """Plan a document and return it with its outline; arguments and errors as for `submit`."""
        new = _document_of(prompt, wishes | {"plan_only": True})
        return Document(self, create_own(self.store, new)).plan()

    def write(self, prompt: str, **wishes: Unpack[Wishes]) -> Document:
        """Plan, write and decode a document and return it; arguments and errors as for `submit`."""
        return Document(self, create_own(self.store, _document_of(prompt, wishes))).write()

    def plan_from(self, path: str | Path, **wishes: Unpack[GivenWishes]) -> Document:
        """Store a document that exists, its own outline and text, to be edited and rewritten; return it.

        `path`: a Markdown, HTML, Word or text file, `-` is stdin. `wishes` are `title`, `lang`,
        `prompt_lang` (the file's), `seed`, `review`, `priority`, `key`, the models, `steps` and `guidance`.
        Raises InputError, UsageError or ModelError for the first thing wrong; nothing is stored then.
        """
        return self._make_of(path, "keep", wishes)

    def summarize(self, path: str | Path, **wishes: Unpack[GivenWishes]) -> Document:
        """Write a summary of a file and return it; `extract` has its most typical sentences.

        `wishes` as for `plan_from`, and `sentences`.
        """
        return self._make_of(path, "summarize", wishes)

    def expand(self, path: str | Path, **wishes: Unpack[GivenWishes]) -> Document:
        """Write the long document of notes and return it.

        `wishes` as for `plan_from`, and `sections`, `depth` and `goal`.
        """
        return self._make_of(path, "expand", wishes)

    def _make_of(self, path: str | Path, use: Use, wishes: GivenWishes) -> Document:
        new = make_given(Path(path), use, **check_wishes(wishes, FILE_WISHES))
        document = Document(self, create_own(self.store, new))
        return document._started(plan_only=bool(new.params.get("plan_only")))

    def get(self, document_id: str) -> Document:
        """Return the document whose id begins so; raise NotFoundError for none or several."""
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

        Each match has `document_id`, `path`, `text`, `similarity`, `found_by` and more; `lang` is that of the words.
        By words alone no model is loaded.
        """
        return search_words(self.store, words, ways=ways, places=places, limit=limit, lang=lang)

    def tell(self, event: Event) -> None:
        """Hand an event of a run to whoever asked for them."""
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
        """The whole id."""

    def __repr__(self) -> str:
        return f"<longhand.Document {self.id}>"

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def _repr_html_(self) -> str:
        return _as_html(self._repr_markdown_())

    @property
    def record(self) -> DocumentRecord:
        """Everything known about it but its text."""
        return self._store.get_document(self.id)

    @property
    def status(self) -> DocumentStatus:
        """Where it stands, such as `planned` or `done`."""
        return self.record.status

    @property
    def title(self) -> str | None:
        """The title; None before it is planned."""
        return self.record.title

    @property
    def attempts(self) -> tuple[AttemptRecord, ...]:
        """Everything that was tried, oldest first, with timing and errors."""
        return self._store.get_attempts(self.id)

    @property
    def outline(self) -> Outline:
        """The version in use; raises NotFoundError before the document is planned."""
        return Outline(self)

    @property
    def versions(self) -> tuple[int, ...]:
        """The numbers of all stored outlines."""
        return tuple(outline.version for outline in self._store.list_outlines(self.id))

    def plan(self) -> Document:
        """Plan the document, where it is not yet, and return it; one that is planned stays as it is."""
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
        """Do whatever is left to be done, and return the document; one that is done stays as it is.

        One that is to be reviewed stops after its outline, in the status `awaiting_review`, until `approve`.
        Raises Busy where another process works on it, and what its run raises.
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
        """Let a document that waits for review be written, by workers or `write`; return it."""
        from longhand.doing.running import tell_prefect

        tell_prefect([editing.approve_document(self._store, self.id)], "queued")
        return self

    def rewrite(self, item: str, *, seed: int | None = None) -> Document:
        """Write one section again, as a new version, and return the document.

        `seed` None: one that was not used before. Raises InputError where the item is no written section, or the
        document waits for review; nothing is changed then.
        """
        editing.rewrite_item(self._store, self.id, item, seed=seed)
        return self.write()

    def restore(self, version: int) -> Document:
        """Use an older version of the outline, and its text, again; return the document."""
        editing.restore_version(self._store, self.id, version)
        return self

    def translate(self, lang: str) -> Document:
        """Decode the stored concepts into another language as well, and return the document.

        Raises UsageError for a language that its space does not know, FlowError where it is not written yet.
        """
        from longhand.doing.running import make_runner

        if is_translation_due(self._store, self.record, lang):
            make_runner().translate(self._store, self.id, lang, on_event=self._longhand.tell)
        return self

    @property
    def extract(self) -> ExportedDocument | None:
        """The most typical sentences of the text that this is a summary of; None for another document."""
        return baseline_of(self._store, self.id)

    def export(self, lang: str | None = None, *, version: int | None = None) -> ExportedDocument:
        """Return the text as far as it is decoded in a language (None: its own), as plain records.

        `version`: of the outline; None: the one in use.
        """
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
        """Write the text to a file, as what its suffix says, and return its path; arguments as for `export`.

        Known are .md, .json, .html, .docx, .pdf and .epub. Raises UsageError at another suffix, InputError where no
        file can be written there.
        """
        from longhand.asking.files import write_atomic
        from longhand.formats import format_of

        path = Path(path)
        format = format_of(path, None)
        write_atomic(path, format.render(self.export(lang, version=version)))
        return path

    def concepts(self) -> dict[str, Vector]:
        """Return the raw sentence vectors (S, D) of every section, by its number."""
        leaves = self._store.get_outline(self.id).leaves()
        found = self._store.get_concepts([leaf.id for leaf in leaves])
        return {leaf.path: found[leaf.id].vectors for leaf in leaves if leaf.id in found}

    def delete(self) -> None:
        """Delete the document and all that belongs to it; raise Busy where a process works on it."""
        release_dead(self._store)
        self._store.delete_document(self.id)


class Outline:
    """One version of a document's plan, as it was when it was asked for; every change makes a new one.

    Items are named by their numbers in this version, such as "3" or "2.1". A change returns the new outline;
    it raises EditError, which names what is wrong, or InputError where the version is no longer the one in
    use. `Document.write` then writes what was changed, and only that.
    """

    def __init__(self, document: Document, version: int | None = None) -> None:
        self._document = document
        store = document._store
        found = store.get_outline(document.id, version)
        self.version = found.version
        """Its number, from 1."""
        self.items: tuple[PlanItemRecord, ...] = found.items
        """All items in reading order: `path`, `heading`, `planned_length`, `status` and more."""
        self._record = found

    def __repr__(self) -> str:
        return f"<longhand.Outline {self._document.id} version {self.version}, {len(self.items)} items>"

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
        """Do several edits, all or none; `approve` lets a document that waits for review go on."""
        document = self._document
        editing.edit_outline(document._store, document.id, edits, version=self.version, approve=approve)
        return document.outline

    def rename(self, item: str, heading: str) -> Outline:
        """Give an item another heading."""
        return self.edit(SetHeading(item, heading))

    def set_length(self, item: str, num_sentences: int) -> Outline:
        """Plan another number of sentences for a section."""
        return self.edit(SetLength(item, num_sentences))

    def move(self, item: str, to: str) -> Outline:
        """Put an item, with all below it, in the place of another one."""
        return self.edit(Move(item, to))

    def drop(self, *items: str) -> Outline:
        """Leave items out, with all below them."""
        return self.edit(*(Drop(item) for item in items))

    def add(
        self, heading: str, *, after: str | None = None, under: str | None = None, length: int | None = None
    ) -> Outline:
        """Add a section at the end, behind an item, or as the last one of an item."""
        return self.edit(Add(heading, after=after, under=under, length=length))

    def markdown(self) -> str:
        """Return the outline as Markdown that may be changed and given to `edit_markdown`."""
        return format_draft(self._record, self._document.title or self._document.record.prompt)

    def edit_markdown(self, text: str, *, approve: bool = False) -> Outline:
        """Store a changed `markdown()`."""
        document = self._document
        editing.edit_markdown(document._store, document.id, text, version=self.version, approve=approve)
        return document.outline


def _as_html(markdown: str) -> str:
    """Return what a notebook shows; tags in a text are text."""
    from markdown_it import MarkdownIt

    return str(MarkdownIt("commonmark", {"html": False}).render(markdown))
