"""Bytes to text: by byte order mark, then as UTF-8, then by the file's declaration, then in the likeliest encoding.

charset-normalizer ranks encodings of undeclared bytes. In texts of a few words it cannot distinguish code pages of
neighbouring countries (cp1250 comes first for German, French and Spanish alike), so the order of `_PREFERRED` decides
among equally clean ones; it follows the web (WHATWG's default is windows-1252).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass

from concepts.corpus.readers.encodings.code_pages import by_alphabet, seven_bits
from concepts.corpus.readers.encodings.latin_pages import by_latin_letters
from concepts.counting import counted
from concepts.errors import InputError

_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    # Before UTF-16: its mark is the beginning of UTF-32's.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(
    rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]+)|<meta[^>]{0,500}?charset\s*=\s*["']?\s*([\w.:-]+)""",
    re.IGNORECASE,
)
_HEAD_BYTES = 4_096
"""Bytes that are searched for a declaration; HTML requires it in the first 1,024 bytes."""
_FEWEST_FOR_PATTERN = 8
_AS_ON_THE_WEB = {"iso8859-1": "cp1252", "ascii": "cp1252", "iso8859-9": "cp1254", "latin-1": "cp1252"}
"""Encodings that browsers use for declared ones: supersets with more characters."""
_PREFERRED = (
    "cp1251",
    "cp1253",
    "shift_jis",
    "gb18030",
    "big5",
    "euc_kr",
    "koi8_r",
)
_NAMES = {
    "cp1252": "windows-1252",
    "cp1251": "windows-1251",
    "cp1253": "windows-1253",
    "shift_jis": "Shift-JIS",
    "gb18030": "GB 18030",
    "big5": "Big5",
    "euc_kr": "EUC-KR",
    "koi8_r": "KOI8-R",
}
_FAMILIES = (
    ("Shift-JIS", ("cp932", "shift_jis")),
    ("EUC-JP", ("euc_j",)),
    ("EUC-KR", ("cp949", "euc_kr", "johab")),
    ("Big5", ("big5",)),
    ("GB 18030", ("gb",)),
    ("KOI8-R", ("koi8",)),
    ("Mac Roman", ("mac_iceland", "mac_roman", "mac_latin2", "mac_greek", "mac_turkish")),
    ("cp850", ("cp850", "cp437", "cp852", "cp857", "cp858", "cp86", "cp775")),
)
"""Families of encodings, by name and prefixes of the members: a few words cannot distinguish the members."""
_MOST_CANDIDATES = 4
_ODD_IN_WORD = re.compile(
    "(?<=[a-z])[\u201a\u201e\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u017d\u02dc\u0178\xa2\xa4](?![A-Z\xb0])"
)
"""Signs inside words from a Mac or DOS that are read as windows-1252: "AnfŠnger", "caf‚"."""
_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
_FEWEST_BYTES_A_ZERO = 100
_MEND = "longhand-mend"
_LEADS = bytes(range(0xC2, 0xF5))
"""First bytes of non-ASCII letters in UTF-8."""
_FOREIGN = re.compile("[^\x00-\x7f]+")
_TWICE = re.compile("\u00c3[\u0080-\u00bf\u0152-\u2122]|\u00e2\u20ac.|\u00c2[\u00a0-\u00bf]")
"""Letters and quotation marks in UTF-8, read as windows-1252."""
_FEWEST_TWICE = 2
_FEW_LETTERS = 8
_GUESS_BYTES = 20_000
_MOST_FOREIGN = 0.03
"""Share of non-ASCII bytes up to which an odd sign does not make a text unreadable."""


class EncodingError(InputError):
    """Bytes that are no text in any detectable encoding."""

    def __init__(self, message: str, *, is_binary: bool) -> None:
        super().__init__(message)
        self.is_binary = is_binary


@dataclass(frozen=True)
class Decoded:
    """A file's text and its encoding."""

    text: str
    encoding: str
    remark: str = ""
    """Message for the user; empty if the file declared its encoding."""


