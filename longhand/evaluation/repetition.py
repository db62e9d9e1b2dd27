"""Repetition, copies and lengths: judges that need only the text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from concepts.corpus.split import same_text

if TYPE_CHECKING:
    from longhand.evaluation.judging import Sample
    from longhand.evaluation.texts import DocumentText

DISTINCT_WORDS = 200
"""Words of a document that `distinct_2` reads: the share falls with the length of any text."""
MIN_COPIED_WORDS = 4
"""A shorter sentence does not count as a copy."""
_WORD = re.compile(r"\w+(?:['’]\w+)*")


class RepetitionJudge:
    """A document's repetitions, and its copies from the training text.

    `rep_4`: share of the word 4-grams that occurred before in the document (Welleck et al. 2020, arXiv 1908.04319,
    seq-rep-4). `repeated_within`, `repeated_across`: share of the sentences that occurred before in their section, or
    in an earlier one. `distinct_2`: share of distinct bigrams among the first 200 words (Li et al. 2016, arXiv
    1510.03055). `copied`: share of the sentences of four words or more that occur in training documents.
    """

    name = "repetition"
    figures: tuple[str, ...] = ("rep_4", "repeated_within", "repeated_across", "distinct_2", "copied")

    def __init__(self, training_sentences: Iterable[str]) -> None:
        """`training_sentences`: the possible sources of copies."""
        self._known = {same_text(sentence) for sentence in training_sentences}

    def measure(self, samples: Sequence[Sample]) -> list[dict[str, float]]:
        """Return the figures of each document that has a sentence."""
        return [self._figures(sample.document) if sample.document.sentences else {} for sample in samples]

    def _figures(self, document: DocumentText) -> dict[str, float]:
        words = [word.casefold() for sentence in document.sentences for word in _WORD.findall(sentence)]
        within = across = 0
        earlier: set[str] = set()
        for section in document.sections:
            own: set[str] = set()
            for sentence in map(same_text, section.sentences):
                within += sentence in own
                across += sentence in earlier and sentence not in own
                own.add(sentence)
            earlier |= own
        sentences = document.sentences
        figures = {"repeated_within": within / len(sentences), "repeated_across": across / len(sentences)}
        if fours := _runs(words, 4):
            figures["rep_4"] = 1 - len(set(fours)) / len(fours)
        if pairs := _runs(words[:DISTINCT_WORDS], 2):
            figures["distinct_2"] = len(set(pairs)) / len(pairs)
        if long := [text for text in sentences if len(_WORD.findall(text)) >= MIN_COPIED_WORDS]:
            figures["copied"] = sum(same_text(text) in self._known for text in long) / len(long)
        return figures


class LengthJudge:
    """Lengths: sections, words of a section, words of a sentence, ratio of written to planned sentences."""

    name = "length"
    figures: tuple[str, ...] = ("sections", "words_section", "words_sentence", "written_planned")

    def measure(self, samples: Sequence[Sample]) -> list[dict[str, float]]:
        """Return the figures; sections without a sentence count only in the ratio of written to planned."""
        return [_lengths(sample.document) for sample in samples]


def _lengths(document: DocumentText) -> dict[str, float]:
    written = [section for section in document.sections if section.sentences]
    num_words = sum(len(_WORD.findall(sentence)) for sentence in document.sentences)
    figures = {"sections": float(len(written))}
    if written:
        figures["words_section"] = num_words / len(written)
        figures["words_sentence"] = num_words / len(document.sentences)
    planned = [section for section in document.sections if section.num_planned]
    if num_planned := sum(section.num_planned or 0 for section in planned):
        figures["written_planned"] = sum(len(section.sentences) for section in planned) / num_planned
    return figures


def _runs(words: Sequence[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(words[n : n + size]) for n in range(len(words) - size + 1)]
