"""Sets up `.venv` in a clone and runs a command in it; needs only the standard library.

    python3.11 -m longhand.setup write "Getting rid of ants in the kitchen"
    python3.11 -m longhand.setup test

The first run installs packages (8 GB, minutes) and fetches the models that Longhand does not ship; later runs
start at once. An interrupted install starts again in an empty folder, since pip takes a half-copied package for a
complete one. The syntax is old, so that an old Python reaches the message that names the right one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
VENV = HOME / ".venv"
FETCHED = ("space", "voice")
"""Models that `longhand models fetch` gets before anything is written or tested."""
EXTRAS = {"write": "", "test": "[dev]", "install": ""}
CHECKS = (
    ("ruff", "check", "."),
    ("mypy",),
    ("lint-imports",),
    # A process for each of up to four cores. A file's tests stay together, since their fixtures are costly, in the
    # order of their names: ordered by number of tests, long ones would come last.
    ("pytest", "--numprocesses=auto", "--maxprocesses=4", "--dist=loadfile", "--no-loadscope-reorder"),
)
NEEDED_GB = 9
"""Disk space of a whole installation on Linux, where torch brings its GPU libraries: 8.1 GB of packages, and models."""
USAGE = 'usage: python3.11 -m longhand.setup write "PROMPT" [options of longhand write] | test | install'


class SetupError(Exception):
    """A problem on this machine that the user must fix; the text is one line."""


def main(arguments: list[str]) -> int:
    """Set up the environment for an action, do it, and return its exit code."""
    if not arguments or arguments[0] not in EXTRAS:
        print(USAGE, file=sys.stderr)
        return 2
    action, rest = arguments[0], arguments[1:]
    if action == "write" and (not rest or not rest[0].strip()):
        print(f"longhand: the prompt is empty; {USAGE}", file=sys.stderr)
        return 2
    try:
        ensure_venv(EXTRAS[action])
        code = fetch_models()
    except SetupError as error:
        print(f"longhand: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("longhand: interrupted; the same command begins the set-up again", file=sys.stderr)
        return 130
    if code:
        return code
    if action == "test":
        return run_checks(rest)
    command = [str(script("longhand")), *([action, *rest] if action == "write" else ["--version"])]
    code = run(command)
    if code == 0:
        shown = os.path.relpath(script("longhand"))
        print(f"\nLonghand is installed; call it with: {shown} --help", file=sys.stderr)
        print("or, after `source .venv/bin/activate`, with: longhand --help", file=sys.stderr)
    return code


def run_checks(arguments: list[str]) -> int:
    """Run linter, type checks, import rules and tests; stop at the first failure."""
    for name, *words in CHECKS:
        words = words + (arguments if name == "pytest" else [])
        print("$ " + " ".join([name, *words]), flush=True)
        code = run([str(script(name)), *words])
        if code:
            return code
    return 0


def run(command: list[str]) -> int:
    """Run a command in the clone and return its exit code like a shell: 128 + n after signal n.

    Ctrl-C also reaches the command, which may need seconds to end; wait for it and never kill it.
    """
    process = subprocess.Popen(command, cwd=HOME)
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            continue
        return code if code >= 0 else 128 - code


def script(name: str) -> Path:
    """Return the path of a command in the environment."""
    return VENV / ("Scripts" if os.name == "nt" else "bin") / name


def ensure_venv(extra: str) -> None:
    """Install this clone (editable) with `extra` into `.venv`, unless it is there already."""
    stamp, broken = VENV / f".installed{extra}", VENV / ".installing"
    wanted = fingerprint()
    if not broken.exists() and script("longhand").exists() and read(stamp) == wanted:
        return
    check_python()
    check_space()
    if broken.exists() or not works(script("python")):
        make_venv()
    broken.write_text("removed when the install is whole\n", encoding="utf-8")
    print(f"setting up {VENV} (once; this takes minutes and 8 GB)", file=sys.stderr, flush=True)
    install = [str(script("python")), "-m", "pip", "install", "--editable", f"{HOME}{extra}"]
    if subprocess.call(install, cwd=HOME, stdout=sys.stderr) != 0:  # stdout is the document's
        raise SetupError(
            "pip could not install Longhand (its message is above); the same command tries again"
        )
    stamp.write_text(wanted, encoding="utf-8")
    broken.unlink()


def fetch_models() -> int:
    """Let the installed Longhand fetch its models once; return 0, or its exit code if it fails."""
    stamp = VENV / ".fetched"
    content = (HOME / "concepts" / "models" / "wheels.py").read_bytes() + os.environ.get(
        "LONGHAND_FETCHED", ""
    ).encode()
    wanted = hashlib.sha256(content).hexdigest()
    if read(stamp) == wanted:
        return 0
    command = [str(script("longhand")), "models", "fetch", *FETCHED]
    code = subprocess.call(command, cwd=HOME, stdout=sys.stderr)  # stdout is the document's
    if code == 0:
        stamp.write_text(wanted, encoding="utf-8")
    return code if code >= 0 else 128 - code


def fingerprint() -> str:
    """Return the inputs of an installed environment: the requirements and the clone's path."""
    content = (HOME / "pyproject.toml").read_bytes()
    return hashlib.sha256(content + str(HOME).encode()).hexdigest()


