"""The process's streams: closed ones, and errors as long as a file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from storage import NewDocument, Store

ROOT = Path(__file__).parents[3]


def run_shell(line: str, folder: Path, database: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of the shell in which $LONGHAND is the command."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "LONGHAND": f"{sys.executable} -m longhand",
        "LONGHAND_DATABASE_URL": f"sqlite:///{database}",
    }
    return subprocess.run(
        ["sh", "-c", line],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    "command", ["export ID --format json", "show ID", "ls --json", "export ID --format epub"]
)
def test_a_closed_stdout_is_one_line(run, store, tmp_path, database, command):
    run("write", "tea")
    (document,) = store.list_documents()
    done = run_shell(f"$LONGHAND {command.replace('ID', document.id)} >&-", tmp_path, database)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == (
        "longhand: standard output is closed: let it go to a file or a pipe"
    )
    assert "Error" not in done.stderr and "Exception" not in done.stderr
    with Store.open() as again:
        assert len(again.list_documents()) == 1


def test_closed_streams_take_no_command_with_them(store, tmp_path, database):
    first, second = (store.create_document(NewDocument(prompt="tea", lang="eng_Latn")).id for _ in range(2))
    done = run_shell(f"$LONGHAND rm {first} --yes >&- 2>&- <&-", tmp_path, database)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = run_shell(f"$LONGHAND rm {second} <&-", tmp_path, database)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "not asking without a terminal" in done.stderr
    assert [document.id for document in store.list_documents()] == [second]


@pytest.mark.parametrize("command", ["show", "ls --status", "export", "rm --yes"])
@pytest.mark.parametrize("unit", ["ab", "a b "])
def test_no_error_is_as_long_as_what_was_typed(run, command, unit):
    result = run(*command.split(), unit * 50_000)
    assert result.exit_code in (1, 2)
    assert len(result.stderr) < 2500 and result.stderr.count("\n") == 1
    assert result.stderr.startswith("longhand: ")


@pytest.mark.parametrize(("asked", "shown"), [([], False), (["-W", "default"], True)])
def test_warnings_are_shown_to_who_asks_for_them(asked, shown, tmp_path):
    script = (
        "import sys, warnings; sys.argv = ['longhand', '--version']\n"
        "from longhand import cli\n"
        "run = cli.run\n"
        "def warn_and_run(words):\n"
        "    with warnings.catch_warnings():  # as a library in another thread would leave the filters\n"
        "        if not sys.warnoptions: warnings.simplefilter('always')\n"
        "        warnings.warn('made of old parts')\n"
        "        return run(words)\n"
        "cli.run = warn_and_run\n"
        "cli.main()\n"
    )
    done = subprocess.run(
        [sys.executable, *asked, "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**{k: v for k, v in os.environ.items() if k != "PYTHONWARNINGS"}, "PYTHONPATH": str(ROOT)},
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert ("made of old parts" in done.stderr) is shown
