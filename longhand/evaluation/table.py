"""Figures of documents as means with bootstrap intervals, and their differences paired by prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

NUM_RESAMPLES = 2000
PERCENTILES = (2.5, 97.5)
"""Percentiles of the resampled means (Efron 1979): an interval of 95 %."""
BLOCK_SIZE = 5
"""Figures side by side."""
DIFFERENCE = "less "

Values = Mapping[int, float]
"""A figure by the number of the prompt."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure's mean over documents, with its interval."""

    mean: float
    low: float
    high: float
    num_documents: int


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One figure of one system, and its difference to the baseline over the prompts for which both have it."""

    value: Estimate
    difference: Estimate | None
    """None: this is the baseline, or there is no baseline."""


Table = Mapping[str, Mapping[str, Cell]]
"""Cells by system and figure."""


def estimate(values: Sequence[float], *, seed: int = 0) -> Estimate:
    """Return the mean of at least one value and its bootstrap interval."""
    array = np.asarray(values, dtype=np.float64)
    drawn = np.random.default_rng(seed).integers(len(array), size=(NUM_RESAMPLES, len(array)))
    low, high = np.percentile(array[drawn].mean(axis=1), PERCENTILES)
    return Estimate(mean=float(array.mean()), low=float(low), high=float(high), num_documents=len(array))


def make_table(
    measured: Mapping[str, Mapping[str, Values]], *, baseline: str | None
) -> dict[str, dict[str, Cell]]:
    """Return the table of `measured`, figures by system, name and prompt; differences are system minus baseline."""
    base = measured.get(baseline, {}) if baseline is not None else {}
    table: dict[str, dict[str, Cell]] = {}
    for system, figures in measured.items():
        table[system] = {}
        for name, values in figures.items():
            if not values:
                continue
            other = {} if system == baseline else base.get(name, {})
            paired = [value - other[number] for number, value in values.items() if number in other]
            table[system][name] = Cell(
                value=estimate(list(values.values())), difference=estimate(paired) if paired else None
            )
    return table


def blocks_of(judges: Sequence[tuple[str, tuple[str, ...]]]) -> list[tuple[str, ...]]:
    """Return the judges' figure names in blocks that fit on a screen; a judge's figures stay together."""
    return [
        figures[start : start + BLOCK_SIZE]
        for _, figures in judges
        for start in range(0, len(figures), BLOCK_SIZE)
    ]


def rows_of(table: Table, figures: Sequence[str], *, baseline: str | None) -> list[tuple[str, ...]]:
    """Return the rows of a printed table: one for each system, and below it its difference to the baseline."""
    rows: list[tuple[str, ...]] = []
    for system, cells in table.items():
        rows.append((system, *(_shown(cells[name].value) if name in cells else "-" for name in figures)))
        differences = [cells[name].difference if name in cells else None for name in figures]
        if any(difference is not None for difference in differences):
            shown = ["-" if found is None else _shown(found, sign="+") for found in differences]
            rows.append((f"  {DIFFERENCE}{baseline}", *shown))
    return rows


def to_json(table: Table) -> dict[str, dict[str, dict[str, object]]]:
    """Return the table as plain JSON values."""
    return {
        system: {
            name: vars(cell.value)
            | {"difference": None if cell.difference is None else vars(cell.difference)}
            for name, cell in cells.items()
        }
        for system, cells in table.items()
    }


def _shown(estimate: Estimate, *, sign: str = "") -> str:
    # Shares and cosines with three digits, words and sections with one.
    digits = 3 if max(abs(estimate.low), abs(estimate.high)) < 2 else 1
    mean, low, high = (f"{value:{sign}.{digits}f}" for value in (estimate.mean, estimate.low, estimate.high))
    return f"{mean} [{low} {high}]"
