"""Rules for one line of text: repairs, and reasons to drop it.

Each rule exists because the corpus holds such lines (menus, tables, code, license notes); reasons are
short names that `DropReport` counts. Nothing here looks beyond the line.
"""

from __future__ import annotations

import re
import unicodedata

from concepts.blocks import LIST_KINDS
from concepts.corpus.language import FUNCTION_WORDS, other_language
from concepts.corpus.names import mend_names
from concepts.corpus.records import BlockKind, Kind

_URL = re.compile(r"(?:https?|ftp|file|irc|mailto|help|ghelp)s?:/{0,2}[^\s)>\]]+|\bwww\.[^\s)>\]]+")
_ARROW_URL = re.compile(r"\s*>\s*(?:https?|ftp)s?://\S+")
_EMPTY_BRACKETS = re.compile(r"\s*(?:\(\s*[/,;.:+-]*\s*\)|\[\s*\])")
_DANGLING_UNIT = re.compile(r"/\s*\)")
_BRACKETED = re.compile(r"\s*\(([^()]*)\)")
_BULLET = re.compile(r"^(?:[\u2022\u25e6\u25aa\u25cf\u2023*\u00b7\u2013-]+|\d{1,2}[.)])\s+(?=\S)")
_BLANK_BEFORE_MARK = re.compile(r" +([,.;:!?)])(?=\s|$)")
_BLANK_BEFORE_MARK_FRENCH = re.compile(r" +([,.)])(?=\s|$)")
_DOUBLE_STOP = re.compile(r"(?<![.])\.\s?\.(?=\s|$)")
_EMPTY_REFERENCE = re.compile(r"\s*\((?:see|siehe|voir|véase|vea|ver|e\.g\.)(?: also)?\s*\)", re.IGNORECASE)
_NUMBERED_REFERENCE = re.compile(
    r"(?:(?:[Ss]ection|[Cc]hapter|[Aa]bschnitt|[Kk]apitel|[Cc]hapitre|[Ss]ección|[Cc]apítulo)\s+)+"
    r"[A-Z]?\d+(?:\.\d+)*\.?,\s*(?=\")"
)
_DANGLING_REFERENCE = re.compile(
    r"(?:^|[,;:(] |information |details |informationen |informations |información )(?:please )?"
    r"(?:see|siehe|voir|voyez|véase|vea|refer to)(?: for (?:more|further) \w+)?\s*\.?$",
    re.IGNORECASE,
)
_EMPTY_SEE = re.compile(r"^See (?:for|also|and|or|in)\b|\bsee (?:for|and) ")
_GLUED_SENTENCES = re.compile(r"(?<=[^\W\d_A-Z]{2})([.!?])([A-ZÄÖÜÉÈÀÁÍÓÚÑ¿¡][^\W\d_]*)(?=\s)")
_GLUED_NOTE = re.compile(r"(?<=[a-z]{3})(?=[A-Z][a-z]+ [a-zäöü])")
_WIKI_IMAGE = re.compile(r"\|?thumb(?:\|[^|]*?[a-z)](?=[A-Z][a-z])|(?=[A-Z])|\|.*$)")
_WIKI_BULLET = re.compile(r"^[*#\u2022]+\s*")
_LOST_DEGREES = (
    (re.compile(r"\b([Oo]ven) to\s*(?=[.,]|$)"), r"\1"),
    (re.compile(r" (?:at|to) (?=(?:for|until|and|or|then) )"), " "),
)
_ITEM_END = re.compile(r"(?:[,;]\s*(?:and|or|und|oder|et|ou|y|o)?|\s(?:and|or))\s*$")
_SPACED_ELLIPSIS = re.compile(r"(?<=\w) \.\.\.(?=\s|$)")

