"""`sonar` by its real cards: small checkpoints in the published formats, and what is said where none are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from concepts.codecs.codec import Codec
from concepts.errors import ModelError, SpaceMismatchError, UsageError
from concepts.models import memory
from concepts.models.installed import find_card
from concepts.models.published import is_fetched, published_languages
from concepts.space.tokenizer import Pieces
from tests.concepts.sonar_assets import random_model, save_fairseq1, save_published, write_text_assets

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:(fairseq2|sonar|torchaudio|torch).*"),
]
ENCODER, DECODER = "text_sonar_basic_encoder", "text_sonar_finetuned_decoder"
TEXTS = ["open the file.", "print", "click the button with the name and then save the text."]


@pytest.fixture
def assets(tmp_path: Path, pieces_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of small assets, without checkpoints yet; caches lie in the test's folder."""
    folder = tmp_path / "assets"
    folder.mkdir()
    monkeypatch.setenv("FAIRSEQ2_USER_ASSET_DIR", str(folder))
    monkeypatch.setenv("FAIRSEQ2_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_text_assets(folder, pieces_path, Pieces(pieces_path).num_pieces)
    return folder


@pytest.fixture
def small_sonar(assets: Path) -> Path:
    """The assets with checkpoints in the published format."""
    for seed, name in enumerate((ENCODER, DECODER)):
        save_published(random_model(name, seed), assets / f"{name}.pt")
    return assets


def test_sonar_goes_from_text_to_vectors_and_back_by_its_real_cards(small_sonar: Path) -> None:
    codec = Codec.load("sonar")
    assert codec.dim == 64 and len(codec.langs) == 202 and codec.langs[0] == "ace_Arab"
    vectors = codec.encode(TEXTS, "deu_Latn")
    assert vectors.shape == (3, 64) and vectors.dtype == torch.float32
    reads = random_model(ENCODER, 0)
    token = codec._encoder.tokenizer.create_encoder(lang="deu_Latn")
    from fairseq2.nn import BatchLayout

    with torch.no_grad():
        for text, vector in zip(TEXTS, vectors, strict=True):
            row = token(text)[None]
            torch.testing.assert_close(reads(row, BatchLayout.of(row)).sentence_embeddings[0], vector)
    said = codec.decode(vectors, "zho_Hans")
    assert len(said) == 3 and said != codec.decode(vectors, "eng_Latn")


def test_language_tokens_follow_the_pieces_in_the_order_of_the_card(small_sonar: Path) -> None:
    codec = Codec.load("sonar")
    num_pieces = Pieces(small_sonar / "tokenizer.model").num_pieces
    first = {
        lang: int(codec._encoder.tokenizer.create_encoder(lang=lang)("open")[0])
        for lang in ("ace_Arab", "eng_Latn", "zul_Latn")
    }
    assert first == {lang: num_pieces + 1 + codec.langs.index(lang) for lang in first}
    target = codec._decoder.tokenizer.create_encoder(lang="zul_Latn", mode="target").prefix_indices
    assert target is not None and target.tolist() == [3, first["zul_Latn"]]


def test_checkpoints_with_fairseqs_names_are_the_same_model(small_sonar: Path) -> None:
    published = Codec.load("sonar")
    vectors = published.encode(TEXTS)
    said = published.decode(vectors)
    for seed, name in enumerate((ENCODER, DECODER)):
        save_fairseq1(random_model(name, seed), small_sonar / f"{name}.pt")
    older = Codec.load("sonar")
    assert torch.equal(older.encode(TEXTS), vectors) and older.decode(vectors) == said
    assert older.space_id != published.space_id  # other files


def test_the_identity_is_that_of_the_files(small_sonar: Path) -> None:
    card = find_card("space", "sonar")
    assert sorted(card.files) == ["decoder.pt", "encoder.pt", "pieces.model"]
    assert find_card("space", "sonar").model_id == card.model_id and is_fetched("sonar")
    save_published(random_model(DECODER, 7), small_sonar / f"{DECODER}.pt")
    other_voice = find_card("space", "sonar")
    assert other_voice.model_id != card.model_id and other_voice.space_id == card.space_id
    save_published(random_model(ENCODER, 7), small_sonar / f"{ENCODER}.pt")
    assert find_card("space", "sonar").space_id != card.space_id
    codec = Codec.load("sonar")
    with pytest.raises(SpaceMismatchError, match="use the space these vectors were made in"):
        codec.decode(torch.zeros(1, 1024))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_near(small_sonar: Path, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = Codec.load("sonar").encode(TEXTS)
    monkeypatch.setenv("LONGHAND_DTYPE", dtype)
    codec = Codec.load("sonar")
    near = codec.encode(TEXTS)
    assert codec.dtype == getattr(torch, dtype) and near.dtype == torch.float32
    assert not torch.equal(near, exact)
    assert torch.nn.functional.cosine_similarity(near, exact).min() > 0.999
    assert len(codec.decode(near)) == 3


def test_an_unknown_number_format_is_wrong_usage(small_sonar: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGHAND_DTYPE", "int4")
    with pytest.raises(UsageError, match="LONGHAND_DTYPE is 'int4': known are float32, float16 and bfloat16"):
        Codec.load("sonar")


def test_missing_weights_are_one_line_that_says_what_and_where(assets: Path, tmp_path: Path) -> None:
    assert len(published_languages("sonar")) == 202
    (assets / "text.yaml").unlink()  # the real cards as they are
    with pytest.raises(ModelError) as raised:
        find_card("space", "sonar")
    line = str(raised.value)
    assert "longhand models fetch sonar" in line and "SONAR/sonar_text_encoder.pt" in line
    assert "SONAR/finetuned_decoder.pt" in line and str(tmp_path / "cache") in line and "\n" not in line
    assert not is_fetched("sonar")


def test_a_space_that_does_not_fit_is_refused_before_it_is_loaded(
    small_sonar: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    monkeypatch.setattr(memory, "free_bytes", lambda _: 2_000_000_000)
    Codec.load("sonar", on_note=notes.append)
    assert notes == [
        "the space sonar needs about 1.0 GB of memory (0 million parameters in float32), 2.0 GB are free"
    ]
    monkeypatch.setattr(memory, "free_bytes", lambda _: 900_000_000)
    with pytest.raises(ModelError, match=r"0\.9 GB are free: close other programs, or set LONGHAND_DTYPE"):
        Codec.load("sonar")


def test_a_damaged_checkpoint_is_one_line(small_sonar: Path) -> None:
    path = small_sonar / f"{DECODER}.pt"
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(ModelError, match=r"the space sonar .* cannot be loaded"):
        Codec.load("sonar")
    torch.save({"state_dict": {"layers.0.fc1.weight": torch.zeros(2)}}, path)
    with pytest.raises(ModelError, match=r"no embed_tokens\.weight: it is no SONAR text decoder"):
        Codec.load("sonar")


def test_broken_cards_of_the_user_are_one_line(assets: Path) -> None:
    (assets / "broken.yaml").write_text("name: [")
    with pytest.raises(ModelError, match="the card text_sonar_basic_encoder cannot be read"):
        find_card("space", "sonar")
