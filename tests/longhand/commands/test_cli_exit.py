"""How a process of the command ends while threads are at work: with its code, its words and its exit handlers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BEGIN = """
import atexit, sys, threading, time
from longhand import cli

class Finalised:
    def __del__(self, write=print):
        write("the interpreter was taken apart")

kept = Finalised()
atexit.register(print, "handlers ran")

def load():
    while True:
        time.sleep(0.01)
"""
END = """
cli.run = work
sys.argv = ["longhand", "ls"]
cli.main()
"""


def start(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BEGIN + code + END],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize("code", [0, 1, 2, 130])
def test_a_thread_that_loads_models_does_not_see_the_interpreter_end(code):
    work = f"""
def work(arguments):
    threading.Thread(target=load, daemon=True).start()
    sys.stdout.write("said ")
    return {code}
"""
    process = start(work)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (code, "said handlers ran\n", "")


LOADS = """
from flows.models.engine import ModelEngine

def load_slowly(self):
    time.sleep(2)
    print("loaded")

ModelEngine._load_codec = load_slowly
engine = ModelEngine()
"""


def test_an_interrupted_command_does_not_wait_for_the_models_that_it_loads():
    work = """
def work(arguments):
    engine.start_loading(["encode"])
    raise KeyboardInterrupt
"""
    stdout, stderr = (process := start(LOADS + work)).communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (130, "handlers ran\n", "")


def test_an_interpreter_that_ends_waits_for_the_model_that_it_loads():
    begin = "engine.start_loading(['encode'])\nsys.exit(3)"
    stdout, stderr = (process := start(LOADS + begin)).communicate(timeout=60)
    assert (process.returncode, stderr) == (3, "")
    assert stdout.startswith("loaded\nhandlers ran\n")


def test_threads_that_must_end_are_waited_for():
    work = """
def work(arguments):
    threading.Thread(target=load, daemon=True).start()
    threading.Thread(target=lambda: (time.sleep(0.2), print("ended"))).start()
    return 0
"""
    process = start(work)
    stdout, _ = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (0, "ended\nhandlers ran\n")


def test_a_second_interrupt_while_it_ends_changes_nothing():
    work = """
def work(arguments):
    threading.Thread(target=load, daemon=True).start()
    atexit.register(lambda: (print("ending", flush=True), time.sleep(0.5)))
    return 130
"""
    process = start(work)
    assert process.stdout is not None
    assert process.stdout.readline() == "ending\n"
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (130, "handlers ran\n", "")


LOSES = """
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it

def press():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.01)  # the signal is handled in the next bytecodes

class Loses:
    def __del__(self):
        press()

def swallow():
    try:
        press()
    except:
        pass
"""


def test_an_interrupt_that_a_finalizer_loses_is_raised_again():
    work = """
def work(arguments):
    Loses()
    time.sleep(30)
    return 0
"""
    started = time.monotonic()
    stdout, stderr = (process := start(LOSES + work)).communicate(timeout=60)
    assert (process.returncode, stderr) == (130, "")
    assert stdout.startswith("handlers ran\n")
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("when", ["it is imported", "it works"])
def test_an_interrupt_that_a_library_swallows_ends_the_command(when):
    work = f"""
import longhand.app as app
real_run = cli.run

def make_app(arguments):
    if {when!r} == "it is imported":
        swallow()
    def command(**options):
        print("worked")
        if {when!r} == "it works":
            swallow()
    return command

app.make_app = make_app
work = real_run
"""
    stdout, stderr = (process := start(LOSES + work)).communicate(timeout=60)
    assert (process.returncode, stderr) == (130, "longhand: interrupted\n")
    assert stdout.startswith("handlers ran\n" if when == "it is imported" else "worked\nhandlers ran\n")


@pytest.mark.parametrize("others", ["", "threading.Thread(target=load, daemon=True).start()"])
def test_a_first_interrupt_while_it_ends_is_no_success(others):
    work = f"""
def work(arguments):
    {others or "pass"}
    atexit.register(print, "closed")
    atexit.register(press)
    print("said")
    return 0
"""
    stdout, stderr = (process := start(LOSES + work)).communicate(timeout=60)
    assert (process.returncode, stderr) == (130, "")
    assert stdout.startswith("said\nclosed\n")


@pytest.mark.parametrize(("is_ready", "code"), [(False, 130), (True, 0)])
def test_ctrl_c_ends_the_inspector_well_once_it_has_said_where_it_is(run, store, monkeypatch, is_ready, code):
    def serve(*_: object, on_ready: Callable[[str], None], **__: object) -> None:
        if is_ready:
            on_ready("http://127.0.0.1:1/")
        raise KeyboardInterrupt

    monkeypatch.setattr("longhand.web.server.serve", serve)
    assert run("inspect", "--port", "0").exit_code == code


SCRIPT = """
import os, signal, sys

class PressesAt:
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
before = set(sys.modules)
from longhand.__main__ import main
imported = set(sys.modules) - before
if imported != {{"longhand", "longhand.__main__"}}:
    sys.exit(f"imported before Ctrl-C is handled: {{sorted(imported)}}")
sys.meta_path.insert(0, PressesAt())
sys.argv = ["longhand", "--version"]
main()
"""


@pytest.mark.parametrize(
    "module",
    [
        *("longhand.cli", "longhand.interrupts", "longhand.checks", "longhand.app", "typer"),
        *("longhand.commands.writing", "longhand.showing.helping"),
    ],
)
def test_an_interrupt_while_the_command_is_imported_ends_it_quietly(module):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(module=module)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=os.sep,
        check=False,
    )
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert done.stderr in ("", "longhand: interrupted\n")


def test_the_command_begins_where_ctrl_c_is_handled_first():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"]["longhand"] == "longhand.__main__:main"
