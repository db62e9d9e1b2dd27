"""The base error and its subclasses. A message says what happened, was expected and was got, and what to do next.

The command line prints such an error as one line and exits with 1 (2 for `UsageError`); any other
exception is a bug of ours. This module imports only the standard library, so that every room can raise
these errors cheaply.
"""

from __future__ import annotations

MAX_SHOWN_CHARS = 80


class LonghandError(Exception):
    """A condition that the user can act on; its text is one line and names the next step."""


class UsageError(LonghandError):
    """The command does not accept a value that the user typed (exit code 2)."""


class InputError(LonghandError):
    """A file, prompt or corpus that cannot be used as given."""


class ModelError(LonghandError):
    """Weights, cards or checkpoints that are missing, damaged or do not belong together."""


class SpaceMismatchError(ModelError):
    """Vectors and a model that come from two different concept spaces."""


class NonFiniteError(ModelError):
    """A vector holds NaN or an infinity."""


class StorageError(LonghandError):
    """The database cannot be opened, read or written."""


class NotFoundError(StorageError):
    """No stored object has this id (or the prefix is ambiguous)."""


class LostLease(StorageError):
    """Another process took over the document; this one must stop and write nothing more."""


def shorten(text: str, max_chars: int = MAX_SHOWN_CHARS) -> str:
    """Return `text` for a message; if longer than `max_chars`, its two ends and how much is left out.

    A user may pass a whole file by mistake, and nobody can read an error message of a megabyte.
    """
    if len(text) <= max_chars:
        return text
    head = max_chars * 2 // 3
    tail = max_chars - head
    return f"{text[:head]}…({len(text) - max_chars:,} characters)…{text[-tail:]}"
