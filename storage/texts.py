"""Checks of texts and JSON values before they are stored: the same on every backend."""

from __future__ import annotations

import json
from collections.abc import Mapping

from concepts.errors import InputError


def check_text(what: str, text: str) -> str:
    """Return `text`; raise InputError if it holds a NUL or half a surrogate pair."""
    if "\x00" in text:
        raise InputError(f"{what} holds a NUL character: remove it, no database stores it")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"{what} is not valid Unicode (character {error.start} is half a surrogate pair): "
            "read the file as UTF-8"
        ) from error
    return text


def check_json(what: str, values: Mapping[str, object]) -> dict[str, object]:
    """Return `values` as a dict; raise InputError if JSON cannot hold them (NaN, arrays, objects)."""
    try:
        json.dumps(dict(values), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} cannot be stored as JSON ({error}): use plain numbers and texts") from error
    return dict(values)
