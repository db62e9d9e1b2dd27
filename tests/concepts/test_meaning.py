"""The network of meanings learns what a teacher says of texts, from their concepts alone, and is released and read."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

import concepts.train_meaning as training
from concepts.card import ModelCard
from concepts.corpus.embed import EmbeddedCorpus, EmbeddedDocument, EmbeddedSection
from concepts.errors import ModelError, NonFiniteError
from concepts.meaning import (
    CODES,
    MEANING_FILE,
    Meaning,
    MeaningConfig,
    load_meaning,
    meaning_tensors,
    meanings_of,
)
from concepts.train_meaning import (
    Directions,
    MeaningBatch,
    MeaningData,
    MeaningLoss,
    MeaningTrainingConfig,
    train_meaning,
    trained_meaning,
)
from concepts.training import LoopConfig, best_figures, save_tensors

DIM, TEACHER, NUM_CODES = 12, 32, 7
SIZES = MeaningConfig(concept_dim=DIM, hidden_dim=48, meaning_dim=8)
RECIPE = MeaningTrainingConfig(
    model=SIZES,
    loop=LoopConfig(num_steps=120, num_warmup_steps=5, num_cooldown_steps=40, matrix_lr=1e-2, adam_lr=1e-2,
                    uses_muon=False, ema_decay=0.9, evaluate_every=40),
    batch_size=64,
)  # fmt: skip
WORDS = ["open", "close", "folder", "picture", "bread", "oven", "flour", "network", "printer", "password"]


def draw(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


SAID, MEANT = draw(len(WORDS), DIM, seed=1), draw(len(WORDS), TEACHER, seed=2)


def bag(texts: Sequence[str]) -> Tensor:
    """Which of the words stand in each text."""
    return torch.tensor([[float(word in text.split()) for word in WORDS] for text in texts])


def concepts_of(texts: Sequence[str]) -> Tensor:
    """Small numbers away from zero, as raw concepts are."""
    return 0.01 * bag(texts) @ SAID + 0.3


class Teacher:
    """Knows other directions for the same words."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []

    def __call__(
        self, path: Path, texts: Sequence[str], *, on_progress: Callable[[int, int], None]
    ) -> NDArray[np.float16]:
        self.asked.append((path.name, list(texts)))
        on_progress(len(texts), len(texts))
        found: NDArray[np.float16] = F.normalize(bag(texts) @ MEANT, dim=1).half().numpy()
        return found


def toy_corpus(split: str) -> EmbeddedCorpus:
    """Documents of two wordings, a heading and three sentences; no text of the dev split is one of training's."""
    every = [" ".join(c) for size in (2, 3, 4) for c in itertools.combinations(WORDS, size)]
    order = np.random.default_rng(0).permutation(len(every))
    texts = tuple(every[i] for i in (order[:300] if split == "train" else order[300:]))
    documents = tuple(
        EmbeddedDocument((n, n + 1), (EmbeddedSection(n + 2, (n + 3, n + 4, n + 5)),), "")
        for n in range(0, len(texts) - 5, 6)
    )
    return EmbeddedCorpus(documents, texts, concepts_of(texts), "fake@1")


@pytest.fixture
def teacher(monkeypatch: pytest.MonkeyPatch) -> Teacher:
    made = Teacher()
    monkeypatch.setattr(training, "load_embedded", lambda _dir, _space, split: toy_corpus(split))
    monkeypatch.setattr(training, "teacher_vectors", made)
    return made


def run(folder: Path, config: MeaningTrainingConfig = RECIPE) -> dict[str, float]:
    return train_meaning(folder, "fake@1", folder, config)


def longer(num_steps: int, **loop: int) -> MeaningTrainingConfig:
    return replace(RECIPE, loop=replace(RECIPE.loop, num_steps=num_steps, **loop))  # type: ignore[arg-type]


