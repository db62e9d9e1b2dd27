"""Titles of documents: the prompt's beginning, or, where that is too long, a title that covers the whole prompt.

For the latter, candidates come from the voice and from the prompt's own words: the text that it asks for, and the
subject of its sentences. The candidate whose concept is nearest to the mean of the prompt's concepts is chosen.
Legend: P sentences, D concept dim.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from concepts.languages.codes import ENGLISH
from concepts.library.words import asks_for_titled
from concepts.segment import PUNKT_NAMES, headline, normalize_text, split_sentences
from concepts.texts import KINDS_OF_BOOK, KINDS_OF_TEXT
from concepts.truecase import truecased
from flows.document.asked.options import NO_LIBRARY
from flows.document.asked.sizes import told_size
from flows.document.engine import TitleAsk

if TYPE_CHECKING:
    from flows.document.engine import Engine, Key
    from storage import DocumentRecord
    from storage.records import Vector

LONGEST_TITLE_PROMPT = 90
"""Longest prompt, in characters, of one sentence that is its own title."""
LONGEST_BEGINNING = 120
"""Longest title, in characters, that is the beginning of its prompt."""
LONGEST_TITLE = 90
"""Longest other one."""
LONGEST_PLAIN_PROMPT = 180
"""A longer prompt, in characters, tells more of its asker than of its subject."""
MOST_TITLE_WORDS = 10
"""Most words of a voice's title."""
_REQUEST = re.compile(
    r"(?:(?:please|kindly|can you|could you|would you|help me(?: to)?|"
    r"i(?:'d| would)? (?:like|want|need)(?: you to| to have)?)[,\s]+)*"
    r"(?:\b(?:write|draft|create|make|produce|compose|give|put together|plan)\s+"
    r"(?:(?:me|us|(?:him|her|them)(?=\s+an?\s))\s+(?P<plain>))?|(?<=need )|(?<=want ))"
    r"(?P<what>(?:(?(plain)\w+|(?:an?|the|some|my|our)))\s+[^.!?;:]{3,})",
    re.IGNORECASE,
)
"""A requested text: "a guide for new members"."""
_ABOUT = re.compile(r"\b(?:about|on|explaining|describing|covering)\s+(?P<what>[^.!?;:]{3,})", re.IGNORECASE)
_OF = re.compile(
    rf"\b(?:{'|'.join(sorted(KINDS_OF_TEXT))}|history|account|book)\s+(?:to|of|how)\s+\w", re.IGNORECASE
)
"""Matches a text whose subject follows: "a guide to bees"."""
_EXPLAINS = re.compile(
    r"\b(?:explain|describe|show|tell|teach)(?:e?s)?\s+(?:me\s+|us\s+|to\s+\w+\s+)?(?P<what>(?:how|why|what)\s+[^.!?;:,]{3,})",
    re.IGNORECASE,
)
_POINTS_BACK = re.compile(
    r"\b(?:he|her|him|his|it|its|she|that|their|them|these|they|this|those)\b", re.IGNORECASE
)
"""Matches a reference to what stands before: "my father has gout, explain what it is"."""
_WISH = re.compile(
    r"(?:please|kindly|can|could|would|help|i|i'd|we|my|our|write|draft|create|make|produce|compose|give|put "
    r"together)\b",
    re.IGNORECASE,
)
"""Beginnings of sentences about the user, not about a subject."""
_POLITE = (
    r"(?:please|kindly|can you|could you|would you|help me(?: to)?"
    r"|i(?:'d| would)? (?:like|want|need)(?= (?:you|an?|some))(?: you to)?)[,\s]+"
)
_MAKES = r"(?:write|draft|create|make|produce|compose|prepare|put together|give)\s+"
_KINDS = rf"(?:\w+[\s-]+){{0,3}}?(?:{'|'.join(sorted(KINDS_OF_TEXT | KINDS_OF_BOOK))})\b"
_HOW_LONG = (
    r"long|lengthy|short|brief|thorough|extensive|whole|multi-page|"
    r"full[- ]length|book[- ]length|textbook[- ]style"
)
_BOOKISH = "|".join(sorted(KINDS_OF_TEXT | {"account", "book", "course", "history", "study", "textbook"}))
_KINDS_OF_BOOK = rf"(?:(?:[\w-]+\s+){{0,2}}?(?:{_BOOKISH}))\b"
_WISHED = re.compile(
    rf"(?:(?:{_POLITE})+(?:{_MAKES})?(?:(?:me|us)\s+)?|{_MAKES}(?:me|us)\s+|(?:write|draft|compose|need|want)\s+"
    rf"(?=an?\s+{_KINDS}|something\s+(?:on|about)\b))"
    r"(?P<what>(?:an?|the|some|something)\s.+)",
    re.IGNORECASE | re.DOTALL,
)
"""Matches a prompt that asks for a text, and captures the requested text."""
_ARTICLE = re.compile(r"^(?:an?|some)\s+", re.IGNORECASE)
_SOMETHING = re.compile(
    r"^(?:something\s+(?:(?:(?:that|which)\s+)?(?:about|on|explaining)\s+)?"
    r"|an?\s+(?:(?:short|long|brief|detailed|simple|clear|good|complete|whole|entire|full|very|really)\s+)*"
    r"(?:essay|article|text|paper|(?:blog )?post|piece|document|(?:self[- ]help )?book)\s+(?:about|on|explaining)\s+)",
    re.IGNORECASE,
)
"""Beginnings of a requested text that say nothing about its subject."""
_HELPS = re.compile(r"^something\s+(?:that|which|to)\s+helps?\s+", re.IGNORECASE)
_FEWEST_BEFORE_COLON = 4
"""Fewest words before a colon that make a title by themselves."""
_FEWEST_IN_TITLE = 3
"""Fewest words of a title that is the beginning of a sentence."""
_FEWEST_ASKED = 5
"""Fewest words of a requested text that tell its subject."""
_ASKED_KIND = re.compile(rf"(?:an?|the|some|my|our)\s+{_KINDS}", re.IGNORECASE)
"""Matches a requested text of a kind: "a plan to be out of debt", not "the biggest difference"."""
_LENGTHY = re.compile(
    rf"^(?P<article>an?\s+|the\s+|some\s+)?(?:very\s+|really\s+)?(?:{_HOW_LONG})"
    rf"(?:(?:\s*,\s*|\s+and\s+|\s+)(?:very\s+|really\s+)?(?:{_HOW_LONG}))*(?:\s*,\s*|\s+and\s+|\s+)(?={_KINDS_OF_BOOK})",
    re.IGNORECASE,
)
"""Adjectives of length before a kind of text: "a very long and thorough introduction"."""
_LONGEST = re.compile(
    rf"(?:{_POLITE})*(?:{_MAKES})?(?:(?:me|us)\s+)?(?:the\s+)?longest\s+\w+\s+(?:that\s+)?(?:yo)?u\s+can(?:\s+\w+)?"
    r"\s+(?:about|on)\s+",
    re.IGNORECASE,
)
"""Matches a request for length alone: "make the longest text you can about"."""
_EXPLAIN = re.compile(
    r"(?:please\s+)?(?:explain|describe)\s+(?:(?:to\s+)?(?:me|us)\s+)?(?=(?:how|why|what|the|an?)\s)",
    re.IGNORECASE,
)
_EXPLAIN_TO = re.compile(
    r"(?:please\s+|(?:can|could|would)\s+you\s+(?:please\s+)?)*explain\s+(?P<what>[^.,;:!?]{3,}?)\s+(?:to|for)\s+"
    r"(?:an?|my|our|the|kids|children|some(?:one|body)|\d+)\b.*",
    re.IGNORECASE | re.DOTALL,
)
"""Matches an explanation for somebody: "explain tides to a child"."""
_DETAILS = re.compile(
    r",\s+(?=(?:(?:aged?|alone|also|budget|he|i|im|it|last|my|no|only|our|she|solo|they|under|we|first time)(?:'\w+)?\b"
    r"|not (?:too|very|much)\b|one (?:has|is|of|wants)\b|with(?:out)? (?:my|our)\b|(?:really|too|very) \w+$"
    r"|(?:about )?(?:[$€£]\d|\d[\d,.]* ?"
    r"(?:[$€£]|(?:days?|dollars?|euros?|hours?|kg|minutes?|people|pounds?|weeks?|years?)\b))))",
    re.IGNORECASE,
)
"""Where somebody begins to tell of their own case: ", I'm 46", ", one is vegetarian"."""
_CLAUSE = re.compile(r",\s|\s\(|\s[-–—]\s|\s(?:and|but|because|which|who|that|so that|since|where|when)\s")
_SMALL_WORDS = frozenset(
    """
    a an the i we you he she it they my our your his her its their this that these those and or but so if as at by for
    from in into of on out over to up with about every all any some no not do does did is are was were be
    been being have has had can could will would should may might must please write guide say tell how what when
    where which who why there here then than too very just only also again never ever come comes same one two run need
    want like keep avoid make good new last next old year week day use used using me us them him people things thing
    text document article page through after before during while looking very long
    """.split()  # noqa: SIM905  # a list of words reads better so
)
_WORD = re.compile(r"[^\W\d_]{3,}")


