from __future__ import annotations

import pytest
import torch
from accelerate import PartialState

from flows.engine import ModelEngine


def test_the_space_lives_on_the_device_that_accelerate_names(monkeypatch: pytest.MonkeyPatch) -> None:
    from concepts.codec import Codec

    asked = []
    monkeypatch.setattr(Codec, "load", lambda name, *, device: asked.append((name, device)))
    ModelEngine(space="mine")._load_codec()
    ModelEngine(device="meta")._load_codec()
    assert asked == [("mine", PartialState().device), (None, torch.device("meta"))]


def test_a_model_that_nobody_foresaw_is_loaded_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for it would last for ever."""
    loaded: list[str] = []
    for part in ("codec", "planner", "writer"):
        monkeypatch.setattr(ModelEngine, f"_load_{part}", lambda self, part=part: loaded.append(part))
    engine = ModelEngine()
    engine.start_loading(["decode"])
    for _ in range(2):
        engine.prepare("write")
    assert loaded == ["codec", "writer"]