def test_a_run_learns_what_texts_are_about_and_is_read_back(tmp_path: Path, teacher: Teacher) -> None:
    first, last = run(tmp_path, longer(1)), run(tmp_path)
    assert last["cosine"] > max(0.9, first["cosine"] + 0.2)
    assert last["accuracy"] > max(0.5, 3 * first["accuracy"])
    meaning = trained_meaning(tmp_path, SIZES)
    assert not meaning.training and not any(p.requires_grad for p in meaning.parameters())
    # What the figures say of texts of the split is so of all its texts, seen as the training texts' directions.
    train, dev = toy_corpus("train"), toy_corpus("dev")
    directions = Directions(F.normalize(bag(train.texts) @ MEANT, dim=1).half().numpy(), 8)
    wanted = directions(F.normalize(bag(dev.texts) @ MEANT, dim=1).half().numpy())
    found = meanings_of(meaning, dev.vectors)
    assert (found * wanted).sum(dim=1).mean() > 0.9
    codes = meanings_of(meaning, train.vectors[:NUM_CODES])
    card = released(tmp_path, meaning_tensors(meaning, codes))
    loaded = load_meaning(card, NUM_CODES)
    assert loaded is not None and not loaded[0].training
    assert not any(p.requires_grad for p in loaded[0].parameters())
    assert F.cosine_similarity(loaded[0](dev.vectors), found).min() > 0.99
    assert F.cosine_similarity(loaded[1], codes).min() > 0.999
    kept = load_file(card.path(MEANING_FILE))
    assert {kept[name].dtype for name in (CODES, "enter.weight", "leave.weight")} == {torch.int8}


def test_the_teacher_reads_each_text_once_titles_and_headings_first(tmp_path: Path, teacher: Teacher) -> None:
    told: list[tuple[int, int]] = []
    train_meaning(
        tmp_path, "fake@1", tmp_path, longer(1), on_taught=lambda done, total: told.append((done, total))
    )
    assert [name for name, _ in teacher.asked] == ["teacher-train.npy", "teacher-dev.npy"]
    for (_, texts), split in zip(teacher.asked, ("train", "dev"), strict=True):
        corpus = toy_corpus(split)
        used = 6 * len(corpus.documents)
        assert len(texts) == used and set(texts) == set(corpus.texts[:used])
        asked = {corpus.texts[row] for d in corpus.documents for row in (*d.prompts, d.sections[0].heading)}
        assert set(texts[: used // 2]) == asked
    assert [total for _, total in told] == [len(texts) for _, texts in teacher.asked]


def test_a_heading_that_is_also_a_sentence_is_asked_and_read_once() -> None:
    document = EmbeddedDocument((4, 2), (EmbeddedSection(2, (0, 4, 1)), EmbeddedSection(3, (3, 0))), "")
    rows, num_asked = training._rows(EmbeddedCorpus((document,), (), torch.zeros(6, DIM), "fake@1"))
    assert rows.tolist() == [2, 3, 4, 0, 1] and num_asked == 3


def test_a_run_that_goes_on_ends_where_an_uninterrupted_one_does(tmp_path: Path, teacher: Teacher) -> None:
    # Without a cooldown the rate of a step does not depend on how many are to come.
    whole, half = (
        replace(longer(n, num_cooldown_steps=0, evaluate_every=15), model=replace(SIZES, dropout=0.3))
        for n in (30, 15)
    )
    figures = run(tmp_path / "whole", whole)
    before = run(tmp_path / "parts", half)
    assert run(tmp_path / "parts", whole) == figures != before
    for file in ("best.safetensors", "normalizers.safetensors", "checkpoint/model.safetensors"):
        one, other = (load_file(tmp_path / name / file) for name in ("whole", "parts"))
        assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_a_run_stopped_before_its_first_evaluation_has_no_figures(tmp_path: Path, teacher: Teacher) -> None:
    run(tmp_path, RECIPE)
    log = tmp_path / "metrics.jsonl"
    rows = [row for row in log.read_text().splitlines() if "dev_loss" not in row]
    log.write_text("".join(row + "\n" for row in rows))
    assert best_figures(tmp_path) == {}


def test_a_run_without_weights_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match="holds no weights yet; train for longer with `longhand train meaning`"
    ):
        trained_meaning(tmp_path, SIZES)


def test_directions_are_unit_centred_and_the_widest_first() -> None:
    spread = torch.linspace(3, 0.1, TEACHER)
    vectors = (draw(500, TEACHER, seed=3) * spread + 2).half().numpy()
    directions = Directions(vectors, 5)
    found = directions(vectors)
    assert found.shape == (500, 5)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(500))
    assert found.mean(dim=0).abs().max() < 0.1  # the vectors' own lie at 2
    torch.testing.assert_close(directions.axes_TE.T @ directions.axes_TE, torch.eye(5), atol=1e-4, rtol=0)
    size = (torch.from_numpy(vectors).float() - directions.center) @ directions.axes_TE
    assert (size.std(dim=0).diff() < 0).all()
    # As many directions as the principal components that numpy finds span the same.
    known = torch.from_numpy(vectors).float()
    axes = torch.linalg.svd(known - known.mean(dim=0), full_matrices=False).Vh[:5].T
    products = (axes.T @ directions.axes_TE).abs()
    torch.testing.assert_close(products, torch.eye(5), atol=1e-2, rtol=0)


