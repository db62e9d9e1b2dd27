"""Releasing an encoder's further languages.

    python -m training.languages.release RUN FOLDER

Writes the weights of the run's best evaluation, quantised, the vocabulary and a card to FOLDER.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from safetensors.torch import load_file

from concepts.codecs.extension import PIECES_FILE, WEIGHTS_FILE, ExtensionConfig
from concepts.models.card import ModelCard, write_card
from concepts.models.installed import find_card
from concepts.models.quantize import quantize
from concepts.models.tensors import save_tensors
from training.loop import best_figures
from training.release import trained_weights

_OWN = "extension."
DATA = (
    "a corpus of everyday, gimp, handbook, help, lohelp (pairs with English, and package descriptions), and the "
    "dictionaries of Ding, FreeDict and Unicode CLDR"
)


def release_encoder(run_dir: Path, folder: Path, *, name: str = "deu-fra-spa") -> ModelCard:
    """Write the encoder's further languages of a training run to `folder`; raises ModelError if it has no weights."""
    trained = load_file(trained_weights(run_dir, "languages", newest=False))
    recipe = json.loads((run_dir / "recipe.json").read_text(encoding="utf-8"))
    state = json.loads((run_dir / "checkpoint" / "state.json").read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    weights = {n.removeprefix(_OWN): value for n, value in trained.items() if n.startswith(_OWN)}
    save_tensors(folder / WEIGHTS_FILE, quantize(weights, bits=4))
    shutil.copyfile(run_dir / PIECES_FILE, folder / PIECES_FILE)
    config = ExtensionConfig.of(recipe["model"])
    return write_card(
        folder,
        name=name,
        kind="languages",
        version=1,
        file_names=[WEIGHTS_FILE, PIECES_FILE],
        config={**recipe["model"], "langs": list(config.langs)},
        space=find_card("space", verify=False).space_id,
        data=DATA,
        recipe=f"python -m training.languages --steps {state['step']}",
        steps=int(state["step"]),
        figures=best_figures(run_dir),
        licence="that of the training data",
    )


if __name__ == "__main__":
    print(release_encoder(Path(sys.argv[1]), Path(sys.argv[2])).figures)
