"""Further languages of a sentence encoder that knows English: a vocabulary of their own, small changes of its layers.

The encoder itself stays as it is, and so do all vectors of English texts. A text in one of the new languages is cut
into pieces of their own, whose embeddings take the place of the English ones; low-rank updates change the layers a
little. Its vector is trained to be that of its English (Reimers and Gurevych 2020, arXiv 2004.09813; new embeddings
before frozen layers: Artetxe et al. 2020, arXiv 1910.11856).

Legend: B texts, T tokens, V pieces, D width of the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from concepts.errors import ModelError
from concepts.neural.low_rank import LowRank
from concepts.space.tokenizer import Pieces

PAD_ID = 0
_TABLE = "embed.weight"
WEIGHTS_FILE, PIECES_FILE = "encoder.safetensors", "pieces.model"


@dataclass(frozen=True, kw_only=True)
class ExtensionConfig:
    """Sizes of an extension."""

    langs: tuple[str, ...] = ("deu_Latn", "fra_Latn", "spa_Latn")
    """The languages that it adds, as NLLB codes."""
    num_pieces: int = 20_000
    """Pieces of the vocabulary that the languages share."""
    model_dim: int = 384
    """Width of the encoder."""
    rank: int = 16
    """Rank of the updates of its linear layers."""
    max_seq_len: int = 256
    """Most tokens of a text, the first and last one included."""

    @classmethod
    def of(cls, config: Mapping[str, object]) -> ExtensionConfig:
        """Return the sizes of a card's config."""
        sizes: dict[str, Any] = {f.name: config[f.name] for f in fields(cls)}
        return cls(**sizes | {"langs": tuple(sizes["langs"])})

    @property
    def first_id(self) -> int:
        """Return the id of the token in front of each text; the one behind it is the next id."""
        return self.num_pieces + 1

    @property
    def num_tokens(self) -> int:
        """Return the number of rows of the embedding table: padding, pieces, the tokens in front and behind."""
        return self.num_pieces + 3


class EncoderExtension(nn.Module):
    """The trained part: the table of embeddings, and an update for each linear layer of the encoder."""

    def __init__(self, config: ExtensionConfig, base: Any) -> None:
        """`base`: a `BertModel`, which stays frozen and is no submodule."""
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(config.num_tokens, config.model_dim)
        self.updates = nn.ModuleDict(
            {
                name.replace(".", "/"): LowRank(linear.in_features, linear.out_features, config.rank)
                for name, linear in _linears(base).items()
            }
        )

    def forward(self, base: Any, ids_BT: Tensor, mask_BT: Tensor) -> Tensor:
        """Return the unit vectors (B, D) of texts as `base` with this extension encodes them; for training."""
        with self._added(base):
            states_BTD = base(
                inputs_embeds=self.embed(ids_BT), attention_mask=mask_BT.long()
            ).last_hidden_state
        return mean_of(states_BTD, mask_BT)

    @contextmanager
    def _added(self, base: Any) -> Iterator[None]:
        def add(update: nn.Module) -> Any:
            return lambda _module, args, output: output + update(args[0])

        linears = _linears(base)
        handles = [
            linears[name.replace("/", ".")].register_forward_hook(add(update))
            for name, update in self.updates.items()
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


@torch.no_grad()
def merge(weights: Mapping[str, Tensor], base: Any) -> None:
    """Turn `base`, a `BertModel`, into the encoder of the new languages, with their table and updated layers.

    `weights`: the parameters of an `EncoderExtension`. No module is made: transformers, which may load another model in
    another thread meanwhile, lets modules be made without weights then. Raises ModelError for weights that do not fit.
    """
    linears = _linears(base)
    named = {f"updates.{name.replace('.', '/')}": linear.weight for name, linear in linears.items()}
    wanted = {_TABLE, *(f"{name}.{part}" for name in named for part in ("down", "up"))}
    if weights.keys() != wanted:
        lacks, has = sorted(wanted - weights.keys()), sorted(weights.keys() - wanted)
        raise ModelError(
            f"the weights do not belong to this encoder: {len(lacks)} missing ({', '.join(lacks[:2])}), {len(has)} "
            f"unknown ({', '.join(has[:2])}); install Longhand again"
        )
    for name, weight in named.items():
        weight += (weights[f"{name}.up"] @ weights[f"{name}.down"]).to(weight.device, weight.dtype)
    table = base.embeddings.word_embeddings
    table.weight.data = weights[_TABLE].to(table.weight.device, table.weight.dtype)
    table.num_embeddings = len(table.weight)


def mean_of(states_BTD: Tensor, mask_BT: Tensor) -> Tensor:
    """Return the means of the states over the mask, of length 1."""
    summed_BD = (states_BTD.float() * mask_BT.unsqueeze(-1)).sum(dim=1)
    return F.normalize(summed_BD / mask_BT.sum(dim=1, keepdim=True), dim=1)


def ids_of(texts: Sequence[str], pieces: Pieces, config: ExtensionConfig) -> list[list[int]]:
    """Return the token ids of each text, in small letters, cut at the longest that the encoder reads."""
    most = config.max_seq_len - 2
    return [
        [config.first_id, *ids[:most], config.first_id + 1]
        for ids in pieces.encode([text.casefold() for text in texts])
    ]


def _linears(base: Any) -> dict[str, nn.Linear]:
    layers = base.encoder.layer
    return {name: part for name, part in layers.named_modules() if isinstance(part, nn.Linear)}
