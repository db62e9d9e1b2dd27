"""What a sentence is decoded from besides its own concept: its place in the document, as more concepts.

A writer's concept is a mean over what could be said at its place. Which of it fits is decided while decoding,
and the decoder can decide well only where it knows what was said before, under which heading, in which
document. It reads all of this by attention: its own concept first, then one concept for each of `CONTEXT`, each
with an embedding of its kind added. Where there is none (no sentence before the first), the concept is zero.

Legend: N sentences, C kinds of context, D concept dim. Concepts are raw.
"""

from __future__ import annotations

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from concepts.card import CONTEXT_FILE, ModelCard
from concepts.errors import ModelError

CONTEXT = ("previous", "earlier", "next", "heading", "gist", "prompt")
"""Kinds of context, in the order of their embeddings: the sentence before, the one before that, the concept that
follows, the section's heading, the mean that its plan foresees, the first sentence of the prompt."""


def with_context(concepts_ND: Tensor, context_NCD: Tensor, embed_CD: Tensor) -> Tensor:
    """Return concepts and their context, each under the embedding of its kind, as one memory (N, 1 + C, D)."""
    return torch.cat((concepts_ND.unsqueeze(1), context_NCD + embed_CD), dim=1)


def surroundings(
    said_KD: Tensor, meant_KD: Tensor, *, heading: Tensor, gist: Tensor, prompt: Tensor
) -> Tensor:
    """Return the context (K, C, D) of each sentence of a section.

    `said_KD` are the concepts of the sentences as they were said, as far as they are; `meant_KD` those that are
    to be said. The other three (D,) hold for the whole section.
    """
    context = torch.zeros(len(meant_KD), len(CONTEXT), meant_KD.shape[1])
    for back, kind in ((1, "previous"), (2, "earlier")):
        num = min(max(0, len(meant_KD) - back), len(said_KD))
        context[back : back + num, CONTEXT.index(kind)] = said_KD[:num]
    context[:-1, CONTEXT.index("next")] = meant_KD[1:]
    for kind, concept in (("heading", heading), ("gist", gist), ("prompt", prompt)):
        context[:, CONTEXT.index(kind)] = concept
    return context


def read_context(space: ModelCard) -> Tensor:
    """Return the embeddings (C, D), float32, of the kinds of context; ModelError where the file is of no use."""
    path = space.path(CONTEXT_FILE)
    try:
        embed = load_file(path)["context_embed"].float()
    except (OSError, KeyError, SafetensorError) as error:
        first = str(error).splitlines()[0]
        raise ModelError(f"{path} cannot be read ({first}); install Longhand again") from error
    if embed.ndim != 2 or embed.shape[0] != len(CONTEXT) or not torch.isfinite(embed).all():
        raise ModelError(
            f"{path} has shape {tuple(embed.shape)}, expected ({len(CONTEXT)}, D) of finite numbers; "
            "install Longhand again"
        )
    return embed
