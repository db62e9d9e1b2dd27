"""Editing a text in the user's editor; the edited text survives any error."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from concepts.errors import InputError, UsageError

FALLBACKS = ("sensible-editor", "nano", "vi")


def find_editor() -> list[str]:
    """Return the command of the user's editor: `VISUAL`, `EDITOR`, else a common one."""
    for variable in ("VISUAL", "EDITOR"):
        typed = os.environ.get(variable, "").strip()
        if not typed:
            continue
        try:
            command = shlex.split(typed)
        except ValueError as error:
            raise UsageError(f"{variable} is {typed!r} ({error}): name a program, such as nano") from error
        if shutil.which(command[0]) is None:
            raise UsageError(f"{variable} names {command[0]!r}, which is not there: set it to your editor")
        return command
    for name in FALLBACKS:
        if shutil.which(name) is not None:
            return [name]
    raise UsageError("no editor is known: set EDITOR, such as EDITOR=nano")


def edit_text(text: str, name: str) -> tuple[str, Path]:
    """Open `text` in the user's editor; return the edited text and its file.

    The caller removes the file (its name begins with `name`) when it no longer needs the text.
    Raises InputError, naming the file, if the editor fails or leaves invalid UTF-8.
    """
    command = find_editor()
    handle, path_text = tempfile.mkstemp(prefix=f"{name}-", suffix=".md")
    path = Path(path_text)
    with open(handle, "w", encoding="utf-8") as file:
        file.write(text)
    try:
        code = subprocess.run([*command, path_text], check=False).returncode
    except KeyboardInterrupt:
        raise InputError(f"interrupted: nothing was stored, the text is kept in {path}") from None
    except OSError as error:
        path.unlink()
        raise UsageError(f"{command[0]} cannot be started ({error.strerror}): set EDITOR") from error
    if code:
        raise InputError(f"{command[0]} ended with {code}: nothing was stored, the text is kept in {path}")
    try:
        return path.read_text(encoding="utf-8"), path
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read as UTF-8 ({error}): nothing was stored, the file is kept"
        ) from error
