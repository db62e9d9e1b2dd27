"""Does every command end with its promised exit code, each time, also after Ctrl-C?

    .venv/bin/python benchmarks/faults/exit_codes.py [--runs 50] [--presses 5] [--only plan,ls] [--list]
    .venv/bin/python benchmarks/faults/exit_codes.py --runs 50 --record codes.jsonl --minutes 30

Runs each command of `longhand --help` `--runs` times, each time on a fresh copy of one database, and prints how often
which code came; negative codes are signals. What needs a Prefect server is run without one: it must say so and leave no
process behind. Then presses Ctrl-C in commands that take long, `--presses` times at each of ten moments: 130 is
promised, or 0 where the command had ended before. A press before Python's first line ends the process by the signal
itself, which a shell shows as 130, too, or by Python's own error. Exits with 1 if another code came or a process was
left. Needs the fetched models.

`--record` appends each run to a file and counts what is in it already: a long run can be done in parts, command by
command (`--only`) or ended after `--minutes`; it exits with 3 where runs are left to do.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from concepts.models.wheels import FETCHED_VARIABLE, models_dir

MOMENTS_S = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0)
TEXT = (
    "# Tea\n\n## Water\n\nBoil the water. Let it cool a little.\n\n## Leaves\n\nTake two spoons of leaves.\n"
)
OUTLINE = "- Water\n- Leaves\n"
INTERRUPTED = 130
LEFT_BEHIND = 1000
"""Recorded instead of the exit code where a process outlives its command."""
UNFINISHED = 3
BEFORE_OUR_FIRST_LINE = (b"Failed to import the site module", b"Could not import runpy module")
"""Python's words, with exit code 1, for a SIGINT while it starts."""
PATIENCE_S = 600
"""Longest run of a command."""


@dataclass(frozen=True)
class Case:
    """A command line and the exit code that it must end with."""

    name: str
    arguments: tuple[str, ...]
    promised: int = 0

    @property
    def command(self) -> str:
        """The command, with its subcommand if it has some."""
        is_nested = self.arguments[0] in NESTED and len(self.arguments) > 1
        return " ".join(self.arguments[: 1 + is_nested])


NESTED = ("corpus", "models", "schedules")


def cases() -> list[Case]:
    """Return the command lines; paths are in the folder that they run in.

    GIVEN stands for the id of a document that was given, EDITED for one whose outline has two versions and that waits
    for a worker, REVIEWED for one that waits for approval, WRITTEN for one that was written.
    """
    short = ("--outline", "outline.md", "--length", "short")
    return [
        Case("plan", ("plan", "--from", "tea.md")),
        Case("summarize", ("summarize", "tea.md", "--sentences", "2")),
        Case("expand", ("expand", "notes.md")),
        Case("write", ("write", "Tea", *short)),
        Case("write-refused", ("write", "Dzień dobry"), 1),
        Case("resume", ("resume", "EDITED")),
        Case("translate", ("translate", "GIVEN", "--lang", "deu_Latn")),
        Case("ls", ("ls",)),
        Case("show", ("show", "GIVEN")),
        Case("outline", ("outline", "GIVEN")),
        Case("approve", ("approve", "REVIEWED")),
        Case("rewrite", ("rewrite", "GIVEN", "--item", "1")),
        Case("diff", ("diff", "EDITED", "--versions", "1", "2")),
        Case("refine", ("refine", "WRITTEN", "--item", "1")),
        Case("rm", ("rm", "GIVEN", "--yes")),
        Case("export", ("export", "GIVEN", "--format", "json")),
        Case("export-pdf", ("export", "GIVEN", "--out", "tea.pdf")),
        Case("search", ("search", "water")),
        Case("submit", ("submit", "How to brew tea")),
        Case("status", ("status",)),
        Case("priority", ("priority", "EDITED", "5")),
        Case("pause", ("pause", "EDITED")),
        Case("cancel", ("cancel", "EDITED")),
        Case("models", ("models",)),
        Case("models-fetch", ("models", "fetch", "nonsense"), 2),
        Case("doctor", ("doctor",)),
        Case("backup", ("backup", "fresh.backup")),
        Case("restore", ("restore", "tea.backup", "--force")),
        Case("gc", ("gc", "--older-than", "30d", "--dry-run")),
        Case("corpus-fetch", ("corpus", "fetch", "--out", "sources", "--languages", "xx"), 2),
        Case("corpus-import", ("corpus", "import", "documents", "--out", "fresh-corpus")),
        Case("corpus-library", ("corpus", "library", "corpus", "--out", "library")),
        Case("train", ("train", "planner", "--corpus", "corpus", "--out", "run", "--preset", "tiny", "--steps", "2")),
        Case("evaluate", ("evaluate", "planner", "--corpus", "corpus"), 1),
        Case("unknown", ("show", "nonsense"), 1),
        Case("wrong", ("ls", "--nonsense"), 2),
        # What needs a Prefect server: there is none.
        Case("worker", ("worker", "--drain"), 2),
        Case("requeue", ("requeue",), 2),
        Case("schedule", ("schedule", "Tea", "--every", "1d"), 2),
        Case("schedules-ls", ("schedules", "ls"), 2),
        Case("schedules-pause", ("schedules", "pause", "tea"), 2),
        Case("schedules-resume", ("schedules", "resume", "tea"), 2),
        Case("schedules-rm", ("schedules", "rm", "tea"), 2),
        Case("schedules-run-now", ("schedules", "run-now", "tea"), 2),
        Case("down", ("down",)),
        # What stays until Ctrl-C, or starts a server: refused before it does.
        Case("up", ("up", "--batch", "0"), 2),
        Case("inspect", ("inspect", "--port", "99999"), 2),
    ]  # fmt: skip


