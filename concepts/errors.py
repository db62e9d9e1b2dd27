"""The one base error and its kinds: what happened, what was expected, what was got, what to do next.

The command line prints such an error as one line and exits with 1 (2 for `UsageError`); any other
exception is a bug of ours. Nothing here imports more than the standard library, so that every room
may raise these without a cost.
"""

from __future__ import annotations


class LonghandError(Exception):
    """A condition that the user can act on; its text is one line and names the next step."""


class UsageError(LonghandError):
    """A value typed by the user is outside what the command accepts (exit code 2)."""


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
