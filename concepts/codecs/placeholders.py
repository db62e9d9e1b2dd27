"""Placeholders: what a translation must not change is `$1`, `$2`, ... while the words around it are translated.

Addresses, names of files, commands, options, keys, menu paths, names in quotes and numbers survive a translation by
construction: a decoder spells what it has not seen in training as something that it has. A translation counts only if
it has the placeholders of its source, in their order; concepts/codecs/translation.py says what happens otherwise.
`$1` is the form that the decoders copy best, of ten that were tried: catalogues of programs are full of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from concepts.codecs.numbers import in_language
from concepts.languages.codes import ENGLISH

_PLACE = re.compile(r"(?<![\w$])\$[1-9]\d*(?!\w|[.,:]\d)")
_FILES = (
    "bak|bat|bmp|bz2|cfg|com|conf|cpp|css|csv|dat|db|deb|desktop|dll|doc|docx|epub|exe|gif|gz|htm|html|ico|ini|iso|jar|"
    "java|jpeg|jpg|js|json|lock|log|md|mkv|mov|mp3|mp4|odp|ods|odt|ogg|pdf|php|png|ppt|pptx|ps|py|rb|rpm|rs|rst|rtf|sh|"
    "sql|svg|sqlite|tar|tex|tgz|tif|tiff|toml|ts|txt|wav|webm|webp|xls|xlsx|xml|xz|yaml|yml|zip"
)
_UNITS = (
    "%|‰|°C|°F|°|kg|mg|µg|g|lb|oz|km/h|m/s|km|cm|mm|µm|nm|m²|km²|m³|m|ml|cl|dl|l|L|ms|min|s|h|kHz|MHz|GHz|Hz|kV|mV|V|"
    "mA|A|kWh|kW|MW|W|kJ|kcal|J|hPa|Pa|bar|dB|kB|KB|MB|GB|TB|KiB|MiB|GiB|B|EUR|USD|CHF|GBP|€|£|px|pt|dpi"
)
_KEY = (
    r"(?:Ctrl|Control|Strg|AltGr|Alt|Shift|Umschalt|Maj|Mayús|Super|Meta|Cmd|Command|Windows|Win|Fn|Option)"
)
_MOST_CHARS_OF_ENTRY, _MOST_CHARS_OF_NAME = 40, 120
"""Of a word in a menu, and of a name in quotes: without a limit, long texts take quadratic time."""
_ENTRY = rf"[\w&'’-]{{1,{_MOST_CHARS_OF_ENTRY}}}+(?![\w&'’-])"
_CAPITAL = rf"[A-ZÀ-ÖØ-Þ]{_ENTRY}"
_QUOTED = rf"{{1,{_MOST_CHARS_OF_NAME}}}"
_ARROW = r"\s?(?:>|→|▸|›)\s?"
_NUM = r"\d+(?:[.,:/]\d+)*(?:[\u00a0\u202f]\d{3})*(?:[.,]\d+)?"
_KINDS = {
    "code": r"`[^`]+`",
    "address": r"(?:\b[a-z][a-z0-9+.-]{0,30}://|\bwww\.)[^\s<>\"“”»«]*[^\s<>\"“”»«'.,;:!?)\]]|(?<![\w.+-])[\w.+-]++@[\w-]+(?:\.[\w-]+)+",
    "domain": r"(?<![\w.@-])(?:[a-z0-9-]+\.)+(?:com|org|net|edu|gov|io|de|fr|es|at|ch|eu)\b(?:/[\w./?=&#%-]*[\w/])?",
    "path": r"(?<![\w/\\])(?:~|\.{1,2}|[A-Z]:)?(?:[/\\][\w.+-]*\w){2,}[/\\]?|(?<!\w)(?:~|[A-Z]:)[/\\](?:[\w.+-]*\w)?"
    r"|(?<![\w/])/(?:bin|boot|dev|etc|home|lib|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var)\b/?",
    "file": rf"(?<![\w.+-])[+-]?\.?\w[\w.+-]*\.(?:{_FILES})\b",
    "option": r"(?<![\w-])--[A-Za-z][\w-]*(?:=[^\s,;]*[^\s,;.])?|(?<![\w-])-[A-Za-z](?![\w-])",
    "variable": r"\$\{?[A-Za-z_]\w*\}?(?:/[\w.+-]*\w)*|%[A-Za-z_]\w*%"
    r"|\b[A-Za-z]\w*_\w+\b(?:\(\))?|(?<![\w.])\.*+[A-Za-z_][\w.]*+\((?!(?:s|es|e|n|en|r|er|in|innen)\))[^()\s]*\)",
    "keys": rf"\b{_KEY}(?: ?[+-] ?(?:{_KEY}\b|\w+))+|\bF(?:[1-9]|1[0-2])\b",
    "menu": rf"(?:{_CAPITAL} ){{0,2}}{_CAPITAL}(?:{_ARROW}{_CAPITAL}(?: {_ENTRY}){{0,3}}(?={_ARROW}))*{_ARROW}"
    rf"{_CAPITAL}(?:(?: (?:&|et|y|de|du|of))? {_CAPITAL}){{0,2}}(?: [a-zà-ÿ]+\b)?",
    "name": rf"\"(?!\s)[^\"\n]{_QUOTED}(?<!\s)\"|“[^”\n]{_QUOTED}”|„[^“”\n]{_QUOTED}[“”]|«[^»\n]{_QUOTED}»"
    rf"|»[^«\n]{_QUOTED}«|‘[^’\n]{_QUOTED}’(?!\w)",
    "phone": r"(?<![\w+])\+\d[\d ()/-]{5,}\d\b",
    "label": r"\b(?!\d+(?:st|nd|rd|th|s|er|re|e|ème|er|ten|te)\b)(?=\w*\d)(?=\w*[A-Za-z])[A-Za-z0-9]+\b",
    "number": rf"(?<![\w.,])[€£$]?{_NUM}(?:[-–]{_NUM})?(?:[ \u00a0\u202f]?(?:{_UNITS})(?![\w²³/]))?(?!\w)",
}
_SPAN = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _KINDS.items()))
_MOST_WORDS_OF_NAME = 6
_ASKS = frozenset(
    """
    open click choose select use go press see under in via from then and or menu öffnen wählen klicken siehe unter über
    auf im ouvrez ouvrir choisissez choisir cliquez sélectionnez allez dans abra abrir elija elegir haga pulse vaya en
    seleccione sie
    """.split()  # noqa: SIM905  # a list of words reads better so
)
"""Words that stand before a menu path, with a capital where the sentence begins."""
_ENTRIES = frozenset(["as", "unter", "sous", "como"])
"""Lower-case words that end an entry of a menu in any language: "Save as"."""
_NO_ENTRIES = frozenset(
    """
    and or from to in on for with of by at if then when is are the a an into tab menu und oder et ou y o e pour dans de
    du des avec si puis por para en con del al
    """.split()  # noqa: SIM905  # a list of words reads better so
)
"""Lower-case words that end a menu path."""
_BEGUN = re.compile(r"(\S+) (?=[A-ZÀ-ÖØ-Þ])")
_OF_CATALOGUES = re.compile(r"%[a-zA-Z]")
"""Placeholders of the catalogues that decoders have learnt from."""
_HAS_WORD = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class Protected:
    """A text with placeholders."""

    text: str
    """What is translated: the words, and `$1`, `$2`, ..."""
    kept: tuple[tuple[str, bool], ...]
    """What each placeholder stands for, and whether it is a number."""

    def is_kept_by(self, said: str) -> bool:
        """Return whether a translation has the same placeholders in the same order, and nothing else that is strange.

        That is another placeholder, one of catalogues ("%s"), or half of a quotation.
        """
        wanted = [f"${number}" for number in range(1, len(self.kept) + 1)]
        return (
            _PLACE.findall(said) == wanted
            and said.count("$") == self.text.count("$")
            and said.count('"') % 2 == self.text.count('"') % 2
            and len(_OF_CATALOGUES.findall(said)) == len(_OF_CATALOGUES.findall(self.text))
        )

    @property
    def has_words(self) -> bool:
        """Return whether anything is left to be translated."""
        return _HAS_WORD.search(_PLACE.sub("", self.text)) is not None

    def between(self) -> list[str]:
        """Return the texts before, between and behind the placeholders."""
        return _PLACE.split(self.text)

    def restore(self, said: str, source_lang: str, target_lang: str) -> str:
        """Return a translation with what the placeholders stand for; numbers as `target_lang` writes them."""
        rest = iter(self.kept)

        def put(found: re.Match[str]) -> str:
            kept, is_number = next(rest, (found[0], False))
            return in_language(kept, source_lang, target_lang) if is_number else kept

        return _PLACE.sub(put, said)


def protect(text: str, lang: str = ENGLISH) -> Protected:
    """Return a text in `lang` with placeholders for what its translation must not change."""
    kept: list[tuple[str, bool]] = []
    parts: list[str] = []
    at = start = 0
    while (found := _SPAN.search(text, at)) is not None:
        first, last = _span(found, text, lang)
        if first >= last:
            at = found.start() + 1
            continue
        parts.append(text[start:first])
        kept.append((text[first:last], found.lastgroup == "number"))
        parts.append(f"${len(kept)}")
        at = start = last
    return Protected("".join((*parts, text[start:])), tuple(kept))


def _span(found: re.Match[str], text: str, lang: str) -> tuple[int, int]:
    """Return where the kept part of a match begins and ends; an empty one if nothing of it is kept."""
    first, last = found.span()
    if found.lastgroup == "name":
        words = text[first + 1 : last - 1].split()
        is_name = len(words) == 1 or (
            1 < len(words) <= _MOST_WORDS_OF_NAME
            and not words[0][:1].islower()
            and not words[-1].endswith((".", "!", "?", ","))
        )
        return (first, last) if is_name else (first, first)
    if found.lastgroup == "menu":
        while (begun := _BEGUN.match(text, first, last)) and begun[1].casefold() in _ASKS:
            first = begun.end()
        head, _, end = text[first:last].rpartition(" ")
        is_entry = end in _ENTRIES or (lang != "deu_Latn" and end not in _NO_ENTRIES)
        if end[:1].islower() and not is_entry:
            last = first + len(head)
    return first, last


def translate_between(
    protected: Sequence[Protected], translate: Callable[[list[str]], list[str]], lang: str
) -> list[str]:
    """Return texts whose words between the placeholders are translated apart, by one call of `translate`.

    Each placeholder keeps its place by construction; the words know less of each other.
    """
    split = [[_trimmed(part) for part in one.between()] for one in protected]
    words = [core for parts in split for _, core, _ in parts if core]
    said = iter(translate(words))
    found = []
    for parts in split:
        whole = ""
        for number, (before, core, behind) in enumerate(parts):
            whole += f"${number}" if number else ""
            whole += before + (_alike(next(said), core, lang) if core else "") + behind
        found.append(whole)
    return found


def _trimmed(part: str) -> tuple[str, str, str]:
    """Return what stands before the first letter of a text, the text up to its last letter, and the rest."""
    letters = [place for place, char in enumerate(part) if char.isalnum()]
    if not letters:
        return part, "", ""
    return part[: letters[0]], part[letters[0] : letters[-1] + 1], part[letters[-1] + 1 :]


def _alike(said: str, core: str, lang: str) -> str:
    """Return a translated piece of a sentence without a full stop, and in lower case where its source is."""
    said = _PLACE.sub("", said).strip().rstrip(".!?…:;, ") or core
    first = said.partition(" ")[0]
    is_small = lang != "deu_Latn" or first.casefold() in _SMALL_GERMAN
    if core[:1].islower() and first[1:].islower() and is_small:
        return said[:1].lower() + said[1:]
    return said


_SMALL_GERMAN = frozenset(
    """
    der die das den dem des ein eine einen einem einer und oder zu für von vom mit nach in im an am auf aus bei zum zur
    um bis ab über unter vor ist sind wird werden hat haben wenn dass nicht kann können muss als wie durch seit ihr sie
    """.split()  # noqa: SIM905  # a list of words reads better so
)
"""Words that begin a piece of a German sentence in lower case; nouns keep their capital."""
