"""Token cross-entropy through the frozen decoder, against the same sum written out by hand."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from concepts.card import ModelCard
from concepts.space.config import EOS_ID, SpaceConfig
from concepts.space.network import SpaceDecoder
from concepts.space.token_loss import TokenLoss
from concepts.space.tokenizer import Pieces

TEXTS = ("open the file.", "print", "click the button with the name and then save the text.", "close window")
MAX_LEN = 9


def by_hand(space: ModelCard, text: str, concept: torch.Tensor) -> tuple[float, int]:
    """Sum of nats and number of tokens of one text, teacher forced token by token in float32."""
    fields = {key: value for key, value in space.config.items() if key != "langs"}
    config = SpaceConfig(**fields)  # type: ignore[arg-type]
    decoder = SpaceDecoder(config)
    decoder.load_state_dict({k: v.float() for k, v in load_file(space.path("decoder.safetensors")).items()})
    ids = Pieces(space.path("pieces.model")).encode([text])[0]
    target = ids[:MAX_LEN] if len(ids) > MAX_LEN else [*ids, EOS_ID]
    prefix, nats = [EOS_ID, config.lang_id("eng_Latn")], 0.0
    with torch.no_grad():
        for token in target:
            logits = decoder.project(decoder(concept[None], torch.tensor([prefix]))[0, -1])
            nats -= float(logits.log_softmax(dim=0)[token])
            prefix.append(token)
    return nats, len(target)


@pytest.fixture
def loss(tiny_space: ModelCard) -> TokenLoss:
    return TokenLoss(tiny_space, TEXTS, max_len=MAX_LEN)


@pytest.fixture
def concepts(tiny_space: ModelCard) -> torch.Tensor:
    return torch.randn(3, 64, generator=torch.Generator().manual_seed(2))


def test_it_is_plain_cross_entropy_per_token(
    loss: TokenLoss, tiny_space: ModelCard, concepts: torch.Tensor
) -> None:
    rows = [2, 0, 1]
    sums = [by_hand(tiny_space, TEXTS[row], concept) for row, concept in zip(rows, concepts, strict=True)]
    expected = sum(nats for nats, _ in sums) / sum(num for _, num in sums)
    assert float(loss(concepts, rows)) == pytest.approx(expected, rel=0.02)  # the decoder runs in bfloat16
    for row, concept in zip(rows, concepts, strict=True):
        nats, num = by_hand(tiny_space, TEXTS[row], concept)
        assert float(loss(concept[None], [row])) == pytest.approx(nats / num, rel=0.03)


def test_chunks_change_nothing(loss: TokenLoss, concepts: torch.Tensor) -> None:
    whole, cut = loss(concepts, [2, 0, 1]), loss(concepts, [2, 0, 1], max_tokens=1)
    torch.testing.assert_close(whole, cut, rtol=5e-3, atol=0)


def test_the_gradient_reaches_the_concepts_and_stops_at_the_decoder(
    loss: TokenLoss, concepts: torch.Tensor
) -> None:
    concepts.requires_grad_(True)
    loss(concepts, [2, 0, 1]).backward()
    assert concepts.grad is not None
    assert (concepts.grad.abs().sum(dim=1) > 0).all()
    assert all(p.grad is None and not p.requires_grad for p in loss.decoder.parameters())


def test_following_the_gradient_makes_the_text_likelier(loss: TokenLoss, concepts: torch.Tensor) -> None:
    losses = []
    for _ in range(8):
        concepts = concepts.detach().requires_grad_(True)
        value = loss(concepts, [2, 0, 1])
        value.backward()
        assert concepts.grad is not None
        losses.append(float(value.detach()))
        concepts = concepts - 0.2 * concepts.grad / concepts.grad.norm()
    assert losses[-1] < losses[0] - 0.02


def test_a_cut_sentence_does_not_learn_its_end(tiny_space: ModelCard) -> None:
    ids = Pieces(tiny_space.path("pieces.model")).encode([TEXTS[2], TEXTS[1]])
    cut = TokenLoss(tiny_space, (TEXTS[2], TEXTS[1]), max_len=len(ids[1]))
    assert EOS_ID not in cut._ids[0] and len(cut._ids[0]) == len(ids[1])
    assert cut._ids[1] == [*ids[1], EOS_ID]
