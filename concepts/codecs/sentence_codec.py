"""The codec of a downloaded sentence encoder: all-MiniLM-L6-v2's own vectors are the concepts.

A concept is the mean of a sentence's token states over the attention mask, of length 1 (Reimers and Gurevych 2019,
arXiv 1908.10084). The encoder knows English; other languages are read by extensions (extension.py), whose concepts are
those of the English. It has no decoder: a voice says its concepts.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from concepts.codecs.extension import (
    PIECES_FILE,
    WEIGHTS_FILE,
    ExtensionConfig,
    ids_of,
    mean_of,
    merge,
)
from concepts.errors import InputError, LonghandError, ModelError
from concepts.languages.codes import ENGLISH, check_code
from concepts.models.card import FetchedCard, ModelCard
from concepts.models.quantize import read_tensors
from concepts.quiet import quiet_transformers
from concepts.space.tokenizer import Pieces

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_ENCODE_BATCH = 64

_Tokenize = Callable[[Sequence[str]], list[list[int]]]


class SentenceCodec:
    """A loaded concept space without a decoder."""

    def __init__(
        self,
        card: FetchedCard,
        model: Any,
        tokenizer: Tokenizer,
        device: torch.device,
        dtype: torch.dtype,
        extensions: Sequence[ModelCard] = (),
    ) -> None:
        """`extensions`: the cards of further languages, which are loaded when the first text in one is encoded."""
        self.card = card
        self.space_id = card.space_id
        self.dim = int(str(card.config["model_dim"]))
        self.langs = _langs(card)
        self.device, self.dtype = device, dtype
        self._model, self._tokenizer = model, tokenizer
        self._extensions = {lang: other for other in extensions for lang in _langs(other)}
        self._extended: dict[str, tuple[Any, _Tokenize]] = {}

    @classmethod
    def load(
        cls,
        card: FetchedCard,
        *,
        device: torch.device,
        dtype: torch.dtype,
        extensions: Sequence[ModelCard] = (),
    ) -> SentenceCodec:
        """Load the encoder from local files, without a network.

        Raises ModelError if its files are missing, damaged or unreadable.
        """
        card.verify()
        try:
            with quiet_transformers():
                from tokenizers import Tokenizer
                from transformers.models.bert.modeling_bert import BertModel

                folder = card.path("config.json").parent
                # The tokenizer is configured only here: settings per call would leak between encoding threads.
                tokenizer = Tokenizer.from_file(str(card.path("tokenizer.json")))
                tokenizer.enable_truncation(int(str(card.config["max_seq_len"])))
                tokenizer.no_padding()
                model = BertModel.from_pretrained(
                    folder, add_pooling_layer=False, local_files_only=True, dtype=dtype
                )
                model.eval().requires_grad_(False).to(device)
                return cls(card, model, tokenizer, device, dtype, extensions)
        except LonghandError:
            raise
        except Exception as error:  # transformers and tokenizers raise errors of their own for a bad file
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise ModelError(f"the space {card.name} in {card.folder} cannot be loaded ({first})") from error

    def encode(self, sentences: Sequence[str], lang: str = ENGLISH) -> Tensor:
        """Return the concepts (N, D), unit vectors, float32 on the CPU, of `sentences` in `lang`.

        Sentences beyond the encoder's length are cut there. Raises InputError for an empty sentence, UsageError for an
        unknown language, ModelError if its weights are missing or damaged.
        """
        self.check_lang(lang)
        for sentence in sentences:
            if not sentence.strip():
                raise InputError("an empty sentence has no concept; give text with at least one word")
        if not sentences:
            return torch.empty(0, self.dim)
        model, tokenize = (self._model, self._tokenize) if lang == ENGLISH else self._extension(lang)
        vectors = torch.empty(len(sentences), self.dim)
        tokens = tokenize(sentences)
        order = sorted(
            range(len(tokens)), key=lambda row: len(tokens[row])
        )  # sorted by length: little padding
        for first in range(0, len(order), _ENCODE_BATCH):
            rows = order[first : first + _ENCODE_BATCH]
            vectors[rows] = self._encode(model, [tokens[row] for row in rows])
        return vectors

    def _tokenize(self, sentences: Sequence[str]) -> list[list[int]]:
        return [found.ids for found in self._tokenizer.encode_batch(list(sentences))]

    @torch.inference_mode()
    def _encode(self, model: Any, tokens: Sequence[Sequence[int]]) -> Tensor:
        lengths = torch.tensor([len(row) for row in tokens])
        mask_BT = torch.arange(int(lengths.max()))[None] < lengths[:, None]
        ids_BT = torch.zeros(mask_BT.shape, dtype=torch.long)
        ids_BT[mask_BT] = torch.tensor([token for row in tokens for token in row])
        mask_BT = mask_BT.to(self.device)
        states_BTD = model(ids_BT.to(self.device), attention_mask=mask_BT.long()).last_hidden_state
        return mean_of(states_BTD, mask_BT).cpu()

    def _extension(self, lang: str) -> tuple[Any, _Tokenize]:
        """Return the encoder of another language, and what turns its texts into tokens."""
        if lang not in self._extensions:
            raise ModelError(
                f"the space {self.card.name} cannot read {lang}: no model of its further languages is installed "
                "(`longhand models`); install Longhand again"
            )
        card = self._extensions[lang]
        if card.name not in self._extended:
            card.verify()
            model = copy.deepcopy(self._model)
            merge(read_tensors(card.path(WEIGHTS_FILE)), model)
            config, pieces = ExtensionConfig.of(card.config), Pieces(card.path(PIECES_FILE))
            self._extended[card.name] = model, lambda texts: ids_of(texts, pieces, config)
        return self._extended[card.name]

    def as_query(self, vectors: Tensor, lang: str = ENGLISH) -> Tensor:
        """Return query vectors (N, D) for the concepts `vectors` of texts in `lang`: the same."""
        return vectors

    def decode(self, vectors: Tensor, lang: str = ENGLISH, *, beam_size: int = 1) -> list[str]:
        """Raise ModelError: the space has no decoder."""
        raise ModelError(
            f"the space {self.card.name} has no decoder: a voice says its concepts; `longhand models fetch voice` "
            "brings its base model"
        )

    def check_lang(self, lang: str) -> str:
        """Return `lang` if the space knows it; raises UsageError that names the nearest codes."""
        return check_code(lang, self.langs, self.card.name)


def _langs(card: ModelCard) -> tuple[str, ...]:
    return tuple(map(str, card.config["langs"]))  # type: ignore[call-overload]
