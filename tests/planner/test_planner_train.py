"""From a corpus on disk to a released outline model that plans."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from concepts.errors import InputError, ModelError, SpaceMismatchError
from concepts.models.card import ModelCard
from concepts.models.configs import Objective
from planner.config import PlannerConfig
from planner.reach import REACH_FILE, load_reach
from planner.rollout import Planner, PlanOptions
from training.corpus.embed import EmbeddedCorpus, load_embedded
from training.corpus.shares import KindShares
from training.loop_config import LoopConfig
from training.planner.config import PlannerTrainingConfig
from training.planner.data import OutlineData
from training.planner.evaluate import evaluate_planner
from training.planner.train import OutlineTask, train_planner
from training.release import release_model

CONFIG = PlannerTrainingConfig(
    model=PlannerConfig(
        concept_dim=12, model_dim=32, num_layers=1, num_heads=2, head_dim=32, num_head_blocks=1, dropout=0.0
    ),
    loop=LoopConfig(
        num_steps=40,
        num_warmup_steps=4,
        num_cooldown_steps=10,
        matrix_lr=0.02,
        adam_lr=0.01,
        evaluate_every=10,
    ),
    batch_size=8,
)


class FakeSpace(ModelCard):
    """A space that is known by its id alone."""

    @property
    def model_id(self) -> str:
        return "fake@0123456789ab"


SPACE = FakeSpace("fake", "space", 1, {}, {}, "", "", "", 0, {}, "", Path("fake"))


@pytest.fixture(scope="module")
def run_dir(corpus_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run_dir = tmp_path_factory.mktemp("planner-run")
    train_planner(corpus_dir, SPACE, run_dir, CONFIG)
    return run_dir


@pytest.fixture(scope="module")
def card(run_dir: Path) -> ModelCard:
    return release_model(
        run_dir,
        run_dir / "released",
        root="outline",
        name="toy",
        kind="planner",
        recipe_line="test",
        extra_files=(REACH_FILE, "nothing"),
    )


@pytest.mark.parametrize("objective", ["diffusion", "mse"])
def test_every_parameter_has_a_gradient(corpus: EmbeddedCorpus, objective: Objective) -> None:
    """Several processes wait for that of each."""
    data = OutlineData(corpus)
    task = OutlineTask(replace(CONFIG, model=replace(CONFIG.model, objective=objective)), data, data)
    task.module(task.batch(0, 0, 1), torch.Generator().manual_seed(0))[0].backward()
    assert [name for name, p in task.module.named_parameters() if p.grad is None] == []


def test_the_loss_of_a_toy_run_falls(run_dir: Path) -> None:
    rows = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    dev = [row for row in rows if "dev_loss" in row]
    assert len(dev) == 4
    for name in ("dev_loss", "dev_mse", "dev_stop"):
        assert dev[-1][name] < 0.9 * dev[0][name], name


def test_a_released_planner_plans_with_the_sizes_it_was_trained_with(
    card: ModelCard, corpus_dir: Path
) -> None:
    options = PlanOptions(num_candidates=2, num_steps=4)
    planner = Planner.load(str(card.folder), space_id=SPACE.model_id, options=options)
    assert planner.model.config == CONFIG.model and planner.card.model_id == card.model_id
    data = OutlineData(load_embedded(corpus_dir, SPACE.model_id, "train"))
    torch.testing.assert_close(planner.model.gist_norm.center, data.gists.quantile(0.5, dim=0))
    prompt = data.corpus.vectors[list(data.outlines[0].prompts[0])]
    assert len(planner.plan(prompt, num_sections=3)) == 3


def test_a_planner_of_another_space_is_refused(card: ModelCard) -> None:
    with pytest.raises(
        SpaceMismatchError, match="toy was trained in the space fake@0123456789ab, the vectors"
    ):
        Planner.load(str(card.folder), space_id="other@1")


@pytest.mark.parametrize("config", ['{"concept_dim": 12, "depth": 3}', '{"model_dim": "wide"}'])
def test_a_card_of_another_version_is_one_line(card: ModelCard, tmp_path: Path, config: str) -> None:
    raw = json.loads((card.folder / "card.json").read_text()) | {"config": json.loads(config)}
    (tmp_path / "card.json").write_text(json.dumps(raw))
    for file in card.files:
        (tmp_path / file).write_bytes(card.path(file).read_bytes())
    with pytest.raises(ModelError, match=r"card.* cannot be (used|read)") as error:
        Planner.load(str(tmp_path), space_id=SPACE.model_id)
    assert "\n" not in str(error.value)


def test_a_checkpoint_of_other_sizes_is_one_line(card: ModelCard, tmp_path: Path) -> None:
    raw = json.loads((card.folder / "card.json").read_text())
    raw["config"] |= {"model_dim": 64}
    (tmp_path / "card.json").write_text(json.dumps(raw))
    for file in card.files:
        (tmp_path / file).write_bytes(card.path(file).read_bytes())
    with pytest.raises(
        ModelError, match=r"model\.safetensors does not fit its card .*size mismatch"
    ) as error:
        Planner.load(str(tmp_path), space_id=SPACE.model_id)
    assert "\n" not in str(error.value)


def test_batches_are_pure_and_follow_the_shares(corpus_dir: Path) -> None:
    data = OutlineData(load_embedded(corpus_dir, SPACE.model_id, "train"))
    task, again = (OutlineTask(CONFIG, data, data) for _ in range(2))
    batches = [task.batch(step, 0, 1) for step in range(5)]
    for step in reversed(range(5)):
        assert torch.equal(again.batch(step, 0, 1).tokens.lead_BSD, batches[step].tokens.lead_BSD)
    # two processes share the stream that one would see
    assert torch.equal(task.batch(1, 1, 2).tokens.lead_BSD, task.batch(3, 0, 1).tokens.lead_BSD)
    nothing = OutlineTask(replace(CONFIG, shares=KindShares(howto=0.0)), data, data)
    with pytest.raises(InputError, match="the corpus has howto documents only, whose shares are 0"):
        nothing.batch(0, 0, 1)


@pytest.mark.parametrize("objective", ["diffusion", "mse"])
def test_a_resumed_run_ends_where_an_uninterrupted_one_does(
    corpus_dir: Path, tmp_path: Path, objective: Objective
) -> None:
    loop = replace(CONFIG.loop, num_steps=6, evaluate_every=100)
    config = replace(CONFIG, loop=loop, model=replace(CONFIG.model, objective=objective, dropout=0.1))
    stopped = replace(config, loop=replace(loop, num_steps=3, num_cooldown_steps=0))
    config = replace(config, loop=replace(loop, num_cooldown_steps=0))
    train_planner(corpus_dir, SPACE, tmp_path / "whole", config)
    train_planner(corpus_dir, SPACE, tmp_path / "parts", stopped)
    train_planner(corpus_dir, SPACE, tmp_path / "parts", config)
    whole, parts = (
        load_file(tmp_path / run / "checkpoint" / "model.safetensors") for run in ("whole", "parts")
    )
    assert whole.keys() == parts.keys() and all(torch.equal(whole[name], parts[name]) for name in whole)


@pytest.mark.parametrize("objective", ["diffusion", "mse"])
def test_the_figures_of_an_evaluation(corpus_dir: Path, tmp_path: Path, objective: Objective) -> None:
    config = replace(CONFIG, model=replace(CONFIG.model, objective=objective))
    train_planner(corpus_dir, SPACE, tmp_path, config)
    card = release_model(
        tmp_path, tmp_path / "released", root="outline", name="toy", kind="planner", recipe_line="test"
    )
    planner = Planner.load(
        str(card.folder), space_id=SPACE.model_id, options=PlanOptions(num_candidates=2, num_steps=4)
    )
    told: list[tuple[int, int]] = []
    figures = evaluate_planner(
        corpus_dir, planner, split="dev", num_plans=3, on_progress=lambda *counts: told.append(counts)
    )
    assert all(math.isfinite(value) for value in figures.values())
    assert figures["num_outlines"] == 8 and figures["num_true"] == 3 and told[-1] == (11, 11)
    assert figures["loss"] < figures["loss_mean"]
    # of documents that all go the same way, a toy learns which of three headings comes next, not of which document
    assert figures["lead_variance"] > 0.3 and figures["next_heading"] > 0.1
    assert figures["draw_cosine"] > figures["item_cosine"]
    assert 0 <= figures["stop_accuracy"] <= 1 and figures["num_planned"] >= 2


def test_goals_and_counts_are_told_at_the_stated_rates(corpus_dir: Path) -> None:
    from planner.model import GOAL, START

    data = OutlineData(load_embedded(corpus_dir, SPACE.model_id, "train"))
    task = OutlineTask(CONFIG, data, data)
    batches = [task.batch(step, 0, 1).tokens for step in range(200)]
    num = 200 * CONFIG.batch_size
    goals = sum(int((tokens.kind_BS == GOAL).any(dim=1).sum()) for tokens in batches)
    counts = sum(int((tokens.length_BS[tokens.kind_BS == START] > 0).sum()) for tokens in batches)
    assert abs(goals / num - CONFIG.goal_share) < 4 * (0.2 * 0.8 / num) ** 0.5
    assert abs(counts / num - CONFIG.count_share) < 4 * (0.5 * 0.5 / num) ** 0.5


def test_the_figures_are_those_of_the_weights_that_are_released(
    corpus_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter((2.0, 1.0, 3.0, 4.0))
    monkeypatch.setattr(OutlineTask, "evaluate", lambda _: {"loss": next(losses)})
    assert train_planner(corpus_dir, SPACE, tmp_path, CONFIG) == {"loss": 1.0}


def test_a_released_planner_knows_how_far_it_reaches(card: ModelCard, corpus_dir: Path) -> None:
    assert list(card.files) == ["model.safetensors", REACH_FILE]
    reach = load_reach(card)
    assert reach is not None
    data = OutlineData(load_embedded(corpus_dir, SPACE.model_id, "train"))
    assert sum(reach.is_far(prompt[None]) for prompt in data.prompts()) <= 1
