"""Files and folders that only their owner can read: databases, backups and logs hold private texts.

Existing files and folders, which may be shared on purpose, keep their permissions.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

FILE_MODE, FOLDER_MODE = 0o600, 0o700


def make_private_file(path: Path) -> None:
    """Make an empty file that only its owner can read and write, unless it exists; raises OSError."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))


def make_private_folder(path: Path) -> None:
    """Make a folder that only its owner can enter, and its parents, unless they exist; raises OSError."""
    # mkdir(parents=True) would ignore the mode for the parents and let others enter them
    for folder in reversed([path, *path.parents]):
        with suppress(FileExistsError):
            if not folder.is_dir():
                folder.mkdir(mode=FOLDER_MODE)
    path.mkdir(exist_ok=True)


def open_private(path: str, flags: int) -> int:
    """Opener for `open(opener=open_private)`: only the owner can read a file that it creates."""
    return os.open(path, flags, FILE_MODE)
