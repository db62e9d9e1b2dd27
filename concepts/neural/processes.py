"""Training one model in several processes: work for the main process alone, and values that all agree on.

accelerate opens the group of processes that `accelerate launch` or `torchrun` has started. Only the main process (rank
0) writes files; the others wait for it. The group's timeout is a day, long enough to embed a corpus.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING

from concepts.errors import LonghandError

if TYPE_CHECKING:
    from accelerate import PartialState

_PATIENCE = timedelta(days=1)
SAID = "process 0 says it"
"""A note on an error that all processes raise: only the main process prints it."""


def process_state(*, cpu: bool = False) -> PartialState:
    """Return accelerate's state of this process; the first call joins the others where a launcher has started several.

    `cpu`: whether the first call ignores accelerators.
    """
    import torch
    from accelerate import PartialState
    from accelerate.utils import InitProcessGroupKwargs, parse_flag_from_env

    # accelerate opens a group of CPU processes only if told that there is no accelerator
    is_cpu = cpu or not torch.accelerator.is_available() or parse_flag_from_env("ACCELERATE_USE_CPU")
    with _silence() if os.environ.get("WORLD_SIZE", "1") != "1" else nullcontext():
        return PartialState(is_cpu, **InitProcessGroupKwargs(timeout=_PATIENCE).to_kwargs())


@contextmanager
def _silence() -> Iterator[None]:
    """Silence stdout inside the block: gloo prints its connections there."""
    sys.stdout.flush()
    kept, nothing = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nothing)


def on_main(work: Callable[[], object]) -> None:
    """Do `work` in the main process while the others wait; a LonghandError there is raised in all of them."""
    state = process_state()
    error: LonghandError | None = None
    if state.is_main_process:
        try:
            work()
        except LonghandError as raised:
            error = raised
    if state.num_processes > 1:
        from accelerate.utils import broadcast_object_list

        (error,) = broadcast_object_list([error], from_process=0)
    if error is not None:
        raise for_all(error)


def for_all(error: LonghandError) -> LonghandError:
    """Return an error that all processes raise here; in all but the main one it carries the note `SAID`."""
    if not process_state().is_main_process:
        error.add_note(SAID)
    return error


def agree(value: str) -> str:
    """Return the main process's `value` in all processes."""
    told = [value]
    if process_state().num_processes > 1:
        from accelerate.utils import broadcast_object_list

        broadcast_object_list(told, from_process=0)
    return told[0]


def add_up(values: Sequence[float]) -> list[float]:
    """Return the sums of numbers over all processes; all must call this together."""
    state = process_state()
    if state.num_processes == 1:
        return list(values)
    import torch
    from accelerate.utils import reduce

    found: torch.Tensor = reduce(torch.tensor(values, dtype=torch.float64, device=state.device), "sum")
    return [float(value) for value in found.tolist()]


def leave() -> None:
    """Leave the group once all processes have reached this point."""
    state = process_state()
    state.wait_for_everyone()
    state.destroy_process_group()


def is_lost_peer(error: RuntimeError) -> bool:
    """Return whether an error says that another process of the group has ended."""
    import torch

    # gloo, the CPU backend, has no exception class of its own
    text = str(error).lower()
    return isinstance(error, torch.distributed.DistError) or ("gloo" in text and "connect" in text)
