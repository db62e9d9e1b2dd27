"""The codec on sonar-space: the training twin is the same model; every bad space or vector is one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from concepts.codecs.codec import Codec
from concepts.errors import InputError, ModelError, NonFiniteError, SpaceMismatchError, UsageError
from concepts.models.card import ModelCard, write_card
from concepts.models.quantize import read_tensors
from concepts.space.config import EOS_ID, LANGS, PAD_ID, SpaceConfig
from concepts.space.network import SpaceDecoder, SpaceEncoder
from concepts.space.tokenizer import Pieces

# sonar-space, fairseq2 and torchaudio warn about each other's versions while they are imported
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:(fairseq2|sonar|torchaudio|torch).*"),
]

TEXTS = (
    "open the file.",
    "print",
    "click the button with the name and then save the text.",
    "close window",
    "and",
)


@pytest.fixture(scope="module")
def codec(tiny_space: ModelCard) -> Codec:
    """The tiny space, found by its name through $LONGHAND_MODELS."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LONGHAND_MODELS", str(tiny_space.folder.parent))
        return Codec.load("tiny-space")


def config_of(space: ModelCard) -> SpaceConfig:
    return SpaceConfig(**{k: v for k, v in space.config.items() if k != "langs"})  # type: ignore[arg-type]


def weights_of(space: ModelCard, file: str) -> dict[str, torch.Tensor]:
    return read_tensors(space.path(file))


def rewrite_card(folder: Path, card: ModelCard, **config: object) -> None:
    """Give `folder` a card whose checksums are right, so that only the loading itself can find the damage."""
    write_card(
        folder,
        name=card.name,
        kind="space",
        version=1,
        file_names=list(card.files),
        config={**card.config, **config},
        space="",
        data="",
        recipe="",
        steps=0,
        figures={},
        licence="",
    )


def test_the_twin_encodes_what_sonar_encodes_in_a_padded_batch(codec: Codec, tiny_space: ModelCard) -> None:
    twin = SpaceEncoder(config_of(tiny_space))
    twin.load_state_dict(weights_of(tiny_space, "encoder.safetensors"))
    pieces = Pieces(tiny_space.path("pieces.model")).encode(list(TEXTS))
    assert len({len(ids) for ids in pieces}) > 2  # or nothing would be padded
    for lang in ("eng_Latn", "spa_Latn"):
        lang_id = config_of(tiny_space).lang_id(lang)
        with torch.no_grad():
            expected = torch.cat([twin(torch.tensor([[lang_id, *ids, EOS_ID]])) for ids in pieces])
        torch.testing.assert_close(codec.encode(TEXTS, lang), expected, atol=1e-4, rtol=1e-4)


def test_the_twin_gives_sonars_logits_in_a_padded_batch(codec: Codec, tiny_space: ModelCard) -> None:
    from fairseq2.nn import BatchLayout

    config = config_of(tiny_space)
    twin = SpaceDecoder(config)
    twin.load_state_dict(weights_of(tiny_space, "decoder.safetensors"))
    rows = [
        [EOS_ID, config.lang_id("deu_Latn"), 9, 20, 77, 31, 8],
        [EOS_ID, config.lang_id("eng_Latn"), 40],
        [EOS_ID],
    ]
    lengths = [len(row) for row in rows]
    tokens = torch.tensor([row + [PAD_ID] * (max(lengths) - len(row)) for row in rows])
    memory = torch.randn(3, 4, config.model_dim, generator=torch.Generator().manual_seed(0))
    for read in (memory[:, :1], memory):  # a concept alone, and one with three others around it
        with torch.no_grad():
            got = codec._decoder.model.decoder(
                read, BatchLayout.of(read), tokens, BatchLayout.of(tokens, lengths)
            )
            for row, length in enumerate(lengths):
                told = read[row : row + 1]
                hidden = twin(told[:, 0] if told.shape[1] == 1 else told, tokens[row : row + 1, :length])
                torch.testing.assert_close(got[row, :length], twin.project(hidden)[0], atol=1e-3, rtol=1e-3)


def test_the_codec_says_which_space_it_is(codec: Codec, tiny_space: ModelCard) -> None:
    assert (codec.space_id, codec.dim, codec.langs) == (tiny_space.model_id, 64, LANGS)


def test_encoding_gives_plain_float32_rows_in_the_order_of_the_sentences(codec: Codec) -> None:
    vectors = codec.encode(TEXTS)
    assert (
        vectors.shape == (len(TEXTS), 64) and vectors.dtype == torch.float32 and vectors.device.type == "cpu"
    )
    assert not vectors.is_inference() and not vectors.requires_grad
    torch.testing.assert_close(codec.encode(TEXTS[::-1]).flip(0), vectors, atol=1e-5, rtol=1e-5)
    alone = torch.cat([codec.encode([text]) for text in TEXTS])
    torch.testing.assert_close(alone, vectors, atol=1e-5, rtol=1e-5)
    assert codec.encode([]).shape == (0, 64)


def test_a_sentence_beyond_the_encoders_length_is_cut(codec: Codec) -> None:
    long = " ".join(["button"] * 60)
    torch.testing.assert_close(codec.encode([long]), codec.encode([long + " save"]))


