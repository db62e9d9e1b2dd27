"""Detecting encodings from few letters: seven-bit ones by their escapes, code pages of one alphabet by its letters.

charset-normalizer needs sentences to tell KOI8-R from Shift-JIS, and never tries cp866. In a text of one alphabet every
wrong code page shows capitals inside words, signs between letters, or rare letters.
"""

from __future__ import annotations

import re
import unicodedata

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
_SHIFTED = re.compile(rb"\+([A-Za-z0-9+/]{3,400}+)(?:-|(?![A-Za-z0-9+/]))")
"""A run of letters in UTF-7: base64 of UTF-16. No shorter run is tried: it would end in the midst of letters."""
_RUN_LENGTHS = (0, 3, 6)
"""Lengths of whole 16-bit units in base64, modulo 8."""
_PUNCTUATION = frozenset(
    "\u2013\u2014\u2018\u2019\u201a\u201c\u201d\u201e\u2026\u20ac\u00a0\u00ab\u00bb\u00b0\u00a7\u00bf\u00a1\uff0c\u3002\uff1f\uff01\u3001"
)
_WORDS_OF_ASCII = frozenset((b"API", b"ANY", b"AMY", b"ANA", b"ALI", b"AMA", b"IBM", b"ALE", b"ALA", b"APA"))
"""Words in capitals that are runs of UTF-7 too ("REST+API-first")."""

_RUSSIAN = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"
_UKRAINIAN = "оанивіретслкудмпзяьбгчйхїжцюєшщфґ"
_GREEK = "αοιετσνηυρπκμλςόίάέγωδήθύχφβώξζψϊ"
_HEBREW = "יוהלארתבמשנםעדקחפכטגצסזןץךף"
_ARABIC = "اليمونرتبةعدسفهكقأحجشطصخإىذزضثئءآغظؤ،؟"
_THAI = "นารกองมัเยล่วดทสต้ะปบค์ีหิแจพชขใไุ็โผู่ึื์ำซภถธศฐณฟญษๆ"
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
    ("cp1256", "windows-1256", (_ARABIC,)),
    ("iso8859_6", "ISO-8859-6", (_ARABIC,)),
    ("cp874", "windows-874", (_THAI,)),
)
"""Python's names of code pages, their common names, and the letters of their languages, most frequent first."""
_NEUTRAL = frozenset("«»“”„‘’–—…№°\u00a0")
_NEUTRAL_SCORE, _CAPITALS_SCORE, _FEW_CAPITALS_SCORE, _ODD_SCORE = 0.3, -0.2, -0.1, -1.0
_CLEAR_SCORE, _CLEAR_MARGIN, _MARGIN_OF_A_SIGN = 0.45, 0.08, 0.6
_BONUS = {"cp1251": 0.1, "iso8859_6": -0.1}
"""Most such files were written on Windows in Cyrillic, hardly any in ISO's Arabic."""
_FEW_SIGNS = 5
"""In a word of so few letters capitals are nearly as likely as small letters: KOI8 shows each for the other."""
_FEWEST_LETTERS, _MOST_CHARS = 4, 20_000
_WORD = re.compile(r"[^\W\d_]+")
_THAI_MARK_ON_LATIN = re.compile(
    "[A-Za-z][\u0e31-\u0e4e]|(?<![\u0e01-\u0e5b])[\u0e01-\u0e5b](?![\u0e01-\u0e5b])"
)
"""French quotation marks and accents in windows-874."""


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
    runs = list(_SHIFTED.finditer(data))
    shown = [_shifted_run(run, data) for run in runs]
    if any(is_sure for _, is_sure in shown) and all(is_run for is_run, _ in shown):
        text = _decoded(data, "utf_7")
        return None if text is None or "\ufffd" in text else (text, "utf_7", "UTF-7")
    return None


def _shifted_run(found: re.Match[bytes], data: bytes) -> tuple[bool, bool]:
    """Return whether a run may be UTF-7, and whether it cannot be a word after a plus sign."""
    run = found[1]
    text = _decoded(b"+" + run + b"-", "utf_7") if len(run) % 8 in _RUN_LENGTHS else None
    if not text or text.isascii() or any(ord(char) < 0xA0 for char in text):
        return False, False
    if not all(char.isalpha() or char in _PUNCTUATION for char in text):
        return False, False
    if run in _WORDS_OF_ASCII:
        return True, False
    names = {unicodedata.name(char, "").partition(" ")[0] for char in text if char.isalpha()}
    is_far = not any(ord(char) < 0x2000 or char in _PUNCTUATION for char in text)
    if is_far:  # of Chinese, Japanese and Korean letters any word of six letters may be made
        return True, len(names) == 1 and not (
            run.islower() or run.isupper() or run.istitle() or run.isdigit()
        )
    # Within a word no capital follows a small letter: "x+API-y" is no "xÒy".
    before = data[max(0, found.start() - 1) : found.start()]
    return True, not (before.islower() and text[0].isupper())


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
            scores.append((score + _BONUS.get(encoding, 0.0), encoding, name, text))
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
    if _THAI_MARK_ON_LATIN.search(text):
        return True
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    return sum(any(char.isascii() for char in word) for word in words) * 10 > len(words)


def _score(text: str, alphabet: str) -> float:
    """Return how well the non-ASCII characters of `text` fit an alphabet: 1 if all are its most frequent letters."""
    worth = {letter: 1 - 0.7 * place / len(alphabet) for place, letter in reversed([*enumerate(alphabet)])}
    total, num_signs, num_letters = 0.0, 0, 0
    of_capitals = (
        _FEW_CAPITALS_SCORE if sum(not char.isascii() for char in text) <= _FEW_SIGNS else _CAPITALS_SCORE
    )
    for word in _WORD.findall(text):
        if word.isascii():
            continue
        is_usual = word.islower() or word.istitle() or word.lower() == word.upper()
        less = 0.0 if is_usual else of_capitals if word.isupper() else _ODD_SCORE
        num_signs += len(word)
        for letter in word.lower():
            num_letters += letter in worth
            total += worth.get(letter, _ODD_SCORE) + less
    for char in text:
        if not char.isascii() and not char.isalpha():
            num_signs += 1
            # Vowels of Thai and punctuation of Arabic are no letters.
            total += worth.get(char, _NEUTRAL_SCORE if char in _NEUTRAL else _ODD_SCORE)
    return total / num_signs if num_letters >= _FEWEST_LETTERS else _ODD_SCORE
