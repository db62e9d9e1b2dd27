"""The language of a text: which of a space's languages it is in, and whether it is in one that the space does not know.

py3langid detects languages by letters, concepts/languages/few_words.py by the frequencies of a few words; both are
imported on first use.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from concepts.errors import InputError
from concepts.languages.codes import ENGLISH, language_name, tags_of
from concepts.languages.few_words import (
    Guess,
    are_few,
    guess_by_letters,
    guess_language,
    has_english_word,
    is_listed,
    split_words,
)
from concepts.languages.scripts import SCRIPTS, foreign_script

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

_CLEAR = 0.9
"""Least probability of a foreign language that refuses a text."""
_LIKELY, _HARDLY = 0.4, 0.03
"""The same for a few words: least probability of the foreign language, and largest of all known languages together."""
_FEWEST_CHARS = 40
_FEWEST_WORDS = 3
_MAYBE, _HARDLY_MAYBE = 0.6, 0.01
"""Least probability of a language without a list of words, and largest of all known ones, from which a line tells."""
_NOT_ENGLISH = -6.0
"""Least log odds at which py3langid's opinion of such a language counts."""
_MOSTLY = 0.5
"""Least probability of a language without a list of words for it to be named instead of one with a list."""
_MAIN = {
    "CYRILLIC": ("ru", "uk", "bg", "sr"),
    "ARABIC": ("ar", "fa", "ur"),
    "CJK": ("zh",),
    "HIRAGANA": ("ja",),
    "DEVANAGARI": ("hi", "mr", "ne"),
}
"""The commonest languages of a script, as py3langid names them, the commonest first."""
_LIKELY_SHARE = 0.5
"""A language of few words is likely if it is at least so probable, compared with the most probable one."""
_SHORT_NAMED = {"nb": "no"}
_IN_ENGLISH = frozenset(("de", "fr", "es"))
"""Languages whose names of films and towns are usual in English."""
_NO_LANGUAGE = "zxx"
"""ISO 639 code for text in no language, such as numbers; py3langid knows it too."""
_SURER = 20.0
"""Another language must be this many times as probable as the expected one to replace it: a few words, above all names
of dishes, look like many languages."""


_SURE = 200.0
"""The same for a document's language: a loan word can be surer ("Déjà vu"; `bench_short_phrases.py --titles`)."""
_SURE_WORDS = {
    lang: frozenset(words.split())
    for lang, words in {
        "deu_Latn": "der das dem den ein eine einen einem einer ist sind und oder nicht mit für wie man warum wann "
        "im auf bei aus nach durch über unter ohne ich wir sie mein meine wenn als kann können werden wird sich auch",
        "fra_Latn": "un une est sont et ou pour que qui dans sur avec par pas comment pourquoi quand ce cette ces "
        "mon ma mes nous vous je sans être faire au aux leur plus",
        "spa_Latn": "un una uno es son o para que con por se su sus cómo qué cuándo dónde como más este esta mi mis "
        "sin sobre entre hacer puede al lo",
    }.items()
}
"""Function words that make a prompt's language sure; those of names ("de", "van") and those of English are left out."""
_MOST_WORDS_OF_SHORT = 4
_SMALL_WORDS = {
    tag: frozenset(words.split())
    for tag, words in {
        "de": "das der den dem des ein eine einen einem ist sind und wir ich nicht mein meine unser",
        "fr": "le la les du des un une est sont et je nous mon ma mes ce cette au aux",
        "es": "el la los las un una es son y yo mi mis este esta",
        "it": "il lo la gli le un uno una è sono mio mia questo questa",
        "pt": "o os um uma é são e meu minha este esta",
        "nl": "het de een zijn en ik wij mijn niet deze dit",
        "sv": "en ett är och jag vi min mitt inte det den",
        "da": "en et er og jeg vi min mit ikke det den",
        "nb": "en et ei er og jeg vi min mitt ikke det den",
        "pl": "jest są nie w na ta",
        "cs": "je jsou ne v na ta",
        "ro": "este sunt și un nu în pe",
        "fi": "ovat ja minä ei tämä se",
        "hu": "az és egy nem ez van",
        "tr": "bir ve bu değil ile için",
    }.items()
}
"""Function words of languages in Latin script, by py3langid's code: they identify a short sentence.

Words that English has too ("die", "on") are left out."""
_SMALL_SURER = 3.0
"""A language identified by function words must be this many times as probable as English."""


_ENGLISH_WORDS = frozenset(["and", "by", "for", "from", "how", "into", "of", "the", "to", "with", "your"])
"""English function words that other languages have only in names."""
_ENGLISH_ONLY = _ENGLISH_WORDS - {"by", "for", "of", "to"}
"""Those that no other language has as everyday words ("for" is Danish, "to" Polish): few words with one are English."""
_ENGLISH_SHARE = 0.2
"""Share of such words from which a text is plainly English."""


