"""Progress on stderr: bars in a terminal, one line a step elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from longhand.terminal import make_console, say

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from concepts.training import Progress as TrainingProgress
    from flows.events import Event

_STAGES = {"starting": "loading models", "planning": "planning", "writing": "writing", "decoding": "decoding"}
_COUNTED = ("writing", "decoding")


class WritingProgress:
    """Shows the events of a run; use it as a context manager."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._last = ""

    def __enter__(self) -> WritingProgress:
        if self._is_terminal:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            self._bars = Progress(
                TextColumn("{task.description:<14}", markup=False),
                BarColumn(bar_width=30),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=make_console(stderr=True),
                # The document goes to stdout as it is.
                redirect_stdout=False,
            )
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def show(self, event: Event) -> None:
        """Show one event."""
        if event.kind == "retry":
            self.remark(f"trying again: {event.message}")
        elif event.kind in _STAGES:
            self._advance(event)
        elif event.kind in ("outline", "planned", "awaiting_review", "done"):
            self._finish("starting", "planning")

    def remark(self, text: str) -> None:
        """Print lines above the bars."""
        if self._bars is not None:
            self._bars.console.print(text, soft_wrap=True)
        else:
            say(text)

    def _advance(self, event: Event) -> None:
        counted = event.kind in _COUNTED
        if self._bars is None:
            line = _STAGES[event.kind] + (f" {event.done}/{event.total}" if counted else "")
            # A decoder reports every batch; the same line twice says nothing.
            if line != self._last:
                say(line)
                self._last = line
            return
        if event.kind not in self._tasks:
            if event.kind != "starting":
                self._finish("starting")
            if counted:
                self._finish("planning")
            self._tasks[event.kind] = self._bars.add_task(_STAGES[event.kind], total=None)
        if counted:
            self._bars.update(self._tasks[event.kind], completed=event.done, total=event.total)

    def _finish(self, *kinds: str) -> None:
        if self._bars is not None:
            for kind in kinds:
                if kind in self._tasks:
                    self._bars.update(self._tasks[kind], completed=1, total=1)


class TrainingDisplay:
    """Shows steps, loss and speed of a training; use it as a context manager."""

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
        """Show how much of something else is done, for instance of embedding the corpus."""
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
