"""The language of one to four words in Latin script, by how frequent each word is in every language.

A detector that reads letters takes "Dvořák symphony" for Czech as surely as "Dobrý den". Frequencies tell them apart:
beside a name or loan word an English prompt has English words, and names and loan words are known in English, while
everyday words of another language are not. wordfreq lists words of 27 languages in Latin script; py3langid's shares
help with words in no list. The weights are fitted to `benchmarks/languages/short_phrases/dev.tsv`, see
`benchmarks/languages/bench_short_phrases.py --fit`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log10

MOST_WORDS = 4
"""Longer texts show their language by their letters alone."""

_LISTS = (
    "ca", "cs", "da", "de", "en", "es", "fi", "fil", "fr", "hu", "id", "is", "it", "lt", "lv", "ms", "nb", "nl", "pl",
    "pt", "ro", "sh", "sk", "sl", "sv", "tr", "vi",
)  # fmt: skip
"""wordfreq's languages in Latin script."""
_LISTED_AS = {
    "no": "nb", "nn": "nb", "hr": "sh", "bs": "sh", "sr": "sh", "hbs": "sh", "tl": "fil", "zsm": "ms", "msa": "ms",
}  # fmt: skip
"""Languages that share the list of another one."""
_KIN = tuple(
    frozenset(tags.split())
    for tags in (
        "da no nb nn sv",
        "cs sk",
        "hr bs sr sh sl",
        "nl af",
        "pt gl",
        "fi et",
        "tr az",
        "id ms",
        "fil tl",
    )
)
"""Languages that few words do not tell apart."""
_RAREST, _RAREST_ENGLISH = 2.0, 1.0
"""Zipf frequency (log10 of the occurrences in a billion words) of words that are in no list: short lists end at 3, long
ones at 1."""
_LARGEST_GAP = 4.0
_PLAIN = 4.0
"""Frequency from which a word is an everyday word of a language."""
_LEAST_SHARE, _SHARE_WEIGHT = 1e-3, 0.5
"""Of py3langid's log share beside the gaps, for the choice of the language alone."""
_LACKED_BY = 1.5
"""Frequency by which an everyday word must be commoner in English than in another language that lacks it."""
_WORDS = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
_APOSTROPHE = re.compile(r"['\u2019]")
_NAME_OF_FILE = re.compile(r"\d|\w[./@\\]\w|[^\W\d_A-Z][A-Z]")


@dataclass(frozen=True)
class Guess:
    """The likeliest foreign language of a few words."""

    tag: str
    """wordfreq's code."""
    score: float
    """Log odds that the words are in it and in no known language."""
    is_sure: bool
    """Whether that is enough to refuse them."""
    is_likely: bool
    """Whether that is enough to tell of it."""
    is_complete: bool
    """Whether all words are in its list."""


_WEIGHTS_OF_ONE = (1.99, -0.42, 4.39, -2.39, -0.36, 1.49, -1.04, -4.96)
_WEIGHTS = (2.73, 0.7, 6.95, -2.0, -0.58, -0.43, 0.01, -1.53, -4.13, -2.11, -7.42)
"""Weights of `measure`'s values for one word and for more, and last the bias."""
_SURE, _SURE_OF_ONE, _LIKELY = 1.5, 3.0, 0.0
"""Least log odds that refuse several words; one, which more often is a name or a dish; and from which a line tells."""
_WORTH_LONG = -2.0
"""Log odds by the short lists from which the long ones are read, too: that takes longer than all else."""
_AS_OFTEN = 0.5
"""Mean frequency by which a language must exceed a known one that has all the words, too: Spanish is no Portuguese."""
_SURE_BY_LETTERS, _HARDLY_KNOWN, _RARE_IN_ENGLISH = 0.6, 0.03, 3.0
"""For a language without a list: its least probability by py3langid, largest of the known ones, largest mean frequency
of the words in English."""
_LATIN = frozenset(("la", "zxx"))
"""Latin, of which English has terms, and text in no language."""


def are_few(text: str) -> bool:
    """Whether a text has one to four words, all in Latin letters."""
    words = _WORDS.findall(text)
    return (
        bool(words)
        and len(text.split()) <= MOST_WORDS
        and all(unicodedata.name(word[0], "").startswith("LATIN") for word in words)
    )


