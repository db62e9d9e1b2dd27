"""What the outline model minimises: the next item's concepts, tokens, length, and the end."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from concepts.diffusion import add_noise
from concepts.space.token_loss import TokenLoss
from planner.config import PlannerTrainingConfig
from planner.data import OutlineBatch
from planner.model import CHILD, GOAL, PART, PROMPT, OutlineModel, PlanTokens


class OutlineLoss(nn.Module):
    """The outline model under its loss; the frozen decoder is no submodule of it."""

    def __init__(self, config: PlannerTrainingConfig, token_loss: TokenLoss | None) -> None:
        super().__init__()
        self.config = config
        self.outline = OutlineModel(config.model)
        self._token_loss = token_loss

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
        predicted, repeats = self._predict(target, state_NM, generator)
        mse = F.mse_loss(predicted.float(), target.repeat(repeats, 1))
        contrast = info_nce(model.contrast_head(state_NM).float(), target[:, :dim])
        loss = mse + 0.1 * stop + 0.1 * length + config.contrast_weight * contrast
        parts = {"mse": mse, "stop": stop, "length": length, "contrast": contrast}
        if self._token_loss is not None and config.token_weight:
            num = len(target)
            raw_lead = model.lead_norm.denormalize(predicted[:num, :dim].float())
            parts["tokens"] = self._token_loss(raw_lead, batch.lead_row_BS[has_next].tolist())
            loss = loss + config.token_weight * parts["tokens"]
        return loss, {name: value.detach() for name, value in parts.items()}

    def _predict(self, target: Tensor, state: Tensor, generator: torch.Generator) -> tuple[Tensor, int]:
        """Return x0 predictions for `num_noise_draws` times of each item, and how many there are of each."""
        repeats = self.config.num_noise_draws if self.config.objective == "diffusion" else 1
        x0, state = target.repeat(repeats, 1), state.repeat(repeats, 1)
        if self.config.objective == "mse":
            t = torch.ones(len(x0), device=x0.device)
            return self.outline.diffusion_head(torch.zeros_like(x0), t, state), 1
        # stratified times: every batch sees the whole schedule
        t = (torch.arange(len(x0)) + torch.rand(len(x0), generator=generator)) / len(x0)
        t = t[torch.randperm(len(x0), generator=generator)].to(x0.device)
        noise = torch.randn(x0.shape, generator=generator).to(x0.device)
        return self.outline.diffusion_head(add_noise(x0, noise, t), t, state), repeats


def augment(
    tokens: PlanTokens, model: OutlineModel, config: PlannerTrainingConfig, generator: torch.Generator | None
) -> PlanTokens:
    """Return normalized tokens; with a generator also noised and, for some rows, without their prompt."""
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


def info_nce(predicted_ND: Tensor, target_ND: Tensor, temperature: float = 0.1) -> Tensor:
    """Return InfoNCE (van den Oord et al. 2018): each prediction must find its own target in the batch."""
    logits = F.normalize(predicted_ND, dim=-1) @ F.normalize(target_ND, dim=-1).T / temperature
    return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device))
