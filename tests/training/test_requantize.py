"""A released model is stored in fewer bits, and its card knows."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from concepts.models.card import read_card, write_card
from concepts.models.quantize import quantize, read_tensors
from concepts.models.tensors import save_tensors
from training.requantize import requantize


def test_fewer_bits_make_a_smaller_file_with_the_same_weights_about(tmp_path: Path) -> None:
    torch.manual_seed(1)
    weights = {"w": torch.randn(64, 96), "t": torch.randn(64, 7), "b": torch.randn(5)}
    exact = {"mean": torch.randn(3)}
    save_tensors(tmp_path / "model.safetensors", quantize(weights) | exact)
    rest = {"data": "", "recipe": "", "steps": 0, "figures": {}, "licence": ""}
    config = {"concept_dim": 8}
    write_card(
        tmp_path, name="toy", kind="planner", version=1, file_names=["model.safetensors"], config=config,
        space="s@1", **rest,
    )  # fmt: skip
    before = (tmp_path / "model.safetensors").stat().st_size
    assert requantize(tmp_path, "model.safetensors", 4) < before
    card = read_card(tmp_path)
    card.verify()
    again = read_tensors(card.path("model.safetensors"))
    assert again.keys() == {*weights, *exact}
    assert torch.equal(again["mean"], exact["mean"])
    for name, value in weights.items():
        assert torch.nn.functional.cosine_similarity(again[name].flatten(), value.flatten(), dim=0) > 0.98
    assert requantize(tmp_path, "model.safetensors", 4) == pytest.approx(before * 18 / 22, rel=0.1)
