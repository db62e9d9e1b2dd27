"""Writing a file whole or not at all, and saying in one line why it cannot be done."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from concepts.errors import InputError


def check_target(path: Path) -> Path:
    """Return `path` where a file can be written there; raise InputError before hours are spent."""
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file in it")
    if not path.parent.is_dir():
        raise InputError(
            f"{path} cannot be written: there is no folder {path.parent}; mkdir -p {path.parent}"
        )
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InputError(f"{path} cannot be written: no permission; choose another place")
    return path


def write_atomic(path: Path, text: str) -> None:
    """Write `text` as UTF-8; a reader sees the old file or the new one, and a failure leaves the old.

    A target that is no regular file (a pipe, /dev/stdout) is written to directly. Raises InputError.
    """
    check_target(path)
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
            return
        # Through a link, so that the link stays one.
        target = path.resolve()
        partial = target.with_name(f".{target.name[:80]}.{secrets.token_hex(4)}.partial")
        try:
            with open(partial, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if target.exists():
                partial.chmod(target.stat().st_mode & 0o7777)
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror or error}): the document is stored; "
            "write it elsewhere with longhand export"
        ) from error
