"""What a start costs and checks: imports, foreign packages, broken pipes, Ctrl-C in a real process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import typer

from longhand.app import COMMANDS
from longhand.checks import ROOMS, RoomError, check_rooms, find_room

REPOSITORY = Path(__file__).parents[3]
HEAVY = {
    *("torch", "prefect", "alembic", "numpy", "fairseq2", "sonar", "nltk", "accelerate", "transformers"),
    *("pyarrow", "matplotlib", "sqlalchemy.orm", "rich.console", "pygments"),
}

VECTOR = np.array([0.0, 1.0], np.float32)


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONWARNINGS": "error", **more}


def run_python(code: str, **more: str) -> subprocess.CompletedProcess[str]:
    # Elsewhere, because -c puts the current folder in front of the path.
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment(**more),
        cwd=os.sep,
        check=False,
    )


@pytest.fixture
def filled(tmp_path: Path) -> str:
    """A database with a document of one section; the URL."""
    from storage import NewDocument, NewPlanItem, SpaceRef, Store

    url = f"sqlite:///{tmp_path}/longhand.db"
    with Store.open(url) as store:
        document_id = store.create_document(NewDocument(prompt="tea", lang="eng_Latn")).id
        lease = store.claim(document_id, "test", 60.0)
        with store.fenced(lease, space=SpaceRef(name="mini", checksum="0" * 12, dim=2)) as tx:
            tx.create_outline(source="model")
            tx.add_plan_items([NewPlanItem(path="1", lead=VECTOR, gist=VECTOR, planned_length=3)])
        store.release(lease)
    return url


@pytest.mark.parametrize(
    ("command", "also"),
    [
        ("ls", set()),
        ("ls --json", set()),
        ("show ID", set()),
        ("status", set()),
        ("outline ID", {"rich.console"}),
        ("models", set()),
        ("models --json", set()),
        ("write --help", set()),
        ("--version", set()),
        ("--help", set()),
    ],
)
def test_light_commands_import_nothing_heavy(filled, command, also):
    from storage import Store

    with Store.open(filled) as store:
        words = command.replace("ID", store.list_documents()[0].id).split()
    code = f"import sys; from longhand.cli import run; code = run({words!r}); "
    code += f"print(code, sorted(set(sys.modules) & {HEAVY!r}), file=sys.stderr)"
    said = run_python(code, LONGHAND_DATABASE_URL=filled).stderr.splitlines()[-1]
    assert said == f"0 {sorted(also)}"


def test_a_command_imports_the_modules_of_no_other():
    code = "import sys; from longhand.cli import run; run(['rm', '--help']); "
    code += "print([name for name in sys.modules if name.startswith('longhand.commands.')], file=sys.stderr)"
    assert run_python(code).stderr.splitlines()[-1] == "['longhand.commands.documents']"


def test_every_command_is_known_by_its_module():
    for module, names in COMMANDS.items():
        app = typer.Typer()
        import_module(f"longhand.commands.{module}").register(app)
        registered = [info.name for info in (*app.registered_commands, *app.registered_groups)]
        assert sorted(registered) == sorted(names)
    assert {path.stem for path in (REPOSITORY / "longhand" / "commands").glob("[a-z]*.py")} == set(COMMANDS)


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "longhand", "--version"],
        capture_output=True,
        text=True,
        env=environment(),
        check=True,
    )
    assert done.stdout.startswith("longhand ")


def test_all_rooms_are_here():
    assert check_rooms() == REPOSITORY
    assert [find_room(room) for room in ROOMS] == [REPOSITORY / room for room in ROOMS]


@pytest.mark.parametrize("kind", ["package", "folder", "module"])
def test_an_intruder_is_named(tmp_path, kind):
    if kind == "module":
        intruder = tmp_path / "storage.py"
        intruder.touch()
    else:
        intruder = tmp_path / "storage"
        intruder.mkdir()
        if kind == "package":
            (intruder / "__init__.py").write_text("raise SystemExit('must not be imported')")
    path = f"{tmp_path}{os.pathsep}{REPOSITORY}"
    done = run_python("from longhand.cli import run; raise SystemExit(run(['ls']))", PYTHONPATH=path)
    if kind == "folder":
        # A real package later on the path wins over a bare folder: nothing is wrong.
        assert done.returncode == 0
        return
    assert done.returncode == 1
    assert f"the package 'storage' is taken from {intruder}" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_missing_room_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("longhand.checks.ROOMS", ("storage", "no_such_room"))
    with pytest.raises(RoomError, match="'no_such_room' is missing"):
        check_rooms()


def test_a_closed_pipe_is_quiet():
    done = subprocess.run(
        f"{sys.executable} -m longhand write --help | true",
        shell=True,
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_one_line():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "longhand", "ls", "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "longhand: No space left on device\n"


SLOW_WRITE = """
import sys, time
from longhand.doing import running
from longhand.cli import run
from flows.document.job.events import Event

class Slow:
    def check(self, new):
        pass

    def run(self, store, document_id, *, plan_only, resume, on_event):
        on_event(Event(kind="planning", document_id=document_id))
        time.sleep(60)

running.make_runner = Slow
sys.exit(run(["write", "tea"]))
"""


def test_ctrl_c_in_a_process():
    with subprocess.Popen(
        [sys.executable, "-c", SLOW_WRITE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        # A shell's background jobs ignore SIGINT, and their children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "planning\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == ""
    assert "interrupted; stored; go on with: longhand resume " in stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize(
    ("set_by_user", "waits"),
    [
        ({}, {"OMP_WAIT_POLICY": "passive"}),
        ({"OMP_WAIT_POLICY": "active"}, {"OMP_WAIT_POLICY": "active"}),
        ({"GOMP_SPINCOUNT": "5"}, {"GOMP_SPINCOUNT": "5"}),
        ({"KMP_BLOCKTIME": "5"}, {"KMP_BLOCKTIME": "5"}),
    ],
)
def test_threads_sleep_unless_the_user_says_how_they_wait(
    set_by_user: dict[str, str], waits: dict[str, str]
) -> None:
    """Said before torch is imported, which reads it once."""
    names = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
    code = (
        "import os, sys\n"
        "import longhand.cli as cli\n"
        f"said = lambda: [os.environ.get(name) for name in {names!r}]\n"
        "cli.run = lambda arguments: print('torch' in sys.modules, said())\n"
        "cli.main()"
    )
    own = {name: value for name, value in environment().items() if name not in names} | set_by_user
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=own, cwd=os.sep)
    assert (done.stdout, done.stderr) == (f"False {[waits.get(name) for name in names]}\n", "")