def split(text: str, lang: str) -> list[str]:
    """Return the sentences of a typed text; languages without their own rules are split like English."""
    return split_sentences(normalize_text(text), lang if lang in PUNKT_NAMES else ENGLISH)


def title_of(document: DocumentRecord) -> str:
    """Return the title, which is set when the prompt is encoded."""
    return document.title or derive_title(document.prompt, document.lang)


def subject_of(prompt: str, lang: str) -> str:
    """Return a prompt without its request for a text and for a length."""
    return unwished(recased(told_size(prompt, lang).rest, lang), lang)


def derive_title(prompt: str, lang: str) -> str:
    """Return the first sentence of a prompt without its full stop, cut at a blank if it is long."""
    return headline(split(prompt, lang)[0], LONGEST_BEGINNING)


def names_of(prompt: str, lang: str, title: str | None = None) -> tuple[str, ...]:
    """Return the names by which a document is searched: title and subject, or the subject if the title begins it.

    Without `title` it is the one of the prompt's own words.
    """
    subject = subject_of(prompt, lang)
    if title is None:
        title = _asked_title(prompt, lang) or plain_title(prompt, lang)
    # the details that the title lacks find narrower documents
    return (subject,) if is_title(prompt, lang) and subject.startswith(title) else (title, subject)


