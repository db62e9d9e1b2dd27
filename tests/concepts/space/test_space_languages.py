"""Teaching a space languages beside its own: what is read, where the table starts, and that a toy run learns."""

from __future__ import annotations

import gzip
import json
import math
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from concepts.codecs.codec import Codec
from concepts.corpus.records import PAIR_KINDS
from concepts.errors import InputError, ModelError, UsageError
from concepts.models.card import ModelCard
from concepts.space.config import EOS_ID, PAD_ID, UNK_ID, SpaceConfig
from concepts.space.extension import extension_weights, extensions_of
from concepts.space.network import SpaceAutoencoder
from concepts.space.tokenizer import Pieces
from tests.concepts.space.rounding import is_rounded
from training.corpus.store import FORMAT_VERSION
from training.loop_config import LoopConfig
from training.space import peers
from training.space.alignment import Alignment
from training.space.evaluate_languages import evaluate_languages, evaluate_retrieval, read_held
from training.space.pairs import Sentence, english_concepts, read_sentences
from training.space.peers import nearest_texts, xsim_error
from training.space.release import load_encoder, release_space
from training.space.release_languages import release_languages
from training.space.start_table import start_table
from training.space.train_languages import (
    LanguagesLoss,
    LanguagesTask,
    LanguagesTrainingConfig,
    hide,
    missed,
    train_languages,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:(fairseq2|sonar|torchaudio|torch).*"),
]

LANGS = ("deu_Latn", "spa_Latn")
ALIGNMENT = Alignment([], 10, 10)
WORDS = {
    "open": ("öffne", "abre"), "close": ("schließe", "cierra"), "file": ("Datei", "archivo"),
    "window": ("Fenster", "ventana"), "print": ("drucke", "imprime"), "save": ("sichere", "guarda"),
    "text": ("Text", "texto"), "name": ("Namen", "nombre"), "share": ("teile", "comparte"),
    "picture": ("Bild", "imagen"), "and": ("und", "y"), "then": ("dann", "luego"),
}  # fmt: skip


