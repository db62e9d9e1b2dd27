"""The two-tower writer: a contextualizer that runs once, a denoiser that runs at every step.

Architecture only; see training/writer/loss.py for training and generate.py for sampling. After LCM's two-tower model
(arXiv 2412.08821, section 2.3.3), with blocks of k slots instead of one concept at a time.

Legend: B blocks, C context tokens, K slots, D concept dim, M model width. Concepts are normalized here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from concepts.neural.layers import Attention, Block, RMSNorm, SwiGLU, init_transformer, timestep_embedding
from concepts.neural.normalizer import RobustNormalizer
from writer.config import MAX_LENGTH, MAX_SLOT, PLAN_REACH, WriterConfig

NOTHING, PROMPT, GOAL, PLAN, CURRENT, TAIL, PREVIOUS, PAD = range(8)
"""Types of context token; NOTHING stands first in every row, so that attention always has a key."""

NUM_PLACES = 2 * PLAN_REACH + 1
"""Places of a plan item relative to the current one; other tokens use the same table for their recency."""


@dataclass(frozen=True)
class Context:
    """A batch of typed context tokens, padded on the right."""

    kind_BC: Tensor
    lead_BCD: Tensor
    """Normalized lead, prompt, goal or sentence; zero where there is none."""
    gist_BCD: Tensor
    """Normalized gist of a plan item; zero where there is none."""
    place_BC: Tensor
    """Relative place, 0 to NUM_PLACES - 1."""
    length_BC: Tensor
    """Planned sentences of a plan item, 0 where unknown."""


@dataclass(frozen=True)
class Slots:
    """Positions of the slots of each block."""

    index_BK: Tensor
    """Index of the sentence in its section, from 0."""
    length_B: Tensor
    """Planned sentences of the section."""


Cache = list[tuple[Tensor, Tensor]]
"""Keys and values of the context, one pair for each denoiser layer."""


class DenoiserLayer(nn.Module):
    """Self-attention inside the block, attention to the context, SwiGLU, all under AdaLN."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(dim, elementwise_affine=False) for _ in range(3))
        self.attention = Attention(dim, num_heads, rotary=True)
        self.context_norm = RMSNorm(dim)
        self.cross = Attention(dim, num_heads, rotary=False)
        self.ffn = SwiGLU(dim)
        self.modulation_embed = nn.Parameter(torch.zeros(9, dim))

    def forward(
        self, x: Tensor, modulation: Tensor, cache: tuple[Tensor, Tensor], context_mask: Tensor
    ) -> Tensor:
        """Return (B, K, M); the layers share `modulation` (B, 1, 9, M), and each adds its own offset."""
        parts = (modulation + self.modulation_embed).unbind(dim=2)
        h = self.norms[0](x) * (1 + parts[1]) + parts[0]
        x = x + (1 + parts[2]) * self.attention(h)
        h = self.norms[1](x) * (1 + parts[4]) + parts[3]
        x = x + (1 + parts[5]) * self.cross.attend(h, *cache, context_mask)
        h = self.norms[2](x) * (1 + parts[7]) + parts[6]
        result: Tensor = x + (1 + parts[8]) * self.ffn(h)
        return result


