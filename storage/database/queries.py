"""Turns queries, functions of an open connection, into methods of the store or of a transaction.

The method has the query's arguments and docstring, without the arguments that store or transaction supply:
connection, time, document, lease.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection

from storage.database.pool import Database
from storage.records import Lease

P = ParamSpec("P")
R = TypeVar("R")


class Opened(Protocol):
    """An object with such methods: an open database and a clock."""

    _database: Database
    _clock: Callable[[], float]


def reads(query: Callable[Concatenate[Connection, P], R]) -> Callable[Concatenate[Opened, P], R]:
    """Return a method that runs a query whose statements all see one moment of the database."""

    @wraps(query)
    def method(self: Opened, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._database.read() as connection:
            return query(connection, *args, **kwargs)

    return method


def reads_at(query: Callable[Concatenate[Connection, float, P], R]) -> Callable[Concatenate[Opened, P], R]:
    """As `reads`, for a query that takes the time (epoch seconds)."""

    @wraps(query)
    def method(self: Opened, /, *args: P.args, **kwargs: P.kwargs) -> R:
        now = self._clock()
        with self._database.read() as connection:
            return query(connection, now, *args, **kwargs)

    return method


def writes(query: Callable[Concatenate[Connection, P], R]) -> Callable[Concatenate[Opened, P], R]:
    """Return a method that runs a query and commits all its writes at the end, or none."""

    @wraps(query)
    def method(self: Opened, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._database.write() as connection:
            return query(connection, *args, **kwargs)

    return method


def writes_at(query: Callable[Concatenate[Connection, float, P], R]) -> Callable[Concatenate[Opened, P], R]:
    """As `writes`, for a query that takes the time (epoch seconds) of the call."""

    @wraps(query)
    def method(self: Opened, /, *args: P.args, **kwargs: P.kwargs) -> R:
        now = self._clock()
        with self._database.write() as connection:
            return query(connection, now, *args, **kwargs)

    return method


class Fenced(Protocol):
    """An object that writes to one document: an open connection behind the fence of a lease."""

    connection: Connection
    lease: Lease
    now: float


def of_document(query: Callable[Concatenate[Connection, str, P], R]) -> Callable[Concatenate[Fenced, P], R]:
    """Return a transaction's method that runs a query for its lease's document."""

    @wraps(query)
    def method(self: Fenced, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return query(self.connection, self.lease.document_id, *args, **kwargs)

    return method


def of_lease(query: Callable[Concatenate[Connection, Lease, P], R]) -> Callable[Concatenate[Fenced, P], R]:
    """Return a transaction's method that runs a query for its lease."""

    @wraps(query)
    def method(self: Fenced, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return query(self.connection, self.lease, *args, **kwargs)

    return method


def of_lease_at(
    query: Callable[Concatenate[Connection, float, Lease, P], R],
) -> Callable[Concatenate[Fenced, P], R]:
    """As `of_lease`, for a query that takes the transaction's start time (epoch seconds)."""

    @wraps(query)
    def method(self: Fenced, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return query(self.connection, self.now, self.lease, *args, **kwargs)

    return method
