"""Finding stored plan items and sentences by meaning: words become a concept, the database does the rest."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from concepts.errors import UsageError
from longhand.prompts import DEFAULT_LANG, check_language, check_prompt
from longhand.requests import known_languages

if TYPE_CHECKING:
    from flows.engine import ModelEngine
    from storage import Match, Place, Store

MAX_LIMIT = 1000


class Searcher:
    """Searches again and again with one encoder, which is loaded when it is first needed.

    Safe to use from several threads; one of them encodes at a time.
    """

    def __init__(self, space: str | None = None) -> None:
        """`space`: a name or a folder; None: the one that ships."""
        self._space = space
        self._engine: ModelEngine | None = None
        self._lock = threading.Lock()

    def languages(self) -> tuple[str, ...]:
        """Return the languages that words may be in."""
        return known_languages(self._space)

    def find(
        self,
        store: Store,
        words: str,
        *,
        places: Sequence[Place] = ("plan", "sentences"),
        limit: int = 10,
        lang: str = DEFAULT_LANG,
    ) -> tuple[Match, ...]:
        """Return what is nearest in meaning to `words`; see `search_words`."""
        import numpy as np

        from flows.document.checks import check_vectors
        from flows.document.planning import split

        text = check_prompt(words, "what is looked for")
        check_language(lang, self.languages())
        if not 1 <= limit <= MAX_LIMIT:
            raise UsageError(f"--limit is {limit}: give a number from 1 to {MAX_LIMIT}")
        with self._lock:
            if self._engine is None:
                engine = make_engine(self._space)
                engine.start_loading(("encode",))
                engine.prepare("encode")
                self._engine = engine  # one that could not be loaded is tried again
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
        # a mapped concept is less near to all others, and to itself, whose nearness is to be 1
        own = float(query @ vectors[0] / (np.linalg.norm(query) * np.linalg.norm(vectors[0])))
        own = own if own > 0 else 1.0
        return tuple(replace(match, similarity=min(1.0, match.similarity / own)) for match in found)


def search_words(
    store: Store,
    words: str,
    *,
    places: Sequence[Place] = ("plan", "sentences"),
    limit: int = 10,
    lang: str = DEFAULT_LANG,
    space: str | None = None,
) -> tuple[Match, ...]:
    """Return what is nearest in meaning to `words` in all documents of a space, best first.

    `lang`: of the words. `space`: a name or a folder; None: the one that ships. Words of several sentences
    stand for their mean. Nearness is the cosine over that of the words themselves, as they are looked for
    (`Codec.as_query`). Raises InputError, UsageError, ModelError where the space cannot be loaded, and
    StorageError where the database cannot search.
    """
    return Searcher(space).find(store, words, places=places, limit=limit, lang=lang)


def make_engine(space: str | None) -> ModelEngine:
    """Return the models that encode; a test puts its own in this place."""
    from flows.engine import ModelEngine

    return ModelEngine(space=space)
