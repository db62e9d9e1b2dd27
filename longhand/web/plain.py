"""Pages as JSON, and their lists as CSV: the template's values without vectors."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from starlette.responses import Response

from longhand.showing.terminal import with_times

if TYPE_CHECKING:
    from starlette.requests import Request

SUFFIX = ".json"
HIDDEN = frozenset({"form_token"})
"""Template values that JSON leaves out."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

_is_plain: ContextVar[bool] = ContextVar("is_plain", default=False)


def plainly(handler: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """Return a page's handler that answers with the page's values as JSON."""

    def answer(request: Request) -> Response:
        with _plain():
            return handler(request)

    return answer


@contextmanager
def _plain() -> Iterator[None]:
    token = _is_plain.set(True)
    try:
        yield
    finally:
        _is_plain.reset(token)


def is_plain() -> bool:
    """Return whether this request is answered with JSON."""
    return _is_plain.get()


def json_response(values: Mapping[str, object], *, status: int = 200) -> Response:
    """Return values as JSON; points in time are ISO 8601, vectors are left out."""
    shown = with_times({name: to_plain(value) for name, value in values.items() if name not in HIDDEN})
    content = json.dumps(shown, ensure_ascii=False, indent=1)
    return Response(content, status_code=status, media_type="application/json")


def to_plain(value: object) -> object:
    """Return a value for JSON; None for values that JSON cannot hold, such as arrays."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, BaseException):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {_key(key): to_plain(inner) for key, inner in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes):
        return [to_plain(inner) for inner in value]
    return None


def _key(key: object) -> str:
    return ", ".join(map(str, key)) if isinstance(key, tuple) else str(key)


def csv_response(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Return rows as a CSV file to save; a text that a spreadsheet would take for a formula gets a leading quote."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return Response(
        out.getvalue(),
        media_type="text/csv",
        headers={"content-disposition": f'attachment; filename="{name}.csv"'},
    )


def _cell(value: object) -> object:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return "" if value is None else value
