"""What stands around a sentence: the right neighbours, and a decoder that reads them as it was trained to."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from concepts.card import CONTEXT_FILE, ModelCard, read_card, write_card
from concepts.codec import Codec
from concepts.context import CONTEXT, read_context, surroundings
from concepts.errors import ModelError
from concepts.space.config import SpaceConfig
from concepts.space.network import SpaceDecoder
from concepts.training import save_tensors

pytestmark = pytest.mark.filterwarnings("ignore")  # sonar-space, fairseq2 and torchaudio about each other


def row(number: float) -> torch.Tensor:
    return torch.full((2,), number)


def test_neighbours_are_what_was_said_before_and_what_is_meant_next() -> None:
    said, meant = torch.stack([row(1), row(2)]), torch.stack([row(n) for n in (11, 12, 13)])
    around = surroundings(said, meant, heading=row(50), gist=row(60), prompt=row(70))
    assert around[:, :, 0].tolist() == [
        [0, 0, 12, 50, 60, 70],
        [1, 0, 13, 50, 60, 70],
        [2, 1, 0, 50, 60, 70],
    ]
    assert CONTEXT == ("previous", "earlier", "next", "heading", "gist", "prompt")


def test_a_section_of_one_sentence_has_no_neighbours() -> None:
    around = surroundings(row(1)[None], row(1)[None], heading=row(5), gist=row(6), prompt=row(7))
    assert around[:, :, 0].tolist() == [[0, 0, 0, 5, 6, 7]]


def decoder_of(space: ModelCard) -> SpaceDecoder:
    decoder = SpaceDecoder(SpaceConfig.of(space.config))
    tensors = load_file(space.path("decoder.safetensors"))
    decoder.load_state_dict({name: value.float() for name, value in tensors.items()})
    return decoder


@pytest.fixture
def reading_space(tiny_space: ModelCard, tmp_path: Path) -> ModelCard:
    """The tiny space with a decoder that reads context; it keeps the vectors' id."""
    folder = tmp_path / "reading"
    shutil.copytree(tiny_space.folder, folder)
    decoder = decoder_of(tiny_space)
    # A decoder that never read context attends to nothing: give its queries and keys something to tell by.
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        for layer in decoder.decoder.layers:
            for part in (layer.encoder_decoder_attn.q_proj, layer.encoder_decoder_attn.k_proj):  # type: ignore[union-attr]
                part.weight.normal_(std=0.3)  # type: ignore[union-attr, operator]
        embed = torch.randn(len(CONTEXT), 64)
    save_tensors(folder / "decoder.safetensors", {n: t.half() for n, t in decoder.state_dict().items()})
    save_tensors(folder / CONTEXT_FILE, {"context_embed": embed.half()})
    card = read_card(folder)
    return write_card(
        folder,
        file_names=[*card.files, CONTEXT_FILE],
        space=tiny_space.space_id,
        **{
            name: getattr(card, name)
            for name in ("name", "kind", "version", "config", "data", "recipe", "steps", "figures", "licence")
        },
    )


def test_the_codec_reads_context_and_decodes_alone_as_before(
    reading_space: ModelCard, tiny_space: ModelCard
) -> None:
    codec = Codec.load(str(reading_space.folder))
    assert codec.reads_context and codec.space_id == tiny_space.space_id
    generator = torch.Generator().manual_seed(3)
    vectors = 4 * torch.randn(5, 64, generator=generator)
    around = 4 * torch.randn(5, len(CONTEXT), 64, generator=generator)
    assert codec.decode(vectors) == Codec.load(str(tiny_space.folder)).decode(vectors)
    texts = codec.decode(vectors, context=around)
    assert texts != codec.decode(vectors)
    assert codec.decode(vectors.flip(0), context=around.flip(0)) == texts[::-1]
    assert codec.decode(vectors[1:2], context=around[1:2]) == texts[1:2]


@pytest.mark.parametrize("damage", ["shape", "name", "bytes", "nan"])
def test_a_context_file_of_no_use_is_one_line(reading_space: ModelCard, damage: str) -> None:
    path = reading_space.path(CONTEXT_FILE)
    good = load_file(path)["context_embed"]
    if damage == "bytes":
        path.write_bytes(b"no tensors")
    else:
        bad = {"shape": good[1:], "name": good, "nan": good * float("nan")}[damage]
        save_tensors(path, {"other" if damage == "name" else "context_embed": bad})
    with pytest.raises(ModelError, match=r"context\.safetensors .*install Longhand again") as caught:
        read_context(reading_space)
    assert "\n" not in str(caught.value)
