"""From a folder of pages to three measured models: every `train` and `evaluate` command, on a toy."""

from __future__ import annotations

import gzip
import json
import math
import shutil
import sys
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))

from pages import page

from concepts.card import ModelCard, read_card, write_card
from concepts.space.extension import extension_weights, extensions_of
from longhand import cli
from planner import Planner
from writer import Writer

pytestmark = pytest.mark.filterwarnings(
    "ignore:Mismatch dtype between input and weight", "ignore::DeprecationWarning", "ignore::FutureWarning"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("training")
    (home / "pages").mkdir()
    for number in range(100):
        (home / "pages" / f"{number}.md").write_text(page(number))
    assert cli.run(["corpus", "import", str(home / "pages"), "--out", str(home / "corpus")]) == 0
    return home


def test_a_folder_becomes_three_models_that_can_be_measured(run, folder, monkeypatch):
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
    speak = ("--writer", folder / "writer" / "model", "--space", space)
    # A compass is added to a writer, whose other files stay.
    command("train", "compass", "--steps", 2, *speak, "--name", "led", *train, folder / "compass")
    old_writer, led = read_card(folder / "writer" / "model"), read_card(folder / "compass" / "model")
    assert led.files.keys() - old_writer.files.keys() == {"compass.safetensors"}
    assert old_writer.files.items() <= led.files.items() and led.space == old_writer.space
    # A meaning is added to a planner and to a writer, here to the one with the compass.
    planner = read_card(folder / "planner" / "model")
    refuse_a_meaning(run, monkeypatch, planner, old_writer, ("--space", space, *train, folder / "unmeant"))
    teach_words(monkeypatch)
    words = ("--planner", planner.folder, "--writer", led.folder, "--space", space, "--name", "told")
    for steps in (1, 2):  # the second run goes on
        command("train", "meaning", "--steps", steps, *words, *train, folder / "meaning")
    state = json.loads((folder / "meaning" / "checkpoint" / "state.json").read_text())
    assert state["step"] == 2
    told = check_meaning(folder / "meaning", planner, led)
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
        "planner": ("--space", space, "--model", told.folder),
        "writer": ("--space", space, "--model", old_writer.folder),
    }
    for kind, models in measured.items():
        figures = json.loads(command("evaluate", kind, "--corpus", corpus, *models, "--json"))
        assert len(figures) > 5 and all(math.isfinite(value) for value in figures.values())


def teach_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put another in the teacher's place, to whom a text is the sum of its words: CI has no teacher."""

    def vectors(path: Path, texts: Sequence[str], *, on_progress: object) -> NDArray[np.float16]:
        known = {
            word: np.random.default_rng(zlib.crc32(word.encode())).standard_normal(64)
            for word in {word for text in texts for word in text.split()}
        }
        found = np.stack([sum(known[word] for word in text.split()) for text in texts])
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float16)

    monkeypatch.setattr("concepts.train_meaning.teacher_vectors", vectors)


def refuse_a_meaning(
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    planner: ModelCard,
    writer: ModelCard,
    options: Sequence[object],
) -> None:
    """What stands in the way of a meaning is one line, and no model is written."""
    plain = writer.folder.parent / "plain"
    plain.mkdir()
    shutil.copyfile(writer.path("model.safetensors"), plain / "model.safetensors")
    kept = {k: v for k, v in asdict(writer).items() if k not in ("folder", "files")} | {"name": "plain"}
    write_card(plain, file_names=["model.safetensors"], **kept)
    for words, why in (
        ((planner.folder, writer.folder), "is not on this machine: run `longhand models fetch minilm`"),
        ((planner.folder, plain), "plain has no codebook of sentences to choose from; name another --writer"),
        ((writer.folder, writer.folder), "holds a writer, expected a planner"),
        ((planner.folder, planner.folder), "holds a planner, expected a writer"),
        (("outline-mini", writer.folder), "outline-mini was trained in the space sonar-mini@"),
        ((planner.folder, "writer-mini"), "writer-mini was trained in the space sonar-mini@"),
    ):  # fmt: skip
        with monkeypatch.context() as patch:
            patch.setenv("LONGHAND_FETCHED", str(plain.parent / "nothing"))
            given = ("--planner", words[0], "--writer", words[1], *options)
            result = run("train", "meaning", "--steps", "1", *map(str, given))
        assert result.exit_code == 1 and result.stderr.count("longhand: ") == 1
        assert why in result.stderr.splitlines()[-1]
        out = Path(str(options[-1]))  # of --out
        assert not (out / "model").exists() and not (out / "writer").exists()


def check_meaning(run_dir: Path, planner: ModelCard, writer: ModelCard) -> ModelCard:
    """A planner and a writer got the same meaning and nothing else, and work with it; returns the planner's card."""
    new_planner, new_writer = read_card(run_dir / "model"), read_card(run_dir / "writer")
    assert (new_planner.name, new_writer.name) == ("told", writer.name)
    for old, new in ((planner, new_planner), (writer, new_writer)):
        assert new.files.keys() - old.files.keys() == {"meaning.safetensors"}
        assert old.files.items() <= new.files.items() and new.space == old.space
        assert new.recipe == f"{old.recipe}; longhand train meaning --seed 1"
        assert new.figures.keys() - old.figures.keys() == {
            "meaning_loss",
            "meaning_cosine",
            "meaning_accuracy",
        }
    outliner = Planner.load(str(new_planner.folder), space_id=planner.space)
    author = Writer.load(str(new_writer.folder), space_id=planner.space)
    assert (
        outliner._meaning is not None and author.codebook is not None and author.codebook.meaning is not None
    )
    one, other = outliner._meaning.state_dict(), author.codebook.meaning[0].state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)
    prompt = author.model.sentence_norm.denormalize(author.codebook.codes_CD[:2])
    items = outliner.plan(prompt, num_sections=3)
    leads = torch.stack([item.lead for item in items])
    aims = author.aim(prompt, leads)
    assert aims is not None and aims.shape == leads.shape and torch.isfinite(aims).all()
    return new_planner


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (
            ("planner", "--writer", "writer-mini"),
            "--writer is for a compass or a meaning, got planner",
        ),
        (("compass", "--planner", "outline-mini"), "--planner is for a meaning, got compass"),
        (("planner", "--planner", "outline-mini"), "--planner is for a meaning, got planner"),
        (("meaning", "--teacher"), "--teacher is for a space, got meaning"),
        (("compass", "--init", "sonar-mini"), "a compass starts from nothing"),
        (("meaning", "--init", "sonar-mini"), "a meaning starts from nothing"),
        (
            ("languages", "--init", "sonar-mini", "--langs", "deu_Latn"),
            "has no parts of its own for deu_Latn",
        ),
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


def test_training_beside_others_is_refused(run, folder, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    result = run("train", "space", "--corpus", str(folder / "corpus"), "--out", str(folder / "never"))
    assert result.exit_code == 2 and "training runs in one process" in result.stderr
    assert not (folder / "never").exists()


def test_a_teacher_is_for_spaces(run, folder):
    result = run(
        "train", "planner", "--teacher", "--corpus", str(folder / "corpus"), "--out", str(folder / "taught")
    )
    assert result.exit_code == 2 and "--teacher is for a space" in result.stderr


def test_a_space_learns_a_language_and_is_measured_in_it(run, folder, tmp_path):
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
    for langs, why in (("ger", "no language 'ger' has a token here"), ("deu_Latn", "knows deu_Latn already")):
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
