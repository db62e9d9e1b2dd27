"""What sentences and headings are about counts beside the compass, and does its work where there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.card import ModelCard, write_card
from concepts.errors import ModelError
from concepts.meaning import MEANING_FILE, Meaning, MeaningConfig, meaning_tensors, meanings_of
from concepts.quantize import quantize
from concepts.training import save_tensors
from writer.codebook import CODEBOOK_FILE, MEANING_WEIGHT, SentenceCodebook, codebook_tensors, read_codes
from writer.compass import COMPASS_FILE, Compass, CompassConfig
from writer.generate import Writer, WritingPlan

DIM, WIDTH, NUM_CODES = 12, 6, 300


def draw(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


CODES = draw(NUM_CODES, DIM, seed=71)


def compass() -> Compass:
    torch.manual_seed(3)
    return Compass(CompassConfig(concept_dim=DIM, hidden_dim=48, key_dim=24)).eval().requires_grad_(False)


def meaning() -> Meaning:
    torch.manual_seed(4)
    made = Meaning(MeaningConfig(concept_dim=DIM, hidden_dim=16, meaning_dim=WIDTH))
    made.norm.fit(2 * draw(50, DIM, seed=72) + 1)
    return made.eval().requires_grad_(False)


def book(writer: Writer, *, led: bool = False, told: bool = False) -> SentenceCodebook:
    known = (meaning(), meanings_of(meaning(), CODES)) if told else None
    return SentenceCodebook(CODES, writer.model.sentence_norm, compass() if led else None, known)


def telling(writer: Writer, **options: float) -> Writer:
    """The writer with a codebook and a meaning, without a compass."""
    told = replace(writer.options, **options)  # type: ignore[arg-type]
    return Writer(writer.card, writer.model, told, book(writer, told=True))


@pytest.fixture
def prompt(writer: Writer, plan: WritingPlan) -> Tensor:
    return writer.model.sentence_norm.normalize(plan.prompt[0])


@pytest.fixture
def leads(writer: Writer, plan: WritingPlan) -> Tensor:
    return writer.model.sentence_norm.normalize(plan.leads)


def test_a_fit_is_that_of_compass_and_meaning_together(writer: Writer, prompt: Tensor, leads: Tensor) -> None:
    before = (CODES[5], CODES[9])
    for earlier in ((), before):
        both, led, told = (
            book(writer, led=a, told=b).fit(prompt, leads, earlier)
            for a, b in ((True, True), (True, False), (False, True))
        )
        assert both is not None and led is not None and told is not None and both.shape == (5, NUM_CODES)
        torch.testing.assert_close(both, led + told)
        assert (both - led).abs().max() > 1 and (both - told).abs().max() > 1
    assert book(writer).fit(prompt, leads) is None


def test_a_meaning_fits_what_is_about_the_same_wherever_it_stands(
    writer: Writer, plan: WritingPlan, prompt: Tensor, leads: Tensor
) -> None:
    known = book(writer, told=True)
    fit = known.fit(prompt, leads)
    assert fit is not None and known.meaning_weight == MEANING_WEIGHT
    alike = F.cosine_similarity(meaning()(plan.leads)[:, None], meaning()(CODES)[None], dim=2)
    torch.testing.assert_close(fit, MEANING_WEIGHT * alike, atol=1e-4, rtol=1e-4)
    other = known.fit(leads[0], leads, (CODES[1], CODES[2]))  # another prompt, at a later place
    assert other is not None and torch.equal(other, fit)
    known.meaning_weight = 2 * MEANING_WEIGHT
    torch.testing.assert_close(known.fit(prompt, leads), 2 * fit)


def test_a_meaning_without_weight_leaves_the_compass_alone(
    writer: Writer, plan: WritingPlan, prompt: Tensor, leads: Tensor
) -> None:
    both, led = book(writer, led=True, told=True), book(writer, led=True)
    assert not torch.equal(both.fit(prompt, leads), led.fit(prompt, leads))  # type: ignore[arg-type]
    both.meaning_weight = 0.0
    assert torch.equal(both.fit(prompt, leads), led.fit(prompt, leads))  # type: ignore[arg-type]
    assert torch.equal(both.shares(prompt, leads), led.shares(prompt, leads))  # type: ignore[arg-type]
    sections = [
        Writer(writer.card, writer.model, writer.options, known).write(plan, plan.paths, seed=2)
        for known in (both, led)
    ]
    assert all(torch.equal(a.vectors, b.vectors) for a, b in zip(*sections, strict=True))


def test_a_meaning_alone_says_gists(writer: Writer, plan: WritingPlan) -> None:
    found = telling(writer, prompt_share=0.5)
    aims = found.aim(plan.prompt, plan.leads)
    assert aims is not None and aims.shape == plan.leads.shape and found.codebook is not None
    codes = found.codebook.codes_CD
    fit = meaning()(CODES) @ (meaning()(plan.leads) + 0.5 * meaning()(plan.prompt[:1])).T
    for heading in range(5):
        best: list[int] = []
        for code in fit[:, heading].argsort(descending=True).tolist():
            if len(best) < found.options.num_aims and all(
                F.cosine_similarity(codes[code], codes[other], dim=0) <= 0.5 for other in best
            ):
                best.append(code)
        gist = writer.model.sentence_norm.denormalize(codes[best].mean(dim=0))
        torch.testing.assert_close(aims[heading], gist)
    assert (
        Writer(writer.card, writer.model, writer.options, book(writer)).aim(plan.prompt, plan.leads) is None
    )


def codes_of(found: Writer, section: Tensor) -> list[int]:
    assert found.codebook is not None
    known = found.model.sentence_norm.denormalize(found.codebook.codes_CD)
    return torch.cdist(section, known).argmin(dim=1).tolist()


def test_a_meaning_alone_shares_the_codes_among_the_sections(
    writer: Writer, plan: WritingPlan, leads: Tensor, prompt: Tensor
) -> None:
    shares = book(writer, told=True).shares(prompt, leads)
    assert shares is not None and (shares.sum(dim=0) == 1).all() and (shares.sum(dim=1) > 10).all()
    nearest = (meaning()(plan.leads) @ meaning()(CODES).T).argmax(dim=0)
    assert torch.equal(shares.int().argmax(dim=0), nearest)
    together = telling(writer, code_share=1.0).write(plan, plan.paths, seed=1)
    said = [codes_of(telling(writer), section.vectors) for section in together]
    assert sum(map(len, said)) > 10
    for section, own in zip(said, shares, strict=True):
        assert own[section].all() and len(set(section)) == len(section)
    (alone,) = telling(writer, code_share=1.0).write(plan, ["2.2"], seed=1)
    torch.testing.assert_close(alone.vectors, together[2].vectors, atol=1e-3, rtol=1e-3)


def test_a_meaning_decides_by_the_weight_of_a_fit(
    writer: Writer, plan: WritingPlan, leads: Tensor, prompt: Tensor
) -> None:
    found = telling(writer, fit_weight=1e6, code_share=1.0)
    shares = book(writer, told=True).shares(prompt, leads)
    assert shares is not None
    fit = (
        meaning()(CODES)
        @ (meaning()(plan.leads[3:4]) + found.options.prompt_share * meaning()(plan.prompt[:1])).T
    )
    best = int(fit[:, 0].masked_fill(~shares[3], -torch.inf).argmax())
    (section,) = found.write(plan, ["3"], seed=1)
    assert codes_of(found, section.vectors)[0] == best
    (free,) = telling(writer, fit_weight=0.0, code_share=1.0).write(plan, ["3"], seed=1)
    assert codes_of(found, free.vectors)[0] != best


def released(folder: Path, **files: dict[str, Tensor]) -> ModelCard:
    names = {"codes": CODEBOOK_FILE, "compass": COMPASS_FILE, "meaning": MEANING_FILE}
    folder.mkdir()
    for name, tensors in files.items():
        save_tensors(folder / names[name], tensors)
    return write_card(
        folder, name="toy", kind="writer", version=1, file_names=[names[name] for name in files],
        config={"concept_dim": DIM}, space="fake@1", data="", recipe="", steps=0, figures={}, licence="",
    )  # fmt: skip


def test_a_released_writer_brings_what_it_has(
    tmp_path: Path, writer: Writer, leads: Tensor, prompt: Tensor
) -> None:
    files = {
        "codes": codebook_tensors(CODES),
        "compass": quantize(compass().state_dict()),
        "meaning": meaning_tensors(meaning(), meanings_of(meaning(), CODES)),
    }
    norm = writer.model.sentence_norm
    for led, told in ((False, False), (True, False), (False, True), (True, True)):
        has = {"codes": True, "compass": led, "meaning": told}
        card = released(tmp_path / f"{led}-{told}", **{name: files[name] for name in files if has[name]})
        found = SentenceCodebook.load(card, norm)
        assert found is not None and (found.compass is not None, found.meaning is not None) == (led, told)
        wanted, fit = (known.fit(prompt, leads) for known in (book(writer, led=led, told=told), found))
        if wanted is None or fit is None:
            assert wanted is fit and not led and not told
        else:
            assert F.cosine_similarity(wanted.flatten(), fit.flatten(), dim=0) > 0.99


def test_a_meaning_of_another_codebook_is_one_line(tmp_path: Path, writer: Writer) -> None:
    card = released(
        tmp_path / "toy",
        codes=codebook_tensors(CODES),
        meaning=meaning_tensors(meaning(), meanings_of(meaning(), CODES[1:])),
    )
    with pytest.raises(
        ModelError, match="what 299 codes are about, the writer has 300; train it anew"
    ) as caught:
        SentenceCodebook.load(card, writer.model.sentence_norm)
    assert "\n" not in str(caught.value)


def test_the_codes_of_a_released_writer_are_read_raw(tmp_path: Path) -> None:
    card = released(tmp_path / "toy", codes=codebook_tensors(CODES))
    codes = read_codes(card)
    assert codes is not None
    torch.testing.assert_close(codes, CODES, atol=0.02, rtol=0)
    assert read_codes(replace(card, files={"model.safetensors": "0"})) is None