def _asked_title(prompt: str, lang: str) -> str:
    """Return the text that a longer English prompt asks for, "plan to be out of debt in two years"; "" for others."""
    if lang != ENGLISH or is_title(prompt, lang):
        return ""
    asked = asked_texts(prompt).partition("\n")[0]
    return _begun(asked) if len(asked.split()) >= _FEWEST_ASKED and _ASKED_KIND.match(asked) else ""


def plain_title(prompt: str, lang: str) -> str:
    """Return the title that a prompt's own words make."""
    return derive_title(without_details(subject_of(prompt, lang), lang), lang)


def is_title(prompt: str, lang: str) -> bool:
    """Return whether a prompt can stand above its document: one short line."""
    text = " ".join(prompt.split())
    return len(split(prompt, lang)) < 2 and len(text) <= LONGEST_TITLE_PROMPT


def recased(prompt: str, lang: str) -> str:
    """Return a prompt in all capitals, or in none, in sentence case; any other begins with a capital.

    A prompt of one or two names ("NASA", "iPhone repair") stays unchanged.
    """
    text = " ".join(prompt.split())
    if text.upper() == text and text.lower() != text and " " in text:
        text = text[:1] + text[1:].lower()
    elif text.lower() == text and text.upper() != text and text.count(" ") > 1:
        text = text[:1].upper() + text[1:]
    else:
        return _capitalized(text)
    return text[:1] + truecased(text[1:]) if lang == ENGLISH else text


def _capitalized(text: str) -> str:
    """Return a text with a capital at its beginning, unless its first word has one elsewhere ("iPhone repair")."""
    first = text.partition(" ")[0]
    return text[:1].upper() + text[1:] if first.islower() else text


