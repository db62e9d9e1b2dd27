"""Language codes: matching what people type to a space's codes, and detecting the language of a text.

A space names its languages by NLLB codes (`deu_Latn`). langcodes (BCP 47 matching, with CLDR's names) maps "de",
"German" or "zh-TW" to them; py3langid detects which of a space's languages a text is in.
Both are imported on first use.
"""

from __future__ import annotations

import copy
import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from concepts.errors import InputError, UsageError
from concepts.few_words import (
    Guess,
    are_few,
    guess_by_letters,
    guess_language,
    is_listed,
    split_words,
)

if TYPE_CHECKING:
    from langcodes import Language
    from py3langid.langid import LanguageIdentifier

ENGLISH = "eng_Latn"

_FARTHEST = 10
"""Largest langcodes distance at which two tags are the same language (a macrolanguage, a region)."""
_NEAREST = 1
"""The same distance between a macrolanguage and its standard: Norwegian and Bokmål."""
_CLEAR = 0.9
"""Least probability of a foreign language that refuses a text."""
_LIKELY, _HARDLY = 0.4, 0.03
"""The same for a few words: least probability of the foreign language, and largest of all known languages together.
Of 8,800 titles and headings in English, German, French and Spanish this refuses one."""
_FEWEST_CHARS = 40
_FEWEST_WORDS = 3
_MAYBE, _HARDLY_MAYBE = 0.6, 0.01
"""Least probability of a language without a list of words, and largest of all known ones, from which a line tells."""
_NOT_ENGLISH = -6.0
"""Least log odds at which py3langid's opinion of such a language counts."""
_MOSTLY = 0.5
"""Least probability of a language without a list of words for it to be named instead of one with a list."""
_SCRIPTS: dict[str, frozenset[str]] = {
    name: frozenset(codes.split())
    for name, codes in {
        "LATIN": "Latn",
        "CYRILLIC": "Cyrl",
        "GREEK": "Grek",
        "ARABIC": "Arab",
        "HEBREW": "Hebr",
        "DEVANAGARI": "Deva",
        "BENGALI": "Beng",
        "GURMUKHI": "Guru",
        "GUJARATI": "Gujr",
        "ORIYA": "Orya",
        "TAMIL": "Taml",
        "TELUGU": "Telu",
        "KANNADA": "Knda",
        "MALAYALAM": "Mlym",
        "SINHALA": "Sinh",
        "THAI": "Thai",
        "LAO": "Laoo",
        "TIBETAN": "Tibt",
        "MYANMAR": "Mymr",
        "KHMER": "Khmr",
        "GEORGIAN": "Geor",
        "ARMENIAN": "Armn",
        "ETHIOPIC": "Ethi",
        "HANGUL": "Hang Kore",
        "HIRAGANA": "Jpan",
        "KATAKANA": "Jpan",
        "CJK": "Hans Hant Hani Jpan Kore",
        "BOPOMOFO": "Bopo",
        "YI": "Yiii",
        "THAANA": "Thaa",
        "SYRIAC": "Syrc",
        "NKO": "Nkoo",
        "ADLAM": "Adlm",
        "VAI": "Vaii",
        "TIFINAGH": "Tfng",
        "CHEROKEE": "Cher",
        "CANADIAN": "Cans",
        "MONGOLIAN": "Mong",
        "OL": "Olck",
        "MEETEI": "Mtei",
        "JAVANESE": "Java",
        "BALINESE": "Bali",
    }.items()
}
"""Scripts by the first word of their letters' Unicode names, and the ISO 15924 codes of languages written in them."""
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
"""The same for a document's language: of 14,681 English titles one is surer, a loan word ("Déjà vu")."""
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


def check_language(lang: str, known: Sequence[str], space: str) -> str:
    """Return `lang` if it is one of a space's languages `known`; raises UsageError that names the nearest codes."""
    if lang in known:
        return lang
    near = suggest_languages(lang, known) or list(known[:5])
    raise UsageError(f"the space {space} does not know the language {lang!r}; try {', '.join(near)}")


def take_language(typed: str, known: Sequence[str]) -> str | None:
    """Return the code of `known` that `typed` means; None if none is meant, or it is not clear which.

    Understands codes in any case, ISO 639 and BCP 47 tags ("de", "de-AT", "zh-TW"), locales ("de_AT.UTF-8") and names
    in English or in another language ("German", "deutsch"). A tag means the language of its own script only:
    "sr-Latn" is no Serbian in Cyrillic letters. Nothing is guessed: see `suggest_languages` for misspelt ones.
    """
    if typed in known:
        return typed
    typed = typed.strip()
    by_letters = {code.casefold(): code for code in known}
    if typed.casefold() in by_letters:
        return by_letters[typed.casefold()]
    import langcodes

    meant = _language_of(typed)
    if meant is None:
        return None
    languages = {code: langcodes.Language.get(code) for code in known}
    found = [code for code, language in languages.items() if _is_same(meant, language)]
    if len(found) < 2:
        return found[0] if found else None
    return langcodes.closest_supported_match(meant, found, _FARTHEST)


