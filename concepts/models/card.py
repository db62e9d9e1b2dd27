"""Model cards: a model's description, its origin, and the checksums of its files.

A model is a folder with a `card.json` and the files the card lists by checksum. Shipped models live in
`concepts/weights`, `planner/weights` and `writer/weights`; more are found in the folders of
`$LONGHAND_MODELS` (separated as in PATH), and any folder can be named by its path. No torch here:
`longhand models` reads cards only.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from concepts.counting import counted
from concepts.errors import ModelError, shorten
from concepts.models.checksums import recorded_sha256, sha256_of
from concepts.models.configs import WHEEL, check_config
from concepts.models.wheels import WHEEL_MODELS, is_fetched, require, wheel_folder

Kind = Literal["space", "planner", "writer", "voice", "library", "languages"]

MODELS_VARIABLE = "LONGHAND_MODELS"
"""Folders of models, separated as in PATH."""
DEFAULT_NAMES: dict[str, str] = {
    "space": "minilm",
    "planner": "outline-mini",
    "writer": "writer-mini",
    "voice": "voice-mini",
    "library": "everyday",
}
"""The models used when none is named."""

_ROOMS = {"space": "concepts", "planner": "planner", "writer": "writer"}
_CARD = "card.json"
_FIELDS: dict[str, type] = {
    "name": str,
    "kind": str,
    "version": int,
    "files": dict,
    "config": dict,
    "space": str,
    "data": str,
    "recipe": str,
    "steps": int,
    "figures": dict,
    "licence": str,
}
_TYPE_NAMES = {str: "a text", int: "a whole number", dict: "an object"}


@dataclass(frozen=True)
class ModelCard:
    """The description of one model's folder."""

    name: str
    kind: Kind
    version: int
    files: dict[str, str]
    """File name to sha256."""
    config: dict[str, object]
    """Sizes and, for a space, the languages."""
    space: str
    """Id of the concept space the model works in. For a space: the id of the space whose vectors it shares,
    if only the decoder is newer; else empty."""
    data: str
    """What it was trained on, see `training.corpus.store.data_line`."""
    recipe: str
    steps: int
    figures: dict[str, float]
    """Measured quality on held-out documents."""
    licence: str
    folder: Path

    @property
    def model_id(self) -> str:
        """Return `name@` and the first 12 hex digits of the checksum over the files' checksums."""
        joined = "".join(f"{name}:{digest};" for name, digest in sorted(self.files.items()))
        return f"{self.name}@{hashlib.sha256(joined.encode()).hexdigest()[:12]}"

    @property
    def space_id(self) -> str:
        """Return the id of the space that the model works in."""
        return self.space or self.model_id

    @property
    def lineage(self) -> str:
        """Return the model's id, steps and own origin, for the card of a model that starts from it."""
        _, started, origin = self.recipe.partition("started from ")
        return f"{self.model_id} ({counted(self.steps, 'step')}{', ' + started + origin if started else ''})"

    def path(self, file: str) -> Path:
        """Return the path of one of the model's files."""
        return self.folder / file

    def verify(self, names: Collection[str] | None = None) -> None:
        """Compare every file, or only `names`, with its checksum; raises ModelError at the first that differs."""
        for name, expected in self.files.items():
            if names is not None and name not in names:
                continue
            path = self.folder / name
            if not path.is_file():
                raise ModelError(
                    f"{self.name}: {path} is missing; install Longhand again or name another model"
                )
            got = sha256_of(path)
            if got != expected:
                raise ModelError(
                    f"{self.name}: {path} has checksum {got[:12]}, its card says {expected[:12]}; "
                    "the file is damaged or was changed: install Longhand again or train it anew"
                )


@dataclass(frozen=True)
class FetchedCard(ModelCard):
    """The card of a downloaded model, whose files lie in their own folder, not beside the card."""

    wheel: str
    """Name in `concepts.models.wheels.WHEEL_MODELS`."""

    @property
    def is_fetched(self) -> bool:
        """Return whether the files are here."""
        return is_fetched(WHEEL_MODELS[self.wheel])

    def path(self, file: str) -> Path:
        """Return the path of one of the files, whether it is here or not."""
        return wheel_folder(WHEEL_MODELS[self.wheel]) / file

    def verify(self, names: Collection[str] | None = None) -> None:
        """Compare the files with their checksums, each once; raises ModelError if they are missing or differ."""
        folder = require(WHEEL_MODELS[self.wheel])
        for name, expected in self.files.items():
            if names is not None and name not in names:
                continue
            got = recorded_sha256(folder / name)
            if got != expected:
                raise ModelError(
                    f"{self.name}: {folder / name} has checksum {got[:12]}, its card says {expected[:12]}: delete "
                    f"{folder} and run `longhand models fetch {self.wheel}`"
                )


def find_name_in_space(kind: Kind, space_id: str) -> str:
    """Return the name or folder of a planner or writer of the space `space_id`, the default one first.

    Raises ModelError if the space has none.
    """
    found = [card for card in list_cards() if card.kind == kind and card.space == space_id]
    for card in found:
        if card.name == DEFAULT_NAMES[kind]:
            return card.name
    if not found:
        space = space_id.partition("@")[0]
        others = ", ".join(f"{card.name} is of {card.space}" for card in list_cards() if card.kind == kind)
        known = f" ({others})" if others else ""
        raise ModelError(
            f"no {kind} of the space {space_id} is installed{known}: train one with `longhand train {kind} "
            f"--space {space}` and name it with --{kind}, or put it into LONGHAND_MODELS"
        )
    return str(found[-1].folder)


