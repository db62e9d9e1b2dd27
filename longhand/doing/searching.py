"""Search for stored plan items and sentences by meaning and by words, both in the database."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from concepts.errors import UsageError
from flows.document.asked.prompts import check_language, check_prompt, known_languages
from flows.document.asked.wishes import DEFAULT_LANG
from longhand.showing.terminal import say

if TYPE_CHECKING:
    from flows.models.engine import ModelEngine
    from storage import Match, Place, Store, Way

MAX_LIMIT = 1000
MIN_DEPTH = 100
"""Least number of matches of each ranking to fuse: a match that is tenth in both is among the first of the fusion."""
RANK_CONSTANT = 60
"""Constant of reciprocal rank fusion (Cormack, Clarke and Büttcher 2009), as in the paper."""


class Searcher:
    """Searches repeatedly with one encoder, which is loaded at its first use.

    Safe to use from several threads; one of them encodes at a time.
    """

    def __init__(self, space: str | None = None) -> None:
        """`space`: name or folder; None: the one that ships."""
        self._space = space
        self._engine: ModelEngine | None = None
        self._lock = threading.Lock()

    def languages(self) -> tuple[str, ...]:
        """Return the languages that a query may be in."""
        return known_languages(self._space)

    def find(
        self,
        store: Store,
        words: str,
        *,
        ways: Sequence[Way] = ("meaning", "words"),
        places: Sequence[Place] = ("plan", "sentences"),
        limit: int = 10,
        lang: str = DEFAULT_LANG,
    ) -> tuple[Match, ...]:
        """Return matches for `words` by meaning and by words, best first; see `search_words`."""
        text = check_prompt(words, "what is looked for")
        lang = check_language(lang, self.languages(), say)
        if not 1 <= limit <= MAX_LIMIT:
            raise UsageError(f"--limit is {limit}: give a number from 1 to {MAX_LIMIT}")
        depth = max(limit, MIN_DEPTH) if len(ways) > 1 else limit
        lists = []
        if "meaning" in ways:
            # Check before loading an encoder for nothing.
            store.check_can_search()
            lists.append(self._find_by_meaning(store, text, places, depth, lang))
        if "words" in ways:
            lists.append(store.search_words(text, lang=lang, places=places, limit=depth))
        return fuse(lists, limit)

    def _find_by_meaning(
        self, store: Store, text: str, places: Sequence[Place], limit: int, lang: str
    ) -> tuple[Match, ...]:
        import numpy as np

        from flows.document.checks import check_vectors
        from flows.document.titles import split

        with self._lock:
            if self._engine is None:
                engine = make_engine(self._space)
                engine.start_loading(("encode",))
                engine.prepare("encode")
                self._engine = engine  # an engine that failed to load is tried again
            engine = self._engine
            sentences = split(text, lang)
            vectors = check_vectors(
                engine.encode(sentences, lang),
                (len(sentences), engine.space.dim),
                f"what is looked for from space {engine.space.name}",
            ).mean(axis=0, keepdims=True)
            query = check_vectors(
                engine.as_query(vectors, lang), vectors.shape, "what they are looked for by"
            )[0]
        found = store.search(query, engine.space, places=places, limit=limit)
        # mapping a concept to a query vector lowers all its cosines: divide by the one with itself, to make that 1
        own = float(query @ vectors[0] / (np.linalg.norm(query) * np.linalg.norm(vectors[0])))
        own = own if own > 0 else 1.0
        return tuple(
            match if match.similarity is None else replace(match, similarity=min(1.0, match.similarity / own))
            for match in found
        )


def fuse(lists: Sequence[Sequence[Match]], limit: int) -> tuple[Match, ...]:
    """Fuse several rankings into one, best first, by reciprocal rank fusion.

    A match scores 1 / (60 + rank) in each ranking that holds it (Cormack, Clarke and Büttcher 2009). A match in
    both rankings keeps the similarity from the search by meaning and the text from the search by words.
    """
    scores: dict[object, float] = {}
    merged: dict[object, Match] = {}
    for matches in lists:
        for rank, match in enumerate(matches, 1):
            key = (match.document_id, match.place, match.path, match.ordinal)
            scores[key] = scores.get(key, 0.0) + 1.0 / (RANK_CONSTANT + rank)
            other = merged.get(key)
            if other is not None:
                near = other.similarity if match.similarity is None else match.similarity
                match = replace(match, similarity=near, found_by=(*other.found_by, *match.found_by))
            merged[key] = match
    best = sorted(merged, key=lambda key: -scores[key])[:limit]
    return tuple(merged[key] for key in best)


def search_words(
    store: Store,
    words: str,
    *,
    ways: Sequence[Way] = ("meaning", "words"),
    places: Sequence[Place] = ("plan", "sentences"),
    limit: int = 10,
    lang: str = DEFAULT_LANG,
    space: str | None = None,
) -> tuple[Match, ...]:
    """Return plan items and sentences near in meaning to `words`, or holding them, best first.

    `ways`: the rankings to fuse; "words" alone loads no model and searches all spaces. `lang`: of the words. `space`:
    name or folder of the space whose documents are searched by meaning; None: the one that ships. Several sentences
    count as their mean. Similarity is the cosine to the query vector (`Codec.as_query`), divided by the words' own
    cosine to it. Raises InputError, UsageError, ModelError if the space cannot be loaded, and StorageError if the
    database cannot search by meaning.
    """
    return Searcher(space).find(store, words, ways=ways, places=places, limit=limit, lang=lang)


def make_engine(space: str | None) -> ModelEngine:
    """Return the models that encode; tests replace this function."""
    from flows.models.engine import ModelEngine

    return ModelEngine(space=space)
