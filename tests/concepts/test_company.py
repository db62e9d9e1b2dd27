"""A decoder that keeps rows apart is told from one in which a row's place or company matters, be it by a bit."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from concepts.card import ModelCard
from concepts.codec import Codec

pytestmark = pytest.mark.filterwarnings("ignore")  # sonar-space, fairseq2 and torchaudio about each other


@pytest.fixture
def codec(tiny_space: ModelCard) -> Codec:
    return Codec.load(str(tiny_space.folder))


def disturb(codec: Codec, change: Tensor) -> None:
    """Let the scores of every row, up to 64, be multiplied by a number of its place."""
    projection = codec._decoder.model.decoder.final_proj
    assert isinstance(projection, nn.Module)
    projection.register_forward_hook(lambda _, inputs, output: output * change[: len(output), None, None])


def test_a_row_whose_place_matters_by_a_bit_is_seen(codec: Codec) -> None:
    last_bit = torch.ones(64)
    last_bit[9:] += torch.finfo(torch.float32).eps
    disturb(codec, last_bit)
    assert codec.least_company("eng_Latn", beam_size=2, num_rows=8) is None


def test_from_the_size_that_is_found_company_changes_nothing(codec: Codec) -> None:
    least = codec.least_company("eng_Latn", beam_size=2, num_rows=12)
    if least is None:
        pytest.skip("on this machine a batch's size always matters: no calls are shared here")
    assert 1 <= least <= 6
    rows = 3 * torch.randn(12, codec.dim, generator=torch.Generator().manual_seed(2))
    together = codec.decode(rows, beam_size=2)
    assert codec.decode(rows[:least], beam_size=2) + codec.decode(rows[least:], beam_size=2) == together
    disturb(codec, torch.ones(64))  # nor does the test's own disturbance matter where it changes nothing
    assert codec.least_company("eng_Latn", beam_size=2, num_rows=12) == least