def read(path: Path) -> str:
    """Return a file's text, "" if there is no file."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def check_python() -> None:
    """Raise SetupError if the requirements have no builds for this Python."""
    found = sys.version_info[:2]
    if not (3, 11) <= found < (3, 13):
        raise SetupError(
            f"this is Python {found[0]}.{found[1]}, Longhand needs 3.11 or 3.12: "
            "run python3.11 -m longhand.setup (Debian: apt-get install python3.11)"
        )


def check_space() -> None:
    """Raise SetupError if the disk has too little space: pip would tell so only after minutes.

    An installation that is there already, or was interrupted, is replaced or completed: it counts as free. Elsewhere
    than on Linux torch brings no GPU libraries, and pip finds out itself.
    """
    if sys.platform != "linux":
        return
    free = shutil.disk_usage(VENV if VENV.exists() else HOME).free + used(VENV)
    if free < NEEDED_GB * 10**9:
        raise SetupError(
            f"the packages take {NEEDED_GB} GB, {HOME} has {free / 10**9:.1f} GB free: "
            "free some space, or clone to a larger disk"
        )


def used(folder: Path) -> int:
    """Return the bytes of a folder's files; 0 if there is no folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_symlink() or path.is_file())


def works(python: Path) -> bool:
    """Return whether an interpreter runs and has pip."""
    try:
        return subprocess.call([str(python), "-m", "pip", "--version"], stdout=subprocess.DEVNULL) == 0
    except OSError:
        return False


def make_venv() -> None:
    """Make an empty environment with pip, even if Debian keeps ensurepip in another package."""
    if VENV.exists():
        shutil.rmtree(VENV)
    try:
        import venv
    except ImportError as error:
        raise SetupError("this Python has no venv module: apt-get install python3.11-venv") from error
    has_ensurepip = works_module("ensurepip")
    venv.EnvBuilder(with_pip=has_ensurepip, symlinks=os.name != "nt").create(VENV)
    if has_ensurepip:
        return
    # pip can install into an environment that has no pip.
    fill = [sys.executable, "-m", "pip", "--python", str(script("python")), "install", "pip"]
    if not works(Path(sys.executable)) or subprocess.call(fill, stdout=sys.stderr) != 0:
        shutil.rmtree(VENV, ignore_errors=True)
        raise SetupError("this Python has neither ensurepip nor pip: apt-get install python3.11-venv")


def works_module(name: str) -> bool:
    """Return whether a standard library module is there, not removed by the distribution."""
    try:
        __import__(name)
    except ImportError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
