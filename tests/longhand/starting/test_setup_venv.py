"""Setting up a clone: what is installed when, and what a broken-off install leaves."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from longhand import setup

REPOSITORY = Path(__file__).parents[3]


class FakePip:
    """Stands for every process that set-up starts."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.exit_code = 0
        self.fetch_code = 0
        """Exit code of fetching the models."""
        self.fetched: list[list[str]] = []
        self.installed_to: list[object] = []
        """Where the output of each install goes."""

    def __call__(self, command: list[str], **given: object) -> int:
        self.calls.append(command)
        if "fetch" in command:
            self.fetched.append(command)
            self.installed_to.append(given.get("stdout"))
            return self.fetch_code
        if "install" in command:
            self.installed_to.append(given.get("stdout"))
        if "install" in command and self.exit_code == 0:
            setup.script("longhand").touch()
        return self.exit_code if "install" in command else 0

    def num_installs(self) -> int:
        return sum("install" in call for call in self.calls)


@pytest.fixture
def pip(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "concepts" / "models").mkdir(parents=True)
    (tmp_path / "concepts" / "models" / "wheels.py").write_text("MODELS = 1\n")
    monkeypatch.delenv("LONGHAND_FETCHED", raising=False)
    monkeypatch.setattr(setup, "HOME", tmp_path)
    monkeypatch.setattr(setup, "VENV", tmp_path / ".venv")
    fake = FakePip()
    monkeypatch.setattr(subprocess, "call", fake)
    monkeypatch.setattr(setup, "run", fake)
    monkeypatch.setattr(
        setup, "make_venv", lambda: setup.script("x").parent.mkdir(parents=True, exist_ok=True)
    )
    monkeypatch.setattr(setup, "works", lambda python: python.parent.exists())
    has_free(monkeypatch, 100)
    return fake


def has_free(monkeypatch, gigabytes: float) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=int(gigabytes * 10**9)))


def test_a_disk_with_too_little_space_is_named_before_pip_begins(pip, capsys, monkeypatch):
    has_free(monkeypatch, 3.06)
    assert setup.main(["install"]) == 1
    message = capsys.readouterr().err
    assert "packages take 9 GB" in message and "3.1 GB free" in message and message.count("\n") == 1
    assert pip.calls == []


def test_an_interrupted_install_has_its_space_already(pip, monkeypatch):
    setup.script("x").parent.mkdir(parents=True)
    with (setup.VENV / "half").open("wb") as file:
        file.truncate(7 * 10**9)  # a hole: it takes no space
    has_free(monkeypatch, 3)
    assert setup.main(["install"]) == 0


def test_the_second_run_installs_nothing(pip):
    assert setup.main(["write", "tea"]) == 0
    assert setup.main(["write", "tea"]) == 0
    assert pip.num_installs() == 1
    assert pip.calls[-1] == [str(setup.script("longhand")), "write", "tea"]


def test_what_pip_says_is_no_part_of_the_document(pip):
    setup.main(["write", "tea"])
    assert pip.installed_to == [sys.stderr, sys.stderr]  # the install, and the models


def test_models_are_fetched_once_by_every_action(pip, monkeypatch):
    for action in (["install"], ["write", "tea"], ["write", "tea"], ["test"]):
        assert setup.main(action) == 0
    assert pip.fetched == [[str(setup.script("longhand")), "models", "fetch", "space", "voice"]]
    (setup.HOME / "concepts" / "models" / "wheels.py").write_text("MODELS = 2\n")
    setup.main(["install"])
    assert len(pip.fetched) == 2
    monkeypatch.setenv("LONGHAND_FETCHED", "/elsewhere")
    setup.main(["install"])
    assert len(pip.fetched) == 3


@pytest.mark.parametrize("action", [["install"], ["write", "tea"], ["test"]])
def test_models_that_cannot_be_fetched_end_the_set_up_and_are_tried_again(pip, capsys, action):
    pip.fetch_code = 1
    assert setup.main(action) == 1
    assert pip.calls[-1][1:3] == ["models", "fetch"]  # nothing after it
    assert "longhand:" not in capsys.readouterr().err  # the command has said why, in one line
    pip.fetch_code = 0
    assert setup.main(action) == 0
    assert len(pip.fetched) == 2 and pip.num_installs() == 1


def test_a_changed_pyproject_installs_again(pip):
    setup.main(["write", "tea"])
    (setup.HOME / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    setup.main(["write", "tea"])
    assert pip.num_installs() == 2


def test_tests_need_more_than_writing(pip):
    setup.main(["write", "tea"])
    assert setup.main(["test", "-k", "x"]) == 0
    assert pip.num_installs() == 2
    name, *_, option, value = pip.calls[-1]
    assert (name, option, value) == (str(setup.script("pytest")), "-k", "x")


def test_a_broken_off_install_begins_again_from_nothing(pip, monkeypatch, capsys):
    made = []
    make_venv = setup.make_venv
    monkeypatch.setattr(setup, "make_venv", lambda: (made.append(1), make_venv()))
    pip.exit_code = 1
    assert setup.main(["write", "tea"]) == 1
    assert "the same command tries again" in capsys.readouterr().err
    pip.exit_code = 0
    assert setup.main(["write", "tea"]) == 0
    assert len(made) == 2


def test_the_first_failing_check_ends_the_test_command(pip, monkeypatch):
    setup.main(["install"])
    setup.ensure_venv("[dev]")
    monkeypatch.setattr(setup, "run", lambda command: 3 if "mypy" in command[0] else 0)
    assert setup.main(["test"]) == 3


SLOW_TO_END = """
import signal, sys, time
def end(*_):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    time.sleep(1.0)
    print("resume", flush=True)
    sys.exit(130)
signal.signal(signal.SIGINT, end)
print("begun", flush=True)
time.sleep(60)
"""


def test_ctrl_c_waits_for_the_command_to_end_itself():
    called = f"from longhand import setup; raise SystemExit(setup.run([{sys.executable!r}, '-c', {SLOW_TO_END!r}]))"
    process = subprocess.Popen(
        [sys.executable, "-c", called],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    for _ in range(2):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.4)
    said, complaints = process.communicate(timeout=30)
    assert (process.returncode, said, complaints) == (130, "resume\n", "")


def test_a_command_ended_by_a_signal_has_the_exit_code_of_a_shell():
    code = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
    assert setup.run([sys.executable, "-c", code]) == 128 + signal.SIGTERM


def test_a_wrong_python_is_named(pip, monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 9, 1, "final", 0))
    assert setup.main(["write", "tea"]) == 1
    assert "this is Python 3.9, Longhand needs 3.11 or 3.12" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["wrote"], ["write"], ["write", " "]])
def test_wrong_arguments(pip, arguments):
    assert setup.main(arguments) == 2
    assert pip.calls == []


@pytest.mark.skipif(shutil.which("make") is None, reason="the Makefile is optional")
def test_make_hands_a_prompt_over_as_it_was_typed():
    prompt = 'it\'s "5 $HOME" `x` $(y) $$'
    shown = subprocess.run(
        ["make", "--silent", "write", f"PROMPT={prompt}", "PYTHON=printf '<%s>'"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == f"<-m><longhand.setup><write><{prompt}>"