def split_words(text: str) -> list[str]:
    """Return the words of a text, each once, without names of files and programs ("a.txt", "X11", "LibreOffice").

    Letters before or behind an apostrophe are no words ("l'aiuto", "Oma's").
    """
    text = _small(unicodedata.normalize("NFC", text))
    plain = " ".join(token for token in text.split() if not _NAME_OF_FILE.search(token))
    parts = [part for word in _WORDS.findall(plain) for part in _longest(_APOSTROPHE.split(word))]
    return list({part.casefold(): part for part in parts}.values())


def _longest(parts: list[str]) -> list[str]:
    return [part for part in parts if len(part) > 1] if len(parts) > 1 else parts


def guess_language(
    text: str,
    known: Collection[str],
    shares: Callable[[str], Mapping[str, float]],
    among: Collection[str] | None = None,
) -> Guess | None:
    """Return the likeliest language of one to four words that is none of the `known` ones (py3langid's codes).

    `shares` returns py3langid's probability of each language; `among` None takes all languages that have a list. None
    if the words are more, or everyday words of a known language, or no language is left.
    """
    found = values_of(text, known, shares, among)
    if found is None:
        return None
    tag, values = found
    words = split_words(text)
    score = _score(values)
    return Guess(
        tag,
        score,
        is_sure=score >= (_SURE if len(words) > 1 else _SURE_OF_ONE),
        is_likely=score >= _LIKELY,
        is_complete=all(frequency(word, tag) for word in words),
    )


def values_of(
    text: str,
    known: Collection[str],
    shares: Callable[[str], Mapping[str, float]],
    among: Collection[str] | None = None,
) -> tuple[str, tuple[float, ...]] | None:
    """Return the likeliest foreign language and the values that its score is weighed from; arguments as above.

    The long lists take longer to read than all else: they are read where the short ones make a language likely.
    """
    words = split_words(text)
    own_lists = _lists_of(known)
    candidates = [tag for tag in (_LISTS if among is None else _lists_of(among)) if tag not in own_lists]
    if not are_few(text) or not words or not candidates or _is_plain(words, own_lists):
        return None
    has_capitals = _has_capitals(words)
    by_letters = shares(_small(text))
    tag, values = measure(words, own_lists, candidates, by_letters, has_capitals=has_capitals, is_long=False)
    if _score(values) < _WORTH_LONG:
        return tag, values
    if _is_known(words, tag, own_lists):
        return None
    return measure(words, own_lists, [tag], by_letters, has_capitals=has_capitals, is_long=True)


def _score(values: tuple[float, ...]) -> float:
    weights = _WEIGHTS if len(values) == len(_WEIGHTS) - 1 else _WEIGHTS_OF_ONE
    return sum(weight * value for weight, value in zip(weights, (*values, 1.0), strict=True))


def _is_known(words: Sequence[str], tag: str, listed: Collection[str]) -> bool:
    """Whether one known language has every word that the language `tag` has, about as often."""
    own = [frequency(word, tag, is_long=True) for word in words]
    for known in listed:
        others = [frequency(word, known, is_long=True) for word in words]
        has_all = all(other or not mine for mine, other in zip(own, others, strict=True))
        if any(others) and has_all and sum(own) - sum(others) < _AS_OFTEN * len(words):
            return True
    return False


def guess_by_letters(
    text: str, known: Collection[str], shares: Callable[[str], Mapping[str, float]]
) -> str | None:
    """Return the language without a list (py3langid's code) that two to four words are clearly in, else None.

    Words that English has, or capitals on all of them, as names have, leave it open.
    """
    words = split_words(text)
    if not are_few(text) or len(words) < 2 or _is_plain(words, _lists_of(known)) or _has_capitals(words):
        return None
    in_english = sum(frequency(word, "en") for word in words)
    if has_english_word(text, ()) or in_english >= _RARE_IN_ENGLISH * len(words):
        return None
    ranked = shares(_small(text))
    tag = next(iter(ranked))
    if tag in known or is_listed(tag) or tag in _LATIN or ranked[tag] < _SURE_BY_LETTERS:
        return None
    return tag if sum(ranked.get(other, 0.0) for other in known) < _HARDLY_KNOWN else None


