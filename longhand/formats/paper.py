"""Paper sizes by a language's region."""

from __future__ import annotations

from dataclasses import dataclass

LETTER_REGIONS = frozenset(
    {"BZ", "CA", "CL", "CO", "CR", "GT", "MX", "NI", "PA", "PH", "PR", "SV", "US", "VE"}
)
"""Regions that use US letter; A4 elsewhere (Unicode CLDR, measurementData: paperSize)."""


@dataclass(frozen=True, kw_only=True)
class Paper:
    """A sheet."""

    name: str
    """Name in CSS and PDF libraries."""
    width_mm: float
    height_mm: float
    margin_mm: float = 25.0


A4 = Paper(name="A4", width_mm=210.0, height_mm=297.0)
LETTER = Paper(name="letter", width_mm=215.9, height_mm=279.4)


def paper_of(lang: str) -> Paper:
    """Return the paper of the region with most speakers of a language such as `eng_Latn`; A4 if unknown."""
    from langcodes import Language
    from langcodes.data_dicts import LIKELY_SUBTAGS
    from langcodes.tag_parser import LanguageTagError

    try:
        language = Language.get(lang).prefer_macrolanguage()
    except LanguageTagError:
        return A4
    if language.language not in LIKELY_SUBTAGS:
        return A4  # langcodes takes an unknown language for American
    return LETTER if language.maximize().territory in LETTER_REGIONS else A4