_GREETING = re.compile(
    r"(?:(?:My )?[Dd]ear|Hello|Hi|Good (?:morning|afternoon|evening)|To whom it may concern|Ladies and gentlemen)\b"
    r"(?:[^.!?]|\b(?:Mrs?|Ms|Dr|Prof|Rev)\.){0,60}[,:]"
)
"""How a letter or a speech begins: no sentence, and yet no fragment."""
_NAVIGATION = re.compile(
    r"^(?:next(?: page)?|prev(?:ious)?(?: page)?|up|home|top|back|contents|index|see also|related topics|"
    r"more information|further information|read more|back to top|weiter|zurück|nach oben|inhalt|siehe auch|"
    r"suivant|précédent|retour|sommaire|voir aussi|siguiente|anterior|arriba|inicio|subir|índice|"
    r"véase también|nächste seite|vorherige seite|page suivante|page précédente|página siguiente|"
    r"página anterior|\[?edit\]?|todo|fixme|tbd)[.:!]?$",
    re.IGNORECASE,
)
_DEFAULT_VALUE = re.compile(
    r"^(?:default(?: value)?s?|standardwert|voreinstellung|standard|valeur par défaut|par défaut|"
    r"valor predeterminado|valor por omisión|predeterminado|por omisión)\s*:",
    re.IGNORECASE,
)
_CREDIT = re.compile(
    r"(?:\bcopyright\b.*\d{4}|^\(c\)|\u00a9|all rights reserved|"
    r"^(?:übersetzung|deutsche übersetzung|traduction|traducción|translated by|translation|traducido|"
    r"traduit|documentation copyright|program copyright|contributors|mitwirkende|thanks to)\b|"
    r"\b(?:GNU (?:Free Documentation|General Public|Lesser)|CreativeCommons|Creative Commons)\b|"
    r"\bat (?:kde|gmail|gmx|web|yahoo|hotmail|googlemail)\b|[\w.+-]+@[\w-]+\.[a-z]{2,})",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"(?:^=|^[A-Z][A-Z0-9.]+ ?\(|[{};]\s*$|"
    r"\(\);?|::|\w;\w|->|=>|==|!=|\+=|&&|\|\||</?\w+[^>]*>|^\s*[#$%]\s|^--?\w|\w+\(\w*\)\s*$|"
    r"\b(?:sudo|apt-get|End Sub|End If|End Function|Dim \w+ As|def \w+\(|print ?\(|MsgBox|"
    r"CreateScriptService|Whole number \(like|floating point value \(like|Any kind of value|"
    r"import \w+$|#include|int main)\b|^[\w.]+ = |^\w+\s*=\s*\S+$|\w+\.\w+\.\w+\()"
)
_CODE_TOKEN = re.compile(r"[_{}<>=\\|@#$^~`]|\w\(|\)\.|^-{1,2}\w|\w/\w+/|^/\w|^\.\w|\w\.[A-Za-z]\w*\(|^%")
_MENU_TOKEN = frozenset(("-", ">", "|", "/", "+", "&", "="))
_LIST_CONTINUATIONS = frozenset(
    (
        "but",
        "so",
        "while",
        "where",
        "because",
        "und",
        "aber",
        "dass",
        "ob",
        "mais",
        "où",
        "dont",
        "comme",
        "o",
        "y",
    )
)
_PLACEHOLDERS = re.compile(r"Linkstart|Linkend|I18n|\bFIXME\b|\bTODO\b|\bXXX\b|Lorem ipsum")
_BLANKS = re.compile(r" {2,}")
_LAST_EUROPEAN = "\u024f"
_LETTERS = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_INTRO_DEICTIC = re.compile(
    r"\b(?:following|follows?|below|here (?:is|are)|folgend\w*|folgt|unten|suivant\w*|ci-dessous|voici|"
    r"siguientes?|continuación|abajo|example|beispiel\w*|exemples?|ejemplos?|e\.g|d\.h|z\.b|like this|so)\b",
    re.IGNORECASE,
)


def mend_line(text: str, lang: str, kind: Kind) -> str:
    """Repair normalised `text`: bullets, entities, references to numbers, empty brackets, glued sentences."""
    text = _BULLET.sub("", text)
    if kind == "recipe":
        text = _mend_recipe_line(text)
    else:
        text = _ARROW_URL.sub("", text)
        if kind == "howto":
            text = mend_names(text)
            text = _NUMBERED_REFERENCE.sub("", text)
    if "(" in text:
        text = _BRACKETED.sub(_drop_foreign_brackets, text)
        text = _EMPTY_REFERENCE.sub("", text)
    text = _EMPTY_BRACKETS.sub("", text)
    text = _SPACED_ELLIPSIS.sub("...", text)
    # French sets a blank before ":", ";", "!" and "?".
    text = (_BLANK_BEFORE_MARK_FRENCH if lang == "fra_Latn" else _BLANK_BEFORE_MARK).sub(r"\1", text)
    text = _DOUBLE_STOP.sub(".", text)
    common = FUNCTION_WORDS[lang]
    text = _GLUED_SENTENCES.sub(
        lambda m: f"{m[1]} {m[2]}" if kind == "recipe" or m[2].lower() in common else m[0], text
    )
    return _BLANKS.sub(" ", text).strip(" >|")


