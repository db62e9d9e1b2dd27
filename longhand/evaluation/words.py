"""Nearest topics by words, without vectors."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from nltk.tokenize import wordpunct_tokenize


def nearest_topics(texts: Sequence[str], documents: Sequence[str], sentences: Sequence[str]) -> list[int]:
    """Return the index of the document that shares most of each text's words.

    Texts are compared by the cosine of their word counts, weighted by inverse document frequency among `sentences`
    (Spärck Jones 1972).
    """
    holders = Counter(word for sentence in sentences for word in set(_words(sentence)))

    def weigh(text: str) -> dict[str, float]:
        counts = Counter(_words(text))
        weights = {w: n * math.log((1 + len(sentences)) / (1 + holders[w])) for w, n in counts.items()}
        norm = math.sqrt(sum(weight**2 for weight in weights.values())) or 1.0
        return {word: weight / norm for word, weight in weights.items()}

    known = [weigh(document) for document in documents]
    found = []
    for text in texts:
        own = weigh(text)
        likeness = [sum(w * other.get(word, 0.0) for word, w in own.items()) for other in known]
        found.append(max(range(len(known)), key=likeness.__getitem__))
    return found


def _words(text: str) -> list[str]:
    return [token for token in wordpunct_tokenize(text.lower()) if token.isalpha()]