def unwished(text: str, lang: str) -> str:
    """Return an English prompt without the words that ask for a text; return any other unchanged.

    "Please write me a guide to tea" is "Guide to tea"; "Write a will" is a subject and stays.
    """
    if lang != ENGLISH:
        return text
    if (explained := _EXPLAIN_TO.fullmatch(text)) is not None:
        return _begun(explained["what"])
    if (before := _EXPLAIN.match(text) or _LONGEST.match(text)) is not None:
        return _begun(text[before.end() :])
    wished = _WISHED.fullmatch(text)
    if wished is None:
        return _begun(_SOMETHING.sub("", text)) if _LENGTHY.match(text) else text
    return _begun(_SOMETHING.sub("", _HELPS.sub("helping ", wished["what"])))


def without_details(title: str, lang: str) -> str:
    """Return an English title up to where it begins to tell of the asker's own case, if enough stands before that.

    "A week in Rome, I'm 80" is "A week in Rome".
    """
    found = _DETAILS.search(title) if lang == ENGLISH else None
    before = title[: found.start()] if found else title
    tells_of_us = re.match(r"(?:i|i'm|im|we|my|our)\b", before, re.IGNORECASE)
    return before if len(before.split()) >= _FEWEST_IN_TITLE and not tells_of_us else title


def _begun(what: str) -> str:
    """Return a requested text as the beginning of a title: without its article and its length, with a capital."""
    what = _ARTICLE.sub("", _LENGTHY.sub(lambda found: found["article"] or "", what))
    return what[:1].upper() + what[1:]


def choose_title(
    engine: Engine, prompt: str, vectors: Vector, lang: str, *, key: Key, library: str | None
) -> str:
    """Return a title in `lang` for a whole prompt whose sentences have the concepts `vectors` (P, D).

    A prompt that is no title gets that of the document on its subject, if `library` has one, one that asks for a story
    or poem that of the nearest one, and one on whose subject the library that ships has nothing that of the document
    that stands in for it; NO_LIBRARY has none. Else a prompt that is a title gets "".
    For others the voice says a title, which is a candidate only if the prompt has all its content words. Raises the
    engine's errors.
    """
    mean = vectors.mean(axis=0, dtype=np.float32)
    asked = asked_texts(prompt) if lang == ENGLISH else ""
    ask = TitleAsk(
        prompt=prompt, prompt_vector=mean, key=key, prompt_lang=lang, lang=lang, asked=asked, library=library
    )
    if takes_title(prompt, lang, library):
        names = names_of(prompt, lang) if _is_plain(prompt, lang) else ()
        found = engine.find_title(replace(ask, names=names, is_needed=not is_title(prompt, lang)))
        if found := headline(normalize_text(found).strip(), LONGEST_TITLE):
            return found
    if is_title(prompt, lang):
        return ""
    said = headline(normalize_text(engine.say_title(ask)).strip(), LONGEST_TITLE)
    candidates = [said] if _is_of(said, prompt) else []
    candidates += titles_in(prompt, lang)
    candidates = list(dict.fromkeys(title for title in candidates if title))
    if len(candidates) == 1:
        return candidates[0]
    concepts = engine.encode(candidates, lang)
    sizes = np.linalg.norm(concepts, axis=1) * float(np.linalg.norm(mean))
    return candidates[int(np.argmax((concepts @ mean) / np.maximum(sizes, 1e-12)))]


def takes_title(prompt: str, lang: str, library: str | None) -> bool:
    """Return whether a library's document may give the title for a prompt.

    A plain prompt in English gets one from the library that ships, where it has nothing on the subject; who names a
    library knows what is in it.
    """
    if library == NO_LIBRARY:
        return False
    return (library is None and lang == ENGLISH) or not _is_plain(prompt, lang)


def is_stand_in(title: str, prompt: str, lang: str, library: str | None) -> bool:
    """Return whether a title of the library stands in for a prompt's own, on whose subject the library has nothing."""
    is_other = title != plain_title(prompt, lang) and not _is_of(title, prompt)
    is_own = is_title(prompt, lang) and _is_plain(prompt, lang)
    return is_other and is_own and takes_title(prompt, lang, library)


def _is_plain(prompt: str, lang: str) -> bool:
    """Return whether a prompt names a subject: it does not tell of its asker or want a text with its own title."""
    return len(prompt) <= LONGEST_PLAIN_PROMPT and not asks_for_own_title(prompt, lang)


