"""The pages' errors and their HTTP statuses."""

from __future__ import annotations

from concepts.errors import InputError, LonghandError, LostLease, NotFoundError, StorageError, UsageError
from storage.errors import Busy, NothingToDo


class ForbiddenError(LonghandError):
    """A form that did not come from a page of this start."""


class TooLargeError(UsageError):
    """A form that is longer than any outline."""


class CrowdedError(LonghandError):
    """A full queue refused more work; `retry_after_s`: when to try again."""

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


_STATUS: tuple[tuple[type[LonghandError], int], ...] = (
    (ForbiddenError, 403),
    (TooLargeError, 413),
    (CrowdedError, 503),
    (NotFoundError, 404),
    (Busy, 409),
    (LostLease, 409),
    (NothingToDo, 409),
    (InputError, 422),
    (UsageError, 400),
    (StorageError, 503),
)

BUSY_TITLE = "Too much at once"
"""Title for a CrowdedError; a failing database has the same status."""
TITLES = {
    400: "That address or form is not understood",
    403: "Not allowed",
    404: "Not found",
    405: "That cannot be done here",
    409: "Not now",
    413: "Too long",
    421: "Another server's name",
    422: "That cannot be used as it is",
    500: "Something is wrong in Longhand",
    503: "The database does not answer as it should",
}


def status_of(error: LonghandError) -> int:
    """Return an error's HTTP status."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