def interrupted() -> list[Case]:
    """Return the command lines in which Ctrl-C is pressed."""
    return [
        Case("plan", ("plan", "--from", "tea.md"), INTERRUPTED),
        Case("write", ("write", "How to brew tea"), INTERRUPTED),
        Case("search", ("search", "water"), INTERRUPTED),
        Case("inspect", ("inspect", "--port", "0"), INTERRUPTED),
    ]


def main() -> int:
    """Print a row for each command; return 1 if one ended otherwise than promised, 3 if runs are left to do."""
    asked = parsed()
    if asked.list:
        print(
            *(f"{case.name:18} {case.promised}  longhand {' '.join(case.arguments)}" for case in cases()),
            sep="\n",
        )
        return 0
    only = {name for name in asked.only.split(",") if name}
    if unknown := only - {case.name for case in (*cases(), *interrupted())}:
        print(f"no such case: {', '.join(sorted(unknown))}; see --list", file=sys.stderr)
        return 2
    # a shell starts what runs in the background with SIGINT ignored, and children inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)
    record = Record(asked.record)
    ends_at = time.monotonic() + 60 * asked.minutes
    is_good, is_complete = True, True
    with tempfile.TemporaryDirectory() as folder:
        template, place = Path(folder) / "template", Path(folder) / "place"
        template.mkdir()
        ids: dict[str, str] = {}

        def once(case: Case, end: Callable[[Case, Path], int]) -> int:
            if not ids:
                ids.update(prepare(template))
            with fresh(template, place):
                arguments = tuple(ids.get(word, word) for word in case.arguments)
                return end(Case(case.name, arguments, case.promised), place)

        planned: list[tuple[str, Case, set[int], int, Callable[[Case, Path], int]]] = [
            (case.name, case, {case.promised}, asked.runs, run) for case in cases()
        ]
        for case in interrupted():
            for moment_s in MOMENTS_S:
                name = f"{case.name}, Ctrl-C at {moment_s} s"
                promised = {0, INTERRUPTED, -signal.SIGINT}
                planned.append((name, case, promised, asked.presses, lambda c, p, m=moment_s: press(c, p, m)))
        for name, case, promised, wanted, end in planned:
            if only and case.name not in only:
                continue
            while record.codes(name).total() < wanted and time.monotonic() < ends_at:
                record.add(name, once(case, end))
            codes = record.codes(name)
            is_good &= told(name, codes, promised)
            is_complete &= codes.total() >= wanted
    if not is_good:
        return 1
    return 0 if is_complete else UNFINISHED


def parsed() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--presses", type=int, default=5)
    parser.add_argument("--only", default="", help="names of cases, with commas between")
    parser.add_argument("--list", action="store_true", help="print the cases and end")
    parser.add_argument("--record", type=Path, help="file of the runs that are done; a further call goes on")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no run after so long")
    return parser.parse_args()


