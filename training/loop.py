"""The training loop shared by space, planner, writer and voice.

It knows optimizers, schedules, checkpoints, metrics and when to stop; it does not know the content of a batch or
the meaning of the loss. A step averages the gradients of its parts, one batch each, which are distributed over the
processes of a launch. All randomness (the batch, and the generator passed to the loss) is a function of (seed, step,
part). So a checkpoint needs no random state and no data cursor besides the step, a killed run continues exactly from
its last checkpoint, and several processes give the same loss curve as one with as many parts, up to rounding.

Files of a run directory:
`config.json` the resolved configuration; `metrics.jsonl` one JSON object a line; `checkpoint/` the
newest state (model, EMA, optimizers, step); `best.safetensors` the EMA weights of the best evaluation.
"""

from __future__ import annotations

import json
import math
import os
import pickle
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from concepts.errors import ModelError, NonFiniteError, UsageError
from concepts.models.tensors import load_parameters, save_tensors
from concepts.neural.precision import PRECISION_VARIABLE, training_device, training_dtype
from concepts.neural.processes import add_up, agree, for_all, on_main, process_state
from training.loop_config import LoopConfig
from training.optimizers import make_optimizers

Value = TypeVar("Value")


@dataclass(frozen=True)
class Progress:
    """State of a training run for a progress bar."""

    step: int
    num_steps: int
    loss: float
    units_per_s: float
    unit: str
    note: str = ""


class Task(Protocol):
    """A training task: a module whose forward returns the loss, its batches and its evaluation."""

    unit: str
    """Unit of `count` for the progress bar, such as "tok"."""

    @property
    def module(self) -> nn.Module:
        """Return the module; `module(batch, generator)` gives the scalar loss and figures to log."""

    def batch(self, step: int, part: int, num_parts: int) -> object:
        """Return the batch of one part of a step: a pure function of its arguments."""

    def count(self, batch: object) -> int:
        """Return how many units `batch` holds."""

    def evaluate(self) -> dict[str, float]:
        """Return figures of the current module on the dev split; the lowest "loss" is the best."""


