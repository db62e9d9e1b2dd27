"""The outline model: prompt concepts to a tree of plan items."""
