"""Progress on stderr: bars in a terminal, one line a step elsewhere."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING

from longhand.showing.terminal import format_duration, make_console, print_text, say

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

    from flows.document.job.events import Event

_STAGES = {"starting": "loading models", "planning": "planning", "writing": "writing", "decoding": "decoding"}
_COUNTED = ("writing", "decoding")


class WritingProgress:
    """Shows the events of a run; use it as a context manager."""

    def __init__(self, *, is_live: bool = False) -> None:
        """`is_live`: the text is also printed while it is decoded, on stdout, a terminal."""
        self._is_terminal, self._is_live = sys.stderr.isatty(), is_live
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._last = ""
        self._num_decoded = 0
        """Number of stored or said texts."""
        self._lock = threading.Lock()
        """Needed since the loading thread counts models."""

    def __enter__(self) -> WritingProgress:
        if self._is_terminal:
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            self._bars = Progress(
                TextColumn("{task.description:<14}", markup=False),
                BarColumn(bar_width=30),
                TextColumn("{task.fields[count]:>7}", markup=False),
                TimeElapsedColumn(),
                _make_left_column(),
                # If the text is printed, too, both go to one terminal: bars stay below it and vanish in the end.
                console=make_console(stderr=not self._is_live),
                transient=self._is_live,
                # Do not change the document on stdout.
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
        """Show one event; safe to call from several threads."""
        with self._lock:
            self._show(event)

    def _show(self, event: Event) -> None:
        if event.kind == "retry":
            self.remark(f"trying again: {event.message}")
        elif event.kind == "said":
            self._num_decoded += 1
            self._count("decoding", self._num_decoded)
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

    def print_text(self, text: str) -> None:
        """Print a part of the document, with its line end, on stdout, above the bars."""
        if self._bars is not None:
            self._bars.console.print(text, soft_wrap=True, end="")
        else:
            print_text(text)

    def _advance(self, event: Event) -> None:
        if event.kind == "decoding":
            self._num_decoded = event.done
        if self._bars is None:
            line = _STAGES[event.kind] + (f" {event.done}/{event.total}" if event.kind in _COUNTED else "")
            # A decoder reports every batch: skip repeated lines.
            if line != self._last and not (event.kind == "starting" and event.total):
                say(line)
                self._last = line
            return
        if event.kind not in self._tasks:
            if event.kind in _COUNTED:
                self._finish("starting", "planning")
            self._tasks[event.kind] = self._bars.add_task(_STAGES[event.kind], total=None, count="")
        if event.total:
            self._count(event.kind, event.done, event.total)

    def _count(self, kind: str, done: int, total: float | None = None) -> None:
        """Show a stage's progress; `total` None: unchanged."""
        if self._bars is None or kind not in self._tasks:
            return
        task = self._tasks[kind]
        total = total or next(known.total for known in self._bars.tasks if known.id == task) or 0
        self._bars.update(task, completed=done, total=total, count=f"{done}/{total:.0f}")

    def _finish(self, *kinds: str) -> None:
        """Fill the bars of stages."""
        if self._bars is None:
            return
        for task in self._bars.tasks:
            if task.id in (self._tasks.get(kind) for kind in kinds):
                total = task.total or 1
                count = f"{total:.0f}/{total:.0f}" if task.fields["count"] else ""
                self._bars.update(task.id, completed=total, total=total, count=count)


def _make_left_column() -> ProgressColumn:
    """Return the column with a stage's remaining time, if its speed is known."""
    # Imported here: commands without bars do not need it.
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class LeftColumn(ProgressColumn):
        max_refresh = 0.5

        def render(self, task: Task) -> Text:
            left = None if task.finished or not task.completed else task.time_remaining
            return Text("" if left is None else f"about {format_duration(left)} left")

    return LeftColumn()