class WriterModel(nn.Module):
    """Context and noised slots to clean slots."""

    def __init__(self, config: WriterConfig) -> None:
        super().__init__()
        self.config = config
        dim = config.model_dim
        self.sentence_norm = RobustNormalizer(config.concept_dim)
        self.gist_norm = RobustNormalizer(config.concept_dim)
        self.register_buffer("end", torch.zeros(config.concept_dim))
        self.end: Tensor  # raw concept of the sentence that ends a section
        self.kind_embed = nn.Embedding(PAD + 1, dim)
        self.place_embed = nn.Embedding(NUM_PLACES, dim)
        self.length_embed = nn.Embedding(MAX_LENGTH + 1, dim)
        self.lead_in = nn.Linear(config.concept_dim, dim)
        self.gist_in = nn.Linear(config.concept_dim, dim)
        self.context_blocks = nn.ModuleList(
            Block(dim, config.num_heads) for _ in range(config.num_context_layers)
        )
        self.slot_in = nn.Linear(config.concept_dim, dim)
        self.slot_embed = nn.Embedding(MAX_SLOT + 1, dim)
        self.left_embed = nn.Embedding(MAX_LENGTH + 2, dim)
        self.time = nn.Sequential(nn.Linear(256, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.modulate = nn.Linear(dim, 9 * dim)
        self.layers = nn.ModuleList(
            DenoiserLayer(dim, config.num_heads) for _ in range(config.num_denoiser_layers)
        )
        self.out_norm = RMSNorm(dim)
        self.slot_out = nn.Linear(dim, config.concept_dim)
        self.init_weights()

    def init_weights(self) -> None:
        """Fan-in normal everywhere; modulation and output start near zero."""
        init_transformer(self, 3 * self.config.num_denoiser_layers)
        nn.init.normal_(self.modulate.weight, std=0.01)
        nn.init.normal_(self.slot_out.weight, std=0.01)

    def contextualize(self, context: Context) -> tuple[Cache, Tensor]:
        """Return every denoiser layer's keys and values of the context, and the mask (B, 1, 1, C)."""
        kind = context.kind_BC
        x = self.kind_embed(kind) + self.place_embed(context.place_BC) + self.length_embed(context.length_BC)
        has_lead = (context.lead_BCD != 0).any(dim=-1, keepdim=True)
        has_gist = (context.gist_BCD != 0).any(dim=-1, keepdim=True)
        x = x + has_lead * self.lead_in(context.lead_BCD) + has_gist * self.gist_in(context.gist_BCD)
        mask = (kind != PAD)[:, None, None, :]
        for block in self.context_blocks:
            x = block(x, mask)
        cache = []
        for layer in self.layers:
            assert isinstance(layer, DenoiserLayer)
            cache.append(layer.cross.keys_values(layer.context_norm(x)))
        return cache, mask

    def denoise(self, x_BKD: Tensor, t_B: Tensor, slots: Slots, cache: Cache, mask: Tensor) -> Tensor:
        """Return predicted clean slots (B, K, D) of noised ones at times `t_B`."""
        left = (slots.length_B[:, None] - slots.index_BK).clamp(0, MAX_LENGTH + 1)
        x = self.slot_in(x_BKD) + self.slot_embed(slots.index_BK.clamp_max(MAX_SLOT)) + self.left_embed(left)
        time = F.silu(self.time(timestep_embedding(t_B, 256)))
        modulation = self.modulate(time).view(len(t_B), 1, 9, -1)
        for layer, layer_cache in zip(self.layers, cache, strict=True):
            x = layer(x, modulation, layer_cache, mask)
        result: Tensor = self.slot_out(self.out_norm(x))
        return result


def normalize_context(
    context: Context, model: WriterModel, largest_noise: float, generator: torch.Generator | None
) -> Context:
    """Return the context with normalized concepts; with a generator each row gets noise of its own size."""
    has_lead = (context.lead_BCD != 0).any(dim=-1, keepdim=True)
    has_gist = (context.gist_BCD != 0).any(dim=-1, keepdim=True)
    is_goal = (context.kind_BC == GOAL).unsqueeze(-1)
    lead = torch.where(
        is_goal, model.gist_norm.normalize(context.lead_BCD), model.sentence_norm.normalize(context.lead_BCD)
    )
    gist = model.gist_norm.normalize(context.gist_BCD)
    if generator is not None:
        scale = largest_noise * torch.rand(len(lead), 1, 1, generator=generator).to(lead.device)
        lead = lead + scale * torch.randn(lead.shape, generator=generator).to(lead.device)
        gist = gist + scale * torch.randn(gist.shape, generator=generator).to(lead.device)
    return replace(context, lead_BCD=lead * has_lead, gist_BCD=gist * has_gist)
