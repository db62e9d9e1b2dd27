"""The Jinja environment of exported files: it escapes everything, and a missing name is an error."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from longhand import __version__
from longhand.formats.export import clean, heading_of, runs, title_of
from longhand.formats.languages import language_tag, text_direction
from longhand.formats.times import format_utc

if TYPE_CHECKING:
    from storage import ExportedDocument


@cache
def environment() -> Environment:
    """Return the environment, with `runs`, `heading_of` and the version for templates."""
    jinja = Environment(
        loader=PackageLoader("longhand.formats"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    jinja.globals.update(runs=runs, heading_of=heading_of, version=__version__)
    return jinja


def render(name: str, document: ExportedDocument, **more: object) -> str:
    """Return a template filled with a document."""
    return (
        environment()
        .get_template(name)
        .render(
            document=document,
            title=title_of(document),
            prompt=clean(" ".join(document.prompt.split())),
            tag=language_tag(document.lang),
            direction=text_direction(document.lang),
            modified=format_utc(document.updated_at),
            **more,
        )
    )