class Record:
    """The runs so far, in a file of JSON lines if there is one."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._codes: dict[str, Counter[int]] = {}
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                values = json.loads(line)
                self._count(values["case"], values["code"])

    def codes(self, name: str) -> Counter[int]:
        """Return how often which code came."""
        return self._codes.get(name, Counter())

    def add(self, name: str, code: int) -> None:
        """Count a run."""
        self._count(name, code)
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"case": name, "code": code}) + "\n")

    def _count(self, name: str, code: int) -> None:
        self._codes.setdefault(name, Counter())[code] += 1


def prepare(home: Path) -> dict[str, str]:
    """Make the files and documents that all commands begin with; return the ids by their names in `cases`."""
    (home / "tea.md").write_text(TEXT, encoding="utf-8")
    (home / "outline.md").write_text(OUTLINE, encoding="utf-8")
    (home / "notes.md").write_text("- Water boils.\n- Leaves are green.\n", encoding="utf-8")
    (home / "documents").mkdir()
    for number in range(6):
        sentences = " ".join(f"Step {n} of tea {number} takes {n} spoons of leaves." for n in range(1, 9))
        text = f"# Tea {number}\n\n## Water {number}\n\n{sentences}\n\n## Leaves {number}\n\n{sentences}\n"
        (home / "documents" / f"{number}.md").write_text(text, encoding="utf-8")

    def must(*arguments: str) -> str:
        done = subprocess.run(
            command(arguments), env=environment(home), cwd=home, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"longhand {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def newest() -> str:
        found = json.loads(must("ls", "--json"))
        return str((found["documents"] if isinstance(found, dict) else found)[0]["id"])

    ids = {}
    # Without a library, so that the planner draws the headings: `refine` shows how.
    must("write", "Tea", "--sections", "2", "--length", "short", "--library", "none")
    ids["WRITTEN"] = newest()
    must("plan", "--from", "tea.md")
    ids["GIVEN"] = newest()
    must("plan", "--from", "tea.md", "--review")
    ids["EDITED"] = newest()
    must("plan", "--from", "tea.md", "--review")
    ids["REVIEWED"] = newest()
    must("outline", ids["EDITED"], "--set", "1=Hot water", "--approve")
    must("backup", "tea.backup")
    must("corpus", "import", "documents", "--out", "corpus")
    return ids


@contextmanager
def fresh(template: Path, place: Path) -> Iterator[None]:
    """Put a copy of the template at a place, and remove it."""
    shutil.copytree(template, place)
    try:
        yield
    finally:
        shutil.rmtree(place, ignore_errors=True)


def environment(home: Path) -> dict[str, str]:
    """Return the variables of a command whose data are in `home`; no server is known there."""
    left_out = ("LONGHAND_", "PREFECT_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return {**kept, FETCHED_VARIABLE: str(models_dir()), "XDG_DATA_HOME": str(home), "NO_COLOR": "1"}


def command(arguments: tuple[str, ...]) -> list[str]:
    """Return the command line of this installation's `longhand`."""
    return [sys.executable, "-P", "-m", "longhand", *arguments]


def run(case: Case, home: Path) -> int:
    """Return a command's exit code, or `LEFT_BEHIND`."""
    done = subprocess.run(
        command(case.arguments),
        env=environment(home),
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=PATIENCE_S,
    )
    return LEFT_BEHIND if end_left(home) else done.returncode


def press(case: Case, home: Path, moment_s: float) -> int:
    """Return the exit code of a command that gets SIGINT after `moment_s` seconds, or `LEFT_BEHIND`."""
    with subprocess.Popen(
        command(case.arguments),
        env=environment(home),
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        time.sleep(moment_s)
        process.send_signal(signal.SIGINT)
        _, printed = process.communicate(timeout=PATIENCE_S)
        code = process.returncode
    if any(words in printed for words in BEFORE_OUR_FIRST_LINE):
        return -signal.SIGINT
    return LEFT_BEHIND if end_left(home) else code


def end_left(home: Path, patience_s: float = 5.0) -> int:
    """Return how many processes of a command still run after some seconds, and end them."""
    deadline = time.monotonic() + patience_s
    while (left := processes_in(home)) and time.monotonic() < deadline:
        time.sleep(0.1)
    for process in left:
        process.kill()
    return len(left)


def processes_in(home: Path) -> list[psutil.Process]:
    """Return the processes whose data are in `home`."""
    found = []
    for process in psutil.process_iter():
        try:
            if (
                process.environ().get("XDG_DATA_HOME") == str(home)
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                found.append(process)
        except psutil.Error:
            continue
    return found


def told(name: str, codes: Counter[int], promised: set[int]) -> bool:
    """Print a row; return whether all codes were promised."""
    is_good = set(codes) <= promised
    shown = ", ".join(
        f"{num} times {'a process left behind' if code == LEFT_BEHIND else code}"
        for code, num in codes.most_common()
    )
    print(f"{name:26} {shown or 'not run'}{'' if is_good else '   NOT PROMISED'}", flush=True)
    return is_good


if __name__ == "__main__":
    sys.exit(main())
