"""Language codes: matching what people type to a space's codes, and detecting the language of a text.

A space names its languages by NLLB codes (`deu_Latn`). langcodes (BCP 47 matching, with CLDR's names) maps "de",
"German" or "zh-TW" to them; py3langid detects which of a space's languages a text is in.
Both are imported on first use.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from concepts.errors import InputError, UsageError

if TYPE_CHECKING:
    from langcodes import Language
    from py3langid.langid import LanguageIdentifier

ENGLISH = "eng_Latn"

_FARTHEST = 10
"""Largest langcodes distance at which two tags are the same language (a macrolanguage, a region)."""
_CLEAR = 0.9
"""Least probability of a foreign language that refuses a text."""
_LIKELY, _HARDLY = 0.4, 0.03
"""The same for a few words: least probability of the foreign language, and largest of all known languages together.
Of 8,800 titles and headings in English, German, French and Spanish this refuses one."""
_FEWEST_CHARS = 40
_FEWEST_WORDS = 3
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
_NO_LANGUAGE = "zxx"
"""ISO 639 code for text in no language, such as numbers; py3langid knows it too."""
_SURER = 20.0
"""Another language must be this many times as probable as the expected one to replace it: a few words, above all names
of dishes, look like many languages."""


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
_ENGLISH_SHARE = 0.2
"""Share of such words from which a text is plainly English."""


def check_language(lang: str, known: Sequence[str], space: str) -> str:
    """Return `lang` if it is one of a space's languages `known`; raises UsageError that names the nearest codes."""
    if lang in known:
        return lang
    near = suggest_languages(lang, known) or list(known[:5])
    raise UsageError(f"the space {space} does not know the language {lang!r}; try {', '.join(near)}")


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

    A script that no known language uses decides it from the first letter on; within a script it takes
    `_FEWEST_WORDS` words, nearly none of them in a known language.
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
    tags = {str(tag.language) for code in known for tag in _tags(code)}
    small = _by_small_words(text)
    if small is not None:
        return None if small in tags else langcodes.Language.get(small).language_name()
    if len(text.split()) < _FEWEST_WORDS:
        return None
    ranked = [(str(tag), float(share)) for tag, share in _identifier(None).rank(text)]
    tag, share = ranked[0]
    if tag in tags or tag == _NO_LANGUAGE:
        return None
    num_known = sum(share for other, share in ranked if other in tags)
    is_clear = (share >= _CLEAR and len(text) >= _FEWEST_CHARS) or (share >= _LIKELY and num_known < _HARDLY)
    return langcodes.Language.get(tag).language_name() if is_clear else None


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
    small = _by_small_words(text) if expected == ENGLISH else None
    return expected if small is None else code_of.get(small, expected)


def language_shares(text: str) -> dict[str, float]:
    """Return the probability of each language (py3langid's code) that py3langid knows, most probable first."""
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
    return best if share.get(best, 0.0) > _SMALL_SURER * share.get("en", 0.0) else None


@lru_cache(maxsize=4)
def _identifier(tags: frozenset[str] | None) -> LanguageIdentifier:
    """Return py3langid's model for the `tags` that it knows (None: all languages); cached."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    if tags is not None:
        identifier.set_languages([tag for tag in identifier.labels if tag in tags])
    return identifier


def _is_plainly_english(text: str) -> bool:
    words = text.lower().split()
    return sum(word in _ENGLISH_WORDS for word in words) >= _ENGLISH_SHARE * max(1, len(words))
