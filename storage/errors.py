"""Storage errors that need their own class; all others are in `concepts.errors`."""

from __future__ import annotations

from concepts.errors import StorageError


class Busy(StorageError):
    """A living process holds the document."""

    def __init__(self, message: str, *, owner: str, lease_until: float) -> None:
        super().__init__(message)
        self.owner = owner
        self.lease_until = lease_until


class DiskFull(StorageError):
    """The disk under the database has no room left."""


class NothingToDo(StorageError):
    """The request makes no sense in a document's final status."""
