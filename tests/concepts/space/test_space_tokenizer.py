"""Sentencepiece as the space uses it: ids behind `<pad>`, a round trip, and one line for too little text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from concepts.errors import InputError, ModelError
from concepts.space.config import BOS_ID, EOS_ID, PAD_ID, PRESETS, UNK_ID
from concepts.space.tokenizer import Pieces, train_sentencepiece

TEXTS = ["open the file.", "Ünïcode, too: naïve – “quotes”", "print"]


def test_pieces_come_back_as_text(pieces_path: Path) -> None:
    pieces, config = Pieces(pieces_path), replace(PRESETS["tiny"], num_pieces=300)
    ids = pieces.encode(TEXTS)
    assert pieces.decode(ids, config) == TEXTS
    assert all(EOS_ID < i <= config.num_pieces for row in ids for i in row)


def test_a_small_text_gives_fewer_pieces(tmp_path: Path) -> None:
    train_sentencepiece((f"{n} words of a small text" for n in range(60)), tmp_path / "pieces.model", 1_000)
    assert 256 < Pieces(tmp_path / "pieces.model").num_pieces < 1_000


def test_ids_that_are_no_pieces_are_skipped(pieces_path: Path) -> None:
    pieces, config = Pieces(pieces_path), replace(PRESETS["tiny"], num_pieces=300)
    (ids,) = pieces.encode(["print"])
    framed = [EOS_ID, config.lang_id("eng_Latn"), UNK_ID, BOS_ID, *ids, EOS_ID, PAD_ID]
    assert pieces.decode([framed], config) == ["print"]


def test_a_missing_model_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no sentencepiece model at .*; train one with"):
        Pieces(tmp_path / "pieces.model")


def test_too_little_text_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot make 8000 pieces of these sentences .*too high") as error:
        train_sentencepiece(["one two", "three"], tmp_path / "pieces.model", 8_000)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []
