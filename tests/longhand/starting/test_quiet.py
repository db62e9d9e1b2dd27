"""Every command, run as a user runs it: no warning and no remark of a library reaches stderr.

Commands of a kind run one after the other in a process of their own, prepared as `longhand` prepares its own, with
the models that ship, each of which is loaded once. A mark on stderr before each tells whose lines they are.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from longhand.app import COMMANDS
from tests.longhand.web.pages import page

ROOT = Path(__file__).resolve().parents[3]
MARK = "=== "
DRIVER = '''
import atexit, functools, json, os, signal, sys, threading, urllib.request
from longhand import cli

cli.let_threads_sleep()
cli.drop_warnings()


def keep(what):
    """Let a part of the models, or a library, be loaded by the first command that needs it alone."""
    from flows.models.loading import LoadedModels
    kept, load = {}, getattr(LoadedModels, what)

    def load_once(self, *name):
        key = (*name, *sorted(self._names.items()))
        if key not in kept:
            kept[key] = load(self, *name)
        return kept[key]

    setattr(LoadedModels, what, load_once)


for what in ("_load_codec", "_load_planner", "_load_writer", "_load_voice", "_load_translator", "_library"):
    keep(what)


class KeptServer:
    """One private Prefect server for all commands: what it says itself never reaches their stderr."""

    kept = None

    def __init__(self, **options):
        from flows.prefect.server import PrivateServer
        if KeptServer.kept is None:
            KeptServer.kept = PrivateServer()
            KeptServer.kept.start()
            atexit.register(KeptServer.kept.stop)

    def __getattr__(self, name):
        return getattr(KeptServer.kept, name)

    def start(self):
        """It runs already."""

    def stop(self):
        """The next command needs it."""


def visit_and_end(show):
    """Return a receiver of the pages' address that looks at the first page and presses Ctrl-C."""

    def visit(url):
        try:
            urllib.request.urlopen(url, timeout=60).close()
        finally:
            signal.raise_signal(signal.SIGINT)

    def show_and_visit(url):
        show(url)
        threading.Thread(target=visit, args=(url,), daemon=True).start()

    return show_and_visit


import flows.run
flows.run.PrivateServer = KeptServer
codes = []
for line in json.loads(sys.argv[1]):
    known = []
    if any(word.startswith("ID") for word in line):
        from storage import Store
        with Store.open() as store:
            known = [document.id for document in store.list_documents()][::-1]
    words = [known[int(word[2:] or 0)] if word.startswith("ID") else word for word in line]
    words = [sys.argv[2] if word == "PORT" else word for word in words]
    os.write(2, f"=== {' '.join(line)}\\n".encode())
    if words[0] == "evaluate":
        import longhand.doing.training
        longhand.doing.training.MIN_HELD_OUT = 1
    if words[0] == "inspect":
        import longhand.web.server as web
        serve = web.serve
        web.serve = lambda *args, on_ready, **options: serve(*args, on_ready=visit_and_end(on_ready), **options)
    if words[0] in ("write", "plan", "summarize", "expand"):
        # A token costs the voice a tenth of a second, and is drawn as the next one.
        import writer.voice.voice
        from writer.voice.decode import SayOptions
        writer.voice.voice.SayOptions = functools.partial(SayOptions, max_tokens=4)
    codes.append(cli.run(words))
print("CODES", json.dumps(codes))
cli.leave(0)
'''
OF_LIBRARIES = re.compile(
    r"\w*Warning\b|site-packages|warnings\.warn|Traceback|^\s+(warn|return|import|from|super)\b"
    r"|^(\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d)|^\[?(WARN|WARNING|INFO|DEBUG|ERROR)\b|^W\d{4}"
)
WRITING: list[tuple[int, list[str]]] = [
    (
        0,
        [
            "write",
            "Getting up early",
            "--sections",
            "1",
            "--length",
            "short",
            "--library",
            "none",
            "--review",
        ],
    ),
    (0, ["outline", "ID0", "--length", "1=2"]),
    (0, ["approve", "ID0"]),
    (0, ["resume", "ID0"]),
    (0, ["refine", "ID0", "--item", "1", "--show", "2"]),
    (0, ["translate", "ID0", "--lang", "deu_Latn"]),
    (0, ["rewrite", "ID0", "--item", "1", "--seed", "5"]),
    (0, ["outline", "ID0", "--set", "1=The printer"]),
    (0, ["diff", "ID0"]),
    (0, ["search", "print a page"]),
    (0, ["write", "Bread", "--sections", "1", "--length", "short"]),
    (0, ["plan", "--from", "notes.md"]),
    (0, ["summarize", "notes.md", "--sentences", "2"]),
    (0, ["expand", "notes.md"]),
]
STORED: list[tuple[int, list[str]]] = [
    (0, ["submit", "tea"]),
    (0, ["submit", "milk"]),
    (0, ["ls"]),
    (0, ["show", "ID0"]),
    (0, ["status"]),
    (0, ["priority", "ID0", "1"]),
    (0, ["pause", "ID0"]),
    (0, ["resume", "ID0", "--queue"]),
    (0, ["cancel", "ID1"]),
    (1, ["export", "ID0"]),
    (0, ["rm", "ID1", "--yes"]),
    (0, ["backup", "copy.db"]),
    (0, ["restore", "copy.db", "--force"]),
    (0, ["gc", "--older-than", "30d"]),
    (0, ["models"]),
    (0, ["doctor"]),
    (0, ["inspect", "--port", "0"]),
]
TRAINING: list[tuple[int, list[str]]] = [
    (0, ["corpus", "import", "pages", "--out", "corpus"]),
    (0, ["corpus", "library", "corpus", "--out", "library"]),
    *(
        (0, ["train", kind, *space, "--preset", "tiny", "--steps", "2", "--corpus", "corpus", "--out", kind])
        for kind, space in (
            ("space", ["--name", "toy"]),
            ("planner", ["--space", "space/model"]),
            ("writer", ["--space", "space/model"]),
        )
    ),
    (1, ["evaluate", "planner", "--corpus", "corpus", "--model", "planner/model"]),
    (0, ["evaluate", "space", "--corpus", "corpus", "--model", "space/model"]),
]
SERVING: list[tuple[int, list[str]]] = [
    (0, ["up", "--port", "PORT"]),
    (0, ["schedule", "tea", "--every", "30d", "--name", "quiet"]),
    (0, ["schedules", "ls"]),
    (0, ["schedules", "pause", "quiet"]),
    (0, ["schedules", "resume", "quiet"]),
    (0, ["schedules", "rm", "quiet"]),
    (0, ["requeue"]),
    (0, ["worker", "--drain"]),
    (0, ["down"]),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_no_command_is_forgotten() -> None:
    lines = [words for group in (WRITING, STORED, TRAINING, SERVING) for _, words in group]
    assert {words[0] for words in lines} == {name for names in COMMANDS.values() for name in names}


@pytest.mark.parametrize("group", [WRITING, STORED, TRAINING, SERVING], ids=lambda group: group[0][1][0])
def test_no_warning_of_a_library_reaches_stderr(
    tmp_path: Path, group: list[tuple[int, list[str]]], lay_template: Callable[[Path], None]
) -> None:
    if group in (WRITING, SERVING):
        lay_template(tmp_path / "data")
    (tmp_path / "notes.md").write_text("# Tea\n\n## Brewing\n\nWarm the pot. Pour the water. Wait a while.\n")
    (tmp_path / "pages").mkdir()
    for number in range(40):
        (tmp_path / "pages" / f"{number}.md").write_text(page(number))
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    variables |= {
        "PYTHONPATH": str(ROOT),
        "LONGHAND_DATABASE_URL": f"sqlite:///{tmp_path}/x.db",
        "XDG_DATA_HOME": str(tmp_path / "data"),
    }
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps([words for _, words in group]), str(free_port())],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        text=True,
    )
    last = done.stdout.rstrip().rpartition("\n")[2]
    assert last.startswith("CODES "), done.stderr
    said = {part.partition("\n")[0]: part.partition("\n")[2] for part in done.stderr.split(MARK)[1:]}
    codes = dict(zip(said, json.loads(last.removeprefix("CODES ")), strict=True))
    assert codes == {" ".join(words): code for code, words in group}, done.stderr
    found = {
        command: [line for line in text.splitlines() if OF_LIBRARIES.search(line)]
        for command, text in said.items()
    }
    assert {command: lines for command, lines in found.items() if lines} == {}
