"""Progress and time of a document's stages, from its recorded attempts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from storage import AttemptRecord, DocumentRecord, ExportedDocument, OutlineRecord

STAGES = ("plan", "write", "decode")


class StageRow(TypedDict):
    """One stage; times add up over all versions, retries and languages."""

    stage: str
    done: int
    """Items planned, sections written, or sentences decoded (in the shown language)."""
    total: int
    """Total, as far as known."""
    num_done: int
    """Finished units."""
    num_failed: int
    """Failed or interrupted attempts, including crashes."""
    seconds: float
    """Time of the attempts that ended."""
    model_s: float
    """Model time in it, without loading."""


def stage_rows(
    document: DocumentRecord,
    outline: OutlineRecord | None,
    exported: ExportedDocument,
    attempts: Sequence[AttemptRecord],
) -> list[StageRow]:
    """Return a row for each stage; `outline`: the active one (None: there is none yet)."""
    items = () if outline is None else outline.items
    planned = sum(item.lead is not None or item.heading is not None for item in items)
    num_decoded = _count_sentences(exported)
    progress = document.progress
    done = {
        "plan": (planned, len(items)),
        "write": (progress.num_written, progress.num_items),
        "decode": (num_decoded, num_decoded + exported.num_missing),
    }
    return [_row(stage, *done[stage], [a for a in attempts if a.stage == stage]) for stage in STAGES]


def _count_sentences(exported: ExportedDocument) -> int:
    waiting = list(exported.sections)
    count = 0
    while waiting:
        section = waiting.pop()
        count += len(section.sentences)
        waiting += section.children
    return count


def _row(stage: str, done: int, total: int, attempts: Sequence[AttemptRecord]) -> StageRow:
    ended = [attempt for attempt in attempts if attempt.finished_at is not None]
    num_done = sum(attempt.outcome == "done" for attempt in ended)
    num_started = sum(attempt.outcome == "started" for attempt in attempts)
    return StageRow(
        stage=stage,
        done=done,
        total=total,
        num_done=num_done,
        # Each attempt is recorded as started before it runs: one without an end is running, or was killed.
        num_failed=max(num_started - num_done, len(ended) - num_done),
        seconds=sum((attempt.finished_at or 0.0) - attempt.started_at for attempt in ended),
        model_s=sum(_model_s(attempt.timing) for attempt in ended),
    )


def _model_s(timing: Mapping[str, object]) -> float:
    seconds = timing.get("model_s")
    return float(seconds) if isinstance(seconds, int | float) else 0.0
