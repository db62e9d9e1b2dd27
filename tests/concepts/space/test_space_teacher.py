"""The teacher of a space: asked once, missed with one line, and followed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from concepts.errors import InputError, ModelError
from concepts.space.config import PRESETS
from training.space.data import SpaceBatch
from training.space.teacher import TEACHER_DIM, teacher_vectors
from training.space.train import SpaceLoss, SpaceTrainingConfig

BATCH, LENGTH = 12, 5


def test_vectors_are_kept_and_belong_to_their_texts(tmp_path: Path) -> None:
    kept = np.ones((2, TEACHER_DIM), dtype=np.float16)
    np.save(tmp_path / "teacher.npy", kept)
    assert (teacher_vectors(tmp_path / "teacher.npy", ["a", "b"]) == kept).all()
    with pytest.raises(InputError, match="holds 2 vectors, the corpus has 3"):
        teacher_vectors(tmp_path / "teacher.npy", ["a", "b", "c"])


def test_a_missing_teacher_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGHAND_FETCHED", str(tmp_path))
    with pytest.raises(ModelError, match="run `longhand models fetch minilm`"):
        teacher_vectors(tmp_path / "teacher.npy", ["a"])
    assert not list(tmp_path.iterdir())


def test_concepts_come_to_lie_as_the_teacher_says() -> None:
    torch.manual_seed(0)
    # Two subjects for the teacher; pieces tell nothing of them but their own names.
    subject = torch.arange(BATCH) % 2
    meaning = torch.nn.functional.one_hot(subject, TEACHER_DIM).float()
    meaning[0] = 0.0  # of the first sentence it says nothing
    pieces = torch.arange(10, 10 + BATCH * LENGTH).view(BATCH, LENGTH)
    batch = SpaceBatch(pieces, PRESETS["tiny"].lang_id("eng_Latn"), meaning)
    loss = SpaceLoss(SpaceTrainingConfig(model=PRESETS["tiny"], teacher_weight=1.0))
    optimizer = torch.optim.Adam(loss.parameters(), lr=3e-3)
    parts = []
    for step in range(40):
        value, found = loss(batch, torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        parts.append(found)
    assert parts[-1]["angle"] < 0.5 * parts[0]["angle"]
    assert parts[-1]["relation"] < 0.5 * parts[0]["relation"]
    assert loss.teacher_head is not None
