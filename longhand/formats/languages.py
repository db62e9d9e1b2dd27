"""Standard tags for the languages of a concept space: `eng_Latn` is `en` in HTML, EPUB and Word."""

from __future__ import annotations

from functools import cache

_RIGHT_TO_LEFT = frozenset({"Adlm", "Arab", "Hebr", "Nkoo", "Rohg", "Syrc", "Thaa"})


@cache
def language_tag(lang: str) -> str:
    """Return the BCP 47 tag of a code such as `eng_Latn`, without a script that is the language's default.

    An invalid code (a space may name its languages freely) becomes `und`, undetermined.
    """
    # Imported here: loading its tables takes longer than most commands.
    from langcodes import Language
    from langcodes.tag_parser import LanguageTagError

    try:
        language = Language.get(lang)
    except LanguageTagError:
        return "und"
    return language.prefer_macrolanguage().simplify_script().to_tag()


def text_direction(lang: str) -> str:
    """Return `rtl` or `ltr`, by the script in the code."""
    return "rtl" if lang.rpartition("_")[2] in _RIGHT_TO_LEFT else "ltr"
