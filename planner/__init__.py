"""The outline model: prompt concepts to a tree of plan items."""

from planner.rollout import PlannedItem, Planner, PlanOptions

__all__ = ["PlanOptions", "PlannedItem", "Planner"]
