from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from accelerate import PartialState

from concepts.errors import ModelError
from flows.engine import MissingWriter, ModelEngine
from planner import PlannedItem
from storage import NewPlanItem


def test_the_space_lives_on_the_device_that_accelerate_names(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("concepts.codec.load_codec", lambda name, *, device: asked.append((name, device)))
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


class Aiming:
    """A writer whose gist of a heading is twice its lead."""

    def __init__(self, has_compass: bool) -> None:
        self.has_compass = has_compass

    def aim(self, prompt: torch.Tensor, leads: torch.Tensor) -> torch.Tensor | None:
        return 2 * leads if self.has_compass else None


def planning(monkeypatch: pytest.MonkeyPatch, load_writer: Callable[[ModelEngine], object]) -> ModelEngine:
    monkeypatch.setattr(ModelEngine, "_load_codec", lambda self: None)
    monkeypatch.setattr(ModelEngine, "_load_planner", lambda self: Planner())
    monkeypatch.setattr(ModelEngine, "_load_writer", load_writer)
    engine = ModelEngine()
    engine.start_loading(["plan"])
    engine.prepare("plan")
    return engine


def test_the_writers_compass_says_the_gists_of_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = planning(monkeypatch, lambda self: Aiming(True))
    prompt = np.ones((1, 3), dtype=np.float32)
    items = engine.plan(prompt, goal=None, num_sections=2, depth=1, seed=1)
    assert [item.gist.tolist() for item in items if item.gist is not None] == [[2.0] * 3, [4.0] * 3]
    known = [NewPlanItem(path="2", lead=prompt[0], gist=np.full(3, 7, dtype=np.float32), planned_length=4)]
    leads = [("1", prompt[0]), ("2", prompt[0] + 1)]
    filled = engine.fill(prompt, leads, goal=None, seed=1, known=known)
    assert filled[0].gist is not None and filled[0].gist.tolist() == [2.0] * 3
    assert filled[1].gist is not None and filled[1].gist.tolist() == [0.0] * 3  # as the planner left it


def no_writer(_: ModelEngine) -> object:
    raise MissingWriter("no writer of this space is installed")


def damaged(_: ModelEngine) -> object:
    raise ModelError("writer-mini: compass.safetensors has checksum aa, its card says bb")


@pytest.mark.parametrize("load", [lambda self: Aiming(False), no_writer])
def test_a_plan_needs_neither_compass_nor_writer(
    monkeypatch: pytest.MonkeyPatch, load: Callable[[ModelEngine], object]
) -> None:
    engine = planning(monkeypatch, load)
    items = engine.plan(np.ones((1, 3), dtype=np.float32), goal=None, num_sections=2, depth=1, seed=1)
    assert all(item.gist is not None and not item.gist.any() for item in items)
    if load is no_writer:  # said where something is to be written
        with pytest.raises(ModelError, match="no writer of this space"):
            engine.prepare("write")


def test_no_plan_is_made_beside_a_writer_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its gists would be others than those of a run whose writer is whole."""
    engine = planning(monkeypatch, damaged)
    with pytest.raises(ModelError, match="has checksum aa"):
        engine.plan(np.ones((1, 3), dtype=np.float32), goal=None, num_sections=2, depth=1, seed=1)


def test_a_space_without_writer_is_told_from_a_damaged_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Space:
        space_id = "nowhere@1"

    engine = ModelEngine()
    engine._codec.set_result(Space())  # type: ignore[arg-type]
    with pytest.raises(MissingWriter, match="no writer of the space nowhere@1 is installed"):
        engine._load_writer()
    named = ModelEngine(writer="nobody")
    named._codec.set_result(Space())  # type: ignore[arg-type]
    with pytest.raises(ModelError) as caught:
        named._load_writer()
    assert not isinstance(caught.value, MissingWriter)