def has_english_word(text: str, tags: Collection[str]) -> bool:
    """Return whether one to four words hold an everyday word of English that a language ("recipe", for Spanish) lacks.

    `tags` are the codes of that language; without a list of its words it lacks all of them.
    """
    lists = _lists_of(tags)
    if not are_few(text):
        return False
    words = [word for word in split_words(text) if len(word) > 2]
    others = [max((frequency(word, tag) for tag in lists), default=0.0) for word in words]
    return any(
        (english := frequency(word, "en")) >= _PLAIN and english - other >= _LACKED_BY
        for word, other in zip(words, others, strict=True)
    )


def _lists_of(tags: Collection[str]) -> list[str]:
    """Return the lists of languages, English first: most prompts need no other one."""
    listed = {_LISTED_AS.get(tag, tag) for tag in tags}
    return sorted((tag for tag in _LISTS if tag in listed), key=lambda tag: tag != "en")


def _is_plain(words: Sequence[str], lists: Sequence[str]) -> bool:
    """Whether one language has all the words as everyday words."""
    return any(all(frequency(word, tag) >= _PLAIN for word in words) for tag in lists)


def _has_capitals(words: Sequence[str]) -> bool:
    return len(words) > 1 and all(word[0].isupper() for word in words[1:])


def _small(text: str) -> str:
    return text.replace("İ", "i").lower() if text.isupper() else text


def measure(
    words: Sequence[str],
    known: Sequence[str],
    candidates: Sequence[str],
    shares: Mapping[str, float],
    *,
    has_capitals: bool,
    is_long: bool,
) -> tuple[str, tuple[float, ...]]:
    """Return the likeliest of `candidates` for `words` and the values that the weights are for.

    The gap of a word is its frequency in the language less the highest in a known one. Values for several words: mean
    frequency in the language; sum of the negative gaps; share of words in no known list; lowest and highest frequency
    in English; log share by py3langid, alone and times the share of words in no known list; a letter beyond ASCII;
    `has_capitals`, alone and for more than two words. For one word: its frequency, its gap, whether no known list has
    it, its frequency in English, the two log shares, the letter.
    """
    english = [frequency(word, "en") or _RAREST_ENGLISH for word in words]
    best_known = [max([_RAREST_ENGLISH, *(frequency(word, tag, is_long) for tag in known)]) for word in words]
    ranked: list[tuple[float, str, list[float], float]] = []
    for tag in candidates:
        gaps = []
        for word, other in zip(words, best_known, strict=True):
            own = frequency(word, tag, is_long)
            gap = own - other if own else min(0.0, _RAREST - other)
            gaps.append(max(-_LARGEST_GAP, min(_LARGEST_GAP, gap)))
        share = log10(sum(shares.get(other, 0.0) for other in kin(tag)) + _LEAST_SHARE)
        ranked.append((sum(gaps) + _SHARE_WEIGHT * share, tag, gaps, share))
    _, tag, gaps, share = max(ranked)
    num = len(words)
    new = sum(other <= _RAREST_ENGLISH for other in best_known) / num
    mean = sum(frequency(word, tag, is_long) or _RAREST for word in words) / num
    has_letter = float(not all(map(str.isascii, words)))
    if num == 1:
        return tag, (mean, gaps[0], new, english[0], share, new * share, has_letter)
    capitals = float(has_capitals)
    return tag, (
        mean,
        sum(min(0.0, gap) for gap in gaps),
        new,
        min(english),
        max(english),
        share,
        new * share,
        has_letter,
        capitals,
        capitals * (num > 2),
    )


def is_listed(tag: str) -> bool:
    """Whether wordfreq has a list of the language."""
    return _LISTED_AS.get(tag, tag) in _LISTS


def kin(tag: str) -> frozenset[str]:
    """Return the codes of a language and of those that few words do not tell from it."""
    return frozenset((tag,)).union(*(kin for kin in _KIN if tag in kin))


@lru_cache(maxsize=20_000)
def frequency(word: str, tag: str, is_long: bool = False) -> float:
    """Return the Zipf frequency of a word in one of wordfreq's lists, 0.0 if it is not there.

    `is_long` takes the long list, where there is one. English always has it: it knows names and loan words.
    """
    from wordfreq import cB_to_zipf, get_frequency_list

    word = word.replace("İ", "i").casefold()
    lists = get_frequency_list(tag, "best" if is_long or tag == "en" else "small")
    place = next((place for place, words in enumerate(lists) if word in words), None)
    return 0.0 if place is None else float(cB_to_zipf(-place))
