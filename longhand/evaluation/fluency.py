"""Judges of whether sentences are English, without language models: a parser and a word list.

link-grammar (Sleator and Temperley 1991, Debian package link-grammar) parses a sentence completely if every word has
a link. Word lists are in /usr/share/dict (Debian packages wamerican and wbritish).
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from longhand.evaluation.judging import MissingJudge

if TYPE_CHECKING:
    from longhand.evaluation.judging import Sample

PARSER = "link-parser"
PARSE_TIMEOUT_S = 3
"""A sentence that takes longer counts as unparsed."""
MAX_PARSED = 25
"""Most parsed sentences of a document, evenly spread over it."""
LONG_WORDS = 8
WORD_LISTS = tuple(
    Path("/usr/share/dict") / name for name in ("words", "american-english", "british-english")
)

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_ERROR = "+++++ error"


def find_parser() -> str:
    """Return the path of link-parser; raise MissingJudge."""
    path = shutil.which(PARSER)
    if path is None:
        raise MissingJudge(
            f"{PARSER} is not installed (Debian: apt-get install --no-install-recommends link-grammar)"
        )
    return path


def find_words(files: Sequence[Path] = WORD_LISTS) -> frozenset[str]:
    """Return the words of all installed word lists in lower case; raise MissingJudge if there are none."""
    words: set[str] = set()
    for file in files:
        if file.is_file():
            words.update(line.strip().casefold() for line in file.read_text(encoding="utf-8").splitlines())
    if not words:
        raise MissingJudge(f"no word list is in {files[0].parent} (Debian: apt-get install wamerican)")
    return frozenset(words)


class GrammarJudge:
    """`parsed`: share of the sentences that link-grammar parses completely, without guessing misspelled words.

    `parsed_long`: the same among sentences of eight words or more; short ones are easier to parse.
    """

    name = "grammar"
    figures: tuple[str, ...] = ("parsed", "parsed_long")

    def __init__(
        self, parser: str, *, max_parsed: int = MAX_PARSED, timeout_s: int = PARSE_TIMEOUT_S
    ) -> None:
        """`parser`: path of link-parser."""
        self._parser = parser
        self._max_parsed = max_parsed
        self._timeout_s = timeout_s

    def measure(self, samples: Sequence[Sample]) -> list[dict[str, float]]:
        """Parse a sample of each document's sentences."""
        chosen = [spread(sample.document.sentences, self._max_parsed) for sample in samples]
        distinct = sorted({line for own in chosen for line in map(_line, own) if line})
        is_parsed = dict(zip(distinct, self._parse(distinct), strict=True))
        figures: list[dict[str, float]] = []
        for own in chosen:
            results = [(len(text.split()), is_parsed.get(_line(text), False)) for text in own]
            parts = {
                "parsed": [result for _, result in results],
                "parsed_long": [result for length, result in results if length >= LONG_WORDS],
            }
            figures.append({name: sum(part) / len(part) for name, part in parts.items() if part})
        return figures

    def _parse(self, lines: Sequence[str]) -> list[bool]:
        """Return for each line whether it has a linkage without null links."""
        if not lines:
            return []
        options = ("-batch", "-echo=1", "-spell=0", "-panic=0", f"-timeout={self._timeout_s}")
        done = subprocess.run(
            [self._parser, "en", *options],
            input="\n".join(lines) + "\n",
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        results: list[bool] = []
        for line in done.stdout.splitlines():
            if len(results) < len(lines) and line.strip() == lines[len(results)]:
                results.append(True)
            elif line.startswith(_ERROR) and results:
                results[-1] = False
        if len(results) != len(lines):
            raise MissingJudge(
                f"{self._parser} answered for {len(results)} of {len(lines)} sentences; leave it out"
            )
        return results


class DictionaryJudge:
    """`known_words`: share of a document's words, without headings, that are in a word list."""

    name = "spelling"
    figures: tuple[str, ...] = ("known_words",)

    def __init__(self, words: Collection[str]) -> None:
        """`words`: in lower case."""
        self._words = words

    def measure(self, samples: Sequence[Sample]) -> list[dict[str, float]]:
        """Look up every word."""
        figures: list[dict[str, float]] = []
        for sample in samples:
            words = [word for sentence in sample.document.sentences for word in _WORD.findall(sentence)]
            known = sum(self._is_known(word.casefold().replace("’", "'")) for word in words)
            figures.append({"known_words": known / len(words)} if words else {})
        return figures

    def _is_known(self, word: str) -> bool:
        return word in self._words or word.partition("'")[0] in self._words


def spread(sentences: Sequence[str], limit: int) -> list[str]:
    """Return at most `limit` sentences, evenly spread."""
    count = min(limit, len(sentences))
    return [sentences[n * len(sentences) // count] for n in range(count)]


def _line(sentence: str) -> str:
    """Return a sentence as a line of input for link-parser, without marks that would be commands."""
    return " ".join(sentence.split()).lstrip("*!%: ")
