"""Files and folders for their owner alone: databases, backups and logs hold what people write.

What somebody made before, or shares on purpose, keeps its permissions.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

FILE_MODE, FOLDER_MODE = 0o600, 0o700


def make_private_file(path: Path) -> None:
    """Make an empty file that only its owner reads and writes, unless there is one; raises OSError."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))


def make_private_folder(path: Path) -> None:
    """Make a folder that only its owner enters, unless there is one, and those above it; raises OSError."""
    # of the folders above, pathlib's own makes those that others may enter
    for folder in reversed([path, *path.parents]):
        with suppress(FileExistsError):
            if not folder.is_dir():
                folder.mkdir(mode=FOLDER_MODE)
    path.mkdir(exist_ok=True)


def open_private(path: str, flags: int) -> int:
    """Open a file as `open(opener=open_private)` does; one that is made is for its owner alone."""
    return os.open(path, flags, FILE_MODE)
