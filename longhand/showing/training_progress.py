"""Training progress on stderr: bars in a terminal, one line a step elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from longhand.showing.terminal import make_console, say

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from training.loop import Progress as TrainingProgress


class TrainingDisplay:
    """Shows a training's steps, loss and speed; use it as a context manager."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._bars: Progress | None = None
        self._task: TaskID | None = None
        self._counts: dict[str, TaskID] = {}

    def __enter__(self) -> TrainingDisplay:
        if self._is_terminal:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bars = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=30),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=make_console(stderr=True),
            )
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def count(self, what: str, done: int, total: int) -> None:
        """Show the progress of another task, for instance embedding the corpus."""
        if self._bars is None:
            if done == total:
                say(f"{what} {done}/{total}")
            return
        if what not in self._counts:
            self._counts[what] = self._bars.add_task(what, total=total)
        self._bars.update(self._counts[what], completed=done, total=total)

    def show(self, progress: TrainingProgress) -> None:
        """Show one report of the training loop."""
        if progress.note:
            line = f"step {progress.step}: {progress.note}"
            if self._bars is None:
                say(line)
            else:
                self._bars.console.print(line, soft_wrap=True)
            return
        text = f"loss {progress.loss:.4f}  {progress.units_per_s:,.0f} {progress.unit}/s"
        if self._bars is None:
            say(f"step {progress.step}/{progress.num_steps}  {text}")
            return
        if self._task is None:
            self._task = self._bars.add_task(text, total=progress.num_steps)
        self._bars.update(self._task, completed=progress.step, total=progress.num_steps, description=text)
