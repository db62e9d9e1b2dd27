"""The number format of training, and the optimizer where it is float32."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from concepts.neural import precision
from concepts.neural.precision import autocast, training_dtype
from training.loop_config import LoopConfig
from training.muon import Float32Muon
from training.optimizers import make_optimizers

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def forgets_timing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test says of the machine is none of the next one's."""
    monkeypatch.delenv("ACCELERATE_MIXED_PRECISION", raising=False)
    precision._faster_dtype.cache_clear()
    yield
    precision._faster_dtype.cache_clear()


@pytest.mark.parametrize("faster", [torch.float32, torch.bfloat16])
def test_a_processor_trains_in_the_format_it_is_faster_at(
    monkeypatch: pytest.MonkeyPatch, faster: torch.dtype
) -> None:
    monkeypatch.setattr(precision, "_seconds", lambda dtype: 1.0 if dtype == faster else 2.0)
    assert training_dtype(CPU) == faster
    with autocast(CPU):
        product = torch.ones(4, 4) @ torch.ones(4, 4)
    assert product.dtype == faster


def test_both_formats_are_timed() -> None:
    assert all(precision._seconds(dtype) > 0 for dtype in (torch.float32, torch.bfloat16))


@pytest.mark.parametrize(("asked", "dtype"), [("bf16", torch.bfloat16), ("no", torch.float32)])
def test_what_accelerate_was_told_goes_first(
    monkeypatch: pytest.MonkeyPatch, asked: str, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(precision, "_seconds", lambda timed: 1.0 if timed != dtype else 2.0)
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", asked)
    assert training_dtype(CPU) == dtype


@pytest.mark.parametrize("shape", [(48, 16), (16, 48), (32, 32)])
def test_muon_in_float32_steps_as_torchs_does(shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(1)
    start, *gradients = torch.randn(4, *shape, generator=generator)
    ends = []
    for kind in (torch.optim.Muon, Float32Muon):
        matrix = torch.nn.Parameter(start.clone())
        optimizer = kind([matrix], lr=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw")
        for gradient in gradients:
            matrix.grad = gradient.clone()
            optimizer.step()
        ends.append(matrix.detach() - start)
    assert float((ends[0] - ends[1]).norm() / ends[0].norm()) < 0.02  # bfloat16 has three digits


def test_a_run_goes_on_in_the_other_format(monkeypatch: pytest.MonkeyPatch) -> None:
    """Optimizers of both formats read each other's state."""
    module = torch.nn.Linear(8, 8)
    made = {}
    for asked in ("bf16", "no"):
        monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", asked)
        made[asked] = make_optimizers(module, LoopConfig(num_steps=1))[0]
    assert type(made["no"]) is Float32Muon and type(made["bf16"]) is torch.optim.Muon
    for saved, loaded in (("bf16", "no"), ("no", "bf16")):
        module.weight.grad = torch.ones(8, 8)
        made[saved].step()
        made[loaded].load_state_dict(made[saved].state_dict())
        kept = made[loaded].state[module.weight]["momentum_buffer"]
        assert torch.equal(kept, made[saved].state[module.weight]["momentum_buffer"])