def foreign_language(text: str, known: Sequence[str]) -> str | None:
    """Return the English name of the language of `text` if it is clearly none of `known`, else None.

    A script that no known language uses decides it from the first letter on. Within Latin script the frequencies of one
    to four words do (few_words.py), and the letters of more; within others those of `_FEWEST_WORDS` words.
    """
    import langcodes

    script = foreign_script(text, known)
    if script is not None:
        shares = {
            tag: share
            for tag, share in language_shares(text).items()
            if share > 0 and langcodes.Language.get(tag).maximize().script in SCRIPTS[script]
        }
        named = list(shares)
        if len(text) < _FEWEST_CHARS:
            # A few words fit many languages of a script: name the commonest one of the likely ones.
            main = [tag for tag in _MAIN.get(script, ()) if tag in shares]
            least = _LIKELY_SHARE * max((shares[tag] for tag in main), default=0.0)
            named = [tag for tag in main if shares[tag] >= least] or named
        if named:
            return langcodes.Language.get(named[0]).language_name()
        return f"a language in {script.title()} letters"
    tags = _known_tags(known)
    small = _by_small_words(text)
    if small is not None:
        return None if small in tags else langcodes.Language.get(small).language_name()
    if are_few(text):
        if _has_english(text, tags):
            return None
        by_letters = guess_by_letters(text, tags, language_shares)
        if by_letters is not None:
            return langcodes.Language.get(by_letters).language_name()
        guess = _guess(text, tags)
        if guess is not None and guess.is_sure:
            return _name(guess, text, tags)
        if guess is None or not guess.is_likely:
            return None
    if len(text.split()) < _FEWEST_WORDS:
        return None
    ranked = list(language_shares(text).items())
    tag, share = ranked[0]
    if tag in tags or tag == _NO_LANGUAGE:
        return None
    num_known = sum(share for other, share in ranked if other in tags)
    is_clear = (share >= _CLEAR and len(text) >= _FEWEST_CHARS) or (share >= _LIKELY and num_known < _HARDLY)
    return langcodes.Language.get(tag).language_name() if is_clear else None


def possible_language(text: str, known: Sequence[str]) -> str | None:
    """Return the English name of the language that one to four words may be in if none of `known` is likely, else None.

    Names and loan words look like other languages, too: it is no reason to refuse them.
    """
    import langcodes

    tags = _known_tags(known)
    guess = None if _has_english(text, tags) else _guess(text, tags)
    if guess is None:
        return None
    if guess.is_likely:
        return _name(guess, text, tags)
    shares = language_shares(text)
    tag, share = next(iter(shares.items()))
    num_known = sum(shares.get(other, 0.0) for other in tags)
    is_likely = share >= _MAYBE and num_known < _HARDLY_MAYBE and guess.score >= _NOT_ENGLISH
    if not is_likely or tag in tags or tag == _NO_LANGUAGE or is_listed(tag):
        return None
    return langcodes.Language.get(tag).language_name()


def _has_english(text: str, tags: frozenset[str]) -> bool:
    return "en" in tags and not _ENGLISH_ONLY.isdisjoint(text.lower().split())


def _guess(text: str, tags: frozenset[str]) -> Guess | None:
    """Return the likeliest unknown language of a few words; None if a known one without a list of words is likely."""
    guess = guess_language(text, tags, language_shares)
    unlisted = [tag for tag in tags if not is_listed(tag)]
    if guess is None or not unlisted:
        return guess
    shares = language_shares(text)
    return guess if sum(shares.get(tag, 0.0) for tag in unlisted) < _HARDLY else None


def _name(guess: Guess, text: str, tags: frozenset[str]) -> str:
    """Return the English name of a guess; py3langid tells languages without a list of words from their neighbours."""
    import langcodes

    shares = language_shares(text)
    tag = guess.tag
    if tag == "sh":
        tag = max(("hr", "bs", "sr"), key=lambda other: shares.get(other, 0.0))
    first = next(iter(shares))
    if (
        not guess.is_complete
        and shares[first] >= _MOSTLY
        and not is_listed(first)
        and first not in tags
        and first != _NO_LANGUAGE
    ):
        tag = first
    return langcodes.Language.get(_SHORT_NAMED.get(tag, tag)).language_name()


def _known_tags(known: Sequence[str]) -> frozenset[str]:
    return frozenset(str(tag.language) for code in known for tag in tags_of(code))


