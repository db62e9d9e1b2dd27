"""Checksums of large files, cached: a file of the same size and time is not read again.

The cache lies in the user's cache folder; if that cannot be written, checksums are computed again each time.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from concepts.private import make_private_folder


@dataclass
class _Ledger:
    files: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    """Path to size, time (ns) and checksum."""
    spaces: dict[str, dict[str, str]] = field(default_factory=dict)
    """Name of a published space to its files and their paths."""


def sha256_of(path: Path) -> str:
    """Return the hex digest of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def recorded_sha256(path: Path, compute: Callable[[Path], str] = sha256_of) -> str:
    """Return the checksum of a file; `compute` is called if the file is new or changed."""
    state = path.stat()
    size, time_ns, digest = _read().files.get(str(path), (-1, -1, ""))
    if (size, time_ns) == (state.st_size, state.st_mtime_ns):
        return digest
    digest = compute(path)
    ledger = _read()  # another process may have written meanwhile
    ledger.files[str(path)] = (state.st_size, state.st_mtime_ns, digest)
    _write(ledger)
    return digest


def record_files(name: str, locations: Mapping[str, Path]) -> None:
    """Remember where the files of a published space lie."""
    ledger = _read()
    paths = {file: str(path) for file, path in locations.items()}
    if ledger.spaces.get(name) != paths:
        ledger.spaces[name] = paths
        _write(ledger)


def recorded_files(name: str) -> dict[str, Path]:
    """Return where the files of a published space lay when last used; empty if never used."""
    return {file: Path(path) for file, path in _read().spaces.get(name, {}).items()}


def _path() -> Path:
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("longhand", appauthor=False)) / "checksums.json"


def _read() -> _Ledger:
    try:
        raw = json.loads(_path().read_text(encoding="utf-8"))
        return _Ledger({path: tuple(row) for path, row in raw["files"].items()}, raw["spaces"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return _Ledger()


def _write(ledger: _Ledger) -> None:
    path = _path()
    with suppress(OSError):
        make_private_folder(path.parent)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(asdict(ledger), indent=1) + "\n", encoding="utf-8")
        os.replace(partial, path)
