"""Conversions between the steps' arrays and the models' tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from flows.document.engine import LeafPlan
    from storage.records import Vector
    from writer import WritingPlan


def to_tensor(array: Vector) -> Tensor:
    """Return vectors of any shape as a float32 tensor."""
    import torch

    # A copy: arrays from the store may be read-only, which torch warns about.
    return torch.tensor(array, dtype=torch.float32)


def to_goal(goal: Vector | None) -> Tensor | None:
    """Return a goal (D,) as a tensor; None for None."""
    return None if goal is None else to_tensor(goal)


def to_array(tensor: Tensor) -> Vector:
    """Return a tensor of any device as float32 vectors of the same shape."""
    import torch

    array: Vector = tensor.detach().to("cpu", torch.float32).numpy()
    return array


def to_writing_plan(plan: LeafPlan) -> WritingPlan:
    """Return a plan as the writer's input."""
    from writer import WritingPlan

    return WritingPlan(
        prompt=to_tensor(plan.prompt),
        goal=to_goal(plan.goal),
        paths=plan.paths,
        leads=to_tensor(plan.leads),
        gists=to_tensor(plan.gists),
        num_sentences=plan.num_sentences,
        is_limit=plan.is_limit,
    )
