"""Errors of running a document that the other rooms do not know; the rest are in `concepts.errors`."""

from __future__ import annotations

from concepts.errors import LonghandError


class FlowError(LonghandError):
    """A document cannot be run: Prefect does not start, or a run ended without finishing its work."""


class FinishedError(LonghandError):
    """The document is done: there is nothing left to run."""


class CrewError(LonghandError):
    """The processes of one launch cannot work together: one is missing, or has other data or models."""


class Stopped(LonghandError):
    """A worker was asked to stop; what was done is stored, the rest waits for the next one."""


class Paused(LonghandError):
    """A document was paused while it was at work; what was done is stored."""


class PoisonError(LonghandError):
    """All runs of a document fail; it is set to failed so that the queue goes on."""
