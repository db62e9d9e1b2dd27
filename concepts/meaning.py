"""What a sentence is about: a small network from a concept to the meaning that another sentence encoder would give it.

The concepts of an autoencoder keep the words of a sentence, and lie side by side where sentences look alike; which
heading goes with a prompt, or which sentence with a heading, they do not tell. A stronger encoder does
(`concepts.space.teacher`), and its sense of what belongs together is distilled into this network from concepts alone
(Reimers and Gurevych 2020, arXiv 2004.09813), so that nothing of the teacher is needed where it is used. A planner and
a writer each bring their own in a file beside their weights. Architecture only; see train_meaning.py for training.

Legend: N concepts, D concept dim, E meaning dim. Concepts are raw.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from concepts.card import ModelCard
from concepts.errors import ModelError
from concepts.normalizer import RobustNormalizer
from concepts.quantize import quantize
from concepts.release import read_part
from concepts.training import load_parameters

MEANING_FILE = "meaning.safetensors"
"""Holds the network of a released planner or writer that has one, in eight bits."""
CODES = "codes"
"""Name of what the model's codebook is about (C, E) in that file."""

_CHUNK = 4_096


@dataclass(frozen=True, kw_only=True)
class MeaningConfig:
    """Sizes of the network."""

    concept_dim: int = 384
    """Dimension of the space's concepts."""
    hidden_dim: int = 768
    """Width inside."""
    meaning_dim: int = 128
    """Width of a meaning: the teacher's principal components."""
    dropout: float = 0.1
    """Dropout inside while training."""


class Meaning(nn.Module):
    """Concepts to meanings: unit vectors whose product says how much two texts are about the same."""

    def __init__(self, config: MeaningConfig) -> None:
        super().__init__()
        dim, hidden = config.concept_dim, config.hidden_dim
        self.norm = RobustNormalizer(dim)
        self.enter = nn.Linear(dim, hidden)
        self.inner = nn.Linear(hidden, hidden)
        self.leave = nn.Linear(hidden, config.meaning_dim)
        self.skip = nn.Linear(dim, config.meaning_dim)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, raw_ND: Tensor) -> Tensor:
        """Return meanings (N, E) of concepts."""
        x = self.norm.normalize(raw_ND)
        hidden = self.dropout(F.gelu(self.enter(x)))
        hidden = hidden + self.dropout(F.gelu(self.inner(hidden)))
        return F.normalize((self.leave(hidden) + self.skip(x)).float(), dim=-1)


@torch.inference_mode()
def meanings_of(meaning: Meaning, raw_ND: Tensor) -> Tensor:
    """Return the meanings (N, E) of many concepts."""
    return torch.cat([meaning(part) for part in torch.split(raw_ND, _CHUNK)])


def meaning_tensors(meaning: Meaning, codes_CE: Tensor) -> dict[str, Tensor]:
    """Return what `MEANING_FILE` holds: quantised, but for what the network was fitted with."""
    fitted = {f"norm.{name}": value.float() for name, value in meaning.norm.state_dict().items()}
    return {**quantize({**meaning.state_dict(), CODES: codes_CE}), **fitted}


def load_meaning(card: ModelCard, num_codes: int) -> tuple[Meaning, Tensor] | None:
    """Return the network of a released model, and what its codebook is about (C, E); None where it has none.

    Raises ModelError for a file that cannot be used, NonFiniteError for numbers that are none.
    """

    def build(tensors: dict[str, Tensor]) -> tuple[tuple[Meaning, Tensor], int]:
        codes = tensors[CODES]
        _, width = codes.shape
        hidden, dim = tensors["enter.weight"].shape
        meaning = Meaning(MeaningConfig(concept_dim=dim, hidden_dim=hidden, meaning_dim=width))
        fitted = {name: tensors[f"norm.{name}"] for name in ("center", "scale")}
        load_parameters(
            meaning, {n: t for n, t in tensors.items() if n != CODES and not n.startswith("norm.")}
        )
        meaning.norm.load_state_dict(fitted)
        return (meaning.eval().requires_grad_(False), codes), dim

    found = read_part(card, MEANING_FILE, build)
    if found is not None and len(found[1]) != num_codes:
        raise ModelError(
            f"{card.path(MEANING_FILE)} says what {len(found[1])} codes are about, the {card.kind} has {num_codes}; "
            "train it anew"
        )
    return found
