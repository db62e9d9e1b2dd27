"""From a corpus on disk to a released writer that writes."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from concepts.errors import InputError, ModelError, NonFiniteError, SpaceMismatchError
from concepts.models.card import ModelCard
from concepts.models.configs import Objective
from training.corpus.embed import EmbeddedCorpus, Encoder, load_embedded
from training.loop_config import LoopConfig
from training.release import release_model
from training.writer.config import WriterTrainingConfig
from training.writer.data import BlockData
from training.writer.evaluate import evaluate_writer
from training.writer.train import END_SENTENCE, WriterTask, train_writer
from writer.config import WriterConfig
from writer.generate import WriteOptions, Writer, WritingPlan

CONFIG = WriterTrainingConfig(
    model=WriterConfig(
        concept_dim=12, model_dim=32, num_context_layers=1, num_denoiser_layers=1, num_heads=2
    ),
    loop=LoopConfig(
        num_steps=40,
        num_warmup_steps=4,
        num_cooldown_steps=10,
        matrix_lr=0.02,
        adam_lr=0.01,
        evaluate_every=10,
    ),
    block_sizes=(1, 4),
    num_slots=32,
    max_rows=16,
)
SPACE_ID = "fake@0123456789ab"


@pytest.fixture(scope="module")
def run_dir(corpus_dir: Path, codec: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run_dir = tmp_path_factory.mktemp("writer-run")
    train_writer(corpus_dir, codec, run_dir, CONFIG)  # type: ignore[arg-type]
    return run_dir


@pytest.fixture(scope="module")
def card(run_dir: Path) -> ModelCard:
    return release_model(
        run_dir, run_dir / "released", root="writer", name="toy", kind="writer", recipe_line="test"
    )


def copied(card: ModelCard, folder: Path, **config: object) -> Path:
    raw = json.loads((card.folder / "card.json").read_text())
    raw["config"] |= config
    (folder / "card.json").write_text(json.dumps(raw))
    (folder / "model.safetensors").write_bytes(card.path("model.safetensors").read_bytes())
    return folder


@pytest.mark.parametrize("objective", ["diffusion", "mse"])
def test_every_parameter_has_a_gradient(corpus: EmbeddedCorpus, end: Tensor, objective: Objective) -> None:
    """Several processes wait for that of each."""
    data = BlockData(corpus, end)
    task = WriterTask(replace(CONFIG, model=replace(CONFIG.model, objective=objective)), data, data, end)
    task.module(task.batch(0, 0, 1), torch.Generator().manual_seed(0))[0].backward()
    assert [name for name, p in task.module.named_parameters() if p.grad is None] == []


def test_the_loss_of_a_toy_run_falls(run_dir: Path) -> None:
    rows = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    dev = [row["dev_loss"] for row in rows if "dev_loss" in row]
    assert len(dev) == 4 and dev[-1] < 0.8 * dev[0]


def test_a_released_writer_writes_in_the_space_it_was_trained_in(
    card: ModelCard, corpus_dir: Path, codec: Encoder
) -> None:
    writer = Writer.load(str(card.folder), space_id=SPACE_ID, options=WriteOptions(num_steps=4, block_size=4))
    assert writer.model.config == CONFIG.model and writer.card.model_id == card.model_id
    torch.testing.assert_close(writer.model.end, codec.encode([END_SENTENCE], "eng_Latn")[0])
    corpus = load_embedded(corpus_dir, SPACE_ID, "train")
    torch.testing.assert_close(writer.model.sentence_norm.center, corpus.vectors.quantile(0.5, dim=0))
    document = corpus.documents[0]
    plan = WritingPlan(
        prompt=corpus.vectors[[document.title]],
        goal=None,
        paths=("1", "2", "3"),
        leads=corpus.vectors[[section.heading for section in document.sections]],
        gists=torch.stack(
            [corpus.vectors[list(section.sentences)].mean(dim=0) for section in document.sections]
        ),
        num_sentences=(1, 3, 5),
    )
    written = writer.write(plan, plan.paths, seed=0)
    assert [section.path for section in written] == ["1", "2", "3"]
    # even a toy writer follows the gist: sections of this corpus are tight around it
    assert sum(section.similarity for section in written) / 3 > 0.5


@pytest.mark.parametrize("objective", ["diffusion", "mse"])
def test_a_resumed_run_ends_where_an_uninterrupted_one_does(
    corpus_dir: Path, codec: Encoder, tmp_path: Path, objective: Objective
) -> None:
    loop = replace(CONFIG.loop, num_steps=6, num_cooldown_steps=0, evaluate_every=100)
    config = replace(CONFIG, loop=loop, model=replace(CONFIG.model, objective=objective))
    stopped = replace(config, loop=replace(loop, num_steps=3))
    train_writer(corpus_dir, codec, tmp_path / "whole", config)  # type: ignore[arg-type]
    train_writer(corpus_dir, codec, tmp_path / "parts", stopped)  # type: ignore[arg-type]
    train_writer(corpus_dir, codec, tmp_path / "parts", config)  # type: ignore[arg-type]
    whole, parts = (
        load_file(tmp_path / run / "checkpoint" / "model.safetensors") for run in ("whole", "parts")
    )
    assert whole.keys() == parts.keys() and all(torch.equal(whole[name], parts[name]) for name in whole)


def test_the_figures_of_an_evaluation(card: ModelCard, corpus_dir: Path) -> None:
    writer = Writer.load(str(card.folder), space_id=SPACE_ID, options=WriteOptions(num_steps=4))
    told: list[tuple[int, int]] = []
    figures = evaluate_writer(
        corpus_dir, writer, split="dev", num_places=40, num_documents=3, on_progress=lambda *n: told.append(n)
    )
    assert all(math.isfinite(value) for value in figures.values())
    assert told[-1] == (83, 83) and told == sorted(told) and figures["num_sections"] == 9
    # of documents that all go the same way, a toy learns which of nine sentences comes next, not of which document
    for name in ("variance", "variance_plan"):
        assert figures[name] > 0.3, name
    assert figures["next_sentence"] > 0.05 and figures["next_sentence_plan"] > 0.05
    assert figures["finds_plan"] > figures["finds_plan_chance"] == pytest.approx(1 / 3)
    assert figures["distinct_true"] == 1 and 0 < figures["distinct"] <= 1
    assert 0.2 < figures["length_ratio"] < 2


def test_a_corpus_without_a_document_to_write_says_so(
    card: ModelCard, corpus_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.writer.evaluate._some_documents", lambda *_: [])
    writer = Writer.load(str(card.folder), space_id=SPACE_ID)
    with pytest.raises(InputError, match="has no dev document of 2 to 12 sections; import more"):
        evaluate_writer(corpus_dir, writer, split="dev")


def test_a_writer_of_another_space_is_refused(card: ModelCard) -> None:
    with pytest.raises(
        SpaceMismatchError, match="toy was trained in the space fake@0123456789ab, the vectors"
    ):
        Writer.load(str(card.folder), space_id="other@1")


def test_a_card_of_another_version_is_one_line(card: ModelCard, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"its config has 'num_towers', which this version") as error:
        Writer.load(str(copied(card, tmp_path, num_towers=3)), space_id=SPACE_ID)
    assert "\n" not in str(error.value)


def test_a_checkpoint_of_other_sizes_is_one_line(card: ModelCard, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model\.safetensors does not fit its card") as error:
        Writer.load(str(copied(card, tmp_path, num_denoiser_layers=2)), space_id=SPACE_ID)
    assert "\n" not in str(error.value)


def test_a_cut_checkpoint_is_found_by_its_checksum(card: ModelCard, tmp_path: Path) -> None:
    path = copied(card, tmp_path) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match=r"model\.safetensors has checksum"):
        Writer.load(str(tmp_path), space_id=SPACE_ID)


def test_a_space_that_encodes_the_end_to_nan_ends_the_run_at_once(
    corpus_dir: Path, codec: Encoder, tmp_path: Path
) -> None:
    class Broken(type(codec)):  # type: ignore[misc]
        def encode(self, sentences: list[str], lang: str) -> torch.Tensor:
            return super().encode(sentences, lang) * float("nan")

    with pytest.raises(NonFiniteError):
        train_writer(corpus_dir, Broken(), tmp_path, CONFIG)
