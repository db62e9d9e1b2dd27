"""Loads the available judges and merges their figures.

A judge names its figures; a document may lack some: without headings it has no cosine to them. If a judge's own
requirements are missing, its figures are left out and a line says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from longhand.evaluation.judging import Judge, MissingJudge, Sample
from longhand.evaluation.prompts import PromptSet


@dataclass(frozen=True, kw_only=True)
class Materials:
    """Inputs for making judges; training sentences are read at their first use."""

    prompts: PromptSet
    corpus: Path

    @cached_property
    def training_sentences(self) -> list[str]:
        """All sentences of the English training documents."""
        from training.corpus.store import load_documents

        documents = load_documents(self.corpus, lang="eng_Latn", split="train")
        return [sentence for document in documents for sentence in document.sentences]


def _meaning(materials: Materials) -> Judge:
    from longhand.evaluation.meaning import MeaningJudge, find_encoder

    return MeaningJudge(materials.prompts, find_encoder())


def _topics(materials: Materials) -> Judge:
    from longhand.evaluation.topics import WordsJudge

    return WordsJudge(materials.prompts, materials.training_sentences)


def _grammar(materials: Materials) -> Judge:
    from longhand.evaluation.fluency import GrammarJudge, find_parser

    return GrammarJudge(find_parser())


def _dictionary(materials: Materials) -> Judge:
    from longhand.evaluation.fluency import DictionaryJudge, find_words

    return DictionaryJudge(find_words())


def _repetition(materials: Materials) -> Judge:
    from longhand.evaluation.repetition import RepetitionJudge

    return RepetitionJudge(materials.training_sentences)


def _lengths(materials: Materials) -> Judge:
    from longhand.evaluation.repetition import LengthJudge

    return LengthJudge()


JUDGES: dict[str, Callable[[Materials], Judge]] = {
    "adherence and coherence": _meaning,
    "topic by words": _topics,
    "grammar": _grammar,
    "spelling": _dictionary,
    "repetition": _repetition,
    "length": _lengths,
}
"""Factory of each judge; may raise MissingJudge."""


def load_judges(materials: Materials, on_missing: Callable[[str], None]) -> list[Judge]:
    """Return the available judges; `on_missing` gets a line for each missing one."""
    judges: list[Judge] = []
    for name, make in JUDGES.items():
        try:
            judges.append(make(materials))
        except MissingJudge as error:
            on_missing(f"{name} left out: {error}")
    return judges


def measure_all(
    judges: Sequence[Judge], samples: Sequence[Sample], on_progress: Callable[[int, int], None]
) -> list[dict[str, float]]:
    """Return the figures of each document by all judges together; `on_progress` gets (judges done, all)."""
    figures: list[dict[str, float]] = [{} for _ in samples]
    for number, judge in enumerate(judges, start=1):
        for own, measured in zip(figures, judge.measure(samples), strict=True):
            own.update(measured)
        on_progress(number, len(judges))
    return figures
