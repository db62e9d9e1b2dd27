"""A space's sentencepiece model: training it, and token ids like those of fairseq2's NLLB tokenizer."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from concepts.errors import InputError, ModelError
from concepts.space.config import SpaceConfig

_LEAST_SHARE = 0.25
"""A text that gives less than this share of the requested pieces is too small."""


def train_sentencepiece(sentences: Iterable[str], path: Path, num_pieces: int) -> None:
    """Train a unigram model with byte fallback on `sentences` and write it to `path`.

    A small text gives fewer pieces than `num_pieces`; see `Pieces.num_pieces`. Sentencepiece's default
    ids (unk 0, bos 1, eos 2, no pad) are kept: the NLLB tokenizer inserts `<pad>` in front and refuses a
    model that has one. Raises InputError for far too few sentences.
    """
    import sentencepiece

    partial = path.with_suffix(".partial")
    try:
        with open(partial, "wb") as file:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(sentences),
                model_writer=file,
                vocab_size=num_pieces,
                hard_vocab_limit=False,
                character_coverage=0.9995,
                byte_fallback=True,
                normalization_rule_name="identity",
                input_sentence_size=200_000,
                shuffle_input_sentence=True,
                num_threads=os.cpu_count() or 1,
                minloglevel=2,
            )
    except RuntimeError as error:
        partial.unlink()
        last = str(error).splitlines()[-1].rsplit("] ", 1)[-1]
        raise InputError(
            f"sentencepiece cannot make {num_pieces} pieces of these sentences ({last})"
        ) from error
    found = sentencepiece.SentencePieceProcessor(model_file=str(partial)).get_piece_size()
    if found < _LEAST_SHARE * num_pieces:
        partial.unlink()
        raise InputError(
            f"sentencepiece cannot make {num_pieces} pieces of these sentences (that is too high, they give "
            f"{found}); import more documents, or choose a smaller --preset"
        )
    os.replace(partial, path)


class Pieces:
    """A sentencepiece model whose ids are shifted by one, as in fairseq2 (`<pad>` is 0)."""

    def __init__(self, path: Path) -> None:
        import sentencepiece

        if not path.is_file():
            raise ModelError(f"no sentencepiece model at {path}; train one with `longhand train space`")
        self._model = sentencepiece.SentencePieceProcessor(model_file=str(path))
        self.num_pieces = int(self._model.get_piece_size())

    @property
    def texts(self) -> list[str]:
        """The pieces by id; `<pad>` in front."""
        return ["<pad>", *(self._model.id_to_piece(i) for i in range(self.num_pieces))]

    def encode(self, sentences: list[str]) -> list[list[int]]:
        """Return the token ids of each sentence, without prefix and suffix tokens."""
        return [[i + 1 for i in ids] for ids in self._model.encode(sentences)]

    def decode(self, ids: list[list[int]], config: SpaceConfig) -> list[str]:
        """Return the text of each id list; ids that are not pieces are skipped."""
        kept = [[i - 1 for i in row if 3 < i <= config.num_pieces] for row in ids]
        return list(self._model.decode(kept))
