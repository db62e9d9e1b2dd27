"""Checked values of a request's address and form, with one-line errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from concepts.errors import UsageError
from concepts.languages.codes import take_language
from longhand.web.errors import TooLargeError

if TYPE_CHECKING:
    from starlette.requests import Request

MAX_NUMBER = 2**31 - 1
MAX_FORM_BYTES = 1_000_000
MAX_FORM_FIELDS = 5000
FORM_TYPE = "application/x-www-form-urlencoded"


def read_number(request: Request, name: str) -> int | None:
    """Return a number, at least 1, from the address; None if it is missing; raise UsageError."""
    return check_number(request.query_params.get(name), name)


def check_number(typed: str | None, name: str) -> int | None:
    """Return a typed number, at least 1; None for an empty field; raise UsageError."""
    if typed is None or not typed.strip():
        return None
    digits = typed.strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 10 and 1 <= int(digits) <= MAX_NUMBER):
        raise UsageError(f"{name} is {typed[:40]!r}: give a number from 1")
    return int(digits)


def read_choice(request: Request, name: str, choices: Sequence[str]) -> str | None:
    """Return one of the choices from the address; None if it is missing; raise UsageError."""
    typed = request.query_params.get(name)
    if not typed:
        return None
    if typed not in choices:
        raise UsageError(f"{name} is {typed[:40]!r}: expected one of {', '.join(choices) or 'none yet'}")
    return typed


def read_language(request: Request, name: str, choices: Sequence[str]) -> str | None:
    """Return the one of the codes that a code, tag or name of a language in the address means, like `read_choice`."""
    typed = request.query_params.get(name)
    code = None if not typed else take_language(typed, choices)
    return code or read_choice(request, name, choices)


class Form:
    """The fields of a submitted form; a name may occur several times."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self.pairs = tuple(pairs)

    def get(self, name: str, default: str = "") -> str:
        """Return the last value of a name."""
        return next((value for known, value in reversed(self.pairs) if known == name), default)

    def has(self, name: str) -> bool:
        """Return whether a name is there."""
        return any(known == name for known, _ in self.pairs)


async def read_form(request: Request) -> Form:
    """Read a submitted form; raise UsageError for anything else, or if it is too large."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM_TYPE:
        raise UsageError(f"the content is {kind or 'of no type'}: expected {FORM_TYPE}")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            raise TooLargeError(f"the form has more than {MAX_FORM_BYTES:,} bytes: shorten it")
    try:
        pairs = parse_qsl(
            body.decode("utf-8", "replace"),
            keep_blank_values=True,
            errors="replace",
            max_num_fields=MAX_FORM_FIELDS,
        )
    except ValueError as error:
        raise UsageError(f"the form has more than {MAX_FORM_FIELDS:,} fields") from error
    return Form(pairs)
