"""The type of function that encodes texts for a library."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

Encode = Callable[[list[str]], Tensor]
"""Texts to raw concepts (N, D)."""
