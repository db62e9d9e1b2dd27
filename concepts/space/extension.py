"""Extensions: languages added to a space by an encoder and decoder of their own that use the same vectors.

An extension is one file of weights and one sentencepiece model in the space's folder, two more fairseq2 cards in its
`cards.yaml`, and an entry in the card's `extensions`. The weights are quantised (see quantize.py) and have the
autoencoder's names; the embedding table, which encoder and decoder share, is stored once. The space's own encoder,
decoder and vectors stay the same, byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from torch import Tensor

from concepts.errors import ModelError
from concepts.models.card import ModelCard
from concepts.models.quantize import TRANSPOSED, dequantize, read_tensors
from concepts.models.runtime import read_asset_card
from concepts.space.tokenizer import Pieces

if TYPE_CHECKING:
    from fairseq2.assets import AssetCard

Part = Literal["encoder", "decoder"]
CARDS_FILE = "cards.yaml"
"""A space's fairseq2 cards."""
_TABLE = {"encoder": "encoder_frontend.embed.weight", "decoder": "decoder_frontend.embed.weight"}
_SHARED = f"encoder.{_TABLE['encoder']}"
EXTENSIONS = "extensions"


@dataclass(frozen=True, kw_only=True)
class Extension:
    """One group of languages of a space."""

    name: str
    """The languages' ISO 639-3 codes, such as `deu-fra-spa`; also in the names of its files and cards."""
    langs: tuple[str, ...]
    num_pieces: int
    reads_draft: bool = False
    """Whether its decoder reads a sentence's English words beside the concept (draft.py)."""

    @property
    def weights_file(self) -> str:
        """Name of the file of encoder and decoder."""
        return f"{self.name}.safetensors"

    @property
    def pieces_file(self) -> str:
        """Name of the sentencepiece model."""
        return f"{self.name}.model"


def extensions_of(card: ModelCard) -> tuple[Extension, ...]:
    """Return the extensions that a space's card names; raises ModelError where they cannot be read."""
    found = card.config.get(EXTENSIONS, [])
    try:
        return tuple(
            Extension(
                name=str(e["name"]),
                langs=tuple(e["langs"]),
                num_pieces=int(e["num_pieces"]),
                reads_draft=bool(e.get("reads_draft", False)),
            )
            for e in found  # type: ignore[attr-defined]
        )
    except (TypeError, KeyError, ValueError) as error:
        raise ModelError(
            f"the card of {card.folder} names its extensions wrongly ({error}); install Longhand again"
        ) from error


def pieces_of(card: ModelCard, lang: str) -> Pieces:
    """Return a space's sentencepiece model for `lang`."""
    for extension in extensions_of(card):
        if lang in extension.langs:
            return Pieces(card.path(extension.pieces_file))
    return Pieces(card.path("pieces.model"))


def own_files(card: ModelCard) -> list[str]:
    """Return the files of a space without its extensions: they are verified before any use."""
    brought = {file for e in extensions_of(card) for file in (e.weights_file, e.pieces_file)}
    return [file for file in card.files if file not in brought]


def extension_cards(card: ModelCard, extension: Extension) -> tuple[AssetCard, AssetCard]:
    """Verify an extension's files; return the fairseq2 cards of its encoder and decoder.

    Raises ModelError where one is missing or damaged.
    """
    card.verify([extension.weights_file, extension.pieces_file])
    reads, says = (
        read_asset_card(card.folder, f"{card.name}_{part}_{extension.name}")
        for part in ("encoder", "decoder")
    )
    return reads, says


def extension_weights(card: ModelCard, extension: Extension) -> dict[str, Tensor]:
    """Verify an extension's files; return its float32 parameters under the autoencoder's names."""
    card.verify([extension.weights_file, extension.pieces_file])
    return read_tensors(card.path(extension.weights_file))


def is_packed(checkpoint: Mapping[str, object]) -> bool:
    """Return whether a checkpoint holds an extension's encoder and decoder."""
    return _SHARED in checkpoint or _SHARED + TRANSPOSED in checkpoint


def unpack(checkpoint: Mapping[str, Tensor], part: Part) -> dict[str, Tensor]:
    """Return the float32 matrices and other parameters of one part under sonar-space's names."""
    own = f"{part}."
    wanted = {name: value for name, value in checkpoint.items() if name.startswith(own)}
    tensors = {name.removeprefix(own): value for name, value in dequantize(wanted).items()}
    if part == "decoder":
        shared = {name: value for name, value in checkpoint.items() if name.startswith(_SHARED)}
        tensors[_TABLE[part]] = dequantize(shared)[_SHARED]
    return tensors
