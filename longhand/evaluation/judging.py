"""What a judge of documents is, and what it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from concepts.errors import ModelError
from longhand.evaluation.prompts import Prompt
from longhand.evaluation.texts import DocumentText


class MissingJudge(ModelError):
    """What a judge needs is not installed; the text names it and the command that brings it."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One document and what it was written for."""

    prompt: Prompt
    document: DocumentText


class Judge(Protocol):
    """Measures documents."""

    name: str
    figures: tuple[str, ...]
    """Names of its figures, in the order of the table."""

    def measure(self, samples: Sequence[Sample]) -> list[dict[str, float]]:
        """Return the figures of each document; those that a document does not have are not in its dict."""
