"""The Jinja environment of the pages: it escapes everything, and a missing name is an error."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from concepts.counting import counted
from longhand import __version__
from longhand.formats.export import clean, heading_of, runs, short_title
from longhand.formats.languages import language_tag, text_direction
from longhand.formats.times import format_utc
from longhand.outline.comparison import describe_change
from longhand.showing.states import is_held, progress_of, state_of
from longhand.showing.terminal import format_duration, format_time

if TYPE_CHECKING:
    from storage import DocumentRecord


@cache
def environment() -> Environment:
    """Return the environment with the templates' functions."""
    jinja = Environment(
        loader=PackageLoader("longhand.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.globals.update(
        version=__version__,
        anchor=anchor,
        describe_change=describe_change,
        direction=text_direction,
        heading_of=heading_of,
        is_held=is_held,
        link=link,
        progress_of=progress_of,
        runs=runs,
        state_of=state_of,
        tag=language_tag,
        title_of=title_of,
    )
    jinja.filters.update(
        clean=clean,
        counted=counted,
        duration=format_duration,
        moment=format_time,
        iso=format_utc,
        score=_score,
    )
    return jinja


def render(name: str, **values: object) -> str:
    """Return a template filled with values."""
    return environment().get_template(name).render(**values)


def title_of(document: DocumentRecord) -> str:
    """Return the title, or the first line of the prompt, on one line."""
    return clean(short_title(document.title or document.prompt))


def link(document_id: str, *parts: str, at: str = "", **query: object) -> str:
    """Return the address of a page of a document; parameters that are None or empty are left out.

    `at` is the place in the page.
    """
    path = "/".join(("/documents", *(quote(part, safe="") for part in (document_id, *parts))))
    shown = {name: value for name, value in query.items() if value not in (None, "")}
    return path + (f"?{urlencode(shown)}" if shown else "") + (f"#{at}" if at else "")


def anchor(path: str, ordinal: int | None = None) -> str:
    """Return the id, in a page, of a section's text, or of its sentence number `ordinal` (from 0)."""
    return f"s-{path}" if ordinal is None else f"s-{path}-{ordinal + 1}"


def _score(score: float | None) -> str:
    return "" if score is None else f"{score:.2f}"
