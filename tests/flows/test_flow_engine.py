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
