"""Releasing a trained planner, writer or voice to a folder, and starting a run from a released model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from concepts.errors import ModelError
from concepts.models.card import Kind, ModelCard, write_card
from concepts.models.quantize import quantize, read_tensors
from concepts.models.released import MODEL_FILE
from concepts.models.tensors import load_parameters, save_tensors

NORMALIZERS_FILE = "normalizers.safetensors"
"""File of the fitted buffers (normalizers) of a training run."""
NO_DATA = "not recorded"
"""Training data on the card of an old run that did not record it."""
LICENCE = "that of the training data"
"""Licence of models trained here."""


def release_model(
    run_dir: Path,
    folder: Path,
    *,
    root: str,
    name: str,
    kind: Kind,
    recipe_line: str,
    figures: dict[str, float] | None = None,
    newest: bool = False,
    extra_files: Sequence[str] = (),
) -> ModelCard:
    """Write the model of a training run to `folder`: quantised weights, float32 normalizers, card.

    `root` is the name of the released submodule in the trained module. Existing `extra_files` of the run are released
    too. Takes the best evaluation's weights, or with `newest` the last checkpoint's (both averaged). Raises ModelError
    if the run has none yet.
    """
    path = trained_weights(run_dir, kind, newest=newest)
    try:
        recipe = json.loads((run_dir / "recipe.json").read_text(encoding="utf-8"))
        state = json.loads((run_dir / "checkpoint" / "state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{run_dir} is no training run ({error}); name the --out of `longhand train`"
        ) from error
    weights, fitted = tensors_of(path, root), tensors_of(run_dir / NORMALIZERS_FILE, root)
    tensors = quantize(weights)
    tensors |= {name: value.float() for name, value in fitted.items()}  # fitted buffers stay exact
    folder.mkdir(parents=True, exist_ok=True)
    save_tensors(folder / MODEL_FILE, tensors)
    further = [file for file in extra_files if (run_dir / file).is_file()]
    for file in further:
        shutil.copyfile(run_dir / file, folder / file)
    return write_card(
        folder,
        name=name,
        kind=kind,
        version=1,
        file_names=[MODEL_FILE, *further],
        config=recipe["model"],
        space=recipe["space"],
        data=recipe.get("data", NO_DATA),
        recipe=recipe_line + origin(recipe),
        steps=int(state["step"]),
        figures=figures or {},
        licence=LICENCE,
    )


def release_with(
    card: ModelCard,
    folder: Path,
    files: Mapping[str, dict[str, Tensor]],
    *,
    name: str,
    command: str,
    options: str,
    figures: Mapping[str, float],
    texts: Mapping[str, str] | None = None,
) -> ModelCard:
    """Write a released model to `folder` with additional tensor `files`; its other files stay unchanged.

    `command` with its `options` is appended once to the card's recipe; `figures` are added to the card's. `texts` are
    text files, by name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in card.files:
        if card.path(file).resolve() != (folder / file).resolve():  # `folder` may be the model's own
            shutil.copyfile(card.path(file), folder / file)
    for file, tensors in files.items():
        save_tensors(folder / file, tensors)
    for file, text in (texts or {}).items():
        (folder / file).write_text(text, encoding="utf-8")
    before = [part for part in card.recipe.split("; ") if not part.startswith(command)]
    return write_card(
        folder,
        name=name,
        kind=card.kind,
        version=1,
        file_names=sorted({*card.files, *files}),
        config=card.config,
        space=card.space,
        data=card.data,
        recipe="; ".join((*before, f"{command} {options}")),
        steps=card.steps,
        figures={**card.figures, **figures},
        licence=card.licence,
    )


def trained_weights(run_dir: Path, what: str, *, newest: bool = False) -> Path:
    """Return the file of a run's averaged weights: of its best evaluation, or of the last checkpoint.

    The latter with `newest`, or before the first evaluation. Raises ModelError if there is neither.
    """
    best, last = run_dir / "best.safetensors", run_dir / "checkpoint" / "average.safetensors"
    path = last if newest or not best.exists() else best
    if not path.exists():
        raise ModelError(f"{run_dir} holds no weights yet; train for longer with `longhand train {what}`")
    return path


def tensors_of(path: Path, root: str) -> dict[str, Tensor]:
    """Return the tensors of the submodule `root` from a training run's file, under the submodule's own names."""
    own = f"{root}."
    return {name.removeprefix(own): value for name, value in load_file(path).items() if name.startswith(own)}


def save_fitted(run_dir: Path, root: str, module: nn.Module) -> None:
    """Save the fitted buffers of the trained submodule `root`, which no optimizer changes."""
    tensors = {f"{root}.{name}": value for name, value in module.named_buffers()}
    save_tensors(run_dir / NORMALIZERS_FILE, tensors)


def origin(recipe: dict[str, object]) -> str:
    """Return the part of a card's recipe line on a run's initial weights; empty for a fresh start."""
    return f", started from {recipe['init']}" if recipe.get("init") else ""


def start_from(module: nn.Module, card: ModelCard) -> None:
    """Give `module` the parameters of a released model; its normalizers stay as they were fitted.

    Raises ModelError if the weights cannot be read or have other sizes.
    """
    path = card.path(MODEL_FILE)
    names = {name for name, _ in module.named_parameters()}
    try:
        tensors = {name: value for name, value in read_tensors(path).items() if name in names}
    except (OSError, SafetensorError) as error:
        first = str(error).splitlines()[0]
        raise ModelError(f"{path} cannot be read ({first}); name another model for --init") from error
    load_parameters(module, tensors)
