"""A judge of whether a document is about its prompt, by words alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longhand.evaluation.judging import Sample
    from longhand.evaluation.prompts import PromptSet


class WordsJudge:
    """`topic_by_words`: 1 if the sentences share more words with their own reference than with any other.

    Rarer words in training sentences weigh more (`concepts.words.nearest_topics`). Title and headings do not count: a
    title repeats the prompt. A document that shares no word with any reference scores 0.
    """

    name = "topic by words"
    figures: tuple[str, ...] = ("topic_by_words",)

    def __init__(self, prompts: PromptSet, sentences: Sequence[str]) -> None:
        """`sentences`: for counting how rare a word is."""
        self._prompts = prompts
        self._sentences = sentences

    def measure(self, samples: Sequence[Sample]) -> list[dict[str, float]]:
        """Return the figure of each document that has a sentence."""
        from longhand.evaluation.words import nearest_topics

        texts = [" ".join(sample.document.sentences) for sample in samples]
        # The empty text comes first and wins if nothing is shared, since ties go to the first.
        topics = nearest_topics(texts, ["", *self._prompts.references], self._sentences)
        return [
            {"topic_by_words": float(topic == sample.prompt.number)} if text else {}
            for text, topic, sample in zip(texts, topics, samples, strict=True)
        ]
