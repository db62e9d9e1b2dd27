"""The outline model: a causal transformer over typed plan tokens with heads for the next item.

Architecture only; rollout.py draws outlines, training/planner/loss.py has the loss.

Legend: B outlines, S tokens, N items, D concept dim, M model width. Concepts are normalized here.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from concepts.neural.layers import Block, RMSNorm, init_transformer, timestep_embedding
from concepts.neural.normalizer import RobustNormalizer
from planner.config import LENGTH_BINS, MAX_ITEMS, PlannerConfig

PROMPT, GOAL, PART, START, CHILD, PAD = range(6)
"""Types of token: a prompt sentence, the goal, an ancestor, the point from which children follow, a child."""


@dataclass(frozen=True)
class PlanTokens:
    """A batch of typed tokens, padded on the right."""

    kind_BS: Tensor
    """Type of each token (int64)."""
    lead_BSD: Tensor
    """Normalized lead, prompt sentence or goal; zero for START and PAD."""
    gist_BSD: Tensor
    """Normalized gist; zero where a token has none."""
    length_BS: Tensor
    """Index into LENGTH_BINS plus one, 0 where unknown; for START the number of children, 0 if open."""


class DiffusionHead(nn.Module):
    """Denoise an item (lead and gist concatenated) given the transformer's state: an AdaLN MLP.

    After MAR (Li et al. 2024, arXiv 2406.11838): one state can lead to several plans instead of their mean.
    """

    def __init__(self, config: PlannerConfig) -> None:
        super().__init__()
        dim = config.head_dim
        self.dim = dim
        self.enter = nn.Linear(2 * config.concept_dim, dim)
        self.condition = nn.Linear(config.model_dim, dim)
        self.time = nn.Sequential(nn.Linear(256, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.blocks = nn.ModuleList(HeadBlock(dim) for _ in range(config.num_head_blocks))
        self.norm = RMSNorm(dim)
        self.leave = nn.Linear(dim, 2 * config.concept_dim)

    def forward(self, noised: Tensor, t: Tensor, state: Tensor) -> Tensor:
        """Return x0 (..., 2D) predicted from `noised` (..., 2D) at times `t` (...) given `state` (..., M)."""
        x = self.enter(noised)
        condition = F.silu(self.condition(state) + self.time(timestep_embedding(t, 256)))
        for block in self.blocks:
            x = block(x, condition)
        result: Tensor = self.leave(self.norm(x))
        return result


class HeadBlock(nn.Module):
    """Residual MLP whose norm is shifted, scaled and gated by the condition (AdaLN)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim, elementwise_affine=False)
        self.modulate = nn.Linear(dim, 3 * dim)
        self.up = nn.Linear(dim, 2 * dim)
        self.down = nn.Linear(2 * dim, dim)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        shift, scale, gate = self.modulate(condition).chunk(3, dim=-1)
        result: Tensor = x + gate * self.down(F.silu(self.up(self.norm(x) * (1 + scale) + shift)))
        return result


class OutlineModel(nn.Module):
    """Typed plan tokens to states from which the next items are drawn."""

    def __init__(self, config: PlannerConfig) -> None:
        super().__init__()
        self.config = config
        dim = config.model_dim
        self.lead_norm = RobustNormalizer(config.concept_dim)
        self.gist_norm = RobustNormalizer(config.concept_dim)
        self.kind_embed = nn.Embedding(PAD + 1, dim)
        self.length_embed = nn.Embedding(len(LENGTH_BINS) + 1, dim)
        self.count_embed = nn.Embedding(MAX_ITEMS + 1, dim)
        self.lead_in = nn.Linear(config.concept_dim, dim)
        self.gist_in = nn.Linear(config.concept_dim, dim)
        self.blocks = nn.ModuleList(Block(dim, config.num_heads) for _ in range(config.num_layers))
        self.norm = RMSNorm(dim)
        self.dropout = nn.Dropout(config.dropout)
        self.diffusion_head = DiffusionHead(config)
        self.stop_head = nn.Linear(dim, 1)
        self.length_head = nn.Sequential(
            nn.Linear(dim + 2 * config.concept_dim, dim), nn.SiLU(), nn.Linear(dim, len(LENGTH_BINS))
        )
        self.contrast_head = nn.Linear(dim, config.concept_dim)
        self.init_weights()

    def init_weights(self) -> None:
        """Fan-in normal everywhere, gates and outputs of the diffusion head near zero."""
        init_transformer(self, 2 * self.config.num_layers)
        nn.init.normal_(self.diffusion_head.leave.weight, std=0.01)
        for block in self.diffusion_head.blocks:
            assert isinstance(block, HeadBlock)
            nn.init.normal_(block.modulate.weight, std=0.01)
            with torch.no_grad():
                block.modulate.bias[2 * self.config.head_dim :] = 1.0

    def forward(self, tokens: PlanTokens) -> Tensor:
        """Return states (B, S, M): the next child is drawn from the state of START or of the last child."""
        kind = tokens.kind_BS
        is_start = kind == START
        length = self.length_embed(torch.where(is_start, 0, tokens.length_BS))
        count = self.count_embed(torch.where(is_start, tokens.length_BS, 0))
        known = ((kind != START) & (kind != PAD)).unsqueeze(-1)
        x = self.kind_embed(kind) + torch.where(is_start.unsqueeze(-1), count, length)
        has_gist = (tokens.gist_BSD != 0).any(dim=-1, keepdim=True)
        x = x + known * self.lead_in(tokens.lead_BSD) + has_gist * self.gist_in(tokens.gist_BSD)
        x = self.dropout(x)
        size = kind.shape[1]
        mask = torch.ones(size, size, dtype=torch.bool, device=kind.device).tril()
        for block in self.blocks:
            x = self.dropout(block(x, mask))
        result: Tensor = self.norm(x)
        return result

    def normalize_items(self, raw: Tensor) -> Tensor:
        """Return raw lead and gist (..., 2D), concatenated, in normalized form."""
        lead, gist = raw.chunk(2, dim=-1)
        return torch.cat((self.lead_norm.normalize(lead), self.gist_norm.normalize(gist)), dim=-1)

    def next_length(self, state: Tensor, item: Tensor) -> Tensor:
        """Return logits (..., bins) of the length of `item` (..., 2D normalized) drawn from `state`."""
        result: Tensor = self.length_head(torch.cat((state, item), dim=-1))
        return result
