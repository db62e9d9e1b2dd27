"""Writing a file completely or not at all, with one-line errors."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from concepts.errors import InputError


def check_target(path: Path, *, replace: bool = True) -> Path:
    """Return `path` if a file can be written there; raise InputError before hours of work.

    `replace` False refuses an existing file.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file in it")
    if not path.parent.is_dir():
        raise InputError(
            f"{path} cannot be written: there is no folder {path.parent}; mkdir -p {path.parent}"
        )
    if not replace and path.is_file():
        raise _exists_already(path)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InputError(f"{path} cannot be written: no permission; choose another place")
    return path


def check_document_target(path: Path) -> Path:
    """Return `path` if a document can be written there in its suffix's format.

    Raises InputError as `check_target`, and UsageError for an unknown suffix, before hours of work.
    """
    from longhand.formats import format_of

    format_of(path)
    return check_target(path)


def _exists_already(path: Path) -> InputError:
    return InputError(f"{path} exists already: choose another name, or replace it with --force")


def make_folder(path: Path) -> Path:
    """Return the folder at `path`, created if its parent exists; raise InputError."""
    try:
        path.mkdir(exist_ok=True)
    except FileExistsError as error:
        raise InputError(f"{path} is a file: name a folder") from error
    except FileNotFoundError as error:
        raise InputError(
            f"there is no folder {path.parent} to make {path.name} in: mkdir -p {path}"
        ) from error
    except OSError as error:
        raise InputError(f"the folder {path} cannot be made: {error.strerror or error}") from error
    return path


def write_atomic(path: Path, content: str | bytes, *, replace: bool = True) -> None:
    """Write text (as UTF-8) or bytes with `open_atomic`."""
    with open_atomic(path, replace=replace) as file:
        file.write(content.encode("utf-8") if isinstance(content, str) else content)


@contextmanager
def open_atomic(path: Path, *, replace: bool = True) -> Iterator[BinaryIO]:
    """Yield a file that replaces `path` when the block ends without an error.

    Readers see the old file or the new one. A target that is not a regular file (a pipe, /dev/stdout) is written
    directly. Raises InputError; `replace` False refuses an existing file, even one created in the meantime.
    """
    check_target(path, replace=replace)
    try:
        if path.exists() and not path.is_file():
            with open(path, "wb") as file:
                yield file
            return
        # Follow a link, so that the link stays one.
        target = path.resolve()
        partial = target.with_name(f".{target.name[:80]}.{secrets.token_hex(4)}.partial")
        try:
            with open(partial, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if target.exists():
                partial.chmod(target.stat().st_mode & 0o7777)
            if replace:
                os.replace(partial, target)
            else:
                _move_to_new(partial, target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror or error}): the document is stored; "
            "write it elsewhere with longhand export"
        ) from error


def _move_to_new(partial: Path, target: Path) -> None:
    """Rename `partial` to `target`, unless another file has that name already."""
    try:
        # A hard link fails if the name is taken; a rename would replace the file.
        os.link(partial, target)
    except FileExistsError:
        raise _exists_already(target) from None
    except OSError:
        # A file system without hard links.
        if target.exists():
            raise _exists_already(target) from None
        os.replace(partial, target)
