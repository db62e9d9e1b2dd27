"""Files are written whole or not at all."""

from __future__ import annotations

import os

import pytest

from concepts.errors import InputError
from longhand.asking.files import check_target, write_atomic


def test_a_new_file_and_an_overwritten_one(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    path = folder / "a.md"
    write_atomic(path, "éins\n")
    path.chmod(0o600)
    write_atomic(path, "zwei\n")
    assert path.read_bytes() == b"zwei\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(folder.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_no_rest(tmp_path, monkeypatch):
    folder = tmp_path / "out"
    folder.mkdir()
    path = folder / "a.md"
    write_atomic(path, "old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left on device"):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert list(folder.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real.md").write_text("old")
    (tmp_path / "link.md").symlink_to("real.md")
    write_atomic(tmp_path / "link.md", "new")
    assert (tmp_path / "link.md").is_symlink()
    assert (tmp_path / "real.md").read_text() == "new"


def test_targets_that_cannot_be_written(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="is a folder"):
        check_target(tmp_path)
    with pytest.raises(InputError, match="there is no folder"):
        check_target(tmp_path / "no" / "a.md")
    # The tests may run as root, who may write anywhere.
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InputError, match="no permission"):
        check_target(tmp_path / "a.md")
