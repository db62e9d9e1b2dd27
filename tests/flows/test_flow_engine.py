from __future__ import annotations

import numpy as np
import pytest
import torch
from accelerate import PartialState

from flows.engine import ModelEngine
from writer import decoding


def test_the_space_lives_on_the_device_that_accelerate_names(monkeypatch: pytest.MonkeyPatch) -> None:
    from concepts.codec import Codec

    asked = []
    monkeypatch.setattr(Codec, "load", lambda name, *, device: asked.append((name, device)))
    ModelEngine(space="mine")._load_codec()
    ModelEngine(device="meta")._load_codec()
    assert asked == [("mine", PartialState().device), (None, torch.device("meta"))]


def test_decoding_is_split_over_the_processes_of_accelerate(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def render(
        _codec: object, vectors: torch.Tensor, lang: str, **options: object
    ) -> list[decoding.Rendering]:
        seen.append((lang, options))
        return [decoding.Rendering("x", 0.5)] * len(vectors)

    monkeypatch.setattr(decoding, "render", render)
    engine = ModelEngine()
    engine._codec.set_result(object())  # type: ignore[arg-type]
    assert len(engine.render(np.zeros((3, 4), np.float32), "eng_Latn", beam_size=2)) == 3
    ((lang, options),) = seen
    assert lang == "eng_Latn" and options["beam_size"] == 2
    assert isinstance(options["state"], PartialState)
