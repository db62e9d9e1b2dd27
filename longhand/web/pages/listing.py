"""The list of all documents: filtered, counted by status and language, sorted, and as a CSV file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from longhand.formats.times import format_iso
from longhand.showing.states import state_of
from longhand.web.asking import read_choice, read_language, read_number
from longhand.web.plain import csv_response
from storage import DOCUMENT_STATUSES, DocumentStatus
from storage.records import SORTS, Sort

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from longhand.web.pages.documents import Pages
    from storage import DocumentRecord, Store

DOCUMENTS_PER_PAGE = 50
CSV_HEADER = (
    "id", "title", "status", "language", "sections", "written", "decoded", "seed", "created", "updated", "prompt"
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which documents are listed, in which order."""

    status: DocumentStatus | None
    lang: str | None
    text: str
    sort: Sort

    @classmethod
    def read(cls, request: Request, languages: tuple[str, ...]) -> Filters:
        """Return the filters in the address; raise UsageError."""
        status = read_choice(request, "status", DOCUMENT_STATUSES)
        sort = read_choice(request, "sort", SORTS)
        return cls(
            status=next((known for known in DOCUMENT_STATUSES if known == status), None),
            lang=read_language(request, "lang", languages),
            text=request.query_params.get("text", "").strip(),
            sort=next((known for known in SORTS if known == sort), "created"),
        )

    def query(self, **changed: str) -> str:
        """Return an address's query with these filters, some of them changed."""
        values = {"status": self.status, "lang": self.lang, "text": self.text}
        values |= {"sort": None if self.sort == "created" else self.sort}
        return urlencode({name: value for name, value in (values | changed).items() if value})

    @property
    def is_any(self) -> bool:
        """Whether any filter is set."""
        return bool(self.status or self.lang or self.text)

    def list(self, store: Store, limit: int, offset: int = 0) -> tuple[DocumentRecord, ...]:
        """Return the documents."""
        return store.list_documents(
            self.status, lang=self.lang, text=self.text, sort=self.sort, limit=limit, offset=offset
        )


@dataclass(frozen=True)
class Listing:
    """The list as a page and as a file."""

    pages: Pages

    def page(self, request: Request) -> Response:
        """Show a page of the filtered documents, with the number of documents for each filter value."""
        store = self.pages.store
        languages = store.list_document_languages()
        filters = Filters.read(request, languages)
        by_status = {
            known: store.count_documents(known, lang=filters.lang, text=filters.text)
            for known in DOCUMENT_STATUSES
        }
        by_lang = {
            known: store.count_documents(filters.status, lang=known, text=filters.text) for known in languages
        }
        total = by_status[filters.status] if filters.status else sum(by_status.values())
        num_pages = max(1, -(-total // DOCUMENTS_PER_PAGE))
        number = min(read_number(request, "page") or 1, num_pages)
        first = (number - 1) * DOCUMENTS_PER_PAGE
        return self.pages.page(
            "list.html",
            documents=filters.list(store, DOCUMENTS_PER_PAGE, first),
            by_status=by_status,
            by_lang=by_lang,
            filters=filters,
            total=total,
            first=first + 1,
            number=number,
            num_pages=num_pages,
        )

    def table(self, request: Request) -> Response:
        """Send all filtered documents as CSV."""
        store = self.pages.store
        filters = Filters.read(request, store.list_document_languages())
        return csv_response("documents", CSV_HEADER, map(document_row, filters.list(store, 2**31 - 1)))


def document_row(document: DocumentRecord) -> tuple[object, ...]:
    """Return a document's values under `CSV_HEADER`."""
    progress = document.progress
    return (
        document.id,
        document.title,
        state_of(document),
        document.lang,
        progress.num_items,
        progress.num_written,
        progress.num_decoded,
        document.seed,
        format_iso(document.created_at),
        format_iso(document.updated_at),
        document.prompt,
    )
