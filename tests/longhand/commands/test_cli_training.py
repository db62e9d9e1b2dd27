"""From a folder of pages to three measured models: every `train` and `evaluate` command, on a toy."""

from __future__ import annotations

import gzip
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState

from concepts.models.card import read_card
from concepts.space.extension import extension_weights, extensions_of
from longhand import cli
from tests.longhand.web.pages import page

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("training")
    (home / "pages").mkdir()
    for number in range(100):
        (home / "pages" / f"{number}.md").write_text(page(number))
    assert cli.run(["corpus", "import", str(home / "pages"), "--out", str(home / "corpus")]) == 0
    return home


def test_figures_over_a_few_documents_are_refused(run, folder):
    for kind in ("space", "planner", "writer"):
        refused = run("evaluate", kind, "--corpus", str(folder / "corpus"))
        assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
        assert (
            "holds back 1 document for measuring, figures need at least 10: import more documents"
            in refused.stderr
        )


def test_a_folder_becomes_three_models_that_can_be_measured(run, folder, monkeypatch):
    monkeypatch.setattr("longhand.doing.training.MIN_HELD_OUT", 1)
    corpus, space = folder / "corpus", folder / "space" / "model"

    def command(*words: object) -> str:
        result = run(*map(str, words))
        assert result.exit_code == 0, result.stderr
        return result.stdout

    train = ("--preset", "tiny", "--corpus", corpus, "--out")
    command("train", "space", "--steps", 6, "--name", "toy", *train, folder / "space")
    first = json.loads((space / "card.json").read_text())
    assert (first["name"], first["steps"]) == ("toy", 6)
    command("train", "space", "--steps", 8, "--name", "toy", *train, folder / "space")
    again = json.loads((space / "card.json").read_text())
    assert again["steps"] == 8 and again["files"] != first["files"]
    for kind in ("planner", "writer"):
        command("train", kind, "--steps", 3, "--space", space, *train, folder / kind)
        assert json.loads((folder / kind / "model" / "card.json").read_text())["space"].startswith("toy@")
    # The baseline without noise says so on its card, and is drawn in its own way.
    for kind in ("planner", "writer"):
        out = folder / f"{kind}-mse"
        command("train", kind, "--steps", 3, "--objective", "mse", "--space", space, *train, out)
        card = read_card(out / "model")
        assert card.config["objective"] == "mse" and card.recipe.endswith("--seed 1 --objective mse")
    # A second generation starts from the first one's weights and says so.
    heir = folder / "space2" / "model"
    command("train", "space", "--steps", 1, "--init", space, "--name", "heir", *train, folder / "space2")
    born = json.loads((heir / "card.json").read_text())
    assert f"started from {read_card(space).model_id} (8 steps)" in born["recipe"]
    assert born["files"]["pieces.model"] == again["files"]["pieces.model"]
    for kind in ("planner", "writer"):
        old, out = folder / kind / "model", folder / f"{kind}2"
        command("train", kind, "--steps", 1, "--init", old, "--space", heir, *train, out)
        card = json.loads((out / "model" / "card.json").read_text())
        assert card["space"].startswith("heir@") and f"started from {kind}@" in card["recipe"]
    refused = run("train", "writer", "--init", str(space), "--space", str(space), *map(str, train), str(out))
    assert refused.exit_code == 1 and "holds a space, expected a writer" in refused.stderr
    measured = {
        "space": ("--model", space),
        "planner": ("--space", space, "--model", folder / "planner" / "model"),
        "writer": ("--space", space, "--model", folder / "writer" / "model"),
    }
    baselines = {
        kind: ("--space", space, "--model", folder / f"{kind}-mse" / "model")
        for kind in ("planner", "writer")
    }
    for kind, models in (*measured.items(), *baselines.items()):
        figures = json.loads(command("evaluate", kind, "--corpus", corpus, *models, "--json"))
        assert figures.pop("model") == read_card(Path(models[-1])).model_id
        assert len(figures) > 5 and all(math.isfinite(value) for value in figures.values())


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("space", "--objective", "mse"), "--objective is for a planner or a writer, got space"),
        (("planner", "--writer", "w"), "--writer is for a voice, got planner"),
        (("writer", "--planner", "p"), "--planner is for a voice, got writer"),
        (("planner", "--objective", "gan"), "--objective"),
        (("decoder",), "the model"),
        (
            ("languages", "--init", "sonar-mini", "--langs", "deu_Latn"),
            "has no parts of its own for deu_Latn",
        ),
        (("space", "--parts", "2"), "--parts is for a planner, a writer or a voice, got space"),
        (("planner", "--parts", "0"), "--parts is 0: give a number from 1"),
        (("space", "--langs", "deu_Latn"), "--langs is for languages, got space"),
        (("languages", "--decoder-only"), "--decoder-only is for languages that go on by --init"),
        (("languages", "--kept", "0.3"), "--kept is for languages that go on by --init"),
        (("space", "--init", "sonar-mini", "--kept", "0.3"), "--kept is for languages that go on by --init"),
        (("languages", "--init", "sonar-mini", "--kept", "1.5"), "--kept is 1.5: give a share from 0 to 1"),
        (("languages", "--init", "sonar-mini", "--kept", "nan"), "--kept is nan: give a share from 0 to 1"),
    ],
)
def test_what_does_not_go_together_is_wrong_usage(run, folder, words, why):
    result = run("train", *words, "--corpus", str(folder / "corpus"), "--out", str(folder / "never"))
    assert result.exit_code == 2 and why in result.stderr and not (folder / "never").exists()


