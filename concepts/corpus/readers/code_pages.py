"""Detecting encodings from few letters: seven-bit ones by their escapes, code pages of one alphabet by its letters.

charset-normalizer needs sentences to tell KOI8-R from Shift-JIS, and never tries cp866. In a text of one alphabet every
wrong code page shows capitals inside words, signs between letters, or rare letters.
"""

from __future__ import annotations

import re

_ESCAPES: tuple[tuple[re.Pattern[bytes], tuple[str, ...], str], ...] = (
    (re.compile(rb"\x1b\$\)C"), ("iso2022_kr",), "ISO-2022-KR"),
    (
        re.compile(rb"\x1b\$(?:[@B]|\(D)"),
        ("iso2022_jp", "iso2022_jp_2", "iso2022_jp_3", "iso2022_jp_2004"),
        "ISO-2022-JP",
    ),
    (re.compile(rb"~\{(?:[!-w][!-~]){1,200}~\}"), ("hz",), "HZ"),
)
"""Escape that begins a run of letters in seven-bit text, Python's encodings that use it, and their common name."""
_SHIFTED = re.compile(rb"\+[A-Za-z0-9+/]{3,400}-")
"""A run of letters in UTF-7."""
_FEWEST_SHIFTED = 2

_RUSSIAN = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"
_UKRAINIAN = "оанивіретслкудмпзяьбгчйхїжцюєшщфґ"
_GREEK = "αοιετσνηυρπκμλςόίάέγωδήθύχφβώξζψϊ"
_HEBREW = "יוהלארתבמשנםעדקחפכטגצסזןץךף"
_CODE_PAGES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("cp1251", "windows-1251", (_RUSSIAN, _UKRAINIAN)),
    ("koi8_r", "KOI8-R", (_RUSSIAN,)),
    ("koi8_u", "KOI8-U", (_UKRAINIAN,)),
    ("cp866", "cp866", (_RUSSIAN,)),
    ("iso8859_5", "ISO-8859-5", (_RUSSIAN, _UKRAINIAN)),
    ("mac_cyrillic", "Mac Cyrillic", (_RUSSIAN, _UKRAINIAN)),
    ("cp1253", "windows-1253", (_GREEK,)),
    ("iso8859_7", "ISO-8859-7", (_GREEK,)),
    ("cp1255", "windows-1255", (_HEBREW,)),
)
"""Python's names of code pages, their common names, and the letters of their languages, most frequent first."""
_NEUTRAL = frozenset("«»“”„‘’–—…№°\u00a0")
_NEUTRAL_SCORE, _CAPITALS_SCORE, _ODD_SCORE = 0.3, -0.2, -1.0
_CLEAR_SCORE, _CLEAR_MARGIN, _MARGIN_OF_A_SIGN = 0.45, 0.08, 0.6
_USUAL, _USUAL_BONUS = "cp1251", 0.1
"""Most such files were written on Windows in Cyrillic."""
_FEWEST_LETTERS, _MOST_CHARS = 4, 20_000
_WORD = re.compile(r"[^\W\d_]+")


def seven_bits(data: bytes) -> tuple[str, str, str] | None:
    """Return text, encoding (Python's name) and its common name of bytes below 128 that are not ASCII; else None."""
    if not data.isascii():
        return None
    for begin, encodings, name in _ESCAPES:
        if begin.search(data) is None:
            continue
        for encoding in encodings:
            text = _decoded(data, encoding)
            if text is not None and not text.isascii() and "\x1b" not in text:
                return text, encoding, name
    runs = _SHIFTED.findall(data)
    if len(runs) >= _FEWEST_SHIFTED:
        texts = [_decoded(run, "utf_7") for run in runs]
        if all(text is not None and not text.isascii() and text.isalpha() for text in texts):
            text = _decoded(data, "utf_7")
            return None if text is None else (text, "utf_7", "UTF-7")
    return None


def by_alphabet(data: bytes) -> list[tuple[str, str]]:
    """Return the possible code pages (Python's name and the common name) of a text in a non-Latin alphabet.

    The best comes first, and alone if it is clearly the best. Empty if words mix ASCII with other letters, as in
    Western Europe, or if no code page gives usual words.
    """
    sample = data[:_MOST_CHARS]
    scores: list[tuple[float, str, str, str]] = []
    for encoding, name, alphabets in _CODE_PAGES:
        text = _decoded(sample, encoding)
        if text is not None and not _mixes_letters(text):
            score = max(_score(text, alphabet) for alphabet in alphabets)
            scores.append((score + (_USUAL_BONUS if encoding == _USUAL else 0), encoding, name, text))
    scores.sort(key=lambda score: -score[0])  # equal scores keep the order of `_CODE_PAGES`
    if not scores or scores[0][0] < _CLEAR_SCORE:
        return []
    num_signs = sum(not char.isascii() for char in scores[0][3])
    lowest = scores[0][0] - max(_CLEAR_MARGIN, _MARGIN_OF_A_SIGN / num_signs)
    by_text: dict[str, tuple[str, str]] = {}  # code pages that give the same text are one answer
    for score, encoding, name, text in scores:
        if score > lowest:
            by_text.setdefault(text, (encoding, name))
    return list(by_text.values())


def _decoded(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _mixes_letters(text: str) -> bool:
    """Whether many words mix ASCII and other letters."""
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    return sum(any(char.isascii() for char in word) for word in words) * 10 > len(words)


def _score(text: str, alphabet: str) -> float:
    """Return how well the non-ASCII characters of `text` fit an alphabet: 1 if all are its most frequent letters."""
    worth = {letter: 1 - 0.7 * place / len(alphabet) for place, letter in enumerate(alphabet)}
    total, num_signs, num_letters = 0.0, 0, 0
    for word in _WORD.findall(text):
        if word.isascii():
            continue
        is_usual = word.islower() or word.istitle() or word.lower() == word.upper()
        less = 0.0 if is_usual else _CAPITALS_SCORE if word.isupper() else _ODD_SCORE
        num_signs += len(word)
        for letter in word.lower():
            num_letters += letter in worth
            total += worth.get(letter, _ODD_SCORE) + less
    for char in text:
        if not char.isascii() and not char.isalpha():
            num_signs += 1
            total += _NEUTRAL_SCORE if char in _NEUTRAL else _ODD_SCORE
    return total / num_signs if num_letters >= _FEWEST_LETTERS else _ODD_SCORE