def train(
    task: Task,
    run_dir: Path,
    config: LoopConfig,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
    cpu: bool = False,
) -> dict[str, float]:
    """Train `task` until `config.num_steps`; return the figures of the best evaluation, whose weights a release takes.

    Continues from `run_dir/checkpoint` if there is one. SIGINT and SIGTERM end the run after the
    current step with a checkpoint. Runs under accelerate: one process or many, CPU or GPU, in the number
    format of concepts/neural/precision.py. Only the main process writes files, evaluates and reports.
    Raises ModelError for a damaged checkpoint, NonFiniteError if the loss is not finite, and UsageError if the
    parts of a step cannot be distributed evenly; each in all processes.
    """
    from accelerate import Accelerator

    device = torch.device("cpu") if cpu else training_device()
    process_state(cpu=cpu)
    # CPUs are timed, and processes may measure differently
    precision = agree("bf16" if training_dtype(device) == torch.bfloat16 else "no")
    if process_state().num_processes > 1:
        os.environ[PRECISION_VARIABLE] = precision
    accelerator = Accelerator(mixed_precision=precision, cpu=device.type == "cpu")
    is_main = accelerator.is_main_process
    parts = range(accelerator.process_index, config.num_parts, accelerator.num_processes)
    if config.num_parts % accelerator.num_processes:
        raise for_all(
            UsageError(
                f"{accelerator.num_processes} processes cannot share {config.num_parts} parts of a step evenly: "
                "give a multiple of their number as --parts"
            )
        )
    on_main(lambda: _tidy(run_dir))
    module = task.module.to(accelerator.device)
    optimizers = make_optimizers(module, config)
    average = {name: p.detach().float().clone() for name, p in module.named_parameters()}
    step, elapsed_s, best = _restore(run_dir, module, optimizers, average)
    prepared = accelerator.prepare(module, *optimizers)
    model, wrapped = prepared[0], prepared[1:]
    on_main(lambda: write_json(run_dir / "config.json", asdict(config)))
    started, saved, shown = time.monotonic(), time.monotonic(), time.monotonic()
    mean_loss, num_units = math.nan, 0.0
    stopping = False
    metrics_path = run_dir / "metrics.jsonl" if is_main else Path(os.devnull)
    with _stop_signals() as stop, open(metrics_path, "a", encoding="utf-8") as metrics:
        while step < config.num_steps and not stopping:
            for optimizer in wrapped:
                factor = config.lr_factor(step)
                for group in optimizer.param_groups:
                    group["lr"] = group["peak_lr"] * factor
            is_told = (step + 1) % 50 == 0 or step + 1 == config.num_steps
            sums = _Sums()
            for part in parts:
                batch = to_device(task.batch(step, part, config.num_parts), accelerator.device)
                generator = step_generator(config.seed, step, part)
                torch.manual_seed(generator.initial_seed())  # dropout uses the global generator
                # gradients are synchronised once per step, with the last part
                with nullcontext() if part == parts[-1] else accelerator.no_sync(model):
                    loss, figures = model(batch, generator)
                    accelerator.backward(loss / len(parts))
                sums.add(loss.detach().item(), task.count(batch), figures if is_told else {})
            sums = sums.of_all(is_stopped=stop())
            value = sums.loss / config.num_parts
            if not math.isfinite(value):
                raise for_all(
                    NonFiniteError(
                        f"the loss became {value} at step {step}; the last checkpoint in {run_dir} is intact: "
                        "resume with a lower learning rate"
                    )
                )
            norm = accelerator.clip_grad_norm_(module.parameters(), config.clip_norm)
            if norm is not None and not torch.isfinite(torch.as_tensor(norm)):
                raise for_all(
                    NonFiniteError(
                        f"the gradient became {float(norm)} at step {step}; the last checkpoint in {run_dir} is "
                        "intact: resume with a lower learning rate"
                    )
                )
            for optimizer in wrapped:
                optimizer.step()
                optimizer.zero_grad()
            update_average(average, module, min(config.ema_decay, (1 + step) / (10 + step)))
            step += 1
            num_units += sums.num_units
            mean_loss = value if math.isnan(mean_loss) else 0.98 * mean_loss + 0.02 * value
            now = time.monotonic()
            if is_main and is_told:
                rate = num_units / (now - shown)
                num_units, shown = 0.0, now
                on_progress(Progress(step, config.num_steps, mean_loss, rate, task.unit))
                row = {"step": step, "elapsed_s": round(elapsed_s + now - started, 1), "loss": value}
                row |= {"mean_loss": mean_loss, "units_per_s": round(rate, 1)}
                _log(metrics, row | {k: v / config.num_parts for k, v in sums.figures.items()})
            if step % config.evaluate_every == 0 or step == config.num_steps:
                if is_main:
                    measured = _evaluate(task, average)
                    _log(metrics, {"step": step} | {f"dev_{k}": v for k, v in measured.items()})
                    note = " ".join(f"{k} {v:.3f}" for k, v in measured.items())
                    on_progress(Progress(step, config.num_steps, mean_loss, 0.0, task.unit, note))
                    if measured["loss"] < best:
                        best = measured["loss"]
                        save_tensors(run_dir / "best.safetensors", average)
                accelerator.wait_for_everyone()
                shown = time.monotonic()
            # read once per step: a later signal must not end the run before it is saved
            stopping = sums.is_stopped
            due = time.monotonic() - saved > config.checkpoint_every_s
            if is_main and (due or step == config.num_steps or stopping):
                total_s = elapsed_s + time.monotonic() - started
                _save(run_dir, module, optimizers, average, step, total_s, best)
                saved = time.monotonic()
    accelerator.wait_for_everyone()
    return best_figures(run_dir)