def decode(data: bytes) -> Decoded:
    """Return the text of a file's bytes; raises EncodingError for binary data or if no encoding is likely."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return Decoded(data[len(mark) :].decode(encoding), encoding)
            except UnicodeDecodeError as error:
                raise EncodingError(
                    f"its first bytes say {encoding.upper()}, byte {error.start + 1} is not; save it as UTF-8",
                    is_binary=False,
                ) from None
    declared = _declared(data)
    if declared in ("utf-16", "utf-16-le", "utf-16-be") and (wide := _wide(data)) is not None:
        return Decoded(data.decode(wide, "replace"), wide)
    if b"\0" in data:
        return _without_zeros(data) or _wide_text(data)
    if (shifted := seven_bits(data)) is not None:
        text, encoding, name = shifted
        return Decoded(text, encoding, f"read as {name}; if letters are wrong, save it as UTF-8")
    try:
        return _encoded_once(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
    if declared is not None:
        try:
            return Decoded(data.decode(declared), declared)
        except UnicodeDecodeError:
            pass
    return (
        _damaged(data, line)
        or _of_one_alphabet(data, line)
        or _in_latin(data, line)
        or _likeliest(data, line)
    )


def _without_zeros(data: bytes) -> Decoded | None:
    """Return UTF-8 text without its stray zero bytes, None for other data."""
    num = data.count(0)
    if num > len(data) // _FEWEST_BYTES_A_ZERO + 1 or len(data) < _FEWEST_BYTES_A_ZERO // 2:
        return None
    try:
        text = data.replace(b"\0", b"").decode("utf-8")
    except UnicodeDecodeError:
        return None
    if _CONTROLS.search(text):
        return None
    return Decoded(text, "utf-8", f"{counted(num, 'zero byte')} left out")


def _damaged(data: bytes, line: int) -> Decoded | None:
    """Return the text of a UTF-8 file that was cut inside a letter or contains pasted windows-1252 bytes.

    None if UTF-8 letters do not outnumber other non-ASCII bytes: then it is no UTF-8 file.
    """
    num_bad = 0

    def mend(error: UnicodeError) -> tuple[str, int]:
        nonlocal num_bad
        assert isinstance(error, UnicodeDecodeError)
        num_bad += 1
        is_cut = error.end == len(data) and error.reason == "unexpected end of data"
        text = "" if is_cut else data[error.start : error.end].decode("cp1252", "ignore")
        return text, error.end

    codecs.register_error(_MEND, mend)
    text = data.decode("utf-8", _MEND)
    num_good = sum(data.count(byte) for byte in _LEADS)
    if num_bad * 2 > num_good - num_bad or _CONTROLS.search(text):
        return None
    count = f"{num_bad} {'letter is' if num_bad == 1 else 'letters are'}"
    return Decoded(
        text, "utf-8", f"{count} not UTF-8 (first in line {line}): read as windows-1252 or left out"
    )


def _encoded_once(text: str) -> Decoded:
    """Undo double encoding: UTF-8 that was read as windows-1252 and saved again ("CafÃ©")."""
    runs = set(_FOREIGN.findall(text))
    if len(_TWICE.findall(text)) < _FEWEST_TWICE:
        return Decoded(text, "utf-8")
    mended: dict[str, str] = {}
    for run in runs:
        try:
            mended[run] = b"".join(map(_byte_of, run)).decode("utf-8")
        except UnicodeError:
            return Decoded(text, "utf-8")
    text = _FOREIGN.sub(lambda found: mended[found.group()], text)
    return Decoded(text, "utf-8", "its letters were encoded twice: read as they were before")


def _byte_of(char: str) -> bytes:
    try:
        return char.encode("cp1252")
    except UnicodeEncodeError:
        return char.encode("latin-1")  # windows-1252 leaves five bytes undefined


def _declared(data: bytes) -> str | None:
    found = _DECLARED.search(data[:_HEAD_BYTES])
    if found is None:
        return None
    try:
        name = codecs.lookup((found[1] or found[2]).decode("ascii")).name
    except (LookupError, UnicodeDecodeError):
        return None
    return _AS_ON_THE_WEB.get(name, name)


def _wide(data: bytes) -> str | None:
    """Return the byte order of UTF-16 text without a mark: every other byte of Latin text is zero."""
    if len(data) < _FEWEST_FOR_PATTERN or len(data) % 2:
        return None
    even, odd = data[0::2].count(0), data[1::2].count(0)
    if max(even, odd) * 3 < len(data) // 2 or min(even, odd) * 20 > len(data) // 2:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _wide_text(data: bytes) -> Decoded:
    wide = _wide(data)
    if wide is not None:
        try:
            text = data.decode(wide)
        except UnicodeDecodeError:
            text = "\0"
        if not _CONTROLS.search(text):
            return Decoded(text, wide, f"read as {wide.upper()}")
    raise EncodingError("it is binary data, not text; save it as text", is_binary=True)


def _of_one_alphabet(data: bytes, line: int) -> Decoded | None:
    """Return a text in a non-Latin alphabet, None for others; raises EncodingError if two encodings fit."""
    likely = [page for page in by_alphabet(data) if _reads(data, page[0])]
    if not likely:
        return None
    if _may_be_double_bytes(data, likely[0][0]):
        likely.append(("shift_jis", "Shift-JIS"))
    if len(likely) > 1:
        names = " or ".join(name for _, name in likely[:_MOST_CANDIDATES])
        raise EncodingError(
            f"it is not UTF-8 text (line {line}); it may be {names}; save it as UTF-8", is_binary=False
        )
    encoding, name = likely[0]
    return Decoded(
        data.decode(encoding),
        encoding,
        f"not UTF-8 (line {line}): read as {name}; if letters are wrong, save it as UTF-8",
    )


def _may_be_double_bytes(data: bytes, encoding: str) -> bool:
    """Whether a word or two in capitals of an alphabet may be a word of Japanese instead."""
    letters = [char for char in data.decode(encoding) if not char.isascii() and char.isalpha()]
    return (
        len(letters) <= _FEW_LETTERS and all(char.isupper() for char in letters) and _reads(data, "shift_jis")
    )


def _in_latin(data: bytes, line: int) -> Decoded | None:
    """Return a text in Latin letters, None if no code page gives usual words."""
    page = by_latin_letters(data)
    if page is None or not _reads(data, page.encoding):
        return None
    name = f"{page.name}, though it may be {page.doubt}" if page.doubt else page.name
    return Decoded(
        data.decode(page.encoding),
        page.encoding,
        f"not UTF-8 (line {line}): read as {name}; if letters are wrong, save it as UTF-8",
    )


def _likeliest(data: bytes, line: int) -> Decoded:
    from charset_normalizer import from_bytes

    sample = data[:_GUESS_BYTES]
    matches = sorted(
        from_bytes(sample, threshold=0.2, preemptive_behaviour=False),
        key=lambda match: (match.chaos, -match.coherence),
    )
    likely = _family_names([match.encoding for match in matches])
    found = {
        match.encoding: (match.chaos, -match.coherence) for match in matches if match.encoding in _PREFERRED
    }
    candidates = [encoding for encoding in _PREFERRED if encoding in found and _reads(data, encoding)]
    if _is_mostly_ascii(data) and _reads(data, "cp1252"):
        candidates = ["cp1252"]
    if not candidates:
        other = f"; it may be {likely}" if likely else ", and no other encoding is likely"
        raise EncodingError(
            f"it is not UTF-8 text (line {line}){other}; save it as UTF-8",
            is_binary=False,
        )
    best = min(candidates, key=lambda encoding: found.get(encoding, (1.0, 0.0)))
    name = _NAMES.get(best, best)
    if best != "cp1252" and -found.get(best, (1.0, 0.0))[1] <= 0:
        likely = _family_names(
            [match.encoding for match in matches], *((name,) if name.startswith("win") else ())
        )
        raise EncodingError(
            f"it is not UTF-8 text (line {line}); it may be {likely}; save it as UTF-8", is_binary=False
        )
    text = data.decode(best)
    if best == "cp1252" and likely and _ODD_IN_WORD.search(text):
        name = f"{name}, though it may be {likely}"
    return Decoded(
        text,
        best,
        f"not UTF-8 (line {line}): read as {name}; if letters are wrong, save it as UTF-8",
    )


def _family_names(encodings: Sequence[str], *first: str) -> str:
    """Return the names of possible encodings, likeliest first: "Shift-JIS or EUC-KR"; "" for none."""
    names = [name for encoding in encodings for name, begins in _FAMILIES if encoding.startswith(begins)]
    found = list(dict.fromkeys([*first, *names]))[:_MOST_CANDIDATES]
    return " or ".join([*found, "another one"] if len(found) == 1 else found)


def _reads(data: bytes, encoding: str) -> bool:
    try:
        return _CONTROLS.search(data.decode(encoding)) is None
    except UnicodeDecodeError:
        return False


def _is_mostly_ascii(data: bytes) -> bool:
    return sum(byte > 0x7F for byte in data) <= _MOST_FOREIGN * len(data)
