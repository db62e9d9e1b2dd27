"""The forms that change documents, through the same functions as the command line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from concepts.errors import InputError, LonghandError, NotFoundError, UsageError
from flows.document.asked.prompts import MAX_LENGTH
from flows.document.asked.wishes import WISHES
from flows.leases.lease import release_dead
from longhand.formats.export import short_title
from longhand.outline import editing
from longhand.outline.draft_markdown import format_draft
from longhand.outline.drafts import EditError, check_complete
from longhand.web.asking import Form, check_number, read_form
from longhand.web.errors import ForbiddenError, status_of
from longhand.web.pages.outline_form import make_rows, read_edits
from longhand.web.templating import link

if TYPE_CHECKING:
    from starlette.requests import Request

    from longhand.doing.running import Change
    from longhand.web.pages.documents import Pages
    from storage import DocumentRecord, OutlineRecord

FORM_TOKEN = "form_token"
TellPrefect = Callable[["Sequence[DocumentRecord]", "Change"], object]
"""Applies a change of documents to their flow runs, if a Prefect server is known."""


Handler = Callable[["Request", Form], Response]


def changing(pages: Pages, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Return a form's endpoint, which reads the form and checks its token before it does anything."""

    async def endpoint(request: Request) -> Response:
        form = await read_form(request)
        if not pages.guard.has_form_token(form.get(FORM_TOKEN)):
            raise ForbiddenError(
                "the form is of an earlier start of this server, or of another site: "
                "go back, load the page again, and send it once more"
            )
        return await run_in_threadpool(handler, request, form)

    return endpoint