@dataclass
class _Sums:
    """Sums over the parts of a step."""

    loss: float = 0.0
    num_units: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)
    is_stopped: bool = False
    """Whether any process has received a stop signal."""

    def add(self, loss: float, num_units: int, figures: Mapping[str, Tensor]) -> None:
        """Add one part."""
        self.loss += loss
        self.num_units += num_units
        for name, value in figures.items():
            self.figures[name] = self.figures.get(name, 0.0) + float(value)

    def of_all(self, *, is_stopped: bool) -> _Sums:
        """Return the sums over all processes; all must call this together."""
        stops, loss, num_units, *rest = add_up(
            [float(is_stopped), self.loss, self.num_units, *self.figures.values()]
        )
        return _Sums(loss, num_units, dict(zip(self.figures, rest, strict=True)), stops > 0)


def _tidy(run_dir: Path) -> None:
    """Make a run's folder; restore the old checkpoint of a run that was killed while it swapped checkpoints."""
    run_dir.mkdir(parents=True, exist_ok=True)
    current, old = run_dir / "checkpoint", run_dir / "checkpoint.old"
    if not current.exists() and old.exists():
        old.rename(current)


def _evaluate(task: Task, average: dict[str, Tensor]) -> dict[str, float]:
    module = task.module
    with averaged(module, average), torch.no_grad():
        module.eval()
        figures = task.evaluate()
        module.train()
    return figures


def mean_losses(found: Iterable[tuple[Tensor, dict[str, Tensor]]]) -> dict[str, float]:
    """Return the mean of a module's losses over several batches: `loss`, and its parts by name."""
    rows = [{"loss": loss} | parts for loss, parts in found]
    return {name: sum(float(row[name]) for row in rows) / len(rows) for name in rows[0]}


