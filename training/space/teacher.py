"""Vectors of a stronger sentence encoder for the training sentences: the teacher of a space.

An autoencoder preserves a sentence's text, but gives similar vectors to sentences of similar wording. Distilling
another encoder's vectors (Reimers and Gurevych 2020, arXiv 2004.09813) makes sentences of similar meaning
neighbours. Only training needs the teacher: a released space does not contain it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from concepts.codecs.spaces import load_codec
from concepts.counting import counted
from concepts.errors import InputError
from concepts.neural.precision import training_device

TEACHER = "minilm"
"""The teacher: the space of all-MiniLM-L6-v2."""
TEACHER_DIM = 384
"""Width of its vectors."""
_CHUNK = 2_048

Meanings = NDArray[np.float16]


def teacher_vectors(
    path: Path, texts: Sequence[str], *, on_progress: Callable[[int, int], None] = lambda _done, _total: None
) -> Meanings:
    """Return the teacher's unit vectors (N, 384) of `texts`, zeros for empty ones; cached at `path`.

    `on_progress` gets (done, total). Raises ModelError if the teacher is not on this machine, InputError
    if the file belongs to other texts.
    """
    if path.exists():
        kept: Meanings = np.load(path)
        if len(kept) != len(texts):
            raise InputError(
                f"{path} holds {counted(len(kept), 'vector')}, the corpus has {counted(len(texts), 'sentence')}: "
                "delete it, or train in a new folder"
            )
        return kept
    vectors = _embed(texts, on_progress)
    partial = path.with_suffix(".partial.npy")
    np.save(partial, vectors)
    partial.replace(path)
    return vectors


def _embed(texts: Sequence[str], on_progress: Callable[[int, int], None]) -> Meanings:
    codec = load_codec(TEACHER, device=training_device())
    order = sorted((i for i, text in enumerate(texts) if text.strip()), key=lambda i: len(texts[i]))
    vectors = np.zeros((len(texts), TEACHER_DIM), dtype=np.float16)
    for start in range(0, len(order), _CHUNK):
        chunk = order[start : start + _CHUNK]
        vectors[chunk] = codec.encode([texts[i] for i in chunk]).numpy()
        on_progress(start + len(chunk), len(order))
    return vectors
