"""A tiny concept space: random weights, but released, carded and loaded like a trained one."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from concepts.codecs.codec import Codec
from concepts.models.card import ModelCard
from concepts.models.tensors import save_tensors
from concepts.space.config import LANGS, PAD_ID, PRESETS, SpaceConfig
from concepts.space.network import SpaceAutoencoder
from concepts.space.tokenizer import train_sentencepiece
from training.loop import write_json
from training.space.release import release_space
from training.space.train import SpaceTrainingConfig

TINY = replace(PRESETS["tiny"], max_seq_len=40, num_pieces=300)
TEXT = """
open close the file window menu print save folder share button click with name and then text copy network
start password device remove every picture screen settings keyboard choose system between update language
"""
WORDS = TEXT.split()

MakeSpace = Callable[..., ModelCard]
MakeRun = Callable[..., SpaceAutoencoder]


def sentences(num: int, seed: int = 0) -> list[str]:
    """Distinct sentences of two to nine words."""
    rng = random.Random(seed)
    made: dict[str, None] = {}
    while len(made) < num:
        made[" ".join(rng.choice(WORDS) for _ in range(rng.randint(2, 9))) + "."] = None
    return list(made)


@pytest.fixture(scope="session")
def shipped() -> Codec:
    """The space with a decoder that ships."""
    return Codec.load("sonar-mini")


@pytest.fixture(scope="session")
def pieces_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentencepiece model of the tiny space's size."""
    path = tmp_path_factory.mktemp("pieces") / "pieces.model"
    train_sentencepiece(sentences(400), path, TINY.num_pieces)
    return path


def make_space_run(run_dir: Path, pieces: Path, *, seed: int, config: SpaceConfig) -> SpaceAutoencoder:
    """Write what a training run of a space leaves; biases and norms are moved off their start values."""
    torch.manual_seed(seed)
    model = SpaceAutoencoder(config)
    with torch.no_grad():
        for _, parameter in model.named_parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        model.encoder.encoder_frontend.embed.weight[PAD_ID].zero_()
    tensors = {f"autoencoder.{name}": value for name, value in model.named_parameters()}
    (run_dir / "checkpoint").mkdir(parents=True)
    save_tensors(run_dir / "checkpoint" / "average.safetensors", tensors)
    write_json(run_dir / "checkpoint" / "state.json", {"step": 7})
    write_json(run_dir / "recipe.json", asdict(SpaceTrainingConfig(model=config, langs=LANGS)))
    shutil.copy(pieces, run_dir / "pieces.model")
    return model


@pytest.fixture(scope="session")
def make_run() -> MakeRun:
    """`make_run(run_dir, pieces, seed=, config=)` writes what a training run leaves and returns the weights."""
    return make_space_run


@pytest.fixture(scope="session")
def tiny_config() -> SpaceConfig:
    """The sizes of the tiny space."""
    return TINY


@pytest.fixture(scope="session")
def make_space(tmp_path_factory: pytest.TempPathFactory, pieces_path: Path) -> MakeSpace:
    """Release a tiny space into `<a new folder>/<name>`."""

    def make(name: str = "tiny-space", *, seed: int = 0, config: SpaceConfig = TINY) -> ModelCard:
        root = tmp_path_factory.mktemp("models")
        run_dir = tmp_path_factory.mktemp("run")
        make_space_run(run_dir, pieces_path, seed=seed, config=config)
        return release_space(run_dir, root / name, name=name)

    return make


@pytest.fixture(scope="session")
def tiny_space(make_space: MakeSpace) -> ModelCard:
    """The card of a released tiny space; its parent folder may go into $LONGHAND_MODELS."""
    return make_space()


@pytest.fixture
def tiny_space_copy(tiny_space: ModelCard, tmp_path: Path) -> Path:
    """A folder with the tiny space that a test may damage."""
    folder = tmp_path / "copied" / tiny_space.name
    shutil.copytree(tiny_space.folder, folder)
    return folder