def sentence(rng: random.Random) -> tuple[str, ...]:
    words = [rng.choice(list(WORDS)) for _ in range(rng.randint(2, 6))]
    sides = [words, *([WORDS[word][n] for word in words] for n in range(2))]
    return tuple(" ".join(side) + "." for side in sides)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """How-to documents and a description in three languages, the first half of the sentences in pairs."""
    folder = tmp_path_factory.mktemp("corpus")
    rng = random.Random(0)
    documents, pairs = [], []
    for split, num in (("train", 240), ("dev", 40), ("test", 40)):
        rows = sorted({sentence(rng) for _ in range(num)})
        for n, lang in enumerate(("eng_Latn", *LANGS)):
            title = rows[0][n]
            sections = [{"heading": "", "paragraphs": [[row[n] for row in rows]]}]
            documents.append(
                {"title": title, "sections": sections, "lang": lang, "source": "toy", "page": split}
                | {"split": split}
            )
            pairs += [
                (split, "document", "eng_Latn", row[0], lang, row[n])
                for row in rows[: num // 2]
                if lang != "eng_Latn"
            ]
    described = "A tool to print."
    documents.append(
        {"title": "tool", "sections": [{"paragraphs": [[described]]}], "lang": "eng_Latn"}
        | {"source": "Debian Translation", "page": "tool", "split": "train"}
    )
    pairs.append(("train", "description", "eng_Latn", described, "deu_Latn", "Ein Werkzeug."))
    pairs += [
        ("train", "catalogue", "eng_Latn", "Out", lang, text)
        for lang, text in zip(LANGS, ("Aus", "Fuera"), strict=True)
    ]
    (folder / "corpus.json").write_text(json.dumps({"format_version": FORMAT_VERSION}))
    with gzip.open(folder / "documents.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(document, ensure_ascii=False) + "\n" for document in documents)
    with gzip.open(folder / "pairs.tsv.gz", "wt", encoding="utf-8") as file:
        file.writelines("\t".join(pair) + "\n" for pair in pairs)
    return folder


@pytest.fixture(scope="module")
def english(
    tmp_path_factory: pytest.TempPathFactory,
    pieces_path: Path,
    make_run: Callable[..., SpaceAutoencoder],
    tiny_config: SpaceConfig,
) -> ModelCard:
    home = tmp_path_factory.mktemp("english")
    make_run(home / "run", pieces_path, seed=1, config=tiny_config)
    path = home / "run" / "recipe.json"
    recipe = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(recipe | {"langs": ["eng_Latn"]}))
    return release_space(home / "run", home / "english", name="english")


def recipe(tiny: SpaceConfig, num_steps: int) -> LanguagesTrainingConfig:
    loop = LoopConfig(
        num_steps=num_steps, num_warmup_steps=2, num_cooldown_steps=num_steps // 3, evaluate_every=30
    )
    return LanguagesTrainingConfig(
        langs=LANGS, model=replace(tiny, num_pieces=300), loop=loop, max_tokens=256, stages=((5, 8),)
    )


def test_pairs_of_documents_are_read_and_some_sentences_alone(corpus: Path) -> None:
    found = read_sentences(corpus, "train", LANGS, alone_share=0.25)
    assert {s.kind for s in found} == {"document"}
    every = read_sentences(corpus, "train", LANGS, kinds=PAIR_KINDS)
    assert [(s.lang, s.english, s.text) for s in every if s.kind != "document"] == [
        ("deu_Latn", "A tool to print.", "Ein Werkzeug."),
        ("deu_Latn", "Out", "Aus"),
        ("spa_Latn", "Out", "Fuera"),
    ]
    assert [s for s in every if s.kind == "document"] == read_sentences(corpus, "train", LANGS)
    for lang in LANGS:
        paired = [s for s in found if s.lang == lang and s.english]
        alone = [s for s in found if s.lang == lang and not s.english]
        assert len(alone) == int(0.25 * len(paired)) > 5
        assert not {s.text for s in alone} & {s.text for s in paired}
    assert found == read_sentences(corpus, "train", LANGS, alone_share=0.25)
    assert {s.english for s in read_sentences(corpus, "train", LANGS)} >= {s.english for s in found} - {""}


def test_a_language_without_pairs_is_one_line(corpus: Path) -> None:
    with pytest.raises(InputError, match="no pairs of English and fra_Latn in its dev split"):
        read_sentences(corpus, "dev", ("fra_Latn",))


def test_the_teacher_says_of_each_row_what_it_says_of_it_alone(
    english: ModelCard, tmp_path: Path, tiny_config: SpaceConfig
) -> None:
    texts = ["open the file.", "", "print", "close window and then save text", ""]
    rows = [Sentence("x", "deu_Latn", text) for text in texts]
    encoder, pieces = load_encoder(english).eval(), Pieces(english.path("pieces.model"))
    lang_id = tiny_config.lang_id("eng_Latn")
    found = english_concepts(tmp_path / "taught.npz", rows, "x@1", encoder, pieces, lang_id, EOS_ID)
    for text, row in zip(texts, found, strict=True):
        if not text:
            assert not row.any()
            continue
        tokens = torch.tensor([[lang_id, *pieces.encode([text])[0], EOS_ID]])
        with torch.no_grad():
            alone = encoder(tokens)[0]
        assert torch.nn.functional.cosine_similarity(alone, torch.from_numpy(row).float(), dim=0) > 0.99
    again = english_concepts(tmp_path / "taught.npz", rows, "x@1", encoder, pieces, lang_id, EOS_ID)
    assert np.array_equal(again, found)
    with pytest.raises(InputError, match=r"taught.npz is of another corpus or space: delete it"):
        english_concepts(tmp_path / "taught.npz", rows, "x@2", encoder, pieces, lang_id, EOS_ID)
    with pytest.raises(InputError, match="another corpus or space"):
        english_concepts(tmp_path / "taught.npz", rows[1:], "x@1", encoder, pieces, lang_id, EOS_ID)


def test_a_new_piece_starts_near_the_english_piece_it_goes_with() -> None:
    generator = torch.Generator().manual_seed(0)
    english = torch.randn(40, 64, generator=generator)
    rng = random.Random(0)
    pairs = []
    for _ in range(400):
        words = rng.sample(range(4, 30), 4)
        pairs.append(([word + 10 for word in words], words))
    table = start_table(english, [(50, 3)], pairs, 60, generator=generator)
    assert torch.equal(table[50], english[3])
    cosine = torch.nn.functional.cosine_similarity(table[14:40, None], english[None, :], dim=2)
    assert (cosine.argmax(dim=1) == torch.arange(4, 30)).all()
    assert 0.8 < float(table[14:40].std() / english.std()) < 1.2
    assert len({row.tobytes() for row in table.numpy()}) == 60


def test_the_peer_is_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[object] = []

    class Peer:
        def __init__(self) -> None:
            loaded.append(self)

        def encode(self, texts: list[str]) -> np.ndarray:
            return np.ones((len(texts), 512), dtype=np.float32)

    monkeypatch.setattr(peers, "import_module", lambda _: SimpleNamespace(USE=Peer))
    peers._load_peer.cache_clear()
    try:
        assert [len(peers.peer_vectors(["Tea."] * num)) for num in (1, 300)] == [1, 300]
        assert len(loaded) == 1
    finally:
        peers._load_peer.cache_clear()


def test_a_toy_run_learns_goes_on_and_leaves_a_space_that_can_be_measured(
    corpus: Path, english: ModelCard, tiny_config: SpaceConfig, tmp_path: Path
) -> None:
    run_dir = tmp_path / "run"
    train_languages(corpus, english, run_dir, recipe(tiny_config, 10))
    figures = train_languages(corpus, english, run_dir, recipe(tiny_config, 90))
    rows = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    dev = [row for row in rows if "dev_loss" in row]
    assert [row["step"] for row in dev] == [10, 30, 60, 90]
    for name in ("own", "english", "draft", "distance"):
        assert dev[-1][f"dev_{name}"] < 0.9 * dev[0][f"dev_{name}"]
    assert figures["loss"] == dev[-1]["dev_loss"]
    card = release_languages(run_dir, tmp_path / "model", english, name="three", seed=1, figures=figures)
    assert f"started from {english.model_id}" in card.recipe and "(90 steps" in card.recipe
    codec = Codec.load(str(card.folder))
    notes: list[str] = []
    counts: list[tuple[int, int]] = []
    found = evaluate_languages(
        corpus,
        codec,
        num_sentences=10,
        num_direction=5,
        num_known=30,
        on_note=notes.append,
        on_progress=lambda done, total: counts.append((done, total)),
    )
    assert counts[-1] == (8, 8)  # two languages, six directions
    for lang in LANGS:
        assert 0 <= found[f"{lang}.xsim_error"] <= 100
        assert {
            f"{lang}.{name}"
            for name in ("bleu", "first_bleu", "exact", "first_bleu_noise_0.2", "nearest_bleu")
        } <= set(found)
    assert {"eng_Latn>deu_Latn.bleu", "spa_Latn>deu_Latn.chrf", "deu_Latn>eng_Latn.first_bleu"} <= set(found)
    assert "peer_xsim_error" in " ".join(found) or "is not installed: in Longhand's clone" in notes[0]
    assert evaluate_retrieval(corpus, codec).keys() <= found.keys()
    goes_on_from(card, corpus, english, recipe(tiny_config, 10), tmp_path)


def goes_on_from(
    card: ModelCard, corpus: Path, english: ModelCard, config: LanguagesTrainingConfig, folder: Path
) -> None:
    run_dir = folder / "on"
    figures = train_languages(corpus, card, run_dir, config, init=card)
    rows = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()]
    first, *_, last = [row for row in rows if "dev_loss" in row]
    assert figures["loss"] < (first["dev_loss"] + last["dev_loss"]) / 2
    assert (run_dir / "pieces.model").read_bytes() == card.path("deu-spa.model").read_bytes()
    made = json.loads((run_dir / "recipe.json").read_text())
    assert (made["mixed_share"], made["loop"]["num_cooldown_steps"]) == (0.8, 3)
    card = measured(card)
    again = release_languages(run_dir, folder / "again", card, name="again", seed=1, figures={})
    assert again.figures == {"bleu": 1.0}  # what was measured in these languages, other weights say now
    assert again.config["langs"] == card.config["langs"]
    assert [e.langs for e in extensions_of(again)] == [LANGS]
    assert (again.folder / "cards.yaml").read_text().count("name: again_") == 4
    assert again.path("deu-spa.safetensors").read_bytes() != card.path("deu-spa.safetensors").read_bytes()
    assert f"started from {card.model_id}, the mean of both" in again.recipe
    quarter = release_languages(
        run_dir, folder / "quarter", card, name="quarter", seed=1, figures={}, kept=0.25
    )
    assert f"started from {card.model_id}, 25% of that kept" in quarter.recipe
    name = "decoder.decoder.layers.0.ffn.inner_proj.weight"
    (extension,) = extensions_of(card)
    start, learnt = extension_weights(card, extension)[name], load_file(run_dir / "best.safetensors")
    for released, kept in ((again, 0.5), (quarter, 0.25)):
        mean = kept * start + (1 - kept) * learnt[f"autoencoder.{name}"]
        given = extension_weights(released, extension)[name]
        assert is_rounded(given, mean)
        assert not torch.equal(start, given)
    assert Codec.load(str(again.folder)).encode(["öffne Datei"], "deu_Latn").shape == (
        1,
        english.config["model_dim"],
    )
    (run_dir / "start.safetensors").unlink()
    with pytest.raises(ModelError, match=r"has no start\.safetensors, from which it started: train again"):
        release_languages(run_dir, folder / "lost", card, name="lost", seed=1, figures={})
    with pytest.raises(UsageError, match=r"english has no parts of its own for deu_Latn, spa_Latn"):
        train_languages(corpus, english, folder / "none", config, init=english)
    assert not (folder / "none").exists()


