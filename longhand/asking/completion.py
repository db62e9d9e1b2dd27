"""Shell completion: ids, statuses, languages, models, schedules and other choices; nothing if they cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concepts.models.card import Kind

Complete = Callable[[str], Iterable[tuple[str, str]]]

NUM_DOCUMENTS = 200
"""Number of newest documents offered."""


def complete_ids(incomplete: str) -> Iterable[tuple[str, str]]:
    """Return stored documents' ids that begin with `incomplete`, with their titles, newest first."""
    return _quietly(lambda: _find_ids(incomplete))


def _find_ids(incomplete: str) -> list[tuple[str, str]]:
    from longhand.formats.export import short_title
    from storage import Store

    with Store.open() as store:
        found = store.list_documents(limit=NUM_DOCUMENTS)
    return [(d.id, short_title(d.title or d.prompt)) for d in found if d.id.startswith(incomplete)]


def complete_statuses(incomplete: str) -> Iterable[tuple[str, str]]:
    """Return document statuses that begin with `incomplete`."""
    from storage.records import DOCUMENT_STATUSES

    return [(status, "") for status in DOCUMENT_STATUSES if status.startswith(incomplete)]


def complete_languages(incomplete: str) -> Iterable[tuple[str, str]]:
    """Return codes of document languages that begin with `incomplete`."""

    def find() -> list[tuple[str, str]]:
        from flows.document.asked.prompts import known_languages

        return [(code, "") for code in known_languages() if code.startswith(incomplete)]

    return _quietly(find)


def complete_formats(incomplete: str) -> Iterable[tuple[str, str]]:
    """Return export formats that begin with `incomplete`."""
    from longhand.formats import FORMATS

    return [(name, "") for name in FORMATS if name.startswith(incomplete)]


def complete_schedules(incomplete: str) -> Iterable[tuple[str, str]]:
    """Return names of schedules that begin with `incomplete`, with their rules."""

    def find() -> list[tuple[str, str]]:
        from flows.prefect.schedules import list_schedules
        from longhand.doing.running import need_api

        with need_api(None) as api:
            return [(s.name, s.rule) for s in list_schedules(api) if s.name.startswith(incomplete)]

    return _quietly(find)


def complete_models(kind: Kind) -> Complete:
    """Return a function that completes the names of installed models of a kind."""

    def complete(incomplete: str) -> Iterable[tuple[str, str]]:
        def find() -> list[tuple[str, str]]:
            from concepts.models.card import list_cards

            cards = (card for card in list_cards() if card.kind == kind)
            return [(card.name, "") for card in cards if card.name.startswith(incomplete)]

        return _quietly(find)

    return complete


def complete_choices(*choices: str) -> Complete:
    """Return a function that completes one of some words."""

    def complete(incomplete: str) -> Iterable[tuple[str, str]]:
        return [(choice, "") for choice in choices if choice.startswith(incomplete)]

    return complete


def _quietly(find: Callable[[], list[tuple[str, str]]]) -> list[tuple[str, str]]:
    # A message would appear in the middle of the user's line.
    with suppress(Exception):
        return find()
    return []
