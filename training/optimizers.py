"""The optimizers of a training run: one for hidden matrices, one for everything else."""

from __future__ import annotations

import torch
from torch import nn

from concepts.neural.precision import training_dtype
from training.loop_config import LoopConfig
from training.muon import Float32Muon


def make_optimizers(module: nn.Module, config: LoopConfig) -> list[torch.optim.Optimizer]:
    """Return Muon (or AdamW) for the hidden matrices and AdamW for embeddings, norms, biases and heads.

    Muon (Jordan et al. 2024, torch.optim.Muon) orthogonalises the momentum; with `match_rms_adamw`
    (Liu et al. 2025, arXiv 2502.16982) its updates have AdamW's size, so rates carry over.
    State saved by either number format loads in the other.
    """
    hidden: list[nn.Parameter] = []
    other: list[nn.Parameter] = []
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            is_matrix = parameter.ndim == 2 and "embed" not in name and "head" not in name
            (hidden if is_matrix else other).append(parameter)
    matrices: torch.optim.Optimizer
    if config.uses_muon:
        device = next(module.parameters()).device
        muon = torch.optim.Muon if training_dtype(device) == torch.bfloat16 else Float32Muon
        matrices = muon(
            hidden,
            lr=config.matrix_lr,
            momentum=0.95,
            weight_decay=config.weight_decay,
            adjust_lr_fn="match_rms_adamw",
        )
    else:
        matrices = torch.optim.AdamW(
            hidden, lr=config.matrix_lr, betas=(0.9, 0.98), weight_decay=config.weight_decay, fused=True
        )
    optimizers: list[torch.optim.Optimizer] = [matrices]
    if other:  # an adapter has only matrices
        optimizers.append(
            torch.optim.AdamW(other, lr=config.adam_lr, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
        )
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak_lr"] = group["lr"]
    return optimizers
