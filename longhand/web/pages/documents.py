"""The pages that show documents: lists, versions, languages, attempts, files, and search results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import quote

from starlette.responses import HTMLResponse, RedirectResponse, Response

from concepts.counting import counted
from concepts.errors import NotFoundError, UsageError
from concepts.languages.codes import take_language
from flows.document.asked.wishes import DEFAULT_LANG
from longhand.formats import FORMATS
from longhand.formats.export import file_stem, title_of
from longhand.formats.times import format_iso
from longhand.outline.comparison import compare_outlines
from longhand.showing.stages import stage_rows
from longhand.showing.states import is_held
from longhand.web.asking import read_choice, read_language, read_number
from longhand.web.pages.reading import FAIR_SCORE, GOOD_SCORE, flatten, read_version
from longhand.web.plain import SUFFIX, csv_response, is_plain, json_response
from longhand.web.templating import link, render
from storage import DOCUMENT_STATUSES, WAYS, DocumentStatus, Place

if TYPE_CHECKING:
    from starlette.requests import Request

    from longhand.doing.searching import Searcher
    from longhand.web.guard import Guard
    from storage import DocumentRecord, Match, Store

ATTEMPTS_PER_PAGE = 100
ATTEMPTS_HEADER = ("stage", "unit", "outcome", "error", "started", "finished", "owner")
MATCHES_HEADER = (
    "document",
    "title",
    "place",
    "section",
    "sentence",
    "text",
    "language",
    "cosine",
    "found by",
)
MATCHES = 30
MATCHES_TO_FILTER = 500
"""Number of matches from which a search narrowed to some documents takes theirs."""
MAX_LANGUAGES_BESIDE = 4

DONE = {
    "created": "Queued: a worker writes the document.",
    "edited": "The outline was changed: a new version is in use.",
    "unchanged": "Nothing was changed: the version stays as it is.",
    "restored": "The version is in use again, with the text that it had.",
    "approved": "Approved: the document is queued, a worker goes on with it.",
    "paused": "Paused: no worker takes the document until it is queued again.",
    "cancelled": "Cancelled: what is stored stays.",
    "queued": "Queued: a worker goes on with the document.",
    "schedule-pause": "The schedule is paused.",
    "schedule-resume": "The schedule goes on.",
    "schedule-run": "The schedule's documents are begun now; its clock goes on.",
    "schedule-remove": "The schedule is removed; its documents stay.",
    "rewrite": "A new version is in use, in which this section waits to be written again.",
}
"""Messages after a change, by its name in the address."""

RUNNING: tuple[DocumentStatus, ...] = ("queued", "planning", "writing", "decoding")


@dataclass(frozen=True)
class Pages:
    """All pages over one store; the pages that change documents also use `page`."""

    store: Store
    guard: Guard
    searcher: Searcher

    def page(self, name: str, *, status: int = 200, **values: object) -> Response:
        """Return a filled template with the values of all pages; only the values if JSON was requested."""
        if is_plain():
            return json_response(values, status=status)
        shown = {"form_token": self.guard.form_token, "location": self.store.location}
        return HTMLResponse(render(name, **{**shown, **values}), status_code=status)

    def document_page(
        self, request: Request, document: DocumentRecord, name: str, *, status: int = 200, **values: object
    ) -> Response:
        """Return a filled template with the values in the head of a document's pages."""
        head = {
            "document": document,
            "actions": actions_of(document),
            "done": DONE.get(request.query_params.get("done", "")),
            "is_running": document.status in RUNNING,
        }
        return self.page(name, status=status, **{**head, **values})

    def find(self, request: Request) -> DocumentRecord:
        """Return the document in the address; raise NotFoundError."""
        return self.store.get_document(request.path_params["id"])

    # Lists

    def search(self, request: Request) -> Response:
        """Show the plan items and sentences near in meaning to the words in the address, or holding them."""
        found = self._find(request)
        return self.page(
            "search.html",
            **found,
            languages=self.searcher.languages(),
            statuses=DOCUMENT_STATUSES,
            document_languages=self.store.list_document_languages(),
        )

    def search_table(self, request: Request) -> Response:
        """Send the results of a search as CSV, best first."""
        found = self._find(request)
        titles = {i: "" if d is None else d.title for i, d in found["documents"].items()}
        rows = (
            (
                match.document_id,
                titles[match.document_id],
                match.place,
                match.path,
                None if match.ordinal is None else match.ordinal + 1,
                match.text,
                match.lang,
                match.similarity,
                " ".join(match.found_by),
            )
            for match in found["found"] or ()
        )
        return csv_response("search", MATCHES_HEADER, rows)

    def _find(self, request: Request) -> dict[str, Any]:
        """Return the search in the address and its results."""
        words = request.query_params.get("q", "").strip()
        places: tuple[Place, ...] = get_args(Place)
        chosen = read_choice(request, "in", places)
        by = read_choice(request, "by", WAYS)
        ways = tuple(way for way in WAYS if by in (None, way))
        lang = read_language(request, "lang", self.searcher.languages()) or DEFAULT_LANG
        status = read_choice(request, "status", DOCUMENT_STATUSES)
        document_lang = read_language(request, "document_lang", self.store.list_document_languages())
        title = request.query_params.get("title", "").strip()
        wanted = tuple(place for place in places if chosen in (None, place))
        is_filtered = bool(status or document_lang or title)
        matches: tuple[Match, ...] | None = None
        documents: dict[str, DocumentRecord | None] = {}
        if words:
            limit = MATCHES_TO_FILTER if is_filtered else MATCHES
            matches = self.searcher.find(self.store, words, ways=ways, places=wanted, limit=limit, lang=lang)
            documents = {i: self._get(i) for i in dict.fromkeys(match.document_id for match in matches)}
        if is_filtered and matches is not None:
            kept = {
                document.id
                for document in documents.values()
                if document is not None
                and status in (None, document.status)
                and document_lang in (None, document.lang)
                and title.casefold() in (document.title or document.prompt).casefold()
            }
            matches = tuple(match for match in matches if match.document_id in kept)[:MATCHES]
        return {
            "words": words,
            "chosen": chosen,
            "by": by,
            "lang": lang,
            "in_status": status,
            "document_lang": document_lang,
            "title": title,
            "is_filtered": is_filtered,
            "found": matches,
            "documents": documents,
            "query": str(request.query_params),
        }

    def _get(self, document_id: str) -> DocumentRecord | None:
        try:
            return self.store.get_document(document_id)
        except NotFoundError:
            return None  # deleted since it was found

    # One document

    def document(self, request: Request) -> Response:
        """Show a version of a document, its outline beside its text."""
        document = self.find(request)
        if document.id != request.path_params["id"]:
            query = str(request.query_params)
            return RedirectResponse(
                link(document.id) + (SUFFIX if is_plain() else "") + (f"?{query}" if query else "")
            )
        version = read_number(request, "version")
        lang = self._language(request, document, "lang")
        view = read_version(self.store, document.id, version, lang)
        parts = view.parts()
        part_of = view.part_of()
        number = read_number(request, "part") or part_of.get(request.query_params.get("item", ""), 1)
        if number > len(parts):
            raise NotFoundError(f"{document.id} has no part {number}: it has {len(parts)}")
        in_use = view.outline is not None and view.outline.id == document.active_outline_id
        return self.document_page(
            request,
            document,
            "document.html",
            tab="text",
            view=view,
            shown=parts[number - 1],
            number=number,
            num_parts=len(parts),
            part_of=part_of,
            old_version=None if in_use else version,
            lang=view.exported.lang,
            languages=self._languages(document),
            fair_score=FAIR_SCORE,
            good_score=GOOD_SCORE,
            formats=tuple(FORMATS),
        )

    def read(self, request: Request) -> Response:
        """Show a version of a document as prose and lists, for reading and for paper."""
        document = self.find(request)
        version = read_number(request, "version")
        exported = self.store.export_document(
            document.id, self._language(request, document, "lang"), version=version
        )
        return self.document_page(
            request,
            document,
            "read.html",
            tab="read",
            exported=exported,
            title=title_of(exported),
            lang=exported.lang,
            languages=self._languages(document),
            old_version=version,
        )

    def progress(self, request: Request) -> Response:
        """Show only a document's progress; a script polls it."""
        document = self.find(request)
        return self.document_page(request, document, "progress.html")

    def _languages(self, document: DocumentRecord) -> tuple[str, ...]:
        return tuple(dict.fromkeys((document.lang, *self.store.list_languages(document.id))))

    def _language(self, request: Request, document: DocumentRecord, name: str) -> str | None:
        return read_language(request, name, self._languages(document))

    def languages(self, request: Request) -> Response:
        """Show the active version's sentences in several languages side by side."""
        document = self.find(request)
        known = self._languages(document)
        asked = []
        for typed in request.query_params.getlist("lang"):
            if (code := take_language(typed, known)) is None:
                raise UsageError(f"lang is {typed[:40]!r}: expected one of {', '.join(known)}")
            asked.append(code)
        beside = tuple(dict.fromkeys(asked or known))[:MAX_LANGUAGES_BESIDE]
        first, *others = (read_version(self.store, document.id, None, lang) for lang in beside)
        parts = first.parts()
        number = min(read_number(request, "part") or 1, len(parts))
        of_path = [{section.path: section for section in view.sections} for view in (first, *others)]
        return self.document_page(
            request,
            document,
            "languages.html",
            tab="languages",
            known=known,
            beside=beside,
            of_path=of_path,
            shown=parts[number - 1],
            number=number,
            num_parts=len(parts),
        )

    def versions(self, request: Request) -> Response:
        """Show all versions of the outline."""
        document = self.find(request)
        outlines = self.store.list_outlines(document.id)
        return self.document_page(
            request,
            document,
            "versions.html",
            tab="versions",
            outlines=tuple(reversed(outlines)),
        )

    def compare(self, request: Request) -> Response:
        """Show the changes of each item and its text from one version to another."""
        document = self.find(request)
        numbers = [outline.version for outline in self.store.list_outlines(document.id)]
        if len(numbers) < 2:
            raise NotFoundError(
                f"{document.id} has {counted(len(numbers), 'version')}: there is nothing to compare yet"
            )
        new = read_number(request, "new") or self.store.get_outline(document.id).version
        old = read_number(request, "old") or max((n for n in numbers if n < new), default=numbers[-1])
        before, after = (self.store.get_outline(document.id, n, vectors=True) for n in (old, new))
        texts = [
            {
                section.path: section.sentences
                for section in flatten(self.store.export_document(document.id, version=n).sections)
            }
            for n in (old, new)
        ]
        return self.document_page(
            request,
            document,
            "compare.html",
            tab="versions",
            numbers=numbers,
            old=old,
            new=new,
            changes=compare_outlines(before, after),
            texts=texts,
        )

    def attempts(self, request: Request) -> Response:
        """Show where the time went, and every attempt, the newest first."""
        document = self.find(request)
        attempts = self.store.get_attempts(document.id)
        ended = {(a.stage, a.unit_id, a.started_at) for a in attempts if a.finished_at is not None}
        outline = None if document.active_outline_id is None else self.store.get_outline(document.id)
        rows = stage_rows(document, outline, self.store.export_document(document.id), attempts)
        # Each attempt is recorded at its start and again at its end: show one line.
        shown = [
            attempt
            for attempt in reversed(attempts)
            if attempt.outcome != "started"
            or (attempt.stage, attempt.unit_id, attempt.started_at) not in ended
        ]
        num_pages = max(1, -(-len(shown) // ATTEMPTS_PER_PAGE))
        number = min(read_number(request, "page") or 1, num_pages)
        first = (number - 1) * ATTEMPTS_PER_PAGE
        return self.document_page(
            request,
            document,
            "attempts.html",
            tab="attempts",
            rows=rows,
            attempts=shown[first : first + ATTEMPTS_PER_PAGE],
            number=number,
            num_pages=num_pages,
        )

    def attempts_table(self, request: Request) -> Response:
        """Send every attempt as CSV, the oldest first."""
        document = self.find(request)
        rows = (
            (
                attempt.stage,
                attempt.unit_id,
                attempt.outcome,
                attempt.error,
                format_iso(attempt.started_at),
                None if attempt.finished_at is None else format_iso(attempt.finished_at),
                attempt.owner,
            )
            for attempt in self.store.get_attempts(document.id)
        )
        return csv_response(f"{document.id}-attempts", ATTEMPTS_HEADER, rows)

    def export(self, request: Request) -> Response:
        """Send a document as a file."""
        document = self.find(request)
        name = read_choice(request, "format", tuple(FORMATS)) or "md"
        exported = self.store.export_document(
            document.id, self._language(request, document, "lang"), version=read_number(request, "version")
        )
        stem = file_stem(document.id, title_of(exported), exported.lang)
        plain = stem.encode("ascii", "replace").decode().replace("?", "-")
        named = quote(f"{stem}.{name}", safe="")
        return Response(
            FORMATS[name].render(exported),
            # Never shown inline: a model's text must not be a page of this server.
            media_type="application/octet-stream",
            headers={
                "content-disposition": f"attachment; filename=\"{plain}.{name}\"; filename*=UTF-8''{named}"
            },
        )


def actions_of(document: DocumentRecord) -> tuple[str, ...]:
    """Return the actions that a document allows now: approve, queue, pause, cancel."""
    status = document.status
    is_free = status not in ("done", "queued", "awaiting_review") and not is_held(document)
    wanted = {
        "approve": status == "awaiting_review",
        "queue": is_free,
        "pause": status not in ("done", "failed", "cancelled", "paused"),
        "cancel": status not in ("done", "cancelled"),
    }
    return tuple(name for name, is_possible in wanted.items() if is_possible)