def test_decoding_keeps_the_order_of_the_rows(codec: Codec) -> None:
    vectors = 4 * torch.randn(5, 64, generator=torch.Generator().manual_seed(3))
    texts = codec.decode(vectors)
    assert len(set(texts)) > 1  # or any order would pass
    assert codec.decode(vectors.flip(0)) == texts[::-1]
    assert texts == [text.strip() for text in texts]
    assert codec.decode(vectors[:0]) == []


@pytest.mark.parametrize("shape", [(2, 63), (64,), (1, 2, 64)])
def test_vectors_of_another_dimension_are_refused(codec: Codec, shape: tuple[int, ...]) -> None:
    with pytest.raises(SpaceMismatchError, match=r"decodes vectors \(N, 64\), got .*use the space") as error:
        codec.decode(torch.zeros(shape))
    assert "\n" not in str(error.value) and codec.space_id in str(error.value)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_vectors_that_are_no_numbers_are_refused(codec: Codec, bad: float) -> None:
    vectors = torch.zeros(3, 64)
    vectors[1, 5] = bad
    with pytest.raises(NonFiniteError, match="holds NaN or infinity"):
        codec.decode(vectors)


@pytest.mark.parametrize(
    "call", [lambda c: c.encode(["a"], "en_Latn"), lambda c: c.decode(torch.zeros(1, 64), "en_Latn")]
)
def test_an_unknown_language_names_near_ones(codec: Codec, call: Callable[[Codec], object]) -> None:
    with pytest.raises(UsageError, match="does not know the language 'en_Latn'; try eng_Latn"):
        call(codec)
    with pytest.raises(UsageError, match="try eng_Latn, deu_Latn"):
        codec.check_lang("xyz")
    assert codec.check_lang("deu_Latn") == "deu_Latn"


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_sentence_is_refused(codec: Codec, text: str) -> None:
    with pytest.raises(InputError, match="an empty sentence has no concept"):
        codec.encode(["fine", text])


def test_a_folder_is_loaded_from_that_folder_though_its_name_is_taken(
    codec: Codec, make_space: Callable[..., ModelCard], monkeypatch: pytest.MonkeyPatch
) -> None:
    namesake = make_space("tiny-space", seed=1)
    other = Codec.load(str(namesake.folder))
    assert other.space_id == namesake.model_id != codec.space_id
    assert not torch.allclose(other.encode(TEXTS), codec.encode(TEXTS), atol=0.1)


def test_a_changed_weight_is_found_by_its_checksum(tiny_space_copy: Path) -> None:
    path = tiny_space_copy / "decoder.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-7] ^= 1
    path.write_bytes(raw)
    with pytest.raises(ModelError, match=r"decoder\.safetensors has checksum .* its card says"):
        Codec.load(str(tiny_space_copy))


def cut(folder: Path) -> None:
    path = folder / "encoder.safetensors"
    path.write_bytes(path.read_bytes()[:2_000])


def scramble(folder: Path) -> None:
    (folder / "encoder.safetensors").write_bytes(b"no tensors here" * 50)


def reshape(folder: Path) -> None:
    path = folder / "decoder.safetensors"
    tensors = load_file(path)
    tensors["decoder.layer_norm.weight"] = torch.zeros(63, dtype=torch.float16)
    save_file(tensors, path)


def drop(folder: Path) -> None:
    path = folder / "encoder.safetensors"
    tensors = load_file(path)
    del tensors["layer_norm.weight"]
    save_file(tensors, path)


def break_pieces(folder: Path) -> None:
    (folder / "pieces.model").write_bytes(b"\x00\x01")


def break_cards(folder: Path) -> None:
    (folder / "cards.yaml").write_text("name: [")


def rename_cards(folder: Path) -> None:
    path = folder / "cards.yaml"
    path.write_text(path.read_text().replace("tiny-space_", "other_"))


@pytest.mark.parametrize("damage", [cut, scramble, reshape, drop, break_pieces, break_cards, rename_cards])
def test_a_bad_file_with_a_right_checksum_is_one_line(
    tiny_space: ModelCard, tiny_space_copy: Path, damage: Callable[[Path], None]
) -> None:
    damage(tiny_space_copy)
    rewrite_card(tiny_space_copy, tiny_space)
    with pytest.raises(ModelError, match=r"the space tiny-space in .* cannot be loaded") as error:
        Codec.load(str(tiny_space_copy))
    assert "\n" not in str(error.value)


def test_a_card_without_the_size_is_one_line(tiny_space: ModelCard, tiny_space_copy: Path) -> None:
    rewrite_card(tiny_space_copy, replace(tiny_space, config={}))
    with pytest.raises(ModelError, match=r"card\.json cannot be read .*model_dim is None") as error:
        Codec.load(str(tiny_space_copy))
    assert "\n" not in str(error.value)


def test_a_missing_file_a_wrong_folder_and_another_kind(
    tiny_space: ModelCard, tiny_space_copy: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"is not a model: it has no card\.json"):
        Codec.load(str(tmp_path))
    card = tiny_space_copy / "card.json"
    as_space = card.read_text()
    as_writer = json.loads(as_space) | {"kind": "writer", "config": {"concept_dim": 4}}
    card.write_text(json.dumps(as_writer))
    with pytest.raises(ModelError, match="holds a writer, expected a space"):
        Codec.load(str(tiny_space_copy))
    card.write_text(as_space)
    (tiny_space_copy / "encoder.safetensors").unlink()
    with pytest.raises(ModelError, match=r"encoder\.safetensors is missing"):
        Codec.load(str(tiny_space_copy))
