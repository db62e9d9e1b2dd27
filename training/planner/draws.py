"""A planner's draws for the headings of a corpus, each given the title and the true items before it.

A voice is trained on them to learn how far it can rely on a planner.

Legend: N texts of the corpus, R items, D concept dim, M width of the model.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import torch
from torch import Tensor

from concepts.corpus.records import Kind
from concepts.neural.diffusion import seeded_noise
from planner.model import PROMPT
from planner.rollout import Planner
from training.corpus.embed import EmbeddedCorpus
from training.planner.config import PlannerTrainingConfig
from training.planner.data import OutlineData
from training.planner.loss import augment

_BATCH = 32
"""Outlines whose items are drawn side by side."""


@torch.inference_mode()
def draw_headings(
    corpus: EmbeddedCorpus, planner: Planner, *, kinds: Collection[Kind], seed: int = 0
) -> Tensor:
    """Return raw concepts (N, D), one per corpus text: drawn leads for headings in documents of `kinds`, else zeros.

    A heading of several documents gets its lead from the last one.
    """
    data, model = OutlineData(corpus), planner.model
    config = PlannerTrainingConfig(model=model.config)
    chosen = [n for n, outline in enumerate(data.outlines) if outline.kind in kinds and not outline.ancestors]
    found = torch.zeros_like(corpus.vectors)
    for first in range(0, len(chosen), _BATCH):
        chunk = chosen[first : first + _BATCH]
        batch = data.batch(chunk, with_goal=[False] * len(chunk), with_count=[False] * len(chunk))
        tokens = augment(batch.tokens, model, config, None)
        has_next = batch.is_from_BS & ~batch.is_end_BS
        state_RM = model(tokens)[has_next]
        is_prompt = (tokens.kind_BS == PROMPT).unsqueeze(-1)
        untold = replace(tokens, lead_BSD=tokens.lead_BSD.masked_fill(is_prompt, 0.0))
        noise = torch.stack(
            [
                seeded_noise((2 * model.config.concept_dim,), seed, "drawn", first, place)
                for place in range(len(state_RM))
            ]
        )
        items, _, _ = planner.denoise_items(noise, state_RM, model(untold)[has_next])
        found[batch.lead_row_BS[has_next]] = model.lead_norm.denormalize(items.chunk(2, dim=-1)[0])
    return found