def asks_for_own_title(prompt: str, lang: str) -> bool:
    """Return whether an English prompt asks for a text that has a title of its own, such as a story."""
    return lang == ENGLISH and (asks_for_titled(prompt) or asks_for_titled(asked_texts(prompt)))


def asked_texts(prompt: str) -> str:
    """Return the texts that an English prompt asks for, a line each: "a letter to my landlord"."""
    found = [_REQUEST.search(sentence) for sentence in split(prompt, ENGLISH)]
    return "\n".join(asked["what"] for asked in found if asked is not None)


def says_subject(prompt: str) -> bool:
    """Return whether an English prompt asks for a text on a subject that it names, "a guide to beekeeping"."""
    asked = asked_texts(prompt)
    return bool(_ABOUT.search(asked) or _OF.search(asked))


def titles_in(prompt: str, lang: str) -> list[str]:
    """Return title candidates from a prompt's own words, the plainest last."""
    sentences = split(recased(prompt, lang), lang)
    whole = unwished(sentences[0], lang)
    first = headline(_first_clauses(whole), LONGEST_TITLE)
    before, colon, _ = whole.partition(": ")
    titles = [before] if colon and len(before) <= LONGEST_TITLE else []
    is_enough = len(before.split()) >= _FEWEST_BEFORE_COLON
    plainest = before if titles and is_enough else first  # the text after a colon may be cut anywhere
    if lang != ENGLISH:
        return list(dict.fromkeys((*titles, plainest)))
    topic = _topic(sentences)
    for sentence in sentences:
        explained = _EXPLAINS.search(sentence)
        if explained is not None and not (explained.start() and _POINTS_BACK.search(explained["what"])):
            what = explained["what"].strip()
            titles.append(headline(what[:1].upper() + what[1:], LONGEST_TITLE))
        asked = _REQUEST.search(sentence)
        if asked is None:
            continue
        about = _ABOUT.search(asked["what"]) or _OF.search(asked["what"])
        what = _CLAUSE.split(_begun(_SOMETHING.sub("", asked["what"])))[0].strip(" ,")
        if about is None and topic and topic.casefold() not in what.casefold():
            titles.append(
                headline(f"{topic[:1].upper()}{topic[1:]}: {what[:1].lower()}{what[1:]}", LONGEST_TITLE)
            )
        titles.append(headline(what, LONGEST_TITLE))
    if not titles or not _WISH.match(first):
        titles.append(plainest)
    return list(dict.fromkeys(titles))


def _first_clauses(sentence: str) -> str:
    """Return a sentence up to the end of the first clause that has enough words before it to be a title."""
    for found in _CLAUSE.finditer(sentence):
        clause = sentence[: found.start()]
        # what stands before a comma may be the first word of a list
        fewest = _FEWEST_IN_TITLE if "," not in clause + found[0] else _FEWEST_IN_TITLE + 1
        if len(clause.split()) >= fewest:
            return clause
    return sentence


def _topic(sentences: Sequence[str]) -> str:
    """Return a prompt's subject: the most telling run of words in the first sentence that has one."""
    counts = Counter(word for sentence in sentences for word in _telling(sentence))
    for sentence in sentences:
        runs: list[list[str]] = [[]]
        for word in re.findall(r"[^\W_]+(?:[-'][^\W_]+)*|[,.;:]", sentence):
            if _WORD.fullmatch(word) and word.casefold() not in _SMALL_WORDS:
                runs[-1].append(word)
            elif runs[-1]:
                runs.append([])
        runs = [run for run in runs if len(run) > 1]
        if runs:
            best = max(runs, key=lambda run: (sum(counts[word.casefold()] for word in run), len(run)))
            return " ".join(best[-3:])
    return ""


def _telling(text: str) -> list[str]:
    return [word for found in _WORD.findall(text) if (word := found.casefold()) not in _SMALL_WORDS]


def _is_of(title: str, prompt: str) -> bool:
    """Return whether a title is valid and has only content words of its prompt."""
    stems = {word[:5] for word in _telling(prompt)}
    words = _telling(title)
    is_short = title.count(" ") < MOST_TITLE_WORDS and len(split(title, ENGLISH)) == 1
    return is_short and bool(words) and all(word[:5] in stems for word in words)