def _mend_recipe_line(text: str) -> str:
    text = _WIKI_BULLET.sub("", text)
    if "thumb" in text:
        text = _WIKI_IMAGE.sub("", text)
    text = _DANGLING_UNIT.sub(")", text)
    for gap, filler in _LOST_DEGREES:
        text = gap.sub(filler, text)
    return text.replace(" \u030a", "\u00b0")


def mend_ingredient(text: str) -> str:
    """Drop from an ingredient the footnote that the extraction glued to it ("choppedContrary to...")."""
    text = re.sub(r"\s*\(figures are for [^)]*\)", "", text)
    return _GLUED_NOTE.split(text, maxsplit=1)[0].rstrip()


def mend_item(text: str) -> str:
    """Drop the mark that separates a list item from the next one ("a title, and", "a name;")."""
    return _ITEM_END.sub("", text).lstrip(":;, ")


def _drop_foreign_brackets(match: re.Match[str]) -> str:
    return "" if any(_is_foreign(c) for c in match.group(1)) else match.group()


def _is_foreign(character: str) -> bool:
    return character > _LAST_EUROPEAN and character.isalpha() and not _is_latin(character)


def _is_latin(character: str) -> bool:
    return unicodedata.name(character, "").startswith("LATIN")


def greeting_of(text: str) -> str | None:
    """Return the greeting that a line of a letter is, with a comma at its end; None for other lines."""
    return f"{text[:-1]}," if _GREETING.fullmatch(text) else None


def reason_to_drop(text: str, lang: str, kind: Kind, block: BlockKind = "paragraph") -> str | None:
    """Return the reason to drop `text`, one mended sentence of a `block`, or None to keep it.

    Ingredient lines and titles of recipes have no verb and no full stop, so the rules about labels do not apply to
    recipes. What a guide says is always kept. A list item may have only two words, or end the sentence that
    introduces the list.
    """
    in_list = block in LIST_KINDS
    letters = len(_LETTERS.findall(text))
    if letters == 0:
        return "no letters"
    if kind == "guide":
        return None  # an author wrote it: "No." in a dialogue, formulas, "[your name]"
    if letters < 2:
        return "too short"
    if _NAVIGATION.match(text):
        return "navigation"
    words = text.split()
    real_words = len(_WORD.findall(text))
    ends = text.endswith((".", "!", "?", '."', '!"', '?"', ".)", ".'"))
    if kind == "recipe":
        if _URL.search(text):
            return "address"
        if "{" in text or "|" in text:
            return "markup"
        return _foreign_reason(text, lang, letters)
    if _DEFAULT_VALUE.match(text):
        return "default value"
    if kind == "howto" and _CREDIT.search(text):
        return "credit or license"
    if _URL.search(text):
        return "address"
    if letters / len(text.replace(" ", "")) < 0.65:
        return "mostly symbols"
    code_tokens = sum(1 for word in words if _CODE_TOKEN.search(word) and word not in _MENU_TOKEN)
    if _CODE.search(text) or code_tokens * 4 > len(words):
        return "code"
    if text.endswith(":"):
        return "list intro"
    if text.endswith((",", ";")) or _DANGLING_REFERENCE.search(text) or _EMPTY_SEE.search(text):
        return "fragment"
    if real_words < 2 or (real_words < 4 and not ends and not in_list):
        return "label"
    if kind == "howto" and _PLACEHOLDERS.search(text):
        return "placeholder"
    if kind == "howto" and not in_list:
        if not ends and (text[0].islower() or not any(w.lower() in FUNCTION_WORDS[lang] for w in words)):
            return "label"
        if text[0].islower() and words[0] in FUNCTION_WORDS[lang] | _LIST_CONTINUATIONS:
            return "fragment"
    if text.count("(") != text.count(")") and len(words) < 6:
        return "fragment"
    return _foreign_reason(text, lang, letters)


def _foreign_reason(text: str, lang: str, letters: int) -> str | None:
    if max(text) > _LAST_EUROPEAN and sum(_is_foreign(c) for c in text) * 10 > letters:
        return "alphabet"
    return "other language" if other_language(text, lang) else None


def mend_intro(text: str, lang: str) -> str:
    """Turn a line that ends with a colon into a sentence if its list is missing.

    "The settings apply to all documents in the folder:" becomes a sentence; "Do one of the
    following:" and "You must set the editor for:" stay as they are (and are dropped as list intros).
    """
    body = text[:-1].rstrip()
    words = body.split()
    if len(words) < 7 or _INTRO_DEICTIC.search(body) or words[-1].lower() in FUNCTION_WORDS[lang]:
        return text
    return body + "."