def note_on_language(typed: str, code: str) -> str | None:
    """Return a line that says that `typed` was taken for `code`, if a region was lost by that, else None."""
    language = None if typed == code else _language_of(typed)
    if language is None or language.territory is None:
        return None
    return f"took {typed.strip()} for {code} ({language_name(code)})"


def _language_of(typed: str) -> Language | None:
    """Return the language that a tag, the name of a locale or the name of a language means."""
    import langcodes

    typed = typed.strip()
    if not typed.isprintable():  # the table of names has no such key, and its errors are no errors of ours
        return None
    tag = typed.partition(".")[0].partition("@")[0].strip()
    try:
        language = langcodes.Language.get(tag)
    except ValueError:  # no tag
        language = None
    if language is not None and language.language is not None and language.is_valid():
        return language
    return langcodes.find(typed) if _is_name(typed) else None


def _is_name(typed: str) -> bool:
    """Return whether a text is a language's name, letter by letter.

    langcodes.find takes whatever begins with a name, too: "Frenchh", "Germany".
    """
    from language_data.names import TRIES, name_to_code, normalize_name

    name_to_code("language", typed)  # loads the names
    return normalize_name(typed) in TRIES["und/name_to_language"]


def _is_same(meant: Language, other: Language) -> bool:
    """Return whether two tags are one language, or its macrolanguage, in one script."""
    import langcodes

    if meant.maximize().script != other.maximize().script:
        return False
    of_one, of_other = (
        {language.language, language.prefer_macrolanguage().language} for language in (meant, other)
    )
    return bool(of_one & of_other) or langcodes.tag_distance(meant, other) <= _NEAREST


def suggest_languages(typed: str, known: Sequence[str]) -> list[str]:
    """Return the codes of `known` that `typed` may mean, best first; empty if nothing is near.

    Understands codes in any case, ISO 639 and BCP 47 tags ("de", "zh-TW"), names in English or in
    the language itself ("German", "deutsch"), and misspelt codes.
    """
    import langcodes

    by_letters = {code.lower(): code for code in known}
    if typed.lower() in by_letters:
        return [by_letters[typed.lower()]]
    for read in (langcodes.find, langcodes.Language.get):
        try:
            meant = langcodes.closest_supported_match(read(typed), list(known), _FARTHEST)
        except (LookupError, ValueError):
            continue
        if meant is not None:
            return [meant]
    near = difflib.get_close_matches(typed.lower(), list(by_letters), n=3, cutoff=0.5)
    if near:
        return [by_letters[code] for code in near]
    names = {langcodes.Language.get(code).language_name().lower(): code for code in known}
    return [names[name] for name in difflib.get_close_matches(typed.lower(), list(names), n=3, cutoff=0.7)]


def language_name(code: str) -> str:
    """Return the English name of a language code ("German" for deu_Latn)."""
    import langcodes

    return langcodes.Language.get(code).language_name()


def foreign_language(text: str, known: Sequence[str]) -> str | None:
    """Return the English name of the language of `text` if it is clearly none of `known`, else None.

    A script that no known language uses decides it from the first letter on. Within Latin script the frequencies of one
    to four words do (`concepts.few_words`), and the letters of more; within others those of `_FEWEST_WORDS` words.
    """
    import langcodes

    script = foreign_script(text, known)
    if script is not None:
        shares = {
            tag: share
            for tag, share in language_shares(text).items()
            if share > 0 and langcodes.Language.get(tag).maximize().script in _SCRIPTS[script]
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
    return frozenset(str(tag.language) for code in known for tag in _tags(code))


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


def foreign_script(text: str, known: Sequence[str]) -> str | None:
    """Return the script of most letters of `text` (its Unicode name) if no known language uses it, else None."""
    counts = Counter(script for char in text if char.isalpha() and (script := _script_of(char)) is not None)
    if not counts:
        return None
    if kana := counts["HIRAGANA"] + counts["KATAKANA"]:
        # Japanese is written in three scripts at once.
        counts["HIRAGANA"] = kana + counts.pop("CJK", 0)
        del counts["KATAKANA"]
    written = {code.rpartition("_")[2] for code in known}
    most, num = counts.most_common(1)[0]
    is_known = most not in _SCRIPTS or bool(written & _SCRIPTS[most])
    return None if is_known or num * 2 <= counts.total() else most


@lru_cache(maxsize=4096)
def _script_of(char: str) -> str | None:
    return unicodedata.name(char, "").partition(" ")[0].partition("-")[0] or None


def _tags(code: str) -> tuple[Language, Language]:
    import langcodes

    language = langcodes.Language.get(code)
    return language, language.prefer_macrolanguage()


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
    if lang == ENGLISH:
        return ENGLISH
    import langcodes

    words = frozenset(word.casefold() for word in split_words(text))
    if words & _SURE_WORDS.get(lang, frozenset()):
        return lang
    tags = {tag.language for tag in _tags(lang)}
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
