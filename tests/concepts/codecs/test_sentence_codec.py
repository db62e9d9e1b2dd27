"""The codec of a downloaded sentence encoder: its authors' vectors, batched as single; every lack is one line."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from concepts.codecs.codec import Codec
from concepts.codecs.extension import (
    PIECES_FILE,
    WEIGHTS_FILE,
    EncoderExtension,
    ExtensionConfig,
    ids_of,
)
from concepts.codecs.sentence_codec import SentenceCodec
from concepts.codecs.spaces import load_codec
from concepts.errors import InputError, ModelError, UsageError
from concepts.models.card import FetchedCard, ModelCard, write_card
from concepts.models.installed import find_card
from concepts.models.quantize import quantize
from concepts.models.tensors import save_tensors
from concepts.models.wheels import FETCHED_VARIABLE, MINILM, is_fetched
from concepts.space.tokenizer import Pieces, train_sentencepiece
from tests.concepts.minilm_toy import DIM, MAX_TOKENS, make_sentence_encoder

ROOT = Path(__file__).resolve().parents[3]
TEXTS = ("Open the files.", "print", "Close the window, save the file. Bake a bread", "is", "the")


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> FetchedCard:
    home = tmp_path_factory.mktemp("minilm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FETCHED_VARIABLE, str(home / "fetched"))
        return make_sentence_encoder(home / "toy-minilm")


@pytest.fixture(autouse=True)
def places(card: FetchedCard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FETCHED_VARIABLE, str(card.folder.parent / "fetched"))
    monkeypatch.setenv("LONGHAND_MODELS", str(card.folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture
def codec(card: FetchedCard) -> SentenceCodec:
    return load(card)


def load(card: FetchedCard, *extensions: ModelCard) -> SentenceCodec:
    place = torch.device("cpu")
    return SentenceCodec.load(card, device=place, dtype=torch.float32, extensions=extensions)


def test_it_is_loaded_by_name_without_a_word(card: FetchedCard, capfd: pytest.CaptureFixture[str]) -> None:
    codec = load_codec("toy-minilm")
    assert isinstance(codec, SentenceCodec)
    assert (codec.dim, codec.langs, codec.device.type) == (DIM, ("eng_Latn", "deu_Latn"), "cpu")
    assert codec.space_id == codec.card.model_id == card.model_id
    assert capfd.readouterr() == ("", "")


def test_a_concept_is_the_unit_mean_of_the_token_states(codec: SentenceCodec) -> None:
    from transformers.models.bert import BertModel

    model = BertModel.from_pretrained(codec.card.path("config.json").parent, add_pooling_layer=False).eval()
    for text in TEXTS:
        ids = codec._tokenizer.encode(text).ids
        with torch.no_grad():
            states = model(torch.tensor([ids])).last_hidden_state[0]
        expected = F.normalize(states.mean(dim=0), dim=0)
        torch.testing.assert_close(codec.encode([text])[0], expected, atol=1e-5, rtol=1e-5)


def test_a_batch_says_what_its_sentences_say_alone_in_their_order(codec: SentenceCodec) -> None:
    many = [f"{text} {other}" for text in TEXTS for other in TEXTS] * 5  # several batches
    vectors = codec.encode(many)
    alone = torch.cat([codec.encode([text]) for text in many])
    torch.testing.assert_close(vectors, alone, atol=1e-5, rtol=0)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(len(many)))
    assert vectors.dtype == torch.float32 and not vectors.is_inference() and not vectors.requires_grad
    assert codec.encode([]).shape == (0, DIM)
    assert codec.as_query(vectors) is vectors


def test_a_sentence_beyond_the_encoders_length_is_cut(codec: SentenceCodec) -> None:
    long = " ".join(["bake"] * MAX_TOKENS)
    assert torch.equal(codec.encode([long]), codec.encode([long + " bread"]))


def test_an_extension_reads_another_language_and_leaves_english_alone(
    card: FetchedCard, codec: SentenceCodec, tmp_path: Path
) -> None:
    from transformers.models.bert import BertModel

    extension, further = make_extension(card, tmp_path / "german")
    extended = load(card, further)
    assert torch.equal(extended.encode(list(TEXTS)), codec.encode(list(TEXTS)))
    german = ["Öffne die Datei", "schließe das Fenster", "drucke"]
    vectors = extended.encode(german, "deu_Latn")
    # merged into the layers it gives what it gave while it was trained, beside them
    base = BertModel.from_pretrained(card.path("config.json").parent, add_pooling_layer=False).eval()
    pieces = Pieces(further.path(PIECES_FILE))
    for text, vector in zip(german, vectors, strict=True):
        (ids,) = ids_of([text], pieces, extension.config)
        with torch.no_grad():
            (alone,) = extension(base, torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.bool))
        torch.testing.assert_close(vector, alone, atol=2e-2, rtol=0)  # weights that ship are quantised
    torch.testing.assert_close(extended.encode(["ÖFFNE die datei"], "deu_Latn"), vectors[:1])
    assert torch.equal(extended.encode(list(TEXTS)), codec.encode(list(TEXTS)))
    long = " ".join(["drucke"] * MAX_TOKENS)
    assert torch.equal(extended.encode([long], "deu_Latn"), extended.encode([long + " datei"], "deu_Latn"))


def test_an_extension_that_is_missing_or_damaged_is_one_line(
    card: FetchedCard, codec: SentenceCodec, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="cannot read deu_Latn: no model of its further languages") as error:
        codec.encode(["Drucke"], "deu_Latn")
    assert "\n" not in str(error.value)
    _, further = make_extension(card, tmp_path / "german")
    path = further.path(WEIGHTS_FILE)
    tensors = load_file(path)
    del tensors["embed.weight"]
    save_tensors(path, tensors)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModelCard, "verify", lambda self: None)
        with pytest.raises(ModelError, match=r"1 missing \(embed.weight\), 0 unknown"):
            load(card, further).encode(["Drucke"], "deu_Latn")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ModelError, match=r"encoder\.safetensors has checksum"):
        load(card, further).encode(["Drucke"], "deu_Latn")


def make_extension(card: FetchedCard, folder: Path) -> tuple[EncoderExtension, ModelCard]:
    """Return a random extension of the toy by German, and its card in `folder`."""
    from transformers.models.bert import BertModel

    folder.mkdir()
    words = ["öffne die datei", "schließe das fenster", "drucke", "backe ein brot"]
    train_sentencepiece(words * 20, folder / PIECES_FILE, 300)
    num_pieces = Pieces(folder / PIECES_FILE).num_pieces
    config = ExtensionConfig(
        langs=("deu_Latn",), num_pieces=num_pieces, model_dim=DIM, rank=4, max_seq_len=MAX_TOKENS
    )
    torch.manual_seed(1)
    base = BertModel.from_pretrained(card.path("config.json").parent, add_pooling_layer=False)
    extension = EncoderExtension(config, base)
    with torch.no_grad():
        for parameter in extension.parameters():
            parameter.copy_(0.3 * torch.randn_like(parameter))
    save_tensors(folder / WEIGHTS_FILE, quantize(dict(extension.state_dict())))
    made = write_card(
        folder,
        name="toy-german",
        kind="languages",
        version=1,
        file_names=[WEIGHTS_FILE, PIECES_FILE],
        config={**asdict(config), "langs": ["deu_Latn"]},
        space=card.space_id,
        data="",
        recipe="",
        steps=0,
        figures={},
        licence="",
    )
    return extension, made


def test_what_it_cannot_do_is_one_line(codec: SentenceCodec) -> None:
    with pytest.raises(ModelError, match="toy-minilm has no decoder: a voice says its concepts"):
        codec.decode(codec.encode(["print"]))
    with pytest.raises(ModelError, match="toy-minilm has no decoder: name another one, such as sonar-mini"):
        Codec.load("toy-minilm")
    with pytest.raises(InputError, match="an empty sentence has no concept"):
        codec.encode(["print", " "])
    with pytest.raises(UsageError, match="does not know the language 'German'; try deu_Latn"):
        codec.encode(["print"], "German")


def test_a_model_that_is_not_here_names_the_command(
    card: FetchedCard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(FETCHED_VARIABLE, str(tmp_path / "none"))
    assert not card.is_fetched
    with pytest.raises(ModelError, match=r"the model minilm .* run `longhand models fetch minilm`") as error:
        load_codec("toy-minilm")
    assert "\n" not in str(error.value)


def test_a_changed_or_broken_file_is_one_line(
    card: FetchedCard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(FETCHED_VARIABLE, str(tmp_path / "fetched"))
    broken = make_sentence_encoder(tmp_path / "broken")
    path = broken.path("model.safetensors")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(
        ModelError, match=r"model\.safetensors has checksum .* run `longhand models fetch minilm`"
    ):
        load(broken)
    with monkeypatch.context() as patch:
        patch.setattr(FetchedCard, "verify", lambda self: None)
        with pytest.raises(ModelError, match=r"the space toy-minilm in .* cannot be loaded") as error:
            load(broken)
    assert "\n" not in str(error.value)


def test_the_shipped_card_names_the_files_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LONGHAND_MODELS")
    shipped = find_card("space", verify=False)
    assert isinstance(shipped, FetchedCard)
    assert (shipped.name, shipped.files, shipped.config["model_dim"]) == ("minilm", MINILM.files, 384)
    assert shipped.config["langs"] == find_card("space", "sonar-mini", verify=False).config["langs"]


def test_the_real_one_says_what_its_authors_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LONGHAND_MODELS")
    monkeypatch.delenv(FETCHED_VARIABLE)
    if "LONGHAND_FETCHED" in REAL:
        monkeypatch.setenv(FETCHED_VARIABLE, REAL["LONGHAND_FETCHED"])
    if not is_fetched(MINILM):
        pytest.skip("minilm is not fetched: longhand models fetch minilm")
    program = """
import sys
from concepts.codecs.spaces import load_codec
codec = load_codec()
vectors = codec.encode(["This is an example sentence", "Each sentence is converted"])
print(*(f"{x:.4f}" for x in vectors[:, 0].tolist()), f"{float(vectors[0] @ vectors[1]):.3f}")
assert "fairseq2" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        env={**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    # as the model's page at huggingface.co has them
    assert (done.returncode, done.stderr) == (0, "")
    first, second, likeness = map(float, done.stdout.split())
    assert (first, second) == pytest.approx((0.0676, 0.0862), abs=2e-3)
    assert 0 < likeness < 0.5


REAL = {name: os.environ[name] for name in (FETCHED_VARIABLE,) if name in os.environ}
"""Where this machine's models are, as the tests found it."""
