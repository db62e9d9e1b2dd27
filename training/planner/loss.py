"""The loss of the outline model: the next item's concepts and length, and the end."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from concepts.neural.contrast import info_nce
from concepts.neural.diffusion import add_noise, min_snr_weight
from planner.model import CHILD, GOAL, PART, PROMPT, OutlineModel, PlanTokens
from training.planner.config import PlannerTrainingConfig
from training.planner.data import OutlineBatch


class OutlineLoss(nn.Module):
    """The outline model with its loss."""

    def __init__(self, config: PlannerTrainingConfig) -> None:
        super().__init__()
        self.config = config
        self.outline = OutlineModel(config.model)

    def forward(self, batch: OutlineBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss and its parts for one batch of outlines (raw concepts)."""
        config, model = self.config, self.outline
        dim = config.model.concept_dim
        tokens = augment(batch.tokens, model, config, generator if self.training else None)
        state = model(tokens)
        from_state, is_end = state[batch.is_from_BS], batch.is_end_BS[batch.is_from_BS]
        stop = F.binary_cross_entropy_with_logits(model.stop_head(from_state)[:, 0].float(), is_end.float())
        has_next = batch.is_from_BS & ~batch.is_end_BS
        state_NM, raw = state[has_next], batch.target_BS2D[has_next]
        target = model.normalize_items(raw)
        length = F.cross_entropy(
            model.next_length(state_NM, target).float(), batch.target_length_BS[has_next]
        )
        mse = self._mse(target, state_NM, generator)
        own = torch.arange(len(target), device=target.device)
        contrast = info_nce(model.contrast_head(state_NM), own, target[:, :dim], batch.lead_row_BS[has_next])
        loss = mse + 0.1 * stop + 0.1 * length + config.contrast_weight * contrast
        parts = {"mse": mse, "stop": stop, "length": length, "contrast": contrast}
        return loss, {name: value.detach() for name, value in parts.items()}

    def _mse(self, target: Tensor, state: Tensor, generator: torch.Generator) -> Tensor:
        """Return the x0 error at `num_noise_draws` times per item; for "mse", of one prediction without noise."""
        if self.config.model.objective == "mse":
            t = torch.ones(len(target), device=target.device)
            predicted = self.outline.diffusion_head(torch.zeros_like(target), t, state)
            return F.mse_loss(predicted.float(), target)
        repeats = self.config.num_noise_draws
        x0, state = target.repeat(repeats, 1), state.repeat(repeats, 1)
        # stratified times: every batch sees the whole schedule
        t = (torch.arange(len(x0)) + torch.rand(len(x0), generator=generator)) / len(x0)
        t = t[torch.randperm(len(x0), generator=generator)].to(x0.device)
        noise = torch.randn(x0.shape, generator=generator).to(x0.device)
        predicted = self.outline.diffusion_head(add_noise(x0, noise, t), t, state).float()
        error = (predicted - x0).square().mean(dim=-1)
        weighted: Tensor = error * min_snr_weight(t, self.config.min_snr_gamma)
        return weighted.mean()


def augment(
    tokens: PlanTokens, model: OutlineModel, config: PlannerTrainingConfig, generator: torch.Generator | None
) -> PlanTokens:
    """Return normalized tokens; with a generator they are noised, and some rows lose their prompt."""
    dim = config.model.concept_dim
    kind = tokens.kind_BS
    has_lead = ((kind == PROMPT) | (kind == PART) | (kind == CHILD)).unsqueeze(-1)
    is_goal, has_gist = (kind == GOAL).unsqueeze(-1), ((kind == PART) | (kind == CHILD)).unsqueeze(-1)
    lead = has_lead * model.lead_norm.normalize(tokens.lead_BSD) + is_goal * model.gist_norm.normalize(
        tokens.lead_BSD
    )
    gist = has_gist * model.gist_norm.normalize(tokens.gist_BSD)
    if generator is not None:
        shape = (*kind.shape, dim)
        scale = config.context_noise * torch.rand(kind.shape[0], 1, 1, generator=generator).to(lead.device)
        known = has_lead | is_goal
        lead = lead + known * scale * torch.randn(shape, generator=generator).to(lead.device)
        gist = gist + has_gist * scale * torch.randn(shape, generator=generator).to(lead.device)
        dropped = torch.rand(kind.shape[0], 1, 1, generator=generator).to(lead.device) < config.prompt_dropout
        lead = torch.where(dropped & (kind == PROMPT).unsqueeze(-1), 0.0, lead)
    return replace(tokens, lead_BSD=lead, gist_BSD=gist)
