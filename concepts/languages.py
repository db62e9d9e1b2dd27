"""Language codes: what people type instead of a space's codes, and which language a text is in.

A space names its languages by NLLB codes (`deu_Latn`). langcodes (BCP 47 matching, with CLDR's names) knows what
"de", "German" or "zh-TW" mean among them; py3langid tells a text's language among those of a space.
Both are imported only when they are asked.
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
"""langcodes' distance up to which another tag still is the language that was meant (a macrolanguage, a region)."""
_CLEAR = 0.9
"""How probable a language must be to refuse a text for it."""
_LIKELY, _HARDLY = 0.4, 0.03
"""... and of a few words: how probable it must be at least, and all known languages together at most. Of 8,800
titles and headings in English, German, French and Spanish one is refused so."""
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
"""The languages of a script that most texts in it are in, as py3langid names them."""
_NO_LANGUAGE = "zxx"
"""ISO 639 for what is in no language, such as numbers; py3langid knows it too."""
_SURER = 20.0
"""How many times as probable as the expected language another one must be to displace it. A few words, names of
dishes above all, look like many languages."""


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
"""Articles and other small words of languages in Latin letters, as py3langid names these: they tell a short sentence.

Without those that English has, too ("die", "on")."""
_SMALL_SURER = 3.0
"""How many times as probable as English a language must be that small words tell."""


_ENGLISH_WORDS = frozenset(["and", "by", "for", "from", "how", "into", "of", "the", "to", "with", "your"])
"""Small words that no other language writes so, but in names."""
_ENGLISH_SHARE = 0.2
"""Share of such words at which a text is plainly English."""


def check_language(lang: str, known: Sequence[str], space: str) -> str:
    """Return `lang` if it is one of `known`, those of a space; raises UsageError that names the nearest codes."""
    if lang in known:
        return lang
    near = suggest_languages(lang, known) or list(known[:5])
    raise UsageError(f"the space {space} does not know the language {lang!r}; try {', '.join(near)}")


def suggest_languages(typed: str, known: Sequence[str]) -> list[str]:
    """Return the codes of `known` that `typed` may mean, the best first; empty where nothing is near.

    Understands the code in other letters, ISO 639 and BCP 47 tags ("de", "zh-TW"), names in English or in
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
    """Return the English name of the language that `text` is clearly in and that `known` lacks, else None.

    A script that none of `known` is written in tells it from the first letter on; within a script it takes
    `_FEWEST_WORDS` words, of which nearly none may be of a known language.
    """
    import langcodes

    script = foreign_script(text, known)
    if script is not None:
        tags_of_script = [
            str(tag)
            for tag, share in _identifier(None).rank(text)
            if share > 0 and langcodes.Language.get(tag).maximize().script in _SCRIPTS[script]
        ]
        # A few words are of many languages of a script: the one that most people write is named then.
        main = [tag for tag in tags_of_script if tag in _MAIN.get(script, ())]
        named = main if main and len(text) < _FEWEST_CHARS else tags_of_script
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
    """Raise InputError where `text` is clearly in a language that none of `known` is; `what` names it ("the
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
    """Return the script of most letters of `text` where none of `known` is written in it, as Unicode names it."""
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
    """Return the code of `known` that `text` is written in, and `expected` where it cannot be told.

    py3langid is asked for the languages of `known` alone; the ones it was not trained on are never returned.
    With one known language nothing is detected and nothing is imported, nor where English is expected and plain to
    see: loading py3langid's model takes half a second.
    """
    if len(known) < 2 or (expected == "eng_Latn" and _is_plainly_english(text)):
        return expected
    import langcodes

    code_of: dict[str, str] = {}
    # Of two scripts or dialects of one tag the expected one is meant, then the one that bears the tag itself.
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


def _by_small_words(text: str) -> str | None:
    """Return the language (as py3langid names it) of a short sentence that its small words tell; None for others.

    Only where a stop says that it is a sentence: a title may be a name ("Das Boot", "La Paz").
    """
    if not text.rstrip().endswith((".", "!", "?")):
        return None
    words = re.findall(r"[^\W\d_]+", text.lower())
    if not 2 <= len(words) <= _MOST_WORDS_OF_SHORT or not _ENGLISH_WORDS.isdisjoint(words):
        return None
    tags = [tag for tag, small in _SMALL_WORDS.items() if not small.isdisjoint(words)]
    if not tags:
        return None
    share = {str(tag): float(share) for tag, share in _identifier(None).rank(text)}
    best = max(tags, key=lambda tag: share.get(tag, 0.0))
    return best if share.get(best, 0.0) > _SMALL_SURER * share.get("en", 0.0) else None


@lru_cache(maxsize=4)
def _identifier(tags: frozenset[str] | None) -> LanguageIdentifier:
    """Return py3langid's model for those of `tags` that it knows (None: for all); a thousand prompts load it once."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    if tags is not None:
        identifier.set_languages([tag for tag in identifier.labels if tag in tags])
    return identifier


def _is_plainly_english(text: str) -> bool:
    words = text.lower().split()
    return sum(word in _ENGLISH_WORDS for word in words) >= _ENGLISH_SHARE * max(1, len(words))
