"""The benchmark of exit codes knows every command, counts runs, goes on with a record, finds what is left behind."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
import typer

from longhand.app import make_app

PATH = Path(__file__).parents[3] / "benchmarks" / "faults" / "exit_codes.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = spec_from_file_location("exit_codes", PATH)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["exit_codes"] = module
    spec.loader.exec_module(module)
    return module


def test_every_command_is_run(benchmark: ModuleType) -> None:
    def names(prefix: str, group: object) -> set[str]:
        found: set[str] = set()
        for name, inner in getattr(group, "commands", {}).items():
            below = names(f"{prefix}{name} ", inner)
            found |= below or {f"{prefix}{name}"}
            found |= {name} if getattr(inner, "invoke_without_command", False) else set()
        return found

    commands = names("", typer.main.get_command(make_app([])))
    assert {"write", "models", "schedules run-now", "corpus fetch"} <= commands
    assert {case.command for case in benchmark.cases()} == commands
    every = [case.name for case in benchmark.cases()]
    assert len(set(every)) == len(every)


def test_a_long_run_goes_on_where_it_ended(
    benchmark: ModuleType, tmp_path: Path, monkeypatch, capsys
) -> None:
    ran: list[str] = []

    def run(case: object, home: Path) -> int:
        assert (home / "tea.md").exists()
        (home / "tea.md").unlink()  # the next run has it again
        ran.append(case.name)  # type: ignore[attr-defined]
        return 0

    def prepare(home: Path) -> dict[str, str]:
        (home / "tea.md").write_text("Tea.")
        return {"GIVEN": "abc"}

    monkeypatch.setattr(benchmark, "run", run)
    monkeypatch.setattr(benchmark, "prepare", prepare)
    record = tmp_path / "codes.jsonl"

    def main(*options: str) -> int:
        monkeypatch.setattr(
            sys, "argv", ["exit_codes.py", "--presses", "0", "--record", str(record), *options]
        )
        return int(benchmark.main())

    assert main("--runs", "2", "--only", "ls") == 0
    assert main("--runs", "3", "--only", "ls,show") == 0
    assert ran == ["ls", "ls", "ls", "show", "show", "show"]
    assert main("--runs", "4", "--only", "show", "--minutes", "0") == benchmark.UNFINISHED
    assert main("--runs", "1", "--only", "unknown") == 1  # 1 is promised, 0 came
    assert "NOT PROMISED" in capsys.readouterr().out
    assert main("--only", "nonsense") == 2
    assert benchmark.Record(record).codes("ls") == Counter({0: 3})


def test_a_process_that_outlives_its_command_is_found_and_ended(
    benchmark: ModuleType, tmp_path: Path
) -> None:
    code = "import time; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], env=benchmark.environment(tmp_path)) as process:
        while not benchmark.processes_in(tmp_path):
            time.sleep(0.05)
        assert benchmark.end_left(tmp_path, patience_s=0.2) == 1
        assert process.wait(10) != 0
    assert benchmark.end_left(tmp_path) == 0
