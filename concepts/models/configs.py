"""The config of a model card: its fields by the kind of model, what may stand in them, and sizes that go together.

No torch: a wrong card is told before any model is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from concepts.errors import ModelError, shorten

Objective = Literal["diffusion", "mse"]
"""Training objective: denoising, or as a baseline the mean in one step without noise, as in Base-LCM (arXiv 2412.08821,
section 2.3.1)."""
OBJECTIVES: tuple[Objective, ...] = get_args(Objective)

WHEEL = "wheel"
"""Field of a space's config: the model of concepts/models/wheels.py whose files it describes."""


@dataclass(frozen=True)
class Field:
    """What may stand in a field."""

    expected: str
    """Its description for a message."""
    accepts: Callable[[object], bool]


def _list_of(accepts: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(map(accepts, value))


# type() instead of isinstance: JSON's true and false are no numbers.
_SIZE = Field("a whole number from 1", lambda value: type(value) is int and value >= 1)
_NUMBER = Field("a number", lambda value: type(value) in (int, float))
_SHARE = Field(
    "a number from 0 to below 1",
    lambda value: isinstance(value, int | float) and _NUMBER.accepts(value) and 0 <= value < 1,
)
_TEXT = Field("a text", lambda value: isinstance(value, str))
_MODEL = Field("a model's name", _TEXT.accepts)
_CODES = Field("a list of codes", lambda value: bool(value) and _list_of(_TEXT.accepts)(value))
_LAYERS = Field("a list of whole numbers from 0", _list_of(lambda value: type(value) is int and value >= 0))
_OBJECTS = Field("a list of objects", _list_of(lambda value: isinstance(value, dict)))
_OBJECTIVE = Field(f"one of {', '.join(OBJECTIVES)}", lambda value: value in OBJECTIVES)

CONFIG_FIELDS: dict[str, dict[str, Field]] = {
    "space": {
        "model_dim": _SIZE,
        "max_seq_len": _SIZE,
        "langs": _CODES,
        "ffn_inner_dim": _SIZE,
        "num_encoder_layers": _SIZE,
        "num_decoder_layers": _SIZE,
        "num_heads": _SIZE,
        "num_pieces": _SIZE,
        "extensions": _OBJECTS,
        WHEEL: _MODEL,
    },
    "planner": {
        "concept_dim": _SIZE,
        "model_dim": _SIZE,
        "num_layers": _SIZE,
        "num_heads": _SIZE,
        "head_dim": _SIZE,
        "num_head_blocks": _SIZE,
        "dropout": _SHARE,
        "objective": _OBJECTIVE,
    },
    "writer": {
        "concept_dim": _SIZE,
        "model_dim": _SIZE,
        "num_context_layers": _SIZE,
        "num_denoiser_layers": _SIZE,
        "num_heads": _SIZE,
        "objective": _OBJECTIVE,
    },
    "voice": {
        "concept_dim": _SIZE,
        "base": _MODEL,
        "hidden_dim": _SIZE,
        "num_layers": _SIZE,
        "rank": _SIZE,
        "alpha": _NUMBER,
        "injected": _LAYERS,
        "word_dim": _SIZE,
    },
    "library": {"concept_dim": _SIZE},
    "languages": {
        "langs": _CODES,
        "num_pieces": _SIZE,
        "model_dim": _SIZE,
        "rank": _SIZE,
        "max_seq_len": _SIZE,
    },
}
"""Fields by kind of model (a test compares them with the configs of the models)."""
_REQUIRED: dict[str, tuple[str, ...]] = {
    "space": ("model_dim", "max_seq_len", "langs"),
    "planner": ("concept_dim",),
    "writer": ("concept_dim",),
    "voice": ("concept_dim", "base"),
    "library": ("concept_dim",),
    "languages": ("langs", "num_pieces", "model_dim", "rank", "max_seq_len"),
}
"""Fields without a default."""


def check_config(kind: str, config: Mapping[str, object]) -> None:
    """Raise ModelError for the first field of a card's config that a model of this kind cannot have."""
    for name, field in CONFIG_FIELDS[kind].items():
        value = config.get(name)
        if (name in config or name in _REQUIRED[kind]) and not field.accepts(value):
            raise ModelError(f"its config's {name} is {shorten(repr(value))}, expected {field.expected}")
    if kind not in ("planner", "writer"):
        return
    unknown = [name for name in config if name not in CONFIG_FIELDS[kind]]
    if unknown:
        raise ModelError(
            f"its config has {shorten(repr(unknown[0]))}, which this version of Longhand does not know"
        )
    model_dim, num_heads = config.get("model_dim"), config.get("num_heads")
    if isinstance(model_dim, int) and isinstance(num_heads, int):
        check_heads(model_dim, num_heads)


def check_objective(objective: str) -> None:
    """Raise ModelError for an unknown objective."""
    if objective not in OBJECTIVES:
        raise ModelError(f"objective must be {_OBJECTIVE.expected}, got {objective!r}")


def check_heads(model_dim: int, num_heads: int) -> None:
    """Raise ModelError if heads of an even width do not fill a transformer's width."""
    if model_dim % (2 * num_heads):
        raise ModelError(f"model_dim {model_dim} must be a multiple of twice num_heads {num_heads}")
