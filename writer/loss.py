"""What the writer minimises: clean sentences in normalized space, and what they say."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from concepts.diffusion import add_noise
from concepts.space.token_loss import TokenLoss
from writer.config import WriterTrainingConfig
from writer.data import BlockBatch
from writer.model import GOAL, Context, WriterModel


class WriterLoss(nn.Module):
    """The writer under its loss; the frozen decoder is no submodule of it."""

    def __init__(self, config: WriterTrainingConfig, token_loss: TokenLoss | None) -> None:
        super().__init__()
        self.config = config
        self.writer = WriterModel(config.model)
        self._token_loss = token_loss

    def forward(self, batch: BlockBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return x0 MSE (normalized space) plus token cross-entropy (nats a token) of predicted slots."""
        config, model = self.config, self.writer
        noise = config.context_noise if self.training else None
        predicted, mse = predict(model, batch, generator, context_noise=noise)
        loss, parts = mse, {"mse": mse}
        if self._token_loss is not None and config.token_weight:
            is_text = batch.row_BK >= 0
            lucky = torch.rand(is_text.shape, generator=generator).to(is_text.device) < config.token_share
            chosen = is_text & lucky
            if chosen.any():
                raw = model.sentence_norm.denormalize(predicted[chosen])
                parts["tokens"] = self._token_loss(raw, batch.row_BK[chosen].tolist())
                loss = loss + config.token_weight * parts["tokens"]
        return loss, {name: value.detach() for name, value in parts.items()}


def predict(
    model: WriterModel,
    batch: BlockBatch,
    generator: torch.Generator,
    *,
    context_noise: float | None,
    min_time: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Return the slots (B, K, D), normalized, that the writer predicts of noised true ones, and its x0 MSE.

    Times are stratified from `min_time` to 1: every batch sees all of them. `context_noise` is the largest relative
    noise on what a block is shown; None: none.
    """
    noise = None if context_noise is None else generator
    context = normalize_context(batch.context, model, context_noise or 0.0, noise)
    target = model.sentence_norm.normalize(batch.target_BKD)
    num = len(target)
    place = (torch.arange(num) + torch.rand(num, generator=generator)) / num
    t = (min_time + (1 - min_time) * place).to(target.device)
    drawn = torch.randn(target.shape, generator=generator).to(target.device)
    cache, mask = model.contextualize(context)
    predicted = model.denoise(add_noise(target, drawn, t[:, None]), t, batch.slots, cache, mask).float()
    error = (predicted - target).square().mean(dim=-1)
    return predicted, (error * batch.weight_BK).sum() / batch.weight_BK.sum()


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