class Changes:
    """The forms' actions; each ends with the address of a page that shows the result."""

    def __init__(self, pages: Pages, tell_prefect: TellPrefect) -> None:
        self._pages = pages
        self._store = pages.store
        self._tell_prefect = tell_prefect

    def act(self, request: Request, form: Form) -> Response:
        """Approve, queue, pause or cancel a document."""
        document = self._pages.find(request)
        action = request.path_params["action"]
        if action == "approve":
            self._tell_prefect([editing.approve_document(self._store, document.id)], "queued")
            return _see(document, form, done="approved")
        if action == "queue":
            if document.status == "awaiting_review":
                raise InputError(f"{document.id} waits for review: approve it")
            release_dead(self._store)
            self._store.requeue_document(document.id)
            self._tell_prefect([self._store.get_document(document.id)], "queued")
            return _see(document, form, done="queued")
        if action == "pause":
            self._store.pause_document(document.id)
            self._tell_prefect([document], "paused")
            return _see(document, form, done="paused")
        if action == "cancel":
            self._store.cancel_document(document.id)
            self._tell_prefect([document], "cancelled")
            return _see(document, form, done="cancelled")
        raise NotFoundError(
            f"nothing is called {action[:40]!r} here: a document is approved, queued, paused, cancelled"
        )

    def restore(self, request: Request, form: Form) -> Response:
        """Make an older version active again."""
        document = self._pages.find(request)
        version = check_number(form.get("version"), "version")
        if version is None:
            raise UsageError("no version is named: choose one")
        editing.restore_version(self._store, document.id, version)
        return _see(document, done="restored")

    def rewrite(self, request: Request, form: Form) -> Response:
        """Rewrite one section."""
        document = self._pages.find(request)
        try:
            seed = None
            if typed := form.get("seed").strip():
                if not typed.isascii() or not typed.isdecimal() or len(typed) > 19:
                    raise UsageError(f"the seed is {typed[:40]!r}: give a whole number, or none")
                seed = WISHES["seed"].check(int(typed))
            version = check_number(form.get("version"), "version")
            editing.rewrite_item(self._store, document.id, form.get("item"), seed=seed, version=version)
        except LonghandError as error:
            return self._edit_page(request, document, form=form, error=error, form_name="rewrite")
        return _see(document, done="rewrite", item=form.get("item"))

    # The outline

    def show(self, request: Request) -> Response:
        """Show the forms that change the active outline."""
        return self._edit_page(request, self._pages.find(request))

    def edit(self, request: Request, form: Form) -> Response:
        """Do the single changes of a form, all or none."""

        def change(document: DocumentRecord, version: int | None) -> OutlineRecord:
            outline = self._store.get_outline(document.id, version)
            edits = read_edits(form, outline)
            return editing.edit_outline(
                self._store, document.id, edits, version=version, approve=form.has("approve")
            )

        return self._change(request, form, change, "rows")

    def edit_markdown(self, request: Request, form: Form) -> Response:
        """Store the outline that was edited as Markdown."""

        def change(document: DocumentRecord, version: int | None) -> OutlineRecord:
            return editing.edit_markdown(
                self._store, document.id, form.get("text"), version=version, approve=form.has("approve")
            )

        return self._change(request, form, change, "markdown")

    def _change(
        self,
        request: Request,
        form: Form,
        change: Callable[[DocumentRecord, int | None], OutlineRecord],
        form_name: str,
    ) -> Response:
        document = self._pages.find(request)
        try:
            change(document, check_number(form.get("version"), "version"))
        except LonghandError as error:
            # Show the typed text again, whatever the error.
            return self._edit_page(request, document, form=form, error=error, form_name=form_name)
        after = self._store.get_document(document.id)
        if form.has("approve"):
            self._tell_prefect([after], "queued")
        is_same = (document.active_outline_id, document.status, document.title) == (
            after.active_outline_id, after.status, after.title
        )  # fmt: skip
        return _see(document, done="unchanged" if is_same else "edited")

    def _edit_page(
        self,
        request: Request,
        document: DocumentRecord,
        *,
        form: Form | None = None,
        error: LonghandError | None = None,
        form_name: str = "",
    ) -> Response:
        """Show the forms; a refused form keeps its typed values."""
        version = _version_of(form)
        outline = self._outline(document, version)
        typed = form if form is not None and form_name == "rows" else None
        text = None if form is None or form_name != "markdown" else form.get("text")
        line = error.line if isinstance(error, EditError) else None
        is_complete = outline is not None and _is_complete(outline)
        if text is None and is_complete and outline is not None:
            text = format_draft(outline, document.title or short_title(document.prompt))
        return self._pages.document_page(
            request,
            document,
            "edit.html",
            status=200 if error is None else status_of(error),
            tab="edit",
            outline=outline,
            is_complete=is_complete,
            rows=None if outline is None else make_rows(outline, typed, error),
            max_length=MAX_LENGTH,
            text=text,
            form_name=form_name,
            error=error,
            line=line,
            line_text=_line(text, line),
            typed=form,
            wrong_field=_wrong_field(error) if form_name == "rewrite" else "",
        )

    def _outline(self, document: DocumentRecord, version: int | None) -> OutlineRecord | None:
        """Return the edited version; None if nothing is planned yet."""
        if document.active_outline_id is None:
            return None
        versions = [outline.version for outline in self._store.list_outlines(document.id)]
        return self._store.get_outline(document.id, version if version in versions else None)


def _see(document: DocumentRecord, form: Form | None = None, *, done: str, item: str = "") -> Response:
    """Redirect to the page with the result: the document's, or the queue if the form was there."""
    if form is not None and form.get("back") == "queue":
        return RedirectResponse(f"/queue?done={done}", status_code=303)
    # 303: reloading the next page does not submit the form again.
    return RedirectResponse(link(document.id, done=done, item=item), status_code=303)


def _wrong_field(error: LonghandError | None) -> str:
    """Return the field of the rewrite form that an error is about."""
    return "seed" if "seed" in str(error).partition(":")[0] else "item"


def _version_of(form: Form | None) -> int | None:
    try:
        return None if form is None else check_number(form.get("version"), "version")
    except UsageError:
        return None


def _is_complete(outline: OutlineRecord) -> bool:
    try:
        check_complete(outline)
    except InputError:
        return False
    return True


def _line(text: str | None, line: int | None) -> str:
    lines = (text or "").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[line - 1].strip() if line is not None and line <= len(lines) else ""
