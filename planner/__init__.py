"""The outline model: prompt concepts to a tree of plan items."""

from planner.rollout import LeadDrafts, PlannedItem, Planner, PlanOptions

__all__ = ["LeadDrafts", "PlanOptions", "PlannedItem", "Planner"]