def test_a_decoder_learns_alone_and_what_texts_are_encoded_to_stays(
    corpus: Path, english: ModelCard, tiny_config: SpaceConfig, tmp_path: Path
) -> None:
    config = replace(recipe(tiny_config, 12), decoder_only=True)
    train_languages(corpus, english, tmp_path / "run", recipe(tiny_config, 10))
    first = release_languages(tmp_path / "run", tmp_path / "first", english, name="f", seed=1, figures={})
    assert all(extension.reads_draft for extension in extensions_of(first))
    train_languages(corpus, first, tmp_path / "on", config, init=first)
    on = release_languages(
        tmp_path / "on", tmp_path / "on-model", first, name="on", seed=1, figures={}, kept=0
    )
    assert "longhand train languages --decoder-only --seed 1 (12 steps" in on.recipe
    before, after = (extension_weights(card, extensions_of(card)[0]) for card in (first, on))
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved and all(name.startswith("decoder.") for name in moved)
    layer = "decoder.decoder.layers.0.encoder_decoder_attn"
    assert {f"{layer}.{part}.weight" for part in ("q_proj", "k_proj", "v_proj")} <= moved
    texts = ["öffne Datei", "schließe Fenster und drucke"]
    codecs = [Codec.load(str(card.folder)) for card in (first, on)]
    vectors = codecs[0].encode(texts, "deu_Latn")
    assert torch.equal(vectors, codecs[1].encode(texts, "deu_Latn"))


