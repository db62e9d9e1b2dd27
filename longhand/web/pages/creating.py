"""The form of a new document, with each field checked as on the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import RedirectResponse, Response

from concepts.errors import LonghandError, UsageError
from flows.document.asked.prompts import MAX_OUTLINE_DEPTH, check_language, check_prompt, known_languages
from flows.document.asked.wishes import WISHES, Wish
from longhand.asking.requests import check_models, make_document
from longhand.outline.outlines import parse_outline
from longhand.web.asking import Form, read_language
from longhand.web.errors import status_of
from longhand.web.templating import link

if TYPE_CHECKING:
    from starlette.requests import Request

    from longhand.web.pages.changing import TellPrefect
    from longhand.web.pages.documents import Pages

TEXTS = ("prompt", "goal", "outline")
MAIN = ("sections", "depth", "length", "lang", "seed")
MODELS = ("library", "space", "planner", "writer", "voice")
FURTHER = (*MODELS, "prompt_lang", "steps", "guidance", "priority")
"""Fields that are folded away while empty."""
FIELDS = (*TEXTS, *MAIN, *FURTHER)


@dataclass(frozen=True)
class Creating:
    """Shows the form and queues its document."""

    pages: Pages
    tell_prefect: TellPrefect

    def form(self, request: Request) -> Response:
        """Show the empty form; `prompt` in the address fills the first field."""
        typed = {name: request.query_params.get(name, _start(WISHES[name])) for name in FIELDS}
        typed["lang"] = read_language(request, "lang", known_languages()) or ""
        return self._page(Form(tuple(typed.items())), {})

    def create(self, request: Request, form: Form) -> Response:
        """Queue a document and show it; errors appear beside their fields, and typed values stay."""
        wishes: dict[str, Any] = {}
        wrong: dict[str, LonghandError] = {}
        models = _models()
        for name in FIELDS:
            typed = form.get(name)
            try:
                if typed.strip() or name == "prompt":
                    wishes[name] = _read(WISHES[name], typed, models)
            except LonghandError as error:
                wrong[name] = error
        if wishes.get("outline") is not None and "sections" in wishes:
            wrong["sections"] = UsageError("the outline names the sections itself: leave the number out")
        if not wrong:
            try:
                new = make_document(**wishes, review=form.has("review"))
                check_models()
            except LonghandError as error:
                wrong[""] = error
        if wrong:
            return self._page(form, wrong)
        store = self.pages.store
        (submitted,) = store.submit_documents([new])
        self.tell_prefect([store.get_document(submitted.id)], "queued")
        return RedirectResponse(link(submitted.id, done="created"), status_code=303)

    def _page(self, form: Form, wrong: dict[str, LonghandError]) -> Response:
        first = next(iter(wrong.values()), None)
        models = _models()
        return self.pages.page(
            "new.html",
            status=200 if first is None else status_of(first),
            typed={name: form.get(name) for name in FIELDS},
            is_reviewed=form.has("review"),
            wrong={name: _reason(error) for name, error in wrong.items()},
            wishes=WISHES,
            choices={name: _choices(WISHES[name], models) for name in FIELDS},
            texts=TEXTS,
            main=MAIN,
            further=FURTHER,
            is_more_open=any(form.get(name) for name in FURTHER),
        )


def _reason(error: LonghandError) -> str:
    """Return an error's message for a form, without the dashes of options."""
    return str(error).replace("--", "")


def _models() -> dict[str, tuple[str, ...]]:
    """Return the names of installed models by kind."""
    from concepts.models.card import list_cards
    from flows.document.asked.options import NO_LIBRARY

    cards = list_cards()
    names = {kind: tuple(dict.fromkeys(c.name for c in cards if c.kind == kind)) for kind in MODELS}
    return names | {"library": (*names["library"], NO_LIBRARY)}


def _start(wish: Wish) -> str:
    """Return a field's initial value."""
    return "" if wish.blank or wish.default is None else str(wish.default)


def _choices(wish: Wish, models: Mapping[str, Sequence[str]]) -> Mapping[str, str] | None:
    """Return a field's choices with their labels; None for a typed value."""
    if wish.kind == "model":
        # only by name: users of the form must not read folders of this machine
        return {name: name for name in models[wish.name]}
    if wish.kind == "language":
        return {code: code for code in known_languages()}
    return wish.choices or None


def _read(wish: Wish, typed: str, models: Mapping[str, Sequence[str]]) -> object:
    """Return a field's value; raise LonghandError."""
    called = wish.called or f"the {wish.name}"
    if wish.kind == "text":
        return check_prompt(typed, called)
    if wish.kind == "outline":
        return parse_outline(typed, max_depth=MAX_OUTLINE_DEPTH)
    if wish.kind == "language":
        return check_language(typed, known_languages())
    choices = _choices(wish, models)
    if choices is not None and typed not in choices:
        raise UsageError(f"{called} is {typed[:40]!r}: expected one of {', '.join(choices)}")
    if wish.limits is None:
        return typed
    if wish.kind == "decimal":
        try:
            return wish.check(float(typed))
        except ValueError:
            raise UsageError(f"{called}: {typed[:40]!r} is no number") from None
    digits = typed.strip().removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 19):
        raise UsageError(f"{called}: {typed[:40]!r} is no whole number")
    return wish.check(int(typed))