def best_figures(run_dir: Path) -> dict[str, float]:
    """Return the figures of a run's best evaluation, whose weights are kept; empty before the first one."""
    lines = (run_dir / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    evaluations = [row for row in map(json.loads, lines) if "dev_loss" in row]
    best: dict[str, float] = min(evaluations, key=lambda row: float(row["dev_loss"]), default={})
    return {name.removeprefix("dev_"): float(value) for name, value in best.items() if name != "step"}


def parts_of_run(run_dir: Path) -> int | None:
    """Return the number of parts per step of a run so far; None before its first checkpoint."""
    if not (run_dir / "checkpoint").exists() and not (run_dir / "checkpoint.old").exists():
        return None
    try:
        config = json.loads((run_dir / "config.json").read_text(encoding="utf-8"))
        return int(config.get("num_parts", 1))
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def to_device(value: Value, device: torch.device) -> Value:
    """Return a tensor, or a dataclass of tensors and dataclasses, on `device`; anything else unchanged."""
    if isinstance(value, Tensor):
        return value.to(device)  # type: ignore[return-value]
    if is_dataclass(value) and not isinstance(value, type):
        moved = {field.name: to_device(getattr(value, field.name), device) for field in fields(value)}
        return type(value)(**moved)
    return value


def step_generator(seed: int, step: int, part: int) -> torch.Generator:
    """Return the generator of one part of a step."""
    mixed = (seed * 1_000_003 + step) * 1_009 + part
    return torch.Generator().manual_seed(mixed % 2**63)


@torch.no_grad()
def update_average(average: dict[str, Tensor], module: nn.Module, decay: float) -> None:
    """Move `average` (float32, by name) towards the weights by 1 - `decay`."""
    names = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    torch._foreach_lerp_([average[n] for n, _ in names], [p.detach() for _, p in names], 1 - decay)


@contextmanager
def averaged(module: nn.Module, average: dict[str, Tensor]) -> Iterator[None]:
    """Give `module` the averaged weights inside the context."""
    kept = {name: p.detach().clone() for name, p in module.named_parameters()}
    load_parameters(module, average)
    try:
        yield
    finally:
        load_parameters(module, kept)


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(partial, path)


def _log(file: object, row: Mapping[str, object]) -> None:
    file.write(json.dumps(row) + "\n")  # type: ignore[attr-defined]
    file.flush()  # type: ignore[attr-defined]


def _save(
    run_dir: Path,
    module: nn.Module,
    optimizers: list[torch.optim.Optimizer],
    average: dict[str, Tensor],
    step: int,
    elapsed_s: float,
    best: float,
) -> None:
    """Write a new checkpoint beside the old one, then swap them: a kill leaves one whole checkpoint."""
    new, current, old = (run_dir / name for name in ("checkpoint.new", "checkpoint", "checkpoint.old"))
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    save_tensors(new / "model.safetensors", dict(module.named_parameters()))
    save_tensors(new / "average.safetensors", average)
    torch.save([optimizer.state_dict() for optimizer in optimizers], new / "optimizers.pt")
    state = {"step": step, "elapsed_s": elapsed_s, "best": best if math.isfinite(best) else None}
    write_json(new / "state.json", state)
    shutil.rmtree(old, ignore_errors=True)
    if current.exists():
        current.rename(old)
    new.rename(current)
    shutil.rmtree(old, ignore_errors=True)


_KEPT = ("space", "writer", "model", "langs", "goes_on")
"""Entries of a recipe that a continued run cannot change."""


def write_recipe(run_dir: Path, recipe: Mapping[str, object]) -> None:
    """Write `recipe.json`, the recipe for a release's card; raises UsageError if the checkpoint has another recipe.

    A continued run may change steps, rates and shares, but not space, sizes and languages.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    path = run_dir / "recipe.json"
    if (run_dir / "checkpoint").exists() and path.exists():
        try:
            old = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            old = {}
        now = json.loads(json.dumps(recipe))
        for name in _KEPT:
            if name in old and name in now and old[name] != now[name]:
                raise UsageError(
                    f"{run_dir} holds a run with {name} {_difference(old[name], now[name])}, asked is "
                    f"{_difference(now[name], old[name])}: give the same again, or a new folder as --out"
                )
    write_json(path, recipe)


def _difference(value: object, other: object) -> str:
    if isinstance(value, dict) and isinstance(other, dict):
        return ", ".join(f"{key} {value.get(key)}" for key in value if value.get(key) != other.get(key))
    return str(value)


def _restore(
    run_dir: Path, module: nn.Module, optimizers: list[torch.optim.Optimizer], average: dict[str, Tensor]
) -> tuple[int, float, float]:
    current = run_dir / "checkpoint"
    if not current.exists():
        return 0, 0.0, math.inf
    try:
        state = json.loads((current / "state.json").read_text(encoding="utf-8"))
        step, elapsed_s, best = int(state["step"]), float(state["elapsed_s"]), state["best"]
        load_parameters(module, load_file(current / "model.safetensors"))
        for name, value in load_file(current / "average.safetensors").items():
            average[name].copy_(value)  # in place: it stays on the model's device
        states = torch.load(current / "optimizers.pt", weights_only=True, map_location="cpu")
        for optimizer, saved in zip(optimizers, states, strict=True):
            peaks = [group["peak_lr"] for group in optimizer.param_groups]
            optimizer.load_state_dict(saved)
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["peak_lr"] = peak  # rates come from the current configuration
    except (
        OSError,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        RuntimeError,
        SafetensorError,
        pickle.UnpicklingError,
    ) as error:
        first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(
            f"the checkpoint {current} cannot be read ({first_line}); "
            f"delete that folder to start again from step 0"
        ) from error
    return step, elapsed_s, math.inf if best is None else float(best)


@contextmanager
def _stop_signals() -> Iterator[Callable[[], bool]]:
    """Turn SIGINT and SIGTERM into a flag; a second SIGINT interrupts at once."""
    seen: list[int] = []

    def note(signum: int, _frame: object) -> None:
        if seen and signum == signal.SIGINT:
            raise KeyboardInterrupt
        seen.append(signum)

    try:
        kept = {s: signal.signal(s, note) for s in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: leave signals to the caller
        yield lambda: False
        return
    try:
        yield lambda: bool(seen)
    finally:
        for signum, handler in kept.items():
            signal.signal(signum, handler)