def no_states(tokens: torch.Tensor, padding: torch.Tensor) -> torch.Tensor:
    raise AssertionError("no English is read here")


def measured(card: ModelCard) -> ModelCard:
    names = ("bleu", "deu_Latn.bleu", "eng_Latn>spa_Latn.chrf", "deu_Latn>eng_Latn.bleu")
    return replace(card, figures=dict.fromkeys(names, 1.0))


def test_contrast_is_what_finding_the_english_costs(tiny_config: SpaceConfig) -> None:
    loss = LanguagesLoss(LanguagesTrainingConfig(model=tiny_config), 1.0, no_states, ALIGNMENT)
    english = torch.nn.functional.normalize(torch.eye(6, tiny_config.model_dim), dim=1)
    assert loss.contrast(english, english).item() < 1e-4
    assert loss.contrast(2 * english, english).item() < 1e-4  # length does not matter
    assert loss.contrast(english.roll(1, dims=0), english).item() > 10
    alike = torch.ones_like(english)
    assert loss.contrast(alike, english).item() == pytest.approx(math.log(6), abs=1e-3)
    # The same English twice is no wrong answer, and a sentence without a translation takes no part.
    twice = torch.cat((english, english[:1], torch.zeros(1, tiny_config.model_dim)))
    student = torch.cat((english, english[:1], torch.ones(1, tiny_config.model_dim)))
    assert loss.contrast(student, twice).item() < 1e-4
    assert loss.contrast(english[:1], english[:1]).item() == 0.0


