"""The interface of judges, and their samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from concepts.errors import ModelError
from longhand.evaluation.prompts import Prompt
from longhand.evaluation.texts import DocumentText


class MissingJudge(ModelError):
    """A judge's requirement is not installed; the message names it and the command that installs it."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One document and its prompt."""

    prompt: Prompt
    document: DocumentText


class Judge(Protocol):
    """Measures documents."""

    name: str
    figures: tuple[str, ...]
    """Names of its figures, in the order of the table."""

    def measure(self, samples: Sequence[Sample]) -> list[dict[str, float]]:
        """Return the figures of each document; a dict leaves out figures that its document lacks."""
