"""Does every command end with its promised exit code, each time, also after Ctrl-C?

    .venv/bin/python benchmarks/exit_codes.py [--runs 50] [--presses 5] [--only plan,ls]

Runs each command `--runs` times on a database of its own, and prints how often which code came; negative codes are
signals. Then presses Ctrl-C in commands that load models, `--presses` times at each of ten moments: 130 is promised,
or 0 where the command had ended before. A press before Python's first line ends the process by the signal itself,
which a shell shows as 130, too. Exits with 1 if another code came. Needs the fetched models.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from concepts.models.wheels import FETCHED_VARIABLE, models_dir

MOMENTS_S = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0)
TEXT = (
    "# Tea\n\n## Water\n\nBoil the water. Let it cool a little.\n\n## Leaves\n\nTake two spoons of leaves.\n"
)
OUTLINE = "- Water\n- Leaves\n"
INTERRUPTED = 130


def main() -> int:
    """Print a row for each command; return 1 if one ended otherwise than promised."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--presses", type=int, default=5)
    parser.add_argument("--only", default="", help="names of commands, with commas between")
    asked = parser.parse_args()
    only = {name for name in asked.only.split(",") if name}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "tea.md").write_text(TEXT)
        (home / "outline.md").write_text(OUTLINE)
        fetched = {FETCHED_VARIABLE: str(models_dir())}
        environment = {**os.environ, **fetched, "XDG_DATA_HOME": str(home), "NO_COLOR": "1"}
        is_good = True
        for name, arguments, promised in commands(home, document_of(home, environment)):
            if not only or name in only:
                codes = Counter(run(arguments, environment, home) for _ in range(asked.runs))
                is_good &= told(name, codes, {promised})
        for name, arguments in interrupted(home):
            if not only or name in only:
                codes = Counter(
                    press(arguments, environment, home, moment)
                    for moment in MOMENTS_S
                    for _ in range(asked.presses)
                )
                is_good &= told(f"{name}, Ctrl-C", codes, {0, INTERRUPTED, -signal.SIGINT})
    return 0 if is_good else 1


def document_of(home: Path, environment: dict[str, str]) -> str:
    """Return the id of a document that is stored for the commands that need one."""
    arguments = ["plan", "--from", str(home / "tea.md")]
    subprocess.run(command(arguments), env=environment, cwd=home, capture_output=True, check=True)
    listed = subprocess.run(
        command(["ls", "--json"]), env=environment, cwd=home, capture_output=True, text=True, check=True
    )
    found = json.loads(listed.stdout)
    documents = found["documents"] if isinstance(found, dict) else found
    return str(documents[0]["id"])


def commands(home: Path, document_id: str) -> list[tuple[str, list[str], int]]:
    """Return names, arguments and promised exit codes."""
    return [
        ("plan", ["plan", "--from", str(home / "tea.md")], 0),
        ("ls", ["ls"], 0),
        ("show", ["show", document_id], 0),
        ("outline", ["outline", document_id], 0),
        ("export", ["export", document_id, "--format", "json"], 0),
        ("search", ["search", "water"], 0),
        ("status", ["status"], 0),
        ("models", ["models"], 0),
        ("gc", ["gc", "--older-than", "30d", "--dry-run"], 0),
        ("unknown", ["show", "nonsense"], 1),
        ("wrong", ["ls", "--nonsense"], 2),
        ("write", ["write", "Tea", "--outline", str(home / "outline.md"), "--length", "short"], 0),
    ]


def interrupted(home: Path) -> list[tuple[str, list[str]]]:
    """Return names and arguments of the commands in which Ctrl-C is pressed."""
    return [
        ("plan", ["plan", "--from", str(home / "tea.md")]),
        ("write", ["write", "How to brew tea"]),
        ("search", ["search", "water"]),
    ]


def command(arguments: list[str]) -> list[str]:
    """Return the command line of this installation's `longhand`."""
    return [sys.executable, "-P", "-m", "longhand", *arguments]


def run(arguments: list[str], environment: dict[str, str], home: Path) -> int:
    """Return a command's exit code."""
    done = subprocess.run(
        command(arguments),
        env=environment,
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return done.returncode


def press(arguments: list[str], environment: dict[str, str], home: Path, moment_s: float) -> int:
    """Return the exit code of a command that gets SIGINT after `moment_s` seconds."""
    with subprocess.Popen(
        command(arguments),
        env=environment,
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        time.sleep(moment_s)
        process.send_signal(signal.SIGINT)
        return process.wait(120)


def told(name: str, codes: Counter[int], promised: set[int]) -> bool:
    """Print a row; return whether all codes were promised."""
    is_good = set(codes) <= promised
    shown = ", ".join(f"{num} times {code}" for code, num in codes.most_common())
    print(f"{name:16} {shown}{'' if is_good else '   NOT PROMISED'}", flush=True)
    return is_good


if __name__ == "__main__":
    sys.exit(main())
