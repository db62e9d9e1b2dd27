"""What a prompt, a language, a seed and a number of sections may be; everything else is one clear line."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence

from concepts.errors import InputError, UsageError
from concepts.languages import suggest_languages

MAX_PROMPT_CHARS = 10_000
"""Longest prompt; a longer text is a document, not a prompt."""
MAX_SECTIONS = 200
MAX_DEPTH = 2
"""Levels that the planner makes."""
MAX_OUTLINE_DEPTH = 3
"""Levels of an outline that are written; deeper ones become points of their section."""
MAX_LENGTH = 40
"""Longest section, in sentences, that planner and writer know (a test compares)."""
MAX_PRIORITY = 1_000_000
MAX_KEY_CHARS = 200
DEFAULT_LANG = "eng_Latn"
DEFAULT_SEED = 7

_KEYCAPS = re.compile("[0-9#*]\ufe0f?\u20e3")
_ALLOWED_CONTROLS = frozenset("\t\n\r")


def check_prompt(text: str, what: str = "the prompt") -> str:
    """Return `text` without surrounding blanks; raise InputError where nothing can be made of it.

    A single word is a good prompt. `what` names the text in messages ("the goal").
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
    """Raise InputError where `text` holds undecodable bytes or control characters."""
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


def check_sections(number: int | None) -> int | None:
    """Return the number of sections (None: the planner decides), or raise UsageError."""
    if number is not None and not 1 <= number <= MAX_SECTIONS:
        raise UsageError(f"--sections is {number}: give a number from 1 to {MAX_SECTIONS}")
    return number


def check_depth(depth: int) -> int:
    """Return the depth, or raise UsageError."""
    if not 1 <= depth <= MAX_DEPTH:
        raise UsageError(f"--depth is {depth}: give 1 (sections) or 2 (parts with sections)")
    return depth


def check_seed(seed: int) -> int:
    """Return the seed, or raise UsageError where a database or a generator could not hold it."""
    if not 0 <= seed < 2**63:
        raise UsageError(f"--seed is {seed}: give a whole number from 0 to 2**63 - 1")
    return seed


def check_choice(option: str, value: str, known: Sequence[str]) -> str:
    """Return `value` where it is one of `known`; raise UsageError with the nearest one otherwise."""
    if value in known:
        return value
    near = difflib.get_close_matches(value.lower(), known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    raise UsageError(f"{option} is {value!r}: {hint}known are {', '.join(known)}")


def check_translation(lang: str, known: Sequence[str], space: str, own: str) -> str:
    """Return the language of a translation, or raise UsageError: unknown, or the space has no second one."""
    others = [code for code in known if code != own]
    if not others:
        raise UsageError(
            f"the space {space} knows only {', '.join(known)}: for another language, write the document in a "
            "space that has it (longhand write --space; longhand models)"
        )
    return check_language(lang, known)


def check_language(code: str, known: Sequence[str]) -> str:
    """Return the language code, or raise UsageError naming the nearest ones of `known`."""
    if code in known:
        return code
    hints = suggest_languages(code, known)
    if hints:
        hint = f"did you mean {' or '.join(hints)}?"
    else:
        shown = ", ".join(known[:8]) + (f" and {len(known) - 8} more" if len(known) > 8 else "")
        hint = f"known are {shown}"
    raise UsageError(f"unknown language {code!r}: {hint}")


def check_limit(limit: int) -> int:
    """Return a number of rows; raise UsageError where it is none that a database counts to."""
    if not 1 <= limit < 2**31:
        raise UsageError(f"--limit is {limit}: give a number from 1 to {2**31 - 1}")
    return limit


def check_priority(priority: int) -> int:
    """Return the priority, or raise UsageError where a database could not hold it."""
    if abs(priority) > MAX_PRIORITY:
        raise UsageError(
            f"the priority is {priority}: give a whole number from -{MAX_PRIORITY:,} to {MAX_PRIORITY:,}"
        )
    return priority


def check_key(key: str) -> str:
    """Return the idempotency key, or raise UsageError."""
    check_decodable(key, "the idempotency key")
    if not key.strip() or len(key) > MAX_KEY_CHARS:
        raise UsageError(f"the idempotency key has {len(key)} characters: give 1 to {MAX_KEY_CHARS}")
    return key
