"""Languages beside those of a space: the space stays bit for bit, the new parts are found by language."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from concepts.codecs.codec import Codec
from concepts.errors import ModelError, UsageError
from concepts.models.card import ModelCard, read_card
from concepts.models.quantize import dequantize
from concepts.models.tensors import load_parameters
from concepts.space.config import EOS_ID, SpaceConfig
from concepts.space.draft import Drafts, frozen_states, open_to_draft, with_draft
from concepts.space.extension import extension_weights, extensions_of, own_files
from concepts.space.network import SpaceAutoencoder
from concepts.space.tokenizer import Pieces, train_sentencepiece
from tests.concepts.space.rounding import is_rounded
from training.loop import write_json
from training.space.release import load_encoder, release_space
from training.space.release_languages import release_languages
from training.space.train_languages import LanguagesTrainingConfig

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:(fairseq2|sonar|torchaudio|torch).*"),
]

MakeRun = Callable[..., SpaceAutoencoder]

ENGLISH = ("open the file.", "print", "click the button with the name and then save the text.")
GERMAN = ("öffne die Datei.", "drucke", "den Knopf.")


@pytest.fixture(scope="module")
def english(
    tmp_path_factory: pytest.TempPathFactory, pieces_path: Path, make_run: MakeRun, tiny_config: SpaceConfig
) -> ModelCard:
    """A tiny space that knows English alone."""
    home = tmp_path_factory.mktemp("english")
    make_run(home / "run", pieces_path, seed=1, config=tiny_config)
    recipe = (home / "run" / "recipe.json").read_text(encoding="utf-8")
    langs = '"langs": [\n    "eng_Latn",\n    "deu_Latn",\n    "fra_Latn",\n    "spa_Latn"\n  ]'
    assert langs in recipe
    (home / "run" / "recipe.json").write_text(recipe.replace(langs, '"langs": ["eng_Latn"]'))
    return release_space(home / "run", home / "english", name="english")


@pytest.fixture(scope="module")
def languages_run(
    tmp_path_factory: pytest.TempPathFactory, english: ModelCard, make_run: MakeRun, tiny_config: SpaceConfig
) -> tuple[Path, SpaceAutoencoder]:
    """What a training of German and French beside it leaves, and the weights."""
    run_dir = tmp_path_factory.mktemp("languages")
    train_sentencepiece([f"{a} {b}" for a in GERMAN for b in GERMAN] * 20, run_dir / "new.model", 300)
    config = replace(tiny_config, num_pieces=Pieces(run_dir / "new.model").num_pieces)
    model = make_run(run_dir / "run", run_dir / "new.model", seed=5, config=config)
    recipe = asdict(LanguagesTrainingConfig(model=config, langs=("deu_Latn", "fra_Latn")))
    write_json(run_dir / "run" / "recipe.json", recipe | {"init": english.lineage, "space": english.space_id})
    return run_dir / "run", model


@pytest.fixture(scope="module")
def extended(
    languages_run: tuple[Path, SpaceAutoencoder], english: ModelCard, tmp_path_factory: pytest.TempPathFactory
) -> ModelCard:
    return release_languages(
        languages_run[0],
        tmp_path_factory.mktemp("extended") / "model",
        english,
        name="extended",
        seed=1,
        figures={},
    )


@pytest.fixture(scope="module")
def codec(extended: ModelCard) -> Codec:
    return Codec.load(str(extended.folder))


def test_english_is_the_same_bit_for_bit(codec: Codec, english: ModelCard, extended: ModelCard) -> None:
    before = Codec.load(str(english.folder))
    vectors = before.encode(ENGLISH)
    assert torch.equal(codec.encode(ENGLISH), vectors)
    assert codec.decode(vectors) == before.decode(vectors)
    assert codec.space_id == before.space_id == english.model_id != extended.model_id
    kept = {name: digest for name, digest in english.files.items() if name != "cards.yaml"}
    assert kept.items() <= extended.files.items()


def test_a_new_language_is_read_and_said_by_the_weights_that_were_trained(
    codec: Codec, extended: ModelCard, languages_run: tuple[Path, SpaceAutoencoder]
) -> None:
    _, model = languages_run
    config, pieces = model.config, Pieces(extended.path("deu-fra.model"))
    for lang in ("deu_Latn", "fra_Latn"):
        with torch.no_grad():
            expected = torch.cat(
                [
                    model.encoder(torch.tensor([[config.lang_id(lang), *ids, EOS_ID]]))
                    for ids in pieces.encode(list(GERMAN))
                ]
            )
        got = codec.encode(GERMAN, lang)
        assert torch.nn.functional.cosine_similarity(got, expected).min() > 0.98  # weights in five bits
    assert not torch.equal(codec.encode(GERMAN, "deu_Latn"), codec.encode(GERMAN, "fra_Latn"))
    decoder = codec._pipelines_of("deu_Latn")[1].model.decoder.state_dict()
    stored = dequantize(load_file(extended.path("deu-fra.safetensors")))
    for name in model.decoder.state_dict():
        if not name.endswith("embed.weight"):
            torch.testing.assert_close(decoder[name], stored[f"decoder.{name}"].float())
    table = decoder["decoder_frontend.embed.weight"]
    torch.testing.assert_close(table, stored["encoder.encoder_frontend.embed.weight"])
    assert is_rounded(table, model.encoder.encoder_frontend.embed.weight)


def test_the_words_of_the_english_are_read_as_in_training(
    codec: Codec,
    english: ModelCard,
    extended: ModelCard,
    languages_run: tuple[Path, SpaceAutoencoder],
    tiny_config: SpaceConfig,
) -> None:
    """Drafts of other lengths beside it, and none at all, change nothing of what is read of one."""
    twin, frozen = SpaceAutoencoder(languages_run[1].config), load_encoder(english).eval()
    with torch.no_grad():
        load_parameters(twin, extension_weights(extended, extensions_of(extended)[0]))
    drafts = [ENGLISH[1], "", ENGLISH[2], ENGLISH[0], ENGLISH[1]]
    vectors = codec.encode([text or "save" for text in drafts])
    read = Drafts(drafts, Pieces(english.path("pieces.model")), tiny_config.lang_id("eng_Latn"))
    memory, padding = with_draft(vectors, read.padded(np.arange(5)), frozen_states(frozen))
    inputs, lengths = codec._with_drafts(vectors, "deu_Latn", drafts)
    assert lengths == (~padding).sum(dim=1).tolist() and len(set(lengths)) == 4
    torch.testing.assert_close(inputs[~padding], memory[~padding], atol=1e-4, rtol=1e-4)
    prompt = torch.tensor([EOS_ID, twin.config.lang_id("deu_Latn")])
    unread = torch.ones_like(padding)
    unread[:, 0] = False
    for row, hypotheses in enumerate(codec.hypotheses(inputs, "deu_Latn", 2, lengths)):
        for found in hypotheses:
            tokens = torch.cat((prompt, found.seq))[None]
            with torch.no_grad():
                read_it, unread_it = (
                    twin.decoder.project(twin.decoder(memory[[row]], tokens[:, :-1], hidden[[row]]))
                    .log_softmax(dim=2)
                    .gather(2, tokens[:, 1:, None])
                    .sum()
                    .item()
                    for hidden in (padding, unread)
                )
            assert found.score is not None and float(found.score) == pytest.approx(read_it, abs=1e-2)
            assert (abs(read_it - unread_it) > 0.1) == (drafts[row] != "")
    texts = [found[0].text for found in codec.beams(vectors, "deu_Latn", 2, drafts)]
    alone = [codec.beams(vectors[i : i + 1], "deu_Latn", 2, drafts[i : i + 1])[0][0].text for i in range(5)]
    assert texts == alone


def test_a_decoder_that_may_read_words_first_says_what_it_said_of_their_mean(
    languages_run: tuple[Path, SpaceAutoencoder],
) -> None:
    decoder = copy.deepcopy(languages_run[1].decoder)
    words = torch.randn(3, 5, decoder.config.model_dim, generator=torch.Generator().manual_seed(0))
    concepts, tokens = words.mean(dim=1), torch.tensor([[EOS_ID, 5, 6]] * 3)
    drafts = torch.full((3, 5), 9)
    memory, padding = with_draft(concepts, drafts, lambda _tokens, _padding: words)
    with torch.no_grad():
        alone = decoder(concepts, tokens)
        open_to_draft(decoder, seed=0)
        far = (decoder(memory, tokens, padding) - alone).norm() / alone.norm()
        for layer in decoder.decoder.layers:
            layer.encoder_decoder_attn.q_proj.weight.mul_(30)
        further = (decoder(memory, tokens, padding) - alone).norm() / alone.norm()
    assert far < 0.1 < further


def test_there_are_as_many_drafts_as_concepts(codec: Codec) -> None:
    with pytest.raises(AssertionError, match="2 drafts for 3 concepts"):
        codec.beams(codec.encode(ENGLISH), "deu_Latn", 2, ENGLISH[:2])
    assert [codec.reads_draft(lang) for lang in codec.langs] == [False, True, True]


def test_an_english_text_loads_and_reads_nothing_of_the_other_languages(
    extended: ModelCard, tmp_path: Path
) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(extended.folder, folder)
    (folder / "deu-fra.safetensors").write_bytes(b"x")
    codec = Codec.load(str(folder))
    assert codec.langs == ("eng_Latn", "deu_Latn", "fra_Latn")
    vectors = codec.encode(ENGLISH)
    with pytest.raises(ModelError, match=r"deu-fra.safetensors has checksum .* damaged"):
        codec.decode(vectors, "fra_Latn")
    (folder / "deu-fra.model").unlink()
    (folder / "deu-fra.safetensors").unlink()
    with pytest.raises(ModelError, match="is missing; install Longhand again"):
        codec.encode(GERMAN, "deu_Latn")
    assert torch.equal(codec.encode(ENGLISH), vectors)


def test_the_card_names_the_extension(extended: ModelCard, codec: Codec) -> None:
    (extension,) = extensions_of(read_card(extended.folder))
    assert (extension.name, extension.langs) == ("deu-fra", ("deu_Latn", "fra_Latn"))
    assert set(extended.files) - set(own_files(extended)) == {"deu-fra.safetensors", "deu-fra.model"}
    assert "deu_Latn, fra_Latn: longhand train languages --seed 1 (7 steps" in extended.recipe
    assert [codec.is_extension(lang) for lang in codec.langs] == [False, True, True]


def test_a_language_that_is_known_is_not_added_again(
    languages_run: tuple[Path, SpaceAutoencoder], extended: ModelCard, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="knows deu_Latn, fra_Latn already"):
        release_languages(languages_run[0], tmp_path, extended, name="again", seed=1, figures={})


def test_a_run_beside_another_space_is_refused(
    languages_run: tuple[Path, SpaceAutoencoder],
    english: ModelCard,
    make_space: Callable[..., ModelCard],
    tmp_path: Path,
) -> None:
    other = replace(make_space("other", seed=9), config={**english.config})
    with pytest.raises(ModelError, match="was trained beside english@"):
        release_languages(languages_run[0], tmp_path, other, name="x", seed=1, figures={})


def test_a_card_that_names_its_extensions_wrongly_is_one_line(extended: ModelCard) -> None:
    damaged = replace(extended, config={**extended.config, "extensions": [{"name": "deu"}]})
    with pytest.raises(ModelError, match="names its extensions wrongly"):
        extensions_of(damaged)
