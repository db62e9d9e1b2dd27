"""Cleaning translation pairs: long ones are split into sentences, doubtful ones are dropped and counted."""

from __future__ import annotations

from collections.abc import Iterator

from concepts.corpus.drops import DropReport
from concepts.corpus.lines import mend_line, reason_to_drop
from concepts.corpus.names import has_placeholder
from concepts.corpus.records import Kind
from concepts.segment import MAX_CHARS, normalize_text, split_sentences

_FINE_IN_PAIRS = frozenset(("label", "list intro", "fragment", "navigation", "default value"))
_MIN_RATIO = 0.45
_MAX_RATIO = 2.4
"""Bounds of the length ratio, other to English, in characters; German and French are 10-30% longer."""
_RATIO_FREE_CHARS = 15
"""Below this length the ratio means nothing ("Yes" - "Oui")."""


def clean_pair(
    english: str, other: str, lang: str, kind: Kind, drops: DropReport
) -> Iterator[tuple[str, str]]:
    """Yield the clean sentence pairs in one raw pair, of at most `MAX_CHARS` characters a side.

    Paragraph pairs with equal numbers of sentences give one pair per sentence (lengths must fit);
    others are kept whole when short enough. Dropped ones are counted as "pair: reason".
    """
    left = mend_line(normalize_text(english), "eng_Latn", kind)
    right = mend_line(normalize_text(other), lang, kind)
    if not left or not right:
        drops["pair: no letters"] += 1
        return
    lefts = split_sentences(left, "eng_Latn")
    rights = split_sentences(right, lang)
    if len(lefts) == len(rights) and all(_lengths_fit(a, b) for a, b in zip(lefts, rights, strict=True)):
        candidates = list(zip(lefts, rights, strict=True))
    else:
        candidates = [(left, right)]
    for a, b in candidates:
        reason = _pair_reason(a, b, lang, kind)
        if reason is None:
            yield a, b
        else:
            drops[f"pair: {reason}"] += 1


def _pair_reason(english: str, other: str, lang: str, kind: Kind) -> str | None:
    if len(english) > MAX_CHARS or len(other) > MAX_CHARS:
        return "too long"
    if english == other:
        return "untranslated"
    if not _lengths_fit(english, other):
        return "lengths differ"
    if has_placeholder(english):
        return "placeholder"
    # A space can learn labels and list intros too, so only the rules about language and code apply.
    for text, code in ((english, "eng_Latn"), (other, lang)):
        reason = reason_to_drop(text, code, kind)
        if reason is not None and reason not in _FINE_IN_PAIRS:
            return reason
    return None


def _lengths_fit(english: str, other: str) -> bool:
    if max(len(english), len(other)) <= _RATIO_FREE_CHARS:
        return True
    ratio = (len(other) + 5) / (len(english) + 5)
    return _MIN_RATIO <= ratio <= _MAX_RATIO
