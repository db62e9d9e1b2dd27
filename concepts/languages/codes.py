"""Language codes: matching what people type to a space's codes.

A space names its languages by NLLB codes (`deu_Latn`). langcodes (BCP 47 matching, with CLDR's names) maps "de",
"German" or "zh-TW" to them; it is imported on first use.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from concepts.errors import UsageError

if TYPE_CHECKING:
    from langcodes import Language

ENGLISH = "eng_Latn"

_FARTHEST = 10
"""Largest langcodes distance at which two tags are the same language (a macrolanguage, a region)."""
_NEAREST = 1
"""The same distance between a macrolanguage and its standard: Norwegian and Bokmål."""


def check_code(lang: str, known: Sequence[str], space: str) -> str:
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


def tags_of(code: str) -> tuple[Language, Language]:
    """Return the tag of a code, and that of its macrolanguage."""
    import langcodes

    language = langcodes.Language.get(code)
    return language, language.prefer_macrolanguage()