def check_readable(text: str, known: Sequence[str], what: str) -> None:
    """Raise InputError if `text` is clearly in none of the languages `known`; `what` names the text ("the
    prompt")."""
    foreign = foreign_language(text, known)
    if foreign is not None:
        names = ", ".join(language_name(code) for code in known[:8]) + (
            " and others" if len(known) > 8 else ""
        )
        raise InputError(
            f"{what} reads as {foreign}, the space knows {names}: translate it, name another --space, or say its "
            "language with --prompt-lang"
        )


def detect_language(text: str, known: Sequence[str], expected: str) -> str:
    """Return the language of `text`, one of `known`; `expected` if it is unclear.

    py3langid chooses among `known` only; languages it was not trained on are never returned. With one known language,
    or where English is expected and obvious, nothing is imported: loading py3langid's model takes half a second.
    """
    if len(known) < 2 or (expected == "eng_Latn" and _is_plainly_english(text)):
        return expected
    import langcodes

    code_of: dict[str, str] = {}
    # If several scripts or dialects share a tag, prefer the expected code, then the one that has the tag itself.
    for code in (expected, *known):
        code_of.setdefault(langcodes.Language.get(code).language or "", code)
    for code in known:
        code_of.setdefault(langcodes.Language.get(code).prefer_macrolanguage().language or "", code)
    probability = {code_of[tag]: share for tag, share in _identifier(frozenset(code_of)).rank(text)}
    best = next(iter(probability), expected)
    if probability.get(best, 0.0) > _SURER * probability.get(expected, 0.0):
        return best
    if expected != ENGLISH:
        return expected
    small = _by_small_words(text)
    if small is None:
        # German, French and Spanish words of a title may be a name ("Das Boot", "La Paz").
        among = [tag for tag in code_of if tag != "en" and tag not in _IN_ENGLISH]
        guess = guess_language(text, ("en",), language_shares, among) if among else None
        small = guess.tag if guess is not None and guess.is_sure else None
    return (
        expected if small is None else next((code for tag, code in code_of.items() if tag == small), expected)
    )


def document_language(text: str, known: Sequence[str]) -> str:
    """Return the language to write a document in whose prompt is `text`: the prompt's if that is sure, else English.

    A function word makes it sure, or a probability of `_SURE` times that of English: names look like other languages.
    """
    lang = detect_language(text, known, ENGLISH)
    if lang == ENGLISH or has_english_word(text, [str(tag.language) for tag in tags_of(lang)]):
        return ENGLISH
    import langcodes

    words = frozenset(word.casefold() for word in split_words(text))
    if words & _SURE_WORDS.get(lang, frozenset()):
        return lang
    tags = {tag.language for tag in tags_of(lang)}
    shares = language_shares(text)
    share = max(shares.get(str(tag), 0.0) for tag in tags)
    return lang if share > _SURE * shares.get(str(langcodes.Language.get(ENGLISH).language), 0.0) else ENGLISH


@lru_cache(maxsize=64)
def language_shares(text: str) -> Mapping[str, float]:
    """Return the probability of each language (py3langid's code) that py3langid knows, most probable first; cached."""
    return {str(tag): float(share) for tag, share in _identifier(None).rank(text)}


def _by_small_words(text: str) -> str | None:
    """Return the language (py3langid's code) that a short sentence's function words identify, else None.

    Only for text that ends with a full stop or the like: a title may be a name ("Das Boot", "La Paz").
    """
    if not text.rstrip().endswith((".", "!", "?")):
        return None
    words = re.findall(r"[^\W\d_]+", text.lower())
    if not 2 <= len(words) <= _MOST_WORDS_OF_SHORT or not _ENGLISH_WORDS.isdisjoint(words):
        return None
    tags = [tag for tag, small in _SMALL_WORDS.items() if not small.isdisjoint(words)]
    if not tags:
        return None
    share = language_shares(text)
    best = max(tags, key=lambda tag: share.get(tag, 0.0))
    # "Il neige." has an Italian article, and is French.
    others = max(share.get(tag, 0.0) for tag in {"en", *_IN_ENGLISH} - {best})
    is_sure = share.get(best, 0.0) > max(_SMALL_SURER * share.get("en", 0.0), others)
    return best if is_sure else None


@lru_cache(maxsize=4)
def _identifier(tags: frozenset[str] | None) -> LanguageIdentifier:
    """Return py3langid's model for the `tags` that it knows (None: all languages); cached, its file is read once."""
    if tags is not None:
        identifier = copy.copy(_identifier(None))
        identifier.set_languages([tag for tag in identifier.labels if tag in tags])
        return identifier
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _is_plainly_english(text: str) -> bool:
    words = text.lower().split()
    return sum(word in _ENGLISH_WORDS for word in words) >= _ENGLISH_SHARE * max(1, len(words))
