"""Releasing a space with the new languages of a training run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from safetensors.torch import load_file

from concepts.counting import counted
from concepts.errors import ModelError, UsageError
from concepts.models.card import ModelCard, write_card
from concepts.models.quantize import quantize
from concepts.models.tensors import save_tensors
from concepts.space.config import SpaceConfig
from concepts.space.extension import CARDS_FILE, EXTENSIONS, Extension, extensions_of
from training.release import origin, trained_weights
from training.space.release import asset_card_text, renamed_cards

_OWN = "autoencoder."
KEPT = 0.5
"""Weight of the initial weights when a release averages them with a continued run's weights."""
START_FILE = "start.safetensors"
"""File of a continued run's initial weights, in its folder."""


def release_languages(
    run_dir: Path,
    folder: Path,
    space: ModelCard,
    *,
    name: str,
    seed: int,
    figures: dict[str, float],
    kept: float = KEPT,
    newest: bool = False,
) -> ModelCard:
    """Write `space` with the languages of a training run to `folder`; its other parts stay unchanged.

    A run that started from an extension replaces it by the weighted mean of the initial (weight `kept`) and the trained
    weights (WiSE-FT, Wortsman et al. 2022, arXiv 2109.01903), which keeps most of the strengths of both. Takes the best
    evaluation's weights, or with `newest` the last checkpoint's. Raises ModelError if the run has no weights yet, lacks
    its initial weights or belongs to another space, UsageError if the space has one of the languages already.
    """
    path = trained_weights(run_dir, "languages", newest=newest)
    recipe = json.loads((run_dir / "recipe.json").read_text(encoding="utf-8"))
    state = json.loads((run_dir / "checkpoint" / "state.json").read_text(encoding="utf-8"))
    langs = tuple(recipe["langs"])
    replaced = extension_of(space, langs) if recipe.get("goes_on") else None
    if replaced is None:
        check_new(space, langs)
    if recipe["space"] != space.space_id:
        raise ModelError(
            f"{run_dir} was trained beside {recipe['space']}, not {space.space_id}: name that space with --space"
        )
    config = SpaceConfig(**recipe["model"])
    extension = Extension(
        name="-".join(sorted(lang.partition("_")[0] for lang in langs)),
        langs=langs,
        num_pieces=config.num_pieces,
        reads_draft=True,
    )
    folder.mkdir(parents=True, exist_ok=True)
    for file in space.files:
        shutil.copyfile(space.path(file), folder / file)
    trained = load_file(path)
    weights = {n.removeprefix(_OWN): v for n, v in trained.items() if n.startswith(_OWN)}
    if replaced is not None:
        if not (run_dir / START_FILE).exists():
            raise ModelError(
                f"{run_dir} has no {START_FILE}, from which it started: train again in a new folder"
            )
        start = load_file(run_dir / START_FILE)
        weights = {name: value.lerp(start[name], kept) for name, value in weights.items()}
    save_tensors(folder / extension.weights_file, quantize(weights))
    shutil.copyfile(run_dir / "pieces.model", folder / extension.pieces_file)
    new = [
        asset_card_text(
            f"{name}_{part}_{extension.name}",
            part,
            config,
            checkpoint=extension.weights_file,
            tokenizer=extension.pieces_file,
        )
        for part in ("encoder", "decoder")
    ]
    others = [
        card
        for card in renamed_cards(space, name).split("---\n")
        if replaced is None or f"checkpoint: {replaced.weights_file}\n" not in card
    ]
    (folder / CARDS_FILE).write_text("---\n".join([*others, *new]), encoding="utf-8")
    entries = [
        {"name": e.name, "langs": list(e.langs), "num_pieces": e.num_pieces, "reads_draft": e.reads_draft}
        for e in (*(e for e in extensions_of(space) if e != replaced), extension)
    ]
    languages = [lang for lang in _langs(space) if lang not in extension.langs] + [*extension.langs]
    return write_card(
        folder,
        name=name,
        kind="space",
        version=1,
        file_names=sorted({*space.files, extension.weights_file, extension.pieces_file}),
        config={**space.config, "langs": languages, EXTENSIONS: entries},
        space=space.space_id,
        data=space.data,
        recipe=f"{space.recipe}; {', '.join(extension.langs)}: longhand train languages"
        f"{' --decoder-only' if recipe.get('decoder_only') else ''} --seed {seed}"
        f" ({counted(int(state['step']), 'step')}{origin(recipe)}{'' if replaced is None else _mixed(kept)})",
        steps=space.steps,
        figures={**_figures_without(space.figures, langs), **figures},
        licence=space.licence,
    )


def _mixed(kept: float) -> str:
    return ", the mean of both" if kept == 0.5 else f", {kept:.0%} of that kept"


def _figures_without(figures: Mapping[str, float], langs: Sequence[str]) -> dict[str, float]:
    """Remove figures of `langs` (`deu_Latn.bleu`, `eng_Latn>deu_Latn.bleu`), whose weights are replaced."""
    return {
        name: value
        for name, value in figures.items()
        if not set(name.partition(".")[0].split(">")) & set(langs)
    }


def extension_of(card: ModelCard, langs: Sequence[str]) -> Extension | None:
    """Return a space's extension of exactly these languages, None if there is none."""
    return next((e for e in extensions_of(card) if set(e.langs) == set(langs)), None)


def check_new(space: ModelCard, langs: Sequence[str]) -> None:
    """Raise UsageError if the space has one of `langs` already."""
    known = [lang for lang in langs if lang in _langs(space)]
    if known:
        raise UsageError(
            f"the space {space.name} knows {', '.join(known)} already: name a space without, other --langs, or as "
            "--init the space to go on from"
        )


def _langs(space: ModelCard) -> list[str]:
    return list(map(str, space.config["langs"]))  # type: ignore[call-overload]