def test_the_sign_of_an_axis_is_not_the_solvers(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = draw(200, TEACHER, seed=4).half().numpy()
    once = Directions(vectors, 6)
    solve = torch.linalg.eigh

    def turned(matrix: Tensor) -> tuple[Tensor, Tensor]:
        values, axes = solve(matrix)
        return values, axes * torch.tensor([1.0, -1.0]).repeat(TEACHER // 2)

    monkeypatch.setattr(torch.linalg, "eigh", turned)
    again = Directions(vectors, 6)
    assert torch.equal(once.axes_TE, again.axes_TE)
    largest = once.axes_TE.gather(0, once.axes_TE.abs().argmax(dim=0)[None])
    assert (largest > 0).all()


def data(num_asked: int, num: int = 50) -> MeaningData:
    """Texts whose concepts say which row they are."""
    rows = torch.arange(num).float()[:, None]
    return MeaningData(rows.expand(num, DIM), rows.expand(num, 8), num_asked)


@pytest.mark.parametrize(
    ("num_asked", "asked_share", "least", "most"),
    [(10, 0.35, 0.3, 0.4), (40, 0.35, 0.3, 0.4), (10, 0.0, 0.0, 0.0), (10, 1.0, 1.0, 1.0)],
)
def test_the_share_of_titles_and_headings_is_what_was_asked_for(
    num_asked: int, asked_share: float, least: float, most: float
) -> None:
    batch = data(num_asked).draw(2_000, np.random.default_rng(0), asked_share)
    rows = batch.concept_BD[:, 0]
    assert least <= float((rows < num_asked).float().mean()) <= most
    assert torch.equal(batch.meaning_BE[:, 0], rows)  # each with its own meaning
    kinds = {0.0: range(num_asked, 50), 1.0: range(num_asked)}.get(asked_share, range(50))
    assert set(rows.int().tolist()) == set(kinds)  # none is left out


@pytest.mark.parametrize("num_asked", [0, 50])
@pytest.mark.parametrize("asked_share", [0.0, 0.35, 1.0])
def test_where_all_texts_are_of_one_kind_all_are_drawn(num_asked: int, asked_share: float) -> None:
    batch = data(num_asked).draw(2_000, np.random.default_rng(0), asked_share)
    assert set(batch.concept_BD[:, 0].int().tolist()) == set(range(50))


def test_noise_comes_in_training_alone_and_in_the_concepts_own_size() -> None:
    torch.manual_seed(0)
    module = MeaningLoss(replace(RECIPE, model=replace(SIZES, dropout=0.0)))
    raw = 1e-3 * draw(400, DIM, seed=5) + 0.3
    module.meaning.norm.fit(raw)
    batch = MeaningBatch(raw, module.meaning(raw).detach())
    still, calm = module.eval()(batch, torch.Generator().manual_seed(0))
    noisy, shaken = module.train()(batch, torch.Generator().manual_seed(0))
    assert calm["cosine"] > 0.9999 and calm["accuracy"] == 1
    assert 0.8 < shaken["cosine"] < 0.99  # noise of another size would change nothing, or leave nothing
    assert noisy > still


def meaning(seed: int = 3) -> Meaning:
    torch.manual_seed(seed)
    made = Meaning(SIZES)
    made.norm.fit(0.01 * draw(50, DIM, seed=seed) + 0.3)
    return made.eval().requires_grad_(False)


def test_many_meanings_are_those_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("concepts.meaning._CHUNK", 3)
    made, raw = meaning(), 0.01 * draw(8, DIM, seed=6) + 0.3
    found = meanings_of(made, raw)
    torch.testing.assert_close(found, torch.cat([made(one[None]) for one in raw]))
    torch.testing.assert_close(found.norm(dim=1), torch.ones(8))


def released(folder: Path, tensors: dict[str, Tensor] | None, dim: int = DIM) -> ModelCard:
    path = folder / MEANING_FILE
    if tensors is None:
        path.write_bytes(b"no tensors")
    else:
        save_tensors(path, tensors)
    return ModelCard(
        "toy", "planner", 1, {MEANING_FILE: "0"}, {"concept_dim": dim}, "fake@1", "", "", 0, {}, "", folder
    )


def test_a_model_without_the_file_has_no_meaning(tmp_path: Path) -> None:
    card = released(tmp_path, meaning_tensors(meaning(), draw(NUM_CODES, 8, seed=7)))
    assert load_meaning(card, NUM_CODES) is not None
    assert load_meaning(replace(card, files={"model.safetensors": "0"}), NUM_CODES) is None


def test_a_file_that_ends_too_early_or_is_gone_is_one_line(tmp_path: Path) -> None:
    card = released(tmp_path, meaning_tensors(meaning(), draw(NUM_CODES, 8, seed=7)))
    path = card.path(MEANING_FILE)
    path.write_bytes(path.read_bytes()[:-9])
    for _ in range(2):
        with pytest.raises(
            ModelError, match=f"{MEANING_FILE} cannot be read .*; install Longhand again"
        ) as caught:
            load_meaning(card, NUM_CODES)
        assert "\n" not in str(caught.value)
        path.unlink(missing_ok=True)


def without(name: str) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    return lambda tensors: {key: value for key, value in tensors.items() if not key.startswith(name)}


@pytest.mark.parametrize(
    ("change", "dim", "error", "why"),
    [
        (lambda t: None, DIM, ModelError, "cannot be read"),
        (lambda t: {}, DIM, ModelError, "cannot be read"),
        (without(CODES), DIM, ModelError, r"cannot be read \('codes'\)"),
        (without("norm.scale"), DIM, ModelError, r"cannot be read \('norm.scale'\)"),
        (without("enter.weight"), DIM, ModelError, r"cannot be read \('enter.weight'\)"),
        (without("leave.weight"), DIM, ModelError, r"1 missing \(leave.weight\)"),
        (without("inner"), DIM, ModelError, r"2 missing \(inner.bias, inner.weight\)"),
        (without("enter.weight.int8_scale"), DIM, ModelError, "enter.weight have no scale"),
        (lambda t: t | {"enter.weight": torch.zeros(5)}, DIM, ModelError, "cannot be read"),
        (lambda t: t | {"gate": torch.zeros(1)}, DIM, ModelError, "1 unknown"),
        (lambda t: t | {"skip.bias": torch.zeros(3)}, DIM, ModelError, r"skip.bias has shape \(3,\), expected \(8,\)"),
        (lambda t: t, 5, ModelError, "is for concepts of dimension 12, the planner's have 5; train it anew"),
        (lambda t: t | {CODES: torch.zeros(6, 8)}, DIM, ModelError, "what 6 codes are about, the planner has 7"),
        (lambda t: t | {CODES: torch.zeros(7, 9)}, DIM, ModelError, r"skip.bias has shape|leave.\w+ has shape"),
        (lambda t: t | {CODES: torch.zeros(())}, DIM, ModelError, "cannot be read"),
        (lambda t: t | {"norm.scale": torch.zeros(3)}, DIM, ModelError, "cannot be read"),
        (lambda t: t | {CODES: torch.full((7, 8), torch.nan)}, DIM, NonFiniteError, "NaN or infinity"),
        (lambda t: t | {"leave.bias": torch.full((8,), torch.inf)}, DIM, NonFiniteError, "NaN or infinity"),
        (lambda t: t | {"norm.center": torch.full((DIM,), torch.nan)}, DIM, NonFiniteError, "NaN or infinity"),
    ],
)  # fmt: skip
def test_a_meaning_of_no_use_is_one_line(change, dim, error, why, tmp_path):  # type: ignore[no-untyped-def]
    tensors = change(meaning_tensors(meaning(), draw(NUM_CODES, 8, seed=7)))
    card = released(tmp_path, tensors, dim)
    with pytest.raises(error, match=why) as caught:
        load_meaning(card, NUM_CODES)
    assert "\n" not in str(caught.value)


def test_a_text_that_stands_twice_in_a_batch_is_no_wrong_answer() -> None:
    loss = MeaningLoss(RECIPE).eval()
    loss.meaning = torch.nn.Identity()  # type: ignore[assignment]
    meanings = torch.eye(6)[[0, 1, 2, 2, 3, 1]]
    _, figures = loss(MeaningBatch(meanings, meanings), torch.Generator())
    assert figures["accuracy"].item() == 1.0
    _, figures = loss(MeaningBatch(meanings.roll(1, dims=0), meanings), torch.Generator())
    assert figures["accuracy"].item() < 0.5
