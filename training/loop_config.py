"""How long a training run is, and at which rates it learns."""

from __future__ import annotations

from dataclasses import dataclass

from concepts.errors import ModelError, UsageError


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """Length and rates of training; raise `num_steps` to continue from a checkpoint."""

    num_steps: int = 10_000
    """Optimizer steps in all."""
    num_warmup_steps: int = 100
    """Steps over which the learning rate rises from zero."""
    num_cooldown_steps: int = 2_000
    """Last steps, over which the learning rate falls linearly to zero (warm-up, stable, decay)."""
    matrix_lr: float = 3e-3
    """Peak learning rate of the hidden matrices (Muon's scaled to AdamW's update size)."""
    uses_muon: bool = True
    """Whether Muon trains the hidden matrices, else AdamW. Muon takes a fixed time per step, which does not pay for
    small batches."""
    adam_lr: float = 2e-3
    """Peak learning rate of embeddings, norms and biases (AdamW)."""
    weight_decay: float = 0.01
    """Decoupled weight decay of the hidden matrices."""
    clip_norm: float = 1.0
    """Largest norm of the gradient."""
    ema_decay: float = 0.999
    """Final decay of the exponential moving average of the weights; it rises gradually."""
    num_parts: int = 1
    """Batches per step, whose gradients are averaged; they are distributed over the processes."""
    seed: int = 1
    """Seed of batches and noise."""
    checkpoint_every_s: float = 120.0
    """Seconds between checkpoints."""
    evaluate_every: int = 1_000
    """Steps between evaluations on the dev split."""

    def __post_init__(self) -> None:
        if self.num_steps < 1 or self.num_warmup_steps < 0 or self.num_cooldown_steps < 0:
            raise ModelError(f"step counts must be positive, got {self.num_steps}; give a larger --steps")
        if self.num_parts < 1:
            raise UsageError(f"a step has at least one part, got {self.num_parts}: give a larger --parts")

    def lr_factor(self, step: int) -> float:
        """Return the learning rate of `step` (from 0) as a fraction of its peak."""
        warmup = min(1.0, (step + 1) / max(1, self.num_warmup_steps))
        cooldown = min(1.0, max(0.0, (self.num_steps - step) / max(1, self.num_cooldown_steps)))
        return warmup * cooldown
