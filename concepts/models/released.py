"""Reading the folder of a trained planner or writer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from safetensors import SafetensorError
from torch import nn

from concepts.errors import ModelError, NonFiniteError, SpaceMismatchError
from concepts.models.card import ModelCard
from concepts.models.quantize import read_tensors

MODEL_FILE = "model.safetensors"
MAX_NAMES = 3
"""Names of parameters in a message."""

Config = TypeVar("Config")


def load_config(card: ModelCard, config_class: Callable[..., Config]) -> Config:
    """Return the sizes on a card; raises ModelError if this version of Longhand does not know them."""
    try:
        return config_class(**card.config)
    except (TypeError, ModelError) as error:
        raise ModelError(
            f"{card.folder}: the card's config cannot be used ({error}); install Longhand again or train it anew"
        ) from error


def check_space(card: ModelCard, space_id: str) -> None:
    """Raise SpaceMismatchError if a planner or writer belongs to another space than `space_id`."""
    if card.space != space_id:
        raise SpaceMismatchError(
            f"{card.name} was trained in the space {card.space}, the vectors are of {space_id}; "
            "name a model of that space (see `longhand models`) or train one"
        )


def load_released(module: nn.Module, card: ModelCard, space_id: str) -> None:
    """Load the weights of `card` into `module` for work in the space `space_id`.

    Raises SpaceMismatchError for another space, ModelError for weights that cannot be read or do not
    fit, NonFiniteError for weights that are no numbers.
    """
    check_space(card, space_id)
    path = card.path(MODEL_FILE)
    try:
        tensors = read_tensors(path)
        module.load_state_dict(tensors)
    except (OSError, SafetensorError) as error:
        first = str(error).splitlines()[0]
        raise ModelError(
            f"{path} cannot be read ({first}); install Longhand again or train it anew"
        ) from error
    except RuntimeError as error:
        raise ModelError(f"{path} does not fit its card ({first_misfit(error)}); train it anew") from error
    for name, value in tensors.items():
        if not torch.isfinite(value).all():
            raise NonFiniteError(
                f"{path}: {name} holds NaN or infinity; install Longhand again or train it anew"
            )
    module.eval().requires_grad_(False)


def first_misfit(error: RuntimeError) -> str:
    """Return the first thing that torch's `load_state_dict` complains of, with the first names of a long list."""
    lines = [line.strip() for line in str(error).splitlines()]
    first = lines[min(1, len(lines) - 1)]
    what, _, listed = first.partition(": ")
    names = listed.split(", ")
    if not listed.startswith('"') or len(names) <= MAX_NAMES:
        return first
    return f"{what}: {', '.join(names[:MAX_NAMES])} and {len(names) - MAX_NAMES} more"
