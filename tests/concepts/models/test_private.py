"""Files for their owner alone, under the umask that most systems have."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from concepts.private import make_private_file, make_private_folder, open_private


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_what_is_made_is_private_and_what_is_there_stays(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "a" / "b")
    make_private_file(tmp_path / "a" / "b" / "x")
    with open(tmp_path / "log", "w", opener=open_private) as file:
        file.write("x")
    assert [mode_of(tmp_path / name) for name in ("a", "a/b", "a/b/x", "log")] == [0o700, 0o700, 0o600, 0o600]
    shared = tmp_path / "shared"
    shared.write_text("x")
    shared.chmod(0o664)
    make_private_file(shared)
    assert (mode_of(shared), shared.read_text()) == (0o664, "x")
