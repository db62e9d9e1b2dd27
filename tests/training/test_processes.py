"""Several processes train as one with as many parts does, on any number of them; only the first writes files."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Timer

import pytest
import torch
from accelerate.state import AcceleratorState
from safetensors.torch import load_file

from concepts.errors import UsageError
from tests.training.training_processes import LOOP
from tests.training.training_toy import ToyTask
from training.loop import parts_of_run, train
from training.loop_config import LoopConfig


@pytest.fixture(autouse=True)
def float32(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One number format, here and in the processes, which are timed else."""
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "no")
    AcceleratorState._reset_state()
    yield
    AcceleratorState._reset_state()


Launch = Callable[..., list[tuple[int, list[str]]]]
DRIVER = Path(__file__).with_name("training_processes.py")
PATIENCE_S = 200.0


@pytest.fixture(scope="module")
def warm() -> Iterator[subprocess.Popen[str]]:
    """A process that has imported everything and forks those of the tests."""
    with subprocess.Popen(
        [sys.executable, str(DRIVER), "--serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    ) as process:
        yield process


@pytest.fixture
def launch(warm: subprocess.Popen[str]) -> Launch:
    """Return a function that runs a process for each of its options, and returns exit codes and the lines said."""

    def launch_(run_dir: Path, *options: str, parts: int = 6, steps: int = 30) -> list[tuple[int, list[str]]]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        places = {"WORLD_SIZE": str(len(options)), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        common = [str(run_dir), "--parts", str(parts), "--steps", str(steps)]
        asked = [
            {
                "arguments": [*common, *own.split()],
                "variables": {
                    **places,
                    "ACCELERATE_MIXED_PRECISION": "no",
                    "RANK": str(rank),
                    "LOCAL_RANK": str(rank),
                    "LOCAL_WORLD_SIZE": str(len(options)),
                },
            }
            for rank, own in enumerate(options)
        ]
        assert warm.stdin is not None and warm.stdout is not None
        print(json.dumps(asked), file=warm.stdin, flush=True)
        stuck = Timer(PATIENCE_S, os.killpg, (warm.pid, signal.SIGKILL))
        stuck.start()
        found = json.loads(warm.stdout.readline() or "null")
        stuck.cancel()
        assert found is not None, f"the processes were stuck for {PATIENCE_S:g} s"
        for process in found:
            assert process["code"] <= 0, process["errors"]
        return [(process["code"], process["said"]) for process in found]

    return launch_


def curve(run_dir: Path) -> dict[int, float]:
    """The losses of the dev split by step: of a run that was not begun twice, each once."""
    rows = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    steps = [row["step"] for row in rows if "dev_loss" in row]
    assert len(steps) == len(set(steps))
    return {row["step"]: row["dev_loss"] for row in rows if "dev_loss" in row}


def test_two_then_three_processes_draw_the_curve_of_one(tmp_path: Path, launch: Launch) -> None:
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    train(ToyTask(), alone, LoopConfig(num_steps=30, num_parts=6, **LOOP), cpu=True)
    # a signal to any of them ends all after the same step
    first = launch(shared, "", "--terminate 12")
    assert json.loads((shared / "checkpoint" / "state.json").read_text())["step"] == 13
    assert parts_of_run(shared) == 6
    second = launch(shared, "", "", "")
    for code, said in (*first, *second):
        assert (code, said[-1]) == (0, "ended")
    for _, said in (*first[1:], *second[1:]):
        assert said == ["ended"], "only the first process writes files"
    assert sorted(curve(alone)) == [10, 20, 30]
    assert curve(shared) == pytest.approx(curve(alone), rel=1e-4)
    for name in ("checkpoint/model.safetensors", "checkpoint/average.safetensors", "best.safetensors"):
        want, got = load_file(alone / name), load_file(shared / name)
        assert want.keys() == got.keys()
        for key, value in want.items():
            torch.testing.assert_close(got[key], value, rtol=1e-3, atol=1e-4)


def test_parts_are_averaged_and_are_not_one(tmp_path: Path) -> None:
    for parts in (1, 2):
        folder = tmp_path / str(parts)
        train(ToyTask(), folder, LoopConfig(num_steps=10, num_parts=parts, **LOOP), cpu=True)
    one, two = (load_file(tmp_path / name / "checkpoint/model.safetensors") for name in ("1", "2"))
    assert not torch.allclose(one["enter.weight"], two["enter.weight"], atol=1e-3)
    assert parts_of_run(tmp_path / "1") == 1 and parts_of_run(tmp_path / "none") is None


def test_where_one_dies_the_others_do_not_wait_for_it(tmp_path: Path, launch: Launch) -> None:
    (first, said), (second, _) = launch(tmp_path, "", "--kill 4", parts=2)
    assert (first, said[-1], second) == (0, "lost a peer", -9)


def test_an_error_of_all_is_the_first_ones_to_say(tmp_path: Path, launch: Launch) -> None:
    first, second = launch(tmp_path, "", "--spoil 2", parts=2)
    assert (first[1][-1], second[1][-1]) == ("NonFiniteError said", "NonFiniteError silent")
    first, second = launch(tmp_path, "", "", parts=3)
    assert (first[1][-1], second[1][-1]) == ("UsageError said", "UsageError silent")


def test_a_step_has_a_part() -> None:
    with pytest.raises(UsageError, match="a step has at least one part, got 0"):
        LoopConfig(num_parts=0)
