"""The script of a text, and the languages that are written in it."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

SCRIPTS: dict[str, frozenset[str]] = {
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
    is_known = most not in SCRIPTS or bool(written & SCRIPTS[most])
    return None if is_known or num * 2 <= counts.total() else most


@lru_cache(maxsize=4096)
def _script_of(char: str) -> str | None:
    return unicodedata.name(char, "").partition(" ")[0].partition("-")[0] or None
