"""The training loop: resumed equals uninterrupted, signals save, damage is one line, the best is kept."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from concepts.errors import ModelError, NonFiniteError, UsageError
from concepts.models.tensors import load_parameters
from tests.training.training_toy import DIM, ToyTask
from training.loop import Progress, averaged, step_generator, train, update_average, write_recipe
from training.loop_config import LoopConfig
from training.optimizers import make_optimizers

LOOP = LoopConfig(
    num_steps=30,
    num_warmup_steps=3,
    num_cooldown_steps=10,
    matrix_lr=0.02,
    adam_lr=0.02,
    evaluate_every=10,
    checkpoint_every_s=1e9,
)


class Killed(BaseException):
    """What a kill -9 looks like to code that has no chance to react."""


def killed_at(step: int) -> Callable[[int, Tensor], Tensor]:
    def kill(now: int, batch: Tensor) -> Tensor:
        if now == step:
            raise Killed
        return batch

    return kill


def terminated_at(step: int) -> Callable[[int, Tensor], Tensor]:
    def terminate(now: int, batch: Tensor) -> Tensor:
        if now == step:
            os.kill(os.getpid(), signal.SIGTERM)
        return batch

    return terminate


def tensors_of(run_dir: Path) -> dict[str, Tensor]:
    files = ("checkpoint/model.safetensors", "checkpoint/average.safetensors", "best.safetensors")
    return {f"{file}:{name}": value for file in files for name, value in load_file(run_dir / file).items()}


def metrics_of(run_dir: Path) -> dict[tuple[int, bool], dict[str, float]]:
    """The last row of each step (training, evaluation) without what depends on the clock or on restarts."""
    rows = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    dropped = ("elapsed_s", "units_per_s", "mean_loss")
    return {
        (row["step"], "dev_loss" in row): {k: v for k, v in row.items() if k not in dropped} for row in rows
    }


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run."""
    run_dir = tmp_path_factory.mktemp("whole")
    train(ToyTask(), run_dir, LOOP, cpu=True)
    return run_dir


def test_a_terminated_and_killed_run_ends_bit_for_bit_like_an_uninterrupted_one(
    whole_run: Path, tmp_path: Path
) -> None:
    train(ToyTask(terminated_at(12)), tmp_path, LOOP, cpu=True)
    assert json.loads((tmp_path / "checkpoint" / "state.json").read_text())["step"] == 13
    with pytest.raises(Killed):
        train(ToyTask(killed_at(22)), tmp_path, LOOP, cpu=True)
    last = ToyTask()
    train(last, tmp_path, LOOP, cpu=True)
    assert last.steps == list(range(13, 30))
    expected, got = tensors_of(whole_run), tensors_of(tmp_path)
    assert expected.keys() == got.keys()
    assert all(torch.equal(value, got[name]) for name, value in expected.items())
    assert metrics_of(tmp_path) == metrics_of(whole_run)


def test_a_kill_between_checkpoints_swaps_leaves_a_run_that_goes_on(whole_run: Path, tmp_path: Path) -> None:
    train(ToyTask(terminated_at(12)), tmp_path, LOOP, cpu=True)
    (tmp_path / "checkpoint").rename(tmp_path / "checkpoint.old")
    (tmp_path / "checkpoint.new").mkdir()
    train(ToyTask(), tmp_path, LOOP, cpu=True)
    expected, got = tensors_of(whole_run), tensors_of(tmp_path)
    assert all(torch.equal(value, got[name]) for name, value in expected.items())
    assert not (tmp_path / "checkpoint.old").exists() and not (tmp_path / "checkpoint.new").exists()


def test_the_loss_of_a_toy_run_falls(whole_run: Path) -> None:
    losses = [row["dev_loss"] for (_, is_dev), row in sorted(metrics_of(whole_run).items()) if is_dev]
    assert len(losses) == 3 and losses[-1] < 0.8 * losses[0]


def test_a_run_writes_its_configuration_and_reports_its_progress(tmp_path: Path) -> None:
    reports: list[Progress] = []
    figures = train(ToyTask(), tmp_path, LOOP, on_progress=reports.append, cpu=True)
    assert json.loads((tmp_path / "config.json").read_text()) == LOOP.__dict__
    assert (reports[-1].step, reports[-1].num_steps, reports[-1].unit) == (30, 30, "rows")
    assert reports[-1].note == f"loss {figures['loss']:.3f}"


def test_signal_handlers_are_put_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    train(ToyTask(terminated_at(1)), tmp_path, LOOP, cpu=True)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_sigterm_saves_a_checkpoint_and_ends_the_process_in_peace(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("training_toy.py")), str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
    )
    with process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "started\n", process.stderr.read()
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0, process.stderr.read()
    assert json.loads((tmp_path / "checkpoint" / "state.json").read_text())["step"] >= 4


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def scramble(path: Path) -> None:
    path.write_bytes(b"\x93not what was here" * 40)


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("damage", [cut, empty, scramble, remove])
@pytest.mark.parametrize("name", ["model.safetensors", "average.safetensors", "optimizers.pt", "state.json"])
def test_a_damaged_checkpoint_is_one_line(
    whole_run: Path, tmp_path: Path, name: str, damage: Callable[[Path], None]
) -> None:
    shutil.copytree(whole_run / "checkpoint", tmp_path / "checkpoint")
    damage(tmp_path / "checkpoint" / name)
    with pytest.raises(ModelError, match=r"the checkpoint .* cannot be read .* delete that folder") as error:
        train(ToyTask(), tmp_path, LOOP, cpu=True)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("state", ["{}", "[]", '{"step": null, "elapsed_s": 1, "best": 2}'])
