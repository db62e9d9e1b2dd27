"""Checks of prompts, languages and keys, with one-line errors."""

from __future__ import annotations

import difflib
import os
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache

from concepts.errors import InputError, UsageError, shorten
from concepts.languages.codes import note_on_language, suggest_languages, take_language

MAX_PROMPT_CHARS = 10_000
"""Longest prompt in characters; a longer text is a document."""
MAX_OUTLINE_DEPTH = 3
"""Most levels of a written outline; deeper ones become points of their section."""
MAX_LENGTH = 40
"""Longest section of planner and writer, in sentences (a test compares)."""
MAX_KEY_CHARS = 200

_KEYCAPS = re.compile("[0-9#*]\ufe0f?\u20e3")
_ALLOWED_CONTROLS = frozenset("\t\n\r")


def check_prompt(text: str, what: str = "the prompt") -> str:
    """Return `text` without surrounding blanks; raise InputError if it is unusable.

    A single word is a valid prompt. `what` names the text in messages ("the goal").
    """
    check_decodable(text, what)
    if not text:
        raise InputError(f'{what} is empty: say what the document is about, such as "How to share a folder"')
    stripped = text.strip()
    if not stripped:
        raise InputError(f"{what} holds only blanks: say what the document is about")
    if len(stripped) > MAX_PROMPT_CHARS:
        raise InputError(
            f"{what} has {len(stripped):,} characters, at most {MAX_PROMPT_CHARS:,} are read: shorten it"
        )
    if not has_words(stripped):
        kind = "emoji" if any(_is_emoji(c) for c in stripped) else "symbols"
        raise InputError(f"{what} holds only {kind}, no word: say in words what the document is about")
    return stripped


def check_decodable(text: str, what: str) -> None:
    """Raise InputError if `text` holds undecodable bytes or control characters."""
    for position, char in enumerate(text):
        category = unicodedata.category(char)
        if category == "Cs":
            # Python keeps the undecodable bytes of an argument as lone surrogates.
            raise InputError(f"{what} is not UTF-8 text (character {position + 1}): give readable text")
        if category == "Cc" and char not in _ALLOWED_CONTROLS:
            raise InputError(
                f"{what} holds the control character U+{ord(char):04X} (character {position + 1}): "
                "give text, not binary data"
            )


def has_words(text: str) -> bool:
    """Return whether `text` holds a letter or a digit (keycap emoji are no digits)."""
    return any(unicodedata.category(c)[0] in "LN" for c in _KEYCAPS.sub("", text))


def _is_emoji(char: str) -> bool:
    return unicodedata.category(char) == "So" or char in "\u20e3\ufe0f"


def check_choice(option: str, value: str, known: Sequence[str]) -> str:
    """Return `value` if it is one of `known`; raise UsageError with the nearest one otherwise."""
    if value in known:
        return value
    near = difflib.get_close_matches(value.lower(), known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    raise UsageError(f"{option} is {shorten(value)!r}: {hint}known are {', '.join(known)}")


def check_translation(
    lang: str, known: Sequence[str], space: str, own: str, on_note: Callable[[str], None] = lambda _: None
) -> str:
    """Return the code of a translation's language; raise UsageError if it is unknown, or the space has no other."""
    others = [code for code in known if code != own]
    if not others:
        raise UsageError(
            f"the space {space} knows only {', '.join(known)}: for another language, write the document in a "
            "space that has it (longhand write --space; longhand models)"
        )
    return check_language(lang, known, on_note)


def check_language(typed: str, known: Sequence[str], on_note: Callable[[str], None] = lambda _: None) -> str:
    """Return the code of `known` that a code, tag or name of a language means; raise UsageError, naming the nearest.

    `on_note` gets a line if a region was taken for its language.
    """
    code = take_noted(typed, known, on_note)
    if code is not None:
        return code
    hints = suggest_languages(typed, known)
    if hints:
        hint = f"did you mean {' or '.join(hints)}?"
    else:
        shown = ", ".join(known[:8]) + (f" and {len(known) - 8} more" if len(known) > 8 else "")
        hint = f"known are {shown}"
    raise UsageError(f"unknown language {shorten(typed)!r}: {hint}")


def take_noted(typed: str, known: Sequence[str], on_note: Callable[[str], None]) -> str | None:
    """Return the code of `known` that a code, tag or name of a language means, else None; `on_note` as above."""
    code = take_language(typed, known)
    if code is not None and (note := note_on_language(typed, code)) is not None:
        on_note(note)
    return code


def known_languages(space: str | None = None) -> tuple[str, ...]:
    """Return the languages of documents in a space (None: the default one): its card's and the translator's."""
    from concepts.models.card import MODELS_VARIABLE

    return _languages(space, os.environ.get(MODELS_VARIABLE, ""))


@cache
def _languages(space: str | None, _models: str) -> tuple[str, ...]:
    # Cached for each value of the variable that `find_card` reads: a file may hold thousands of lines.
    from concepts.errors import ModelError
    from concepts.models.installed import space_languages
    from concepts.space.config import LANGS

    try:
        return tuple(dict.fromkeys((*(space_languages(space) or ()), *LANGS)))
    except ModelError:
        # Loading the space will report the error.
        return LANGS


def check_limit(limit: int) -> int:
    """Return a limit of rows; raise UsageError if it is out of a database's range."""
    if not 1 <= limit < 2**31:
        raise UsageError(f"--limit is {limit}: give a number from 1 to {2**31 - 1}")
    return limit


def check_key(key: str) -> str:
    """Return the idempotency key, or raise UsageError."""
    check_decodable(key, "the idempotency key")
    if not key.strip() or len(key) > MAX_KEY_CHARS:
        raise UsageError(f"the idempotency key has {len(key)} characters: give 1 to {MAX_KEY_CHARS}")
    return key
