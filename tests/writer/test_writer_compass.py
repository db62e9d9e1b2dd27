"""The compass learns which sentence goes where, decides between near codes, and gives each section its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import writer.train_compass as training
from concepts.card import ModelCard, write_card
from concepts.corpus.embed import EmbeddedCorpus, EmbeddedDocument, EmbeddedSection
from concepts.errors import InputError, ModelError, NonFiniteError
from concepts.normalizer import RobustNormalizer
from concepts.quantize import quantize
from concepts.training import LoopConfig, save_tensors
from writer.codebook import SentenceCodebook
from writer.compass import COMPASS_FILE, Compass, CompassConfig
from writer.generate import Writer, WritingPlan
from writer.train_compass import (
    CompassLoss,
    CompassTrainingConfig,
    PlaceBatch,
    PlaceData,
    release_compass,
    train_compass,
)

DIM = 12
SIZES = CompassConfig(concept_dim=DIM, hidden_dim=48, key_dim=24)
RECIPE = CompassTrainingConfig(
    model=SIZES,
    loop=LoopConfig(num_steps=150, num_warmup_steps=5, num_cooldown_steps=50, matrix_lr=1e-2, adam_lr=1e-2,
                    uses_muon=False, ema_decay=0.9, evaluate_every=50),
    batch_size=64,
)  # fmt: skip


def draw(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def by_subject(seed: int) -> EmbeddedCorpus:
    """Forty documents of three sentences; what a document says is a turn of what its title says."""
    turn = torch.linalg.qr(draw(DIM, DIM, seed=0))[0]
    titles = draw(40, DIM, seed=seed)
    said = (titles @ turn).repeat_interleave(3, dim=0) + 0.3 * draw(120, DIM, seed=seed + 1)
    documents = tuple(
        EmbeddedDocument((n,), (EmbeddedSection(n, (40 + 3 * n, 41 + 3 * n, 42 + 3 * n)),), "")
        for n in range(40)
    )
    return EmbeddedCorpus(documents, tuple(map(str, range(160))), torch.cat((titles, said)), "fake@1")


def compass(seed: int = 3) -> Compass:
    torch.manual_seed(seed)
    return Compass(SIZES).eval().requires_grad_(False)


def steered(writer: Writer, seed: int = 3, **options: float) -> Writer:
    """The writer with a codebook and an untrained compass, which has its preferences."""
    book = SentenceCodebook(draw(300, DIM, seed=71), writer.model.sentence_norm, compass(seed))
    return Writer(writer.card, writer.model, replace(writer.options, **options), book)  # type: ignore[arg-type]


def codes_of(found: Writer, section: Tensor) -> list[int]:
    assert found.codebook is not None
    known = found.model.sentence_norm.denormalize(found.codebook.codes_CD)
    return torch.cdist(section, known).argmin(dim=1).tolist()


def test_a_run_learns_what_goes_where_and_goes_on(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        training, "load_embedded", lambda _dir, _space, split: by_subject(1 if split == "train" else 100)
    )
    shorter = replace(RECIPE, loop=replace(RECIPE.loop, num_steps=1))
    first = train_compass(tmp_path, writer, tmp_path / "run", shorter)
    last = train_compass(tmp_path, writer, tmp_path / "run", RECIPE)
    assert last["accuracy"] > 3 * max(first["accuracy"], 1 / 64) and last["loss"] < first["loss"] - 1
    shipped = write_toy(tmp_path / "old", writer)
    card = release_compass(tmp_path / "run", tmp_path / "new", shipped, name="new", seed=1, figures=last)
    assert set(card.files) == {"model.safetensors", COMPASS_FILE} and "longhand train compass" in card.recipe
    assert card.path("model.safetensors").read_bytes() == b"weights"
    assert card.figures["compass_accuracy"] == round(last["accuracy"], 4)
    again = release_compass(tmp_path / "run", tmp_path / "newer", card, name="newer", seed=2, figures=last)
    assert again.recipe.count("train compass") == 1
    loaded = Compass.load(again)
    assert loaded is not None
    data = PlaceData(by_subject(100), writer.model.sentence_norm)
    batch = data.draw(64, np.random.default_rng(0), any_wording=False)
    fit = loaded.fit(loaded.places(batch.known_BKD, batch.place_B), loaded.sentences(batch.sentence_BD))
    own = fit.diagonal()
    assert float((own - fit.mean(dim=1)).mean()) > 1.0  # more than a nat likelier than any


def write_toy(folder: Path, writer: Writer) -> ModelCard:
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    return write_card(
        folder, name="old", kind="writer", version=1, file_names=["model.safetensors"],
        config={"concept_dim": DIM}, space="fake@1", data="", recipe="longhand train writer", steps=3, figures={},
        licence="",
    )  # fmt: skip


def test_equal_texts_are_no_wrong_answers() -> None:
    torch.manual_seed(0)
    module = CompassLoss(RECIPE).eval()
    known, place, sentence = draw(6, 4, DIM, seed=1), torch.zeros(6, dtype=torch.long), draw(3, DIM, seed=2)
    twice = sentence.repeat(2, 1)
    generator = torch.Generator()
    same = PlaceBatch(known, place, twice, torch.arange(3).repeat(2))
    told = module(same, generator)[0]
    other = module(replace(same, row_B=torch.arange(6)), generator)[0]
    assert told < other - 0.1  # among five instead of six


def test_what_is_left_out_is_zero_also_with_noise() -> None:
    torch.manual_seed(0)
    seen: list[Tensor] = []
    module = CompassLoss(replace(RECIPE, drop_known=0.5))
    inner = module.compass.places
    module.compass.places = lambda known, place: (seen.append(known), inner(known, place))[1]  # type: ignore[method-assign]
    known = draw(200, 4, DIM, seed=1)
    known[:, 3] = 0.0
    batch = PlaceBatch(known, torch.zeros(200, dtype=torch.long), draw(200, DIM, seed=2), torch.arange(200))
    module(batch, torch.Generator().manual_seed(0))
    is_there = (seen[0] != 0).any(dim=2)
    assert not is_there[:, 3].any() and 0.3 < is_there[:, 1].float().mean() < 0.6
    assert not torch.equal(seen[0][is_there], known[is_there])  # with noise
    assert is_there[:, 0].float().mean() > is_there[:, 1].float().mean()  # some know the prompt alone


def test_the_compass_decides_by_its_weight(writer: Writer, plan: WritingPlan) -> None:
    found = steered(writer, fit_weight=1e6, code_share=1.0)
    assert found.codebook is not None
    norm = writer.model.sentence_norm
    prompt, leads = norm.normalize(plan.prompt[0]), norm.normalize(plan.leads)
    (section,) = found.write(plan, ["3"], seed=1)
    fits = found.codebook.fit(prompt, torch.stack((leads[3], prompt)))
    shares = found.codebook.shares(prompt, leads)
    assert fits is not None and shares is not None
    fit = fits[0] + found.options.prompt_share * fits[1]
    best = int(fit.masked_fill(~shares[3], -torch.inf).argmax())
    assert codes_of(found, section.vectors)[0] == best
    free = steered(writer, fit_weight=0.0, code_share=1.0).write(plan, ["3"], seed=1)
    assert codes_of(found, free[0].vectors)[0] != best


def test_what_was_said_before_changes_what_goes_next() -> None:
    book = SentenceCodebook(draw(300, DIM, seed=71), RobustNormalizer(DIM), compass())
    prompt, lead, said, earlier = draw(4, DIM, seed=5)
    lead = lead[None]
    fits = [book.fit(prompt, lead, before) for before in ((), (said,), (earlier, said), (said, earlier))]
    for i, fit in enumerate(fits):
        assert fit is not None and fit.shape == (1, 300)
        assert all((fit - other).abs().max() > 0.1 for other in fits[:i] if other is not None)
    last, later = (book.fit(prompt, lead, (*x, earlier, said)) for x in ((), (prompt, prompt)))
    assert last is not None and later is not None and (last - later).abs().max() > 0.01  # another place
    both = book.fit(prompt, torch.cat((lead, said[None])))
    assert both is not None and fits[0] is not None
    torch.testing.assert_close(both[:1], fits[0])
    assert SentenceCodebook(draw(300, DIM, seed=71), RobustNormalizer(DIM)).fit(prompt, lead) is None


def test_a_gist_is_the_mean_of_the_sentences_that_suit_best(writer: Writer, plan: WritingPlan) -> None:
    found = steered(writer)
    norm, book = writer.model.sentence_norm, found.codebook
    assert book is not None and writer.aim(plan.prompt, plan.leads) is None
    aims = found.aim(plan.prompt, plan.leads)
    assert aims is not None and aims.shape == plan.leads.shape
    prompt, leads = norm.normalize(plan.prompt[0]), norm.normalize(plan.leads)
    fits = book.fit(prompt, torch.stack((leads[2], prompt)))
    assert fits is not None
    fit = fits[0] + found.options.prompt_share * fits[1]
    best: list[int] = []
    for code in fit.argsort(descending=True).tolist():
        if len(best) < found.options.num_aims and all(
            F.cosine_similarity(book.codes_CD[code], book.codes_CD[other], dim=0) <= 0.5 for other in best
        ):
            best.append(code)
    assert best != fit.topk(len(best)).indices.tolist()  # some say nearly the same
    torch.testing.assert_close(aims[2], norm.denormalize(book.codes_CD[best].mean(dim=0)))
    assert found.aim(plan.prompt, plan.leads[:0]) is None


@pytest.mark.parametrize("seed", [1, 2])
def test_no_two_sections_say_the_same_code_and_each_is_the_same_alone(
    writer: Writer, plan: WritingPlan, seed: int
) -> None:
    found = steered(writer, code_share=1.0)
    together = found.write(plan, plan.paths, seed=seed)
    codes = [codes_of(found, section.vectors) for section in together]
    said = [code for section in codes for code in section]
    assert len(said) > 10 and len(set(said)) == len(said)
    for path, section in zip(plan.paths, together, strict=True):
        (alone,) = found.write(plan, [path], seed=seed)
        torch.testing.assert_close(alone.vectors, section.vectors, atol=1e-3, rtol=1e-3)


def test_equal_headings_share_and_a_small_codebook_is_everybodys(writer: Writer, plan: WritingPlan) -> None:
    norm = writer.model.sentence_norm
    book = SentenceCodebook(draw(300, DIM, seed=71), norm, compass())
    leads = norm.normalize(plan.leads)
    leads[1] = leads[0]
    shares = book.shares(norm.normalize(plan.prompt[0]), leads)
    assert shares is not None and torch.equal(shares[0], shares[1]) and shares.any(dim=0).all()
    small = SentenceCodebook(draw(4, DIM, seed=71), norm, compass())
    few = Writer(writer.card, writer.model, replace(writer.options, code_share=0.5), small)
    assert all(len(section.vectors) for section in few.write(plan, plan.paths, seed=1))


def released(tmp_path: Path, tensors: dict[str, Tensor] | None, dim: int = DIM) -> ModelCard:
    path = tmp_path / COMPASS_FILE
    if tensors is None:
        path.write_bytes(b"no tensors")
    else:
        save_tensors(path, tensors)
    return ModelCard(
        "toy", "writer", 1, {COMPASS_FILE: "0"}, {"concept_dim": dim}, "fake@1", "", "", 0, {}, "", tmp_path
    )


def test_a_released_compass_is_read_back_nearly_as_it_was(tmp_path: Path) -> None:
    made = compass()
    found = Compass.load(released(tmp_path, quantize(made.state_dict())))
    assert found is not None and found.known_out.weight.shape == (24, 48)
    known, place, sentences = draw(5, 4, DIM, seed=1), torch.tensor([0, 1, 2, 15, 40]), draw(9, DIM, seed=2)
    a, b = (c.fit(c.places(known, place), c.sentences(sentences)) for c in (made, found))
    assert F.cosine_similarity(a.flatten(), b.flatten(), dim=0) > 0.99
    assert Compass.load(replace(released(tmp_path, None), files={})) is None


@pytest.mark.parametrize(
    ("change", "dim", "error", "why"),
    [
        (lambda t: None, DIM, ModelError, "cannot be read"),
        (lambda t: {}, DIM, ModelError, "cannot be read"),
        (lambda t: t, 5, ModelError, "is for concepts of dimension 12, the writer's have 5"),
        (lambda t: {k: v for k, v in t.items() if k != "log_scale"}, DIM, ModelError, "1 missing"),
        (lambda t: t | {"log_scale": torch.tensor(float("nan"))}, DIM, NonFiniteError, "NaN or infinity"),
    ],
)  # fmt: skip
def test_a_compass_of_no_use_is_one_line(change, dim, error, why, tmp_path):  # type: ignore[no-untyped-def]
    card = released(tmp_path, change(quantize(compass().state_dict())), dim)
    with pytest.raises(error, match=why) as caught:
        Compass.load(card)
    assert "\n" not in str(caught.value)


def test_a_split_without_documents_is_one_line() -> None:
    nothing = replace(by_subject(1), documents=())
    with pytest.raises(InputError, match="a split of the corpus has no how-to document"):
        PlaceData(nothing, RobustNormalizer(DIM))
