"""Numbers as each language writes them: 1,250.5 in English is 1.250,5 in German."""

from __future__ import annotations

import re

THIN = "\u202f"
"""Narrow no-break space, the separator of thousands in French."""
_MARKS = {"eng_Latn": (",", "."), "deu_Latn": (".", ","), "spa_Latn": (".", ","), "fra_Latn": (THIN, ",")}
"""Separator of thousands and decimal mark."""
_BLANKS = "\u00a0\u202f "
_THOUSANDS = {
    ",": re.compile(r"\d{1,3}(?:,\d{3})+"),
    ".": re.compile(r"\d{1,3}(?:\.\d{3})+"),
    THIN: re.compile(rf"\d{{1,3}}(?:[{_BLANKS}]\d{{3}})+"),
}
_QUANTITY = re.compile(r"(?P<number>\d[\d.,\u00a0\u202f ]*\d)(?P<unit>[ \u00a0\u202f]?[^\d\s.,:\-–/]\S*)?")
"""A number of several digits, and the unit behind it."""


def in_language(number: str, source_lang: str, target_lang: str) -> str:
    """Return a number, with its unit or currency if it has one, as `target_lang` writes it.

    Decimals change only where a unit or a currency shows that the number is a quantity: "3.11" may be a version. Dates,
    times, ranges and numbers in other languages stay as they are.
    """
    if source_lang == target_lang or source_lang not in _MARKS or target_lang not in _MARKS:
        return number
    sign = number[:1] if number[:1] in "€£$" else ""
    found = _QUANTITY.fullmatch(number[len(sign) :])
    if found is None:
        return number
    comma, point = _MARKS[source_lang]
    whole, _, decimals = found["number"].partition(point)
    is_grouped = _THOUSANDS[comma].fullmatch(whole) is not None
    is_quantity = is_grouped or bool(sign or found["unit"])
    if not (is_grouped or whole.isdecimal()) or (decimals and not decimals.isdecimal()):
        return number
    if point in found["number"] and not (decimals and is_quantity):
        return number
    new_comma, new_point = _MARKS[target_lang]
    groups = re.split(rf"[{re.escape(comma)}{_BLANKS}]", whole)
    unit = found["unit"] or ""
    return sign + new_comma.join(groups) + (new_point + decimals if decimals else "") + unit
