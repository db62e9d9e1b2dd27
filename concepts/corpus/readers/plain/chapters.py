"""Headings of plain text that have no mark: "CHAPTER IV", "Zweites Kapitel", "§ 3 Pflichten", "PROLOGUE", and lines in
capitals.

A single such line is text; two with text below them are headings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_PARTS = "part|book|volume|act|teil|buch|akt|partie|livre|acte|parte|libro|acto"
_CHAPTERS = (
    "chapter|scene|letter|canto|section|article|kapitel|szene|abschnitt|artikel|chapitre|scène|capítulo|escena|"
    "artículo"
)
_NUMBERS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    "eighteen|nineteen|twenty|eins|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|un|une|deux|trois|"
    "quatre|cinq|sept|huit|neuf|dix|uno|una|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez"
)
_ORDINALS = (
    r"\d{1,3}\.|(?:erst|zweit|dritt|viert|fünft|sechst|sieb(?:en)?t|acht|neunt|zehnt|elft|zwölft)e[rs]?|premi[eè]re?|"
    r"deuxième|second|troisième|quatrième|cinquième|sixième|first|third|fourth|fifth|sixth|primer[ao]?|segund[ao]|"
    r"tercer[ao]?|cuart[ao]|quint[ao]"
)
_NUMBERED = re.compile(
    rf"(?:(?P<part>{_PARTS})|{_CHAPTERS})\s+(?:\d{{1,3}}|[ivxlc]{{1,8}}|(?:the\s+)?(?:{_NUMBERS}|{_ORDINALS}))"
    rf"(?:\s*[.:\u2013\u2014-]\s*(?P<title>.*)|\s{{2,}}(?P<spaced>\S.*))?|"
    rf"(?:das\s+|the\s+)?(?:{_ORDINALS})\s+(?:(?P<part2>{_PARTS})|{_CHAPTERS})(?:\s*[.:\u2013\u2014-]\s*.*)?",
    re.IGNORECASE,
)
_LAW = re.compile(r"(?:§|Art\.|Artikel) ?\d{1,4}[a-z]?\.?(?P<title>\s+\S.*)?")
_NAMED = re.compile(
    "prologue?|epilogue?|preface|foreword|afterword|introduction|conclusion|acknowledge?ments?|appendix|vorwort|nachwort|"
    "einleitung|anhang|préface|avant-propos|épilogue|prólogo|epílogo|prefacio|introducción",
    re.IGNORECASE,
)
_CONTENTS = re.compile(
    r"(?:table of )?contents|inhalt(?:sverzeichnis)?|table des matières|sommaire|índice", re.IGNORECASE
)
_LONGEST = 80
_LONGEST_CAPITALS = 60
_FEWEST = 2
_NO_TITLE_ENDS = (".", "!", "?", ":", ",", ";", '"', "\u201d", "\u2026")


def chapter_level(line: str) -> int | None:
    """Return 1 for a part's or book's name, 2 for a chapter's, 3 for a law's paragraph, None for other lines."""
    line = line.strip()
    if len(line) > _LONGEST:
        return None
    law = _LAW.fullmatch(line)
    if law is not None:
        title = (law["title"] or "X").strip()
        is_title = title[0].isupper() and not title.endswith(_NO_TITLE_ENDS)
        return 3 if is_title or title[0] in "([-\u2013" else None
    found = _NUMBERED.fullmatch(line)
    if found is not None:
        title = found["title"] or ""
        # "Part 2. He went home." is a sentence, "CHAPTER I." is none.
        if title.endswith((".", "!", "?")) and not title.isupper() and len(title.split()) > 3:
            return None
        return 1 if found["part"] or found["part2"] else 2
    return 2 if _NAMED.fullmatch(line.rstrip(".:")) else None


def is_capitals(line: str) -> bool:
    """Whether a line is written in capitals, like otherwise unmarked headings."""
    line = line.strip()
    if not line.isupper() or len(line) > _LONGEST_CAPITALS:
        return False
    letters = [char for char in line if char.isalpha()]
    return (
        len(letters) > 2
        and not line.endswith((".", "!", "?", ",", ";"))
        and line[0].isalnum()
        and all(char.isupper() for char in letters)
    )


def is_contents_of_chapters(lines: Sequence[str]) -> bool:
    """Whether a block of lines lists the chapters of a book."""
    body = [line for line in lines if line.strip() and not _CONTENTS.fullmatch(line.strip(" :."))]
    return len(body) >= _FEWEST and all(chapter_level(line) is not None for line in body)


def is_contents_heading(lines: Sequence[str]) -> bool:
    """Whether lines are the heading of a table of contents."""
    return len(lines) == 1 and _CONTENTS.fullmatch(lines[0].strip(" :.")) is not None


def unmarked_headings(parts: Sequence[Sequence[str]]) -> dict[int, tuple[int, str, int]]:
    """Return headings by index of their part: level, text, and extent.

    `parts` are paragraphs as lists of lines. A positive extent counts lines of the part, a negative one whole parts.
    """
    levels = {place: chapter_level(part[0]) for place, part in enumerate(parts) if part and len(part) <= 2}
    chapters = {place: level for place, level in levels.items() if level is not None}
    numbered = [place for place, level in chapters.items() if level == 3 or _is_numbered(parts[place][0])]
    if numbered and len(chapters) >= _FEWEST:
        return {place: _chapter(parts, place, level, chapters) for place, level in chapters.items()}
    return _capitals(parts)


def _chapter(
    parts: Sequence[Sequence[str]], place: int, level: int, chapters: dict[int, int]
) -> tuple[int, str, int]:
    text = " ".join(" ".join(parts[place]).split())
    has_title = (
        _NUMBERED.fullmatch(parts[place][0].strip().rstrip(".")) is not None and len(parts[place]) == 1
    )
    follows = parts[place + 1] if place + 1 < len(parts) else ()
    law = _LAW.fullmatch(text)
    is_bare = law["title"] is None if law is not None else has_title and len(text.split()) <= 3
    if is_bare and place + 1 not in chapters and place + 2 < len(parts) and _is_title(follows):
        return level, f"{text.rstrip('.:')}: {' '.join(follows[0].split())}", -2
    return level, text, len(parts[place])


def _is_numbered(line: str) -> bool:
    return _NUMBERED.fullmatch(line.strip()) is not None


def _is_title(lines: Sequence[str]) -> bool:
    line = lines[0].strip() if len(lines) == 1 else ""
    return (
        bool(line)
        and len(line) <= _LONGEST_CAPITALS
        and line[0].isupper()
        and not line.endswith(_NO_TITLE_ENDS)
    )


def _capitals(parts: Sequence[Sequence[str]]) -> dict[int, tuple[int, str, int]]:
    places = [place for place, part in enumerate(parts) if part and is_capitals(part[0])]
    places = [place for place in places if not any(map(is_capitals, parts[place][1:]))]
    last = len(parts) - 1
    with_text = [p for p in places if len(parts[p]) > 1 or (p < last and p + 1 not in places)]
    if len(with_text) < _FEWEST:
        return {}
    found = {place: (2, " ".join(parts[place][0].split()), 1) for place in places if place in with_text}
    if places[0] == 0 and 0 not in found:
        found[0] = (1, " ".join(parts[0][0].split()), 1)
    return found
