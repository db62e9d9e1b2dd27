"""Search by words: stored plan items and sentences, found by the database's full-text index.

SQLite: an FTS5 table over the renderings, kept in step by triggers, ranked by BM25. PostgreSQL: a GIN index on an
expression, ranked by the inverse document frequency (Spärck Jones 1972) of a text's words; its own ts_rank ignores
frequencies, and would rank a text with `the` like one with `password`. Both remove capitals, accents and English
endings (Porter's stemmer, Snowball's), so that `bicycle` finds `Bicycles`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from storage.results import Match
from storage.search.stop_words import STOP_WORDS

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from storage.database.pool import Database
    from storage.records import Place

MAX_TERMS = 64
"""Most terms of a search; only the first ones of a longer query count."""
_TERM = re.compile(r'"([^"]*)"|([^\s"!#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~]+)')

FIRST_HITS = 1000
"""Number of texts looked up first: joining all texts with a common word takes a second per 60,000."""
_SQLITE_BEST = (
    "SELECT rowid, -rank FROM rendering_words WHERE rendering_words MATCH :query "
    "ORDER BY rank, rowid LIMIT :most"
)
_SQLITE_HITS = (
    "SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS score, 0 AS length "
    "FROM json_each(:hits)"
)
_POSTGRESQL_HITS = """
    WITH asked AS (
        SELECT DISTINCT phraseto_tsquery('english', longhand_words(term)) AS query
        FROM unnest(CAST(:terms AS text[])) AS term
    ), weighed AS (
        SELECT query, ln(1 + (total.n - holding.n + 0.5) / (holding.n + 0.5)) AS weight
        FROM asked, (SELECT count(*) AS n FROM renderings) AS total,
        LATERAL (
            SELECT count(*) AS n FROM renderings
            WHERE to_tsvector('english', longhand_words(text)) @@ asked.query
        ) AS holding
        WHERE numnode(query) > 0
    )
    SELECT id, sum(weight) AS score, length(min(text)) AS length
    FROM weighed JOIN renderings ON to_tsvector('english', longhand_words(text)) @@ query
    GROUP BY id
"""
_OWNERS: dict[Place, str] = {
    "plan": "JOIN plan_items ON plan_items.id = renderings.plan_item_id",
    "sentences": "JOIN concepts ON concepts.id = renderings.concept_id "
    "JOIN plan_items ON plan_items.id = concepts.plan_item_id",
}


def parse_terms(words: str, lang: str) -> tuple[str, ...]:
    """Return the terms, words or quoted phrases, without repetitions.

    Stop words of `lang` are left out unless there are no others.
    """
    terms = dict.fromkeys(
        " ".join((quoted or word).lower().split()) for quoted, word in _TERM.findall(words.replace("\0", " "))
    )
    common = STOP_WORDS.get(lang, frozenset())
    spoken = [term for term in terms if any(c.isalnum() for c in term)]
    rare = [term for term in spoken if term not in common]
    return tuple((rare or spoken)[:MAX_TERMS])


def search_words(
    database: Database, words: str, lang: str, places: Sequence[Place], limit: int
) -> tuple[Match, ...]:
    """Return the matches, best first; see `Store.search_words`."""
    terms = parse_terms(words, lang)
    if not terms:
        return ()
    with database.read() as connection:
        if not database.is_sqlite:
            return _look_up(connection, {"terms": list(terms)}, places, limit)
        query, most = " OR ".join(f'"{term}"' for term in terms), max(FIRST_HITS, 10 * limit)
        while True:
            hits = connection.execute(text(_SQLITE_BEST), {"query": query, "most": most}).all()
            found = _look_up(connection, {"hits": json.dumps([tuple(hit) for hit in hits])}, places, limit)
            # Hits of older versions, or of another place, are not among the matches.
            if len(found) == limit or len(hits) < most:
                return found
            most *= 50


def _look_up(
    connection: Connection, values: dict[str, object], places: Sequence[Place], limit: int
) -> tuple[Match, ...]:
    """Return the matches of the best hits, best first."""
    found: list[tuple[float, int, Match]] = []
    for place in dict.fromkeys(places):
        # The same sentence may match in several languages: keep its best text.
        seen: set[tuple[str, str, int | None]] = set()
        for row in connection.execute(text(_query(place, is_sqlite="hits" in values)), values):
            key = (row.document_id, row.path, row.ordinal)
            if key not in seen:
                seen.add(key)
                found.append((-row.score, row.length, _match(row, place)))
            if len(seen) == limit:
                break
    found.sort(key=lambda scored: scored[:2])
    return tuple(match for *_, match in found[:limit])


def _query(place: Place, *, is_sqlite: bool) -> str:
    ordinal = "concepts.ordinal" if place == "sentences" else "NULL"
    return (
        "SELECT documents.id AS document_id, plan_items.path, plan_items.heading, renderings.text, renderings.lang, "
        f"{ordinal} AS ordinal, hits.score, hits.length "
        f"FROM ({_SQLITE_HITS if is_sqlite else _POSTGRESQL_HITS}) AS hits "
        f"JOIN renderings ON renderings.id = hits.id {_OWNERS[place]} "
        "JOIN documents ON documents.active_outline_id = plan_items.outline_id "
        "ORDER BY hits.score DESC, hits.length, renderings.id"
    )


def _match(row: Row[Any], place: Place) -> Match:
    return Match(
        document_id=row.document_id,
        place=place,
        path=row.path,
        ordinal=row.ordinal,
        heading=row.heading,
        text=row.text,
        lang=row.lang,
        similarity=None,
        found_by=("words",),
    )
