from __future__ import annotations

import numpy as np
import pytest
import torch
from accelerate import PartialState

from concepts.errors import ModelError
from flows.engine import ModelEngine
from planner import PlannedItem


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


class Planner:
    """Plans two items whose gists are zeros."""

    def plan(self, prompt: torch.Tensor, **_: object) -> list[PlannedItem]:
        return [PlannedItem(str(n + 1), prompt[0] + n, torch.zeros(3), 4) for n in range(2)]

    def fill(self, prompt: torch.Tensor, leads: object, **_: object) -> list[PlannedItem]:
        return self.plan(prompt)


def test_a_plan_needs_no_writer_and_is_the_planners_own(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(ModelEngine, "_load_codec", lambda self: None)
    monkeypatch.setattr(ModelEngine, "_load_planner", lambda self: Planner())
    monkeypatch.setattr(ModelEngine, "_load_writer", lambda self: loaded.append("writer"))
    engine = ModelEngine()
    engine.start_loading(["plan"])
    engine.prepare("plan")
    prompt = np.ones((1, 3), dtype=np.float32)
    items = engine.plan(prompt, goal=None, num_sections=2, depth=1, seed=1)
    assert [item.gist.tolist() for item in items if item.gist is not None] == [[0.0] * 3, [0.0] * 3]
    filled = engine.fill(prompt, [("1", prompt[0]), ("2", prompt[0] + 1)], goal=None, seed=1)
    assert [item.lead.tolist() for item in filled if item.lead is not None] == [[1.0] * 3, [2.0] * 3]
    assert not loaded


def test_a_space_without_writer_says_how_to_train_one() -> None:
    class Space:
        space_id = "nowhere@1"

    engine = ModelEngine()
    engine._codec.set_result(Space())  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="no writer of the space nowhere@1 is installed"):
        engine._load_writer()