@pytest.mark.parametrize("kind", ["space", "languages"])
def test_spaces_are_not_trained_beside_others(run, folder, monkeypatch, kind):
    monkeypatch.setenv("WORLD_SIZE", "2")
    result = run("train", kind, "--corpus", str(folder / "corpus"), "--out", str(folder / "never"))
    assert result.exit_code == 2 and "in one process (planner, writer and voice in several)" in result.stderr
    assert not (folder / "never").exists()


def dev_losses(run_dir: Path) -> list[float]:
    rows = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    return [row["dev_loss"] for row in rows if "dev_loss" in row]


def test_two_processes_of_accelerate_launch_train_what_one_trains(run, folder, monkeypatch, request):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "no")  # as the launcher says
    request.addfinalizer(AcceleratorState._reset_state)
    AcceleratorState._reset_state()
    space = folder / "space-of-two"
    options = ["--preset", "tiny", "--corpus", str(folder / "corpus"), "--out"]
    assert run("train", "space", "--steps", "2", *options, str(space)).exit_code == 0
    train = ["train", "writer", "--steps", "4", "--name", "two", "--json", "--space", str(space / "model")]
    alone, shared = folder / "alone", folder / "shared"
    assert run(*train, "--parts", "2", *options, str(alone)).exit_code == 0
    launch = ["--multi_gpu", "--num_processes", "2", "--num_machines", "1", "--main_process_port", "0"]
    launch += ["--mixed_precision", "no", "--dynamo_backend", "no", "-m", "longhand"]
    done = subprocess.run(
        [sys.executable, "-m", "accelerate.commands.launch", *launch, *train, *options, str(shared)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["loss"] == pytest.approx(dev_losses(alone)[-1], rel=1e-3)
    assert dev_losses(shared) == pytest.approx(dev_losses(alone), rel=1e-3)
    for run_dir in (alone, shared):
        assert read_card(run_dir / "model").recipe.endswith("--seed 1 --parts 2")
    # It goes on with the parts that it has begun with.
    assert run(*train, "--steps", "5", *options, str(shared)).exit_code == 0
    assert json.loads((shared / "config.json").read_text())["num_parts"] == 2


def test_a_teacher_is_for_spaces(run, folder):
    result = run(
        "train", "planner", "--teacher", "--corpus", str(folder / "corpus"), "--out", str(folder / "taught")
    )
    assert result.exit_code == 2 and "--teacher is for a space" in result.stderr


def test_a_space_learns_a_language_and_is_measured_in_it(run, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("longhand.doing.training.MIN_HELD_OUT", 1)
    corpus, out = tmp_path / "corpus", tmp_path / "german"
    space = tmp_path / "space" / "model"
    assert run("corpus", "import", str(folder / "pages"), "--out", str(corpus)).exit_code == 0
    options = ("--preset", "tiny", "--corpus", corpus, "--out", space.parent, "--steps", 2, "--name", "toy")
    assert run("train", "space", *map(str, options)).exit_code == 0
    rows = []
    for start, split in ((0, "train"), (100, "dev"), (200, "test")):
        for number in range(start, start + 60):
            english = f"Press {number} now."
            rows.append((split, "document", "eng_Latn", english, "deu_Latn", f"Druck {number}."))
    with gzip.open(corpus / "pairs.tsv.gz", "wt", encoding="utf-8") as file:
        file.writelines("\t".join(row) + "\n" for row in rows)
    train = ("languages", "--preset", "tiny", "--corpus", corpus, "--out", out, "--steps", 3)
    result = run("train", *map(str, train), "--langs", "deu_Latn", "--space", str(space), "--name", "toy")
    assert result.exit_code == 0, result.stderr
    card = read_card(out / "model")
    assert (card.config["langs"], card.space_id) == (["eng_Latn", "deu_Latn"], read_card(space).space_id)
    measured = run("evaluate", "space", "--corpus", str(corpus), "--model", str(out / "model"), "--json")
    assert measured.exit_code == 0, measured.stderr
    figures = json.loads(measured.stdout)
    assert {"bleu", "deu_Latn.xsim_error", "deu_Latn.pair_cosine"} <= set(figures)
    assert {"eng_Latn>deu_Latn.bleu", "eng_Latn>deu_Latn.chrf"} <= set(figures)
    for langs, why in (
        ("swe_Latn", "no language 'swe_Latn' has a token here"),
        ("deu_Latn", "knows deu_Latn already"),
    ):
        again = run("train", *map(str, train), "--langs", langs, "--space", str(out / "model"))
        assert again.exit_code == 2 and why in again.stderr
    keeps_what_is_asked_for(
        run, card, ("languages", *map(str, train[1:3]), "--corpus", str(corpus)), tmp_path
    )


def keeps_what_is_asked_for(run, card, train, tmp_path):
    options = ("--langs", "deu_Latn", "--space", str(card.folder), "--init", str(card.folder), "--steps", "2")
    released = []
    for kept in ("0", "1"):  # the second time there is nothing left to train
        result = run("train", *train, *options, "--out", str(tmp_path / "on"), "--kept", kept)
        assert result.exit_code == 0, result.stderr
        released.append(extension_weights(read_card(tmp_path / "on" / "model"), *extensions_of(card)))
    for name, given in extension_weights(card, *extensions_of(card)).items():
        step = given.abs().max() / 127  # of eight bits
        assert (released[1][name] - given).abs().max() <= 1e-3 * step
    assert any(
        not torch.equal(learnt, kept) for learnt, kept in zip(*map(dict.values, released), strict=True)
    )