def test_a_checkpoint_of_another_format_is_one_line(whole_run: Path, tmp_path: Path, state: str) -> None:
    shutil.copytree(whole_run / "checkpoint", tmp_path / "checkpoint")
    (tmp_path / "checkpoint" / "state.json").write_text(state)
    with pytest.raises(ModelError, match=r"the checkpoint .* cannot be read"):
        train(ToyTask(), tmp_path, LOOP, cpu=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("enter.weight"), "1 missing"),
        (lambda t: t.update(other=torch.zeros(1)), "1 unknown"),
        (
            lambda t: t.update({"enter.weight": torch.zeros(DIM, 3)}),
            r"enter\.weight has shape \(8, 3\), expected",
        ),
    ],
)
def test_weights_of_another_model_are_named(
    whole_run: Path, tmp_path: Path, change: Callable[[dict[str, Tensor]], object], message: str
) -> None:
    shutil.copytree(whole_run / "checkpoint", tmp_path / "checkpoint")
    path = tmp_path / "checkpoint" / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)
    with pytest.raises(ModelError, match=message) as error:
        train(ToyTask(), tmp_path, LOOP, cpu=True)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_checkpoint(tmp_path: Path, bad: float) -> None:
    train(ToyTask(terminated_at(12)), tmp_path, LOOP, cpu=True)
    files = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file() and p.name != "metrics.jsonl"}
    spoil = ToyTask(lambda step, batch: batch * bad if step == 15 else batch)
    with pytest.raises(
        NonFiniteError, match=r"the loss became (nan|inf) at step 15; the last checkpoint"
    ) as error:
        train(spoil, tmp_path, LOOP, cpu=True)
    assert "\n" not in str(error.value)
    assert all(path.read_bytes() == content for path, content in files.items())


def test_the_best_evaluation_is_kept_across_a_restart(tmp_path: Path) -> None:
    first = ToyTask(terminated_at(21))
    first.dev_losses = [0.5, 0.2]
    train(first, tmp_path, LOOP, cpu=True)
    best = (tmp_path / "best.safetensors").read_bytes()
    second = ToyTask()
    second.dev_losses = [0.3]
    train(second, tmp_path, LOOP, cpu=True)
    assert (tmp_path / "best.safetensors").read_bytes() == best
    third = ToyTask()
    third.dev_losses = [0.1]
    longer = LoopConfig(**{**LOOP.__dict__, "num_steps": 40})
    train(third, tmp_path, longer, cpu=True)
    assert third.steps == list(range(30, 40))  # more steps train on
    assert (tmp_path / "best.safetensors").read_bytes() != best


def test_the_learning_rate_warms_up_holds_and_cools_down_to_nearly_nothing() -> None:
    factors = [LOOP.lr_factor(step) for step in range(30)]
    assert factors[:3] == pytest.approx([1 / 3, 2 / 3, 1]) and set(factors[3:20]) == {1.0}
    assert factors[20:] == pytest.approx([1 - n / 10 for n in range(10)])


@pytest.mark.parametrize("steps", [{"num_steps": 0}, {"num_warmup_steps": -1}, {"num_cooldown_steps": -1}])
def test_impossible_step_counts_are_refused(steps: dict[str, int]) -> None:
    with pytest.raises(ModelError, match="step counts must be positive"):
        LoopConfig(**steps)  # type: ignore[arg-type]


def test_hidden_matrices_get_muon_and_the_rest_adam() -> None:
    module = ToyTask().module
    muon, adam = make_optimizers(module, LOOP)
    assert {id(p) for p in muon.param_groups[0]["params"]} == {
        id(module.enter.weight),
        id(module.leave.weight),
    }
    assert len(adam.param_groups[0]["params"]) == 3


def test_generators_differ_by_seed_step_and_process() -> None:
    drawn = {
        float(torch.rand((), generator=step_generator(seed, step, rank)))
        for seed in (0, 1)
        for step in range(5)
        for rank in range(3)
    }
    assert len(drawn) == 30


def test_the_average_follows_the_weights_and_is_lent_to_the_module() -> None:
    module = nn.Linear(2, 1, bias=False)
    average = {"weight": torch.zeros(1, 2)}
    with torch.no_grad():
        module.weight.fill_(1.0)
    update_average(average, module, 0.75)
    torch.testing.assert_close(average["weight"], torch.full((1, 2), 0.25))
    with averaged(module, average):
        torch.testing.assert_close(module.weight.detach(), average["weight"])
    assert (module.weight == 1).all()
    load_parameters(module, average)
    assert (module.weight == 0.25).all()


def test_a_run_keeps_its_space_sizes_and_languages(tmp_path: Path) -> None:
    recipe = {"space": "a@1", "model": {"dim": 8, "heads": 2}, "langs": ("deu_Latn",), "steps": 3}
    write_recipe(tmp_path, recipe)
    write_recipe(tmp_path, recipe | {"space": "b@2"})  # nothing was trained yet
    write_recipe(tmp_path, recipe)
    (tmp_path / "checkpoint").mkdir()
    write_recipe(tmp_path, recipe | {"steps": 9})
    kept = (tmp_path / "recipe.json").read_bytes()
    for change, why in (
        ({"space": "b@2"}, "space a@1, asked is b@2: give the same again, or a new folder as --out"),
        ({"model": {"dim": 16, "heads": 2}}, "model dim 8, asked is dim 16"),
        ({"langs": ("fra_Latn",)}, r"langs \['deu_Latn'\]"),
    ):
        with pytest.raises(UsageError, match=why):
            write_recipe(tmp_path, recipe | change)
    assert (tmp_path / "recipe.json").read_bytes() == kept
