"""Proper names of a document and of what was asked for: what is true of Porto is not true of Lisbon."""

from __future__ import annotations

import re
from typing import Literal

from concepts.library.words import all_stems, has_other_number, with_one_name, without_other_names
from concepts.segment import without_accents
from concepts.truecase import is_name, truecased

Naming = Literal["same", "narrower", "other"]
"""A document has the names that were asked for, or some where none was asked for, or others."""
_CAPITAL = r"[A-Z][\w’']*(?:-\w+)*"
_NAME = re.compile(rf"\b{_CAPITAL}(?: {_CAPITAL})*")
_BEGINS = re.compile(r"(?:^|[.?!:;\n]\s*)[\"'“(]*$")
"""Matches what stands before the first word of a sentence."""
_PRONOUN = re.compile(r"I(?:['’]\w+)?$")


class Names:
    """The names of what was asked for; accents, endings and, for well-known names, case do not count."""

    def __init__(self, called: str, around: str = "") -> None:
        """`called` says what was asked for; names in `around`, such as headings, are known but were not asked for."""
        self._called = with_one_name(f"{called} {around}")
        self._known = all_stems(self._called)
        self._wanted = _names_in(truecased(without_accents(with_one_name(called))))

    def naming(self, title: str, prompt: str = "") -> Naming:
        """Return whether a document with a title, written for a prompt, has the names that were asked for.

        A text on Sweden and its Vikings is one on Sweden.
        """
        title = without_other_names(with_one_name(title), self._called)
        if has_other_number(title, self._called):
            return "other"
        own = _names_in(title)
        unknown = [name for name in own if not _has(self._known, name)]
        if not unknown:
            return "same"
        said = all_stems(f"{title} {prompt}")
        if not all(_has(said, name) for name in self._wanted):
            return "other"
        return "same" if len(unknown) < len(own) else "narrower"


def _names_in(text: str) -> list[str]:
    """Return the names in a text, "North Korea" as one; none where most of its words have a capital.

    A capital at the beginning of a sentence tells nothing, unless the word is known as a name.
    """
    names = []
    for found in _NAME.finditer(text):
        words = found[0].split(" ")
        if _BEGINS.search(text[: found.start()]) and not is_name(words[0]):
            del words[0]
        if words and not _PRONOUN.match(words[0]):
            names.append(" ".join(words))
    num_words = text.count(" ")  # without the first
    num_capitals = sum(name.count(" ") + 1 for name in names if not text.startswith(name))
    if num_capitals * 2 > num_words:
        names = [name for name in names if text.startswith(name)]
    return names


def _has(stems: set[str], name: str) -> bool:
    """Return whether a text with these stems has a name, with or without its hyphen: wifi is Wi-Fi."""
    return all_stems(name.replace("-", "")) <= stems or all_stems(name.replace("-", " ")) <= stems
