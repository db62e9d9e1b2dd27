"""The form of a new document: what is typed is checked as on the command line, each field by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from concepts.errors import LonghandError, UsageError
from longhand.asking.requests import check_models, known_languages, make_document
from longhand.outline.outlines import parse_outline
from longhand.prompts import (
    DEFAULT_LANG,
    DEFAULT_SEED,
    MAX_OUTLINE_DEPTH,
    check_language,
    check_priority,
    check_prompt,
    check_sections,
    check_seed,
)
from longhand.web.asking import Form, read_choice
from longhand.web.errors import status_of
from longhand.web.templating import link

if TYPE_CHECKING:
    from starlette.requests import Request

    from concepts.models.card import Kind
    from longhand.asking.requests import Wishes
    from longhand.web.changing import TellPrefect
    from longhand.web.pages import Pages

LENGTHS = ("short", "medium", "long")
MODELS: tuple[Kind, ...] = ("library", "space", "planner", "writer", "voice")
FURTHER = (*MODELS, "prompt_lang", "steps", "guidance", "priority")
"""Fields that are folded away while nothing stands in them."""
FIELDS = ("prompt", "goal", "outline", "sections", "depth", "length", "lang", "seed", *FURTHER)
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
        read("prompt_lang", lambda typed: check_language(typed, known_languages()))
        models = _models()
        for kind in MODELS:
            # by name alone: whoever sees the form may not read folders of this machine
            read(kind, lambda typed, kind=kind: _choice(typed, f"the {kind}", models[kind]))  # type: ignore[misc]
        read("steps", _steps)
        read("guidance", _guidance)
        read("priority", lambda typed: check_priority(_number(typed, "the priority", is_signed=True)))
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
            models=_models(),
            is_more_open=any(form.get(name) for name in FURTHER),
        )


def _reason(error: LonghandError) -> str:
    """Return what is wrong in the words of a form: it has no options with dashes."""
    return str(error).replace("--", "")


def _models() -> dict[Kind, tuple[str, ...]]:
    """Return the names of the models that are installed, by kind."""
    from concepts.models.card import list_cards
    from flows.document.options import NO_LIBRARY

    cards = list_cards()
    names = {kind: tuple(dict.fromkeys(c.name for c in cards if c.kind == kind)) for kind in MODELS}
    return names | {"library": (*names["library"], NO_LIBRARY)}


def _number(typed: str, what: str, *, is_signed: bool = False) -> int:
    typed = typed.strip()
    digits = typed.removeprefix("-") if is_signed else typed
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 19):
        raise UsageError(f"{what}: {typed[:40]!r} is no whole number")
    return int(typed)


def _steps(typed: str) -> int:
    from flows.document.options import check_steps

    steps = _number(typed, "the steps")
    check_steps(steps)
    return steps


def _guidance(typed: str) -> float:
    from flows.document.options import check_guidance

    try:
        guidance = float(typed)
    except ValueError:
        raise UsageError(f"the guidance: {typed[:40]!r} is no number") from None
    check_guidance(guidance)
    return guidance


def _choice(typed: str, what: str, known: tuple[str, ...]) -> str:
    if typed not in known:
        raise UsageError(f"{what} is {typed[:40]!r}: expected one of {', '.join(known)}")
    return typed