@dataclass(frozen=True)
class CardProblem:
    """A folder of installed models that holds no usable model."""

    message: str
    names: tuple[str, ...] = ()
    """Possible names of that model; another model of such a name must not replace it silently."""


def list_cards() -> list[ModelCard]:
    """Return the cards of all shipped models and of all models under `$LONGHAND_MODELS`, unverified.

    Unreadable cards are left out, so that they do not disable other models (see `examine_cards`).
    """
    return examine_cards()[0]


def examine_cards() -> tuple[list[ModelCard], list[CardProblem]]:
    """Return the cards of `list_cards`, and the problems of the other folders in `$LONGHAND_MODELS`."""
    cards: list[ModelCard] = []
    problems: list[CardProblem] = []
    for folder in _folders():
        try:
            cards.append(read_card(folder))
        except ModelError as error:
            problems.append(CardProblem(str(error), _names_of(folder)))
    problems += [CardProblem(message) for message in _empty_folders()]
    return cards, problems


def _names_of(folder: Path) -> tuple[str, ...]:
    try:
        raw = json.loads((folder / _CARD).read_text(encoding="utf-8"))
        return (folder.name, str(raw["name"]))
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return (folder.name,)


def _empty_folders() -> Iterator[str]:
    """Yield a message for each entry of `$LONGHAND_MODELS` without a model."""
    for entry in _named_folders():
        if not entry.is_dir():
            yield f"{MODELS_VARIABLE} names {entry}, which is no folder: make it, or leave it out"
        elif not any((folder / _CARD).is_file() for folder in (entry, *entry.iterdir())):
            yield f"{MODELS_VARIABLE} names {entry}, which holds no model (no {_CARD}): put one there, or leave it out"


def read_card(folder: Path) -> ModelCard:
    """Read a folder's card; raises ModelError when it is missing or malformed."""
    path = folder / _CARD
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(raw, dict):
            raise ValueError(f"it holds {shorten(repr(raw))}, expected an object")
        _check_fields(raw)
        check_config(raw["kind"], raw["config"])
        return _make_card(folder.resolve(), raw)
    except FileNotFoundError:
        raise ModelError(f"{folder} is not a model: it has no {_CARD}; see `longhand models`") from None
    except (OSError, ValueError, ModelError, RecursionError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"the card {path} cannot be read ({shorten(first, 200)}); install the model again, or train it anew"
        ) from error


def _check_fields(raw: dict[str, Any]) -> None:
    """Raise ValueError for the first field that a card lacks, has wrongly or cannot have."""
    for name, kind in _FIELDS.items():
        if name not in raw:
            raise ValueError(f"it has no {name}")
        value = raw[name]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ValueError(f"its {name} is {shorten(repr(value))}, expected {_TYPE_NAMES[kind]}")
    for name in raw:
        if name not in _FIELDS:
            raise ValueError(f"it has the field {shorten(repr(name))}, which no card has")
    if raw["kind"] not in get_args(Kind):
        raise ValueError(
            f"its kind is {shorten(repr(raw['kind']))}, expected one of {', '.join(get_args(Kind))}"
        )
    if not raw["files"]:
        raise ValueError("it lists no files")
    for file, checksum in raw["files"].items():
        if not isinstance(checksum, str):
            raise ValueError(f"the checksum of {file} is {shorten(repr(checksum))}, expected a text")
    for name, figure in raw["figures"].items():
        if not isinstance(figure, int | float):
            raise ValueError(f"its figure {name} is {shorten(repr(figure))}, expected a number")


def _make_card(folder: Path, raw: dict[str, Any]) -> ModelCard:
    wheel = raw["config"].get(WHEEL)
    if wheel is None:
        return ModelCard(folder=folder, **raw)
    if wheel not in WHEEL_MODELS:
        raise ValueError(f"its model {wheel!r} is none that can be fetched")
    return FetchedCard(folder=folder, wheel=wheel, **raw)


def write_card(
    folder: Path,
    *,
    name: str,
    kind: Kind,
    version: int,
    file_names: list[str],
    config: dict[str, object],
    space: str,
    data: str,
    recipe: str,
    steps: int,
    figures: dict[str, float],
    licence: str,
) -> ModelCard:
    """Write the card of the model whose files lie in `folder` and return it."""
    files = {file: sha256_of(folder / file) for file in sorted(file_names)}
    rounded = {key: round(value, 4) for key, value in figures.items()}
    card = ModelCard(name, kind, version, files, config, space, data, recipe, steps, rounded, licence, folder)
    raw = {key: value for key, value in asdict(card).items() if key != "folder"}
    (folder / _CARD).write_text(json.dumps(raw, indent=2) + "\n", encoding="utf-8")
    return card


def _folders() -> Iterator[Path]:
    root = Path(__file__).resolve().parents[2]
    parents = [root / room / "weights" for room in _ROOMS.values()]
    for parent in [*parents, *_named_folders()]:
        if (parent / _CARD).is_file():
            yield parent
        elif parent.is_dir():
            yield from sorted(child for child in parent.iterdir() if (child / _CARD).is_file())


def _named_folders() -> list[Path]:
    return [Path(entry) for entry in os.environ.get(MODELS_VARIABLE, "").split(os.pathsep) if entry]
