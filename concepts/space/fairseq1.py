"""Renaming the parameters of fairseq text checkpoints to sonar-space's names.

The published checkpoints have fairseq2's names already and load unchanged: Hugging Face's converter, by a SONAR
author, reads them so (transformers, convert_sonar_original_checkpoint_to_transformers.py). Older checkpoints and
ones trained with fairseq use its names, without a prefix, below `state_dict`. sonar-space 0.5.0 tries to read
them, but its encoder converter looks for a missing key `embed_tokens` (models/sonar_text/checkpoint.py) and
raises KeyError; its decoder converter reorders the control tokens of the embedding but not of the output
projection, which is the same matrix in the model, so the last one read wins.

Legend: V vocabulary, M model width.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, cast

import torch
from torch import Tensor

from concepts.errors import ModelError

_RENAMES = (
    (r"^layers\.", "{part}.layers."),
    (r"^layer_norm\.", "{own_norm}layer_norm."),
    (r"^embed_tokens\.", "{part}_frontend.embed."),
    (r"\.out_proj\.", ".output_proj."),
    (r"\.encoder_attn", ".encoder_decoder_attn"),
    (r"\.fc1\.", ".ffn.inner_proj."),
    (r"\.fc2\.", ".ffn.output_proj."),
    (r"\.final_layer_norm\.", ".ffn_layer_norm."),
)
_NO_WEIGHTS = ("version", "embed_positions._float_tensor", "output_projection.weight")
"""Left out; the output projection is the embedding."""


def is_fairseq1(checkpoint: Mapping[str, object]) -> bool:
    """Return whether a text checkpoint has fairseq's names."""
    return "state_dict" in checkpoint


def from_fairseq1(checkpoint: Mapping[str, object], part: Literal["encoder", "decoder"]) -> dict[str, object]:
    """Return the parameters of a fairseq checkpoint under fairseq2's names.

    The rows of the control tokens move from fairseq's order (bos, pad, eos, unk) to the NLLB tokenizer's
    (pad, unk, bos, eos). Raises ModelError if the embedding is missing.
    """
    tensors = dict(cast("Mapping[str, Tensor]", checkpoint["state_dict"]))
    table = tensors.get("embed_tokens.weight", checkpoint.get("embed_tokens"))
    if not isinstance(table, Tensor):
        raise ModelError(
            f"the checkpoint of the {part} has no embed_tokens.weight: it is no SONAR text {part}; download it again"
        )
    table_VM = table.clone()  # the file may be mapped into memory
    table_VM[:4] = table[torch.tensor([1, 3, 0, 2])]
    tensors["embed_tokens.weight"] = table_VM
    own_norm = "decoder." if part == "decoder" else ""
    renamed: dict[str, object] = {}
    for name, value in tensors.items():
        if name not in _NO_WEIGHTS:
            for pattern, replacement in _RENAMES:
                name = re.sub(pattern, replacement.format(part=part, own_norm=own_norm), name)
            renamed[name] = value
    return renamed
