"""The codec of a downloaded sentence encoder: all-MiniLM-L6-v2's own vectors are the concepts.

A concept is the mean of a sentence's token states over the attention mask, of length 1 (Reimers and Gurevych 2019,
arXiv 1908.10084). The encoder knows English; a text in another language is translated first. It has no decoder: a
voice says its concepts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.errors import InputError, LonghandError, ModelError
from concepts.languages.codes import ENGLISH, check_code
from concepts.models.card import FetchedCard
from concepts.quiet import quiet_transformers

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_ENCODE_BATCH = 64


class TextTranslator(Protocol):
    """A translator into English: `concepts.codecs.translation.Translator`."""

    def translate(self, texts: Sequence[str], source_lang: str, target_lang: str) -> list[str]:
        """Return the texts in the other language."""


class SentenceCodec:
    """A loaded concept space without a decoder."""

    def __init__(
        self,
        card: FetchedCard,
        model: Any,
        tokenizer: Tokenizer,
        device: torch.device,
        dtype: torch.dtype,
        load_translator: Callable[[], TextTranslator],
    ) -> None:
        """`load_translator` is called when the first text in another language than English is encoded."""
        self.card = card
        self.space_id = card.space_id
        self.dim = int(str(card.config["model_dim"]))
        self.langs: tuple[str, ...] = tuple(map(str, card.config["langs"]))  # type: ignore[call-overload]
        self.device, self.dtype = device, dtype
        self._model, self._tokenizer = model, tokenizer
        self._load_translator = load_translator
        self._translator: TextTranslator | None = None

    @classmethod
    def load(
        cls,
        card: FetchedCard,
        *,
        device: torch.device,
        dtype: torch.dtype,
        load_translator: Callable[[], TextTranslator],
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
                return cls(card, model, tokenizer, device, dtype, load_translator)
        except LonghandError:
            raise
        except Exception as error:  # transformers and tokenizers raise errors of their own for a bad file
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise ModelError(f"the space {card.name} in {card.folder} cannot be loaded ({first})") from error

    def encode(self, sentences: Sequence[str], lang: str = ENGLISH) -> Tensor:
        """Return the concepts (N, D), unit vectors, float32 on the CPU, of `sentences` in `lang`.

        Other languages than English are translated first. Sentences beyond the encoder's length are cut there. Raises
        InputError for an empty sentence, UsageError for an unknown language.
        """
        self.check_lang(lang)
        for sentence in sentences:
            if not sentence.strip():
                raise InputError("an empty sentence has no concept; give text with at least one word")
        if lang != ENGLISH and sentences:
            english = self._english(sentences, lang)
            sentences = [text.strip() or said for text, said in zip(english, sentences, strict=True)]
        vectors = torch.empty(len(sentences), self.dim)
        tokens = [found.ids for found in self._tokenizer.encode_batch(list(sentences))]
        order = sorted(
            range(len(tokens)), key=lambda row: len(tokens[row])
        )  # sorted by length: little padding
        for first in range(0, len(order), _ENCODE_BATCH):
            rows = order[first : first + _ENCODE_BATCH]
            vectors[rows] = self._encode([tokens[row] for row in rows])
        return vectors

    @torch.inference_mode()
    def _encode(self, tokens: Sequence[Sequence[int]]) -> Tensor:
        lengths = torch.tensor([len(row) for row in tokens])
        mask_BT = torch.arange(int(lengths.max()))[None] < lengths[:, None]
        ids_BT = torch.zeros(mask_BT.shape, dtype=torch.long)
        ids_BT[mask_BT] = torch.tensor([token for row in tokens for token in row])
        mask_BT = mask_BT.to(self.device)
        states_BTD = self._model(
            ids_BT.to(self.device), attention_mask=mask_BT.long()
        ).last_hidden_state.float()
        mean_BD = (states_BTD * mask_BT.unsqueeze(-1)).sum(dim=1) / mask_BT.sum(dim=1, keepdim=True)
        return F.normalize(mean_BD, dim=1).cpu()

    def _english(self, sentences: Sequence[str], lang: str) -> list[str]:
        if self._translator is None:
            self._translator = self._load_translator()
        return self._translator.translate(sentences, lang, ENGLISH)

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
