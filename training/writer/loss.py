"""The loss of the writer: x0 error in normalized space, and InfoNCE in raw space."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from concepts.neural.contrast import info_nce
from concepts.neural.diffusion import add_noise, min_snr_weight
from training.writer.config import WriterTrainingConfig
from training.writer.data import BlockBatch
from writer.model import WriterModel, normalize_context


class WriterLoss(nn.Module):
    """The writer with its loss."""

    def __init__(self, config: WriterTrainingConfig) -> None:
        super().__init__()
        self.config = config
        self.writer = WriterModel(config.model)

    def forward(self, batch: BlockBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return x0 MSE (normalized space) plus InfoNCE of the predicted slots."""
        config, model = self.config, self.writer
        noise = config.context_noise if self.training else None
        predicted, t = predict(model, batch, generator, context_noise=noise)
        error = (predicted - model.sentence_norm.normalize(batch.target_BKD)).square().mean(dim=-1)
        times = min_snr_weight(t, config.min_snr_gamma).unsqueeze(1)
        mse = (error * times * batch.weight_BK).sum() / batch.weight_BK.sum()
        loss, parts = mse, {"mse": mse}
        if config.contrast_weight:
            parts["contrast"] = contrast(
                model.sentence_norm.denormalize(predicted), batch, t >= config.contrast_time
            )
            loss = loss + config.contrast_weight * parts["contrast"]
        return loss, {name: value.detach() for name, value in parts.items()}


def contrast(raw_BKD: Tensor, batch: BlockBatch, asked_B: Tensor) -> Tensor:
    """Return InfoNCE (nats) of the sentences predicted by the blocks `asked_B` (bool); 0 if there are none.

    Each prediction must find its target by cosine among all sentences of the batch and the rivals of all blocks.
    """
    is_text, is_rival = batch.row_BK >= 0, batch.rival_row_BR >= 0
    is_asked = (is_text & asked_B.unsqueeze(1))[is_text]
    if not is_asked.any():
        return raw_BKD.sum() * 0
    own = is_asked.nonzero().squeeze(1)  # texts of the batch come first among the candidates
    candidates = torch.cat((batch.target_BKD[is_text], batch.rival_BRD[is_rival]))
    rows = torch.cat((batch.row_BK[is_text], batch.rival_row_BR[is_rival]))
    return info_nce(raw_BKD[is_text][is_asked], own, candidates, rows)


def predict(
    model: WriterModel, batch: BlockBatch, generator: torch.Generator, *, context_noise: float | None
) -> tuple[Tensor, Tensor]:
    """Return the writer's predicted slots (B, K, D), normalized, from noised true ones, and the times (B,).

    Times are stratified from 0 to 1, so that every batch covers the schedule; for the objective "mse" all are 1, and
    the input slots are zeros. `context_noise` is the largest relative noise on the context; None: none.
    """
    noise = None if context_noise is None else generator
    context = normalize_context(batch.context, model, context_noise or 0.0, noise)
    target = model.sentence_norm.normalize(batch.target_BKD)
    num = len(target)
    if model.config.objective == "mse":
        t, noised = torch.ones(num, device=target.device), torch.zeros_like(target)
    else:
        t = ((torch.arange(num) + torch.rand(num, generator=generator)) / num).to(target.device)
        drawn = torch.randn(target.shape, generator=generator).to(target.device)
        noised = add_noise(target, drawn, t[:, None])
    cache, mask = model.contextualize(context)
    return model.denoise(noised, t, batch.slots, cache, mask).float(), t
