"""The compass: how well a sentence goes with prompt, heading and the two sentences before it.

Diffusion says what kind of sentence comes next, as a mean over what could be said; nearness to that mean does not tell
a sentence about chocolate from one about chicken. Two small towers learn just this choice, by InfoNCE among the
sentences of a batch (van den Oord et al. 2018, arXiv 1807.03748): their product estimates the logarithm of how much
likelier a sentence is at its place than anywhere. Architecture only; see train_compass.py for training.

Legend: B places, K things known, C candidates, D concept dim, O width of the towers' ends. Concepts are normalized.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from concepts.card import ModelCard
from concepts.release import read_part
from concepts.training import load_parameters

COMPASS_FILE = "compass.safetensors"
"""Holds the compass of a released writer that has one, in eight bits."""
KNOWN = ("prompt", "heading", "previous", "before previous")
"""What a place is known by, in this order; zeros where there is none."""
MAX_PLACE = 15
"""Highest place in a section that has an embedding of its own."""


@dataclass(frozen=True, kw_only=True)
class CompassConfig:
    """Sizes of the two towers."""

    concept_dim: int = 384
    """Dimension of the space's concepts."""
    hidden_dim: int = 512
    """Width inside."""
    key_dim: int = 256
    """Width of what the towers end in."""
    dropout: float = 0.1
    """Dropout inside while training."""


class Compass(nn.Module):
    """Two towers: what is known of a place, and a sentence."""

    def __init__(self, config: CompassConfig) -> None:
        super().__init__()
        dim, hidden = config.concept_dim, config.hidden_dim
        self.known_in = nn.Linear(len(KNOWN) * dim, hidden)
        self.place_embed = nn.Embedding(MAX_PLACE + 1, hidden)
        self.known_inner = nn.Linear(hidden, hidden)
        self.known_out = nn.Linear(hidden, config.key_dim)
        self.sentence_in = nn.Linear(dim, hidden)
        self.sentence_out = nn.Linear(hidden, config.key_dim)
        self.log_scale = nn.Parameter(torch.tensor(math.log(12.0)))
        self.dropout = nn.Dropout(config.dropout)

    @classmethod
    def load(cls, card: ModelCard) -> Compass | None:
        """Return the compass of a released writer; None where it has none.

        Raises ModelError for a file that cannot be used, NonFiniteError for numbers that are none.
        """

        def build(tensors: dict[str, Tensor]) -> tuple[Compass, int]:
            hidden, width = tensors["known_in.weight"].shape
            dim, key_dim = width // len(KNOWN), tensors["known_out.weight"].shape[0]
            compass = cls(CompassConfig(concept_dim=dim, hidden_dim=hidden, key_dim=key_dim))
            load_parameters(compass, tensors)
            return compass.eval().requires_grad_(False), dim

        return read_part(card, COMPASS_FILE, build)

    def places(self, known_BKD: Tensor, place_B: Tensor) -> Tensor:
        """Return the directions (B, O) in which the sentences of places lie."""
        x = F.gelu(self.known_in(known_BKD.flatten(1)) + self.place_embed(place_B.clamp_max(MAX_PLACE)))
        x = self.dropout(x)
        x = self.dropout(x + F.gelu(self.known_inner(x)))
        return F.normalize(self.known_out(x).float(), dim=1)

    def sentences(self, sentences_CD: Tensor) -> Tensor:
        """Return the directions (C, O) of sentences."""
        x = self.dropout(F.gelu(self.sentence_in(sentences_CD)))
        return F.normalize(self.sentence_out(x).float(), dim=1)

    def fit(self, places_BO: Tensor, sentences_CO: Tensor) -> Tensor:
        """Return, for each pair (B, C), the logarithm of how much likelier the sentence is there than anywhere."""
        with torch.autocast(places_BO.device.type, enabled=False):  # eight bits of a logarithm are too few
            return places_BO @ sentences_CO.T * self.log_scale.exp()