def test_a_space_of_one_language_has_nothing_to_compare(corpus: Path, english: ModelCard) -> None:
    codec = Codec.load(str(english.folder))
    assert evaluate_languages(corpus, codec) == evaluate_retrieval(corpus, codec) == {}


def test_held_out_pairs_share_no_side_with_training_pairs(corpus: Path) -> None:
    held = read_held(corpus, LANGS)
    trained = {s.text for s in read_sentences(corpus, "train", LANGS)}
    trained |= {s.english for s in read_sentences(corpus, "train", LANGS)}
    for source, target in (("eng_Latn", "deu_Latn"), ("deu_Latn", "spa_Latn")):
        rows = held.pairs(source, target, 30)
        assert rows and rows == held.pairs(source, target, 30)
        assert not {text for row in rows for text in row} & trained


def test_the_nearest_text_and_the_share_that_is_not_found() -> None:
    known = torch.eye(5)
    assert nearest_texts(torch.tensor([[0, 0, 0.9, 0.1, 0]]), known, list("abcde")) == ["c"]
    points = torch.randn(50, 16, generator=torch.Generator().manual_seed(0))
    assert xsim_error(points, points) == 0
    assert xsim_error(points, points.roll(1, dims=0)) == 100
    swapped = points.clone()
    swapped[:2] = points[[1, 0]]
    assert xsim_error(points, swapped) == pytest.approx(4)


def test_some_of_what_was_said_is_hidden_and_no_padding() -> None:
    tokens = torch.full((40, 30), 9)
    tokens[:, 20:] = PAD_ID
    hidden = hide(tokens, 0.5, torch.Generator().manual_seed(0), num_kept=2, also_kept=(PAD_ID,))
    assert (hidden[:, :2] == 9).all()
    assert 0.4 < (hidden[:, 2:20] == UNK_ID).float().mean() < 0.6
    assert ((hidden[:, :20] == 9) | (hidden[:, :20] == UNK_ID)).all()
    assert (hidden[:, 20:] == PAD_ID).all()


def test_looking_elsewhere_than_shown_costs_nats() -> None:
    shown = torch.eye(4).repeat(2, 1, 1)  # token t looks at t
    exact = torch.cat((torch.full((2, 1, 4), 0.25), shown), dim=1).unsqueeze(1).repeat(1, 4, 1, 1)
    spread = torch.full_like(exact, 0.25)
    assert missed([exact, exact], shown).item() == pytest.approx(0, abs=1e-5)
    assert missed([spread], shown).item() == pytest.approx(math.log(4))
    free = exact.clone()
    free[:, 2:] = spread[:, 2:]  # the other half of the heads look where they want
    assert missed([free, spread], shown).item() == pytest.approx(math.log(4) / 2)
    assert missed([], shown).item() == missed([exact[:0]], shown[:0]).item() == 0


def test_the_last_steps_read_pairs_of_documents_alone(tiny_config: SpaceConfig) -> None:
    every, documents = (
        SimpleNamespace(batch=lambda _, name=name, **__: name) for name in ("all", "documents")
    )
    task = LanguagesTask(recipe(tiny_config, 10), every, documents, every, 1.0, no_states, ALIGNMENT)  # type: ignore[arg-type]
    assert [task.batch(step, 0, 1) for step in range(10)] == ["all"] * 7 + ["documents"] * 3
