"""The form of a new document: what is typed is checked as on the command line, each field by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from concepts.errors import LonghandError, UsageError
from longhand.outlines import parse_outline
from longhand.prompts import (
    DEFAULT_LANG,
    DEFAULT_SEED,
    MAX_OUTLINE_DEPTH,
    check_language,
    check_prompt,
    check_sections,
    check_seed,
)
from longhand.requests import check_models, known_languages, make_document
from longhand.web.asking import Form, read_choice
from longhand.web.errors import status_of
from longhand.web.templating import link

if TYPE_CHECKING:
    from starlette.requests import Request

    from longhand.requests import Wishes
    from longhand.web.changing import TellPrefect
    from longhand.web.pages import Pages

LENGTHS = ("short", "medium", "long")
FIELDS = ("prompt", "goal", "outline", "sections", "depth", "length", "lang", "seed")
START = {"depth": "1", "lang": DEFAULT_LANG, "seed": str(DEFAULT_SEED)}


@dataclass(frozen=True)
class Creating:
    """Shows the form, and queues the document that it asks for."""

    pages: Pages
    tell_prefect: TellPrefect

    def form(self, request: Request) -> Response:
        """Show the empty form; `prompt` in the address fills its first field."""
        read_choice(request, "lang", known_languages())
        given = {name: request.query_params.get(name, START.get(name, "")) for name in FIELDS}
        return self._page(Form(tuple(given.items())), {})

    def create(self, request: Request, form: Form) -> Response:
        """Queue a document and show it; what is wrong is said beside its field, and what was typed is kept."""
        wishes: Wishes = {}
        wrong: dict[str, LonghandError] = {}

        def read(name: str, check: Callable[[str], object]) -> None:
            typed = form.get(name)
            try:
                value = check(typed) if typed.strip() or name == "prompt" else None
            except LonghandError as error:
                wrong[name] = error
            else:
                if value is not None:
                    wishes[name] = value  # type: ignore[literal-required]

        read("prompt", check_prompt)
        prompt = str(wishes.pop("prompt", ""))  # type: ignore[typeddict-item]
        read("goal", lambda typed: check_prompt(typed, "the goal"))
        read("outline", lambda typed: parse_outline(typed, max_depth=MAX_OUTLINE_DEPTH))
        read("sections", lambda typed: check_sections(_number(typed, "sections")))
        read("depth", lambda typed: int(_choice(typed, "depth", ("1", "2"))))
        read("length", lambda typed: _choice(typed, "length", LENGTHS))
        read("lang", lambda typed: check_language(typed, known_languages()))
        read("seed", lambda typed: check_seed(_number(typed, "the seed")))
        if wishes.get("outline") is not None and "sections" in wishes:
            wrong["sections"] = UsageError("the outline names the sections itself: leave the number away")
        if not wrong:
            try:
                wishes["review"] = form.has("review")
                new = make_document(prompt, **wishes)
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
        return self.pages.page(
            "new.html",
            status=200 if first is None else status_of(first),
            typed={name: form.get(name) for name in FIELDS},
            is_reviewed=form.has("review"),
            wrong={name: _reason(error) for name, error in wrong.items()},
            languages=known_languages(),
            lengths=LENGTHS,
        )


def _reason(error: LonghandError) -> str:
    """Return what is wrong in the words of a form: it has no options with dashes."""
    return str(error).replace("--", "")


def _number(typed: str, what: str) -> int:
    digits = typed.strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 19):
        raise UsageError(f"{what}: {typed[:40]!r} is no whole number")
    return int(digits)


def _choice(typed: str, what: str, known: tuple[str, ...]) -> str:
    if typed not in known:
        raise UsageError(f"{what} is {typed[:40]!r}: expected one of {', '.join(known)}")
    return typed
