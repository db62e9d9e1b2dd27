"""What headings are about, beside what they say, decides which come, and which not again."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.corpus.embed import EmbeddedCorpus, EmbeddedDocument, EmbeddedSection
from concepts.meaning import Meaning, MeaningConfig
from concepts.normalizer import RobustNormalizer
from planner.codebook import code_subjects
from planner.rollout import PlannedItem, Planner, _Row

DIM, WIDTH, NUM_CODES = 12, 4, 40


def draw(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def meaning() -> Meaning:
    """A text is about what the first four numbers of its concept say; the others are its words."""
    made = Meaning(MeaningConfig(concept_dim=DIM, hidden_dim=8, meaning_dim=WIDTH))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.zero_()
        made.skip.weight.copy_(torch.eye(DIM)[:WIDTH])
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def codes() -> Tensor:
    return draw(NUM_CODES, DIM, seed=5).clamp(-3, 3)


def subjects() -> Tensor:
    return F.normalize(draw(NUM_CODES, WIDTH, seed=6), dim=1)


def with_codes(
    planner: Planner,
    codes: Tensor,
    meaning: Meaning | None,
    about: Tensor | None = None,
    *,
    counts: Tensor | None = None,
    **options: float,
) -> Planner:
    """The fixture's model with a codebook that is not full, and what its codes are about."""
    model = deepcopy(planner.model)
    places = torch.arange(len(codes)) * 2 + 1  # rows of zeros between them are unused
    model.codebook[places] = codes
    model.code_counts[places] = torch.ones(len(codes)) if counts is None else counts
    model.code_titles[places] = 0.1 * draw(len(codes), DIM, seed=8)
    told = None
    if meaning is not None:
        rows = draw(len(model.codebook), WIDTH, seed=9)
        rows[places] = subjects()[: len(codes)] if about is None else about
        told = (meaning, rows)
    return Planner(planner.card, model, replace(planner.options, **options), told)  # type: ignore[arg-type]


def chosen(planner: Planner, codes: Tensor, items: list[PlannedItem]) -> list[int]:
    leads = planner.model.lead_norm.normalize(torch.stack([item.lead for item in items]))
    return torch.cdist(leads, codes).argmin(dim=1).tolist()


def same(a: list[PlannedItem], b: list[PlannedItem]) -> bool:
    return [(x.path, x.num_sentences) for x in a] == [(x.path, x.num_sentences) for x in b] and all(
        torch.equal(x.lead, y.lead) and torch.equal(x.gist, y.gist) for x, y in zip(a, b, strict=True)
    )


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_the_heading_about_the_same_as_the_prompt_is_chosen(
    planner: Planner, meaning: Meaning, codes: Tensor, seed: int
) -> None:
    prompt = draw(2, DIM, seed=seed)
    fit = (subjects() @ meaning(prompt).T).mean(dim=1)
    for weight, wanted in ((1e4, int(fit.argmax())), (-1e4, int(fit.argmin()))):
        found = with_codes(planner, codes, meaning, num_choices=1, meaning_weight=weight)
        assert chosen(found, codes, found.plan(prompt, num_sections=2))[0] == wanted


def test_below_a_part_its_own_meaning_counts_as_well(
    planner: Planner, prompt: Tensor, meaning: Meaning, codes: Tensor
) -> None:
    found = with_codes(planner, codes, meaning, num_choices=1, meaning_weight=1e4, max_length=3)
    items = found.plan(prompt, num_sections=3, depth=2)
    parts = [item for item in items if "." not in item.path]
    first = {item.path: item for item in items if item.path.endswith(".1")}
    wanted = [
        int((subjects() @ meaning(torch.cat((prompt, part.lead[None]))).T).mean(dim=1).argmax())
        for part in parts
    ]
    assert [chosen(found, codes, [first[f"{part.path}.1"]])[0] for part in parts] == wanted
    alone = int((subjects() @ meaning(prompt).T).mean(dim=1).argmax())
    assert set(wanted) != {alone}


def test_without_a_meaning_its_weight_is_nothing(planner: Planner, prompt: Tensor, codes: Tensor) -> None:
    plans = [
        with_codes(planner, codes, None, meaning_weight=weight, max_length=3).plan(
            prompt, num_sections=2, depth=2
        )
        for weight in (0.0, 1e6)
    ]
    assert same(*plans)


def test_a_meaning_without_weight_changes_nothing_but_what_is_a_repetition(
    planner: Planner, prompt: Tensor, meaning: Meaning, codes: Tensor
) -> None:
    options = {"num_candidates": 1, "max_similarity": 2.0}
    without = with_codes(planner, codes, None, **options).plan(prompt, num_sections=4)
    weightless = with_codes(planner, codes, meaning, meaning_weight=0.0, **options)
    assert same(weightless.plan(prompt, num_sections=4), without)
    usual = with_codes(planner, codes, meaning, meaning_weight=30.0, **options)
    assert not same(usual.plan(prompt, num_sections=4), without)


def twins(planner: Planner, *, alike: int) -> Tensor:
    """Codes of which the first two are alike: in their first four numbers, or in the others."""
    raw = draw(NUM_CODES, DIM, seed=15)
    if alike == WIDTH:
        raw[1, :WIDTH] = raw[0, :WIDTH]
        raw[1, WIDTH:] = -raw[0, WIDTH:]
    else:
        raw[1] = raw[0]
        raw[1, :WIDTH] = -0.2 * raw[0, :WIDTH]
    return planner.model.lead_norm.normalize(raw)


@pytest.mark.parametrize("alike", [WIDTH, DIM - WIDTH])
def test_a_heading_about_the_same_as_an_earlier_one_or_of_its_words_does_not_come(
    planner: Planner, prompt: Tensor, meaning: Meaning, alike: int
) -> None:
    codes = twins(planner, alike=alike)
    raw = planner.model.lead_norm.denormalize(codes[:2])
    in_words = float(F.cosine_similarity(codes[0], codes[1], dim=0))
    about = float(F.cosine_similarity(meaning(raw[:1]), meaning(raw[1:])))
    assert (in_words > 0.7, about > 0.7) == (alike != WIDTH, alike == WIDTH)
    # The two are by far the most frequent: where nothing forbids it, both come first.
    counts = torch.ones(NUM_CODES)
    counts[:2] = 1e12
    options = {"counts": counts, "frequency_weight": 100.0, "num_choices": 1}

    def taken(told: Meaning | None, most: float) -> list[int]:
        found = with_codes(planner, codes, told, max_similarity=most, **options)  # type: ignore[arg-type]
        return chosen(found, codes, found.plan(prompt, num_sections=4))

    assert set(taken(None, 0.98)[:2]) == {0, 1}
    assert len({0, 1} & set(taken(None, 0.7))) == (2 if alike == WIDTH else 1)
    items = taken(meaning, 0.7)
    assert items[0] in (0, 1) and len({0, 1} & set(items)) == 1
    assert len(set(items)) == 4


def test_headings_about_one_thing_repeat_where_no_others_are_left(
    planner: Planner, prompt: Tensor, meaning: Meaning
) -> None:
    codes = twins(planner, alike=WIDTH)[:2]
    found = with_codes(planner, codes, meaning)
    assert len(found.plan(prompt, num_sections=3)) == 3


def test_of_two_outlines_that_is_better_whose_headings_are_about_the_prompt(
    planner: Planner, prompt: Tensor, meaning: Meaning, codes: Tensor
) -> None:
    told, untold = (with_codes(planner, codes, known) for known in (meaning, None))
    norm, gist = planner.model.lead_norm, draw(DIM, seed=21)
    raw = draw(2, DIM, seed=20)
    raw[0, :WIDTH] = prompt[:, :WIDTH].mean(dim=0)
    raw[1, :WIDTH] = -raw[0, :WIDTH]
    scores = []
    for lead in raw:
        row = _Row((0,), [], 1, items=[(torch.cat((norm.normalize(lead), gist)), 3)])
        scores.append(told._score(row, prompt))
        gained = scores[-1] - untold._score(row, prompt)
        assert gained == pytest.approx(float((meaning(lead[None]) @ meaning(prompt).T).mean()), abs=1e-5)
    assert scores[0] > scores[1]


def test_the_same_seed_gives_the_same_outline_with_a_meaning(
    planner: Planner, prompt: Tensor, meaning: Meaning, codes: Tensor
) -> None:
    found, again = (with_codes(planner, codes, meaning, max_length=3) for _ in range(2))
    assert same(
        found.plan(prompt, num_sections=2, depth=2, seed=3),
        again.plan(prompt, num_sections=2, depth=2, seed=3),
    )
    given = [("1", draw(DIM, seed=30)), ("2", draw(DIM, seed=31))]
    filled = found.fill(prompt, given)
    assert all(torch.equal(item.lead, lead) for item, (_, lead) in zip(filled, given, strict=True))


@pytest.fixture(scope="module")
def lead_norm() -> RobustNormalizer:
    norm = RobustNormalizer(DIM)
    norm.fit(2 * draw(60, DIM, seed=40) + 1)
    return norm


def page(start: int, heading: int, num_said: int, num_prompts: int = 1) -> EmbeddedDocument:
    prompts = tuple(range(start, start + num_prompts))
    said = range(start + num_prompts, start + num_prompts + num_said)
    return EmbeddedDocument(prompts, (EmbeddedSection(heading, tuple(said)),), "")


def by_subject(num: int, headings: Tensor) -> EmbeddedCorpus:
    """`num` documents about a first subject under the first heading, as many about a second under the second."""
    about = torch.eye(DIM)[:2].repeat_interleave(num, dim=0)
    texts = 3 * about.repeat_interleave(4, dim=0) + 0.2 * draw(8 * num, DIM, seed=41)
    documents = tuple(page(2 + 4 * n, int(n >= num), 3) for n in range(2 * num))
    vectors = torch.cat((headings, texts))
    return EmbeddedCorpus(documents, ("",) * len(vectors), vectors, "fake@1")


def test_a_heading_is_about_what_stands_under_it(lead_norm: RobustNormalizer, meaning: Meaning) -> None:
    codes = draw(3, DIM, seed=42)
    corpus = by_subject(20, lead_norm.denormalize(codes[:2]))
    found = code_subjects(codes, lead_norm, corpus, meaning)
    own = meaning(lead_norm.denormalize(codes))
    first, second = torch.eye(DIM)[:2] @ torch.eye(DIM)[:, :WIDTH]
    assert found.shape == (3, WIDTH)
    gained = found - own
    assert gained[0] @ first > 0.3 > -0.3 > gained[0] @ second
    assert gained[1] @ second > 0.3 > -0.3 > gained[1] @ first
    assert torch.equal(found[2], own[2])  # stands in no document


def test_few_sections_say_less_of_a_heading_than_many(lead_norm: RobustNormalizer, meaning: Meaning) -> None:
    codes = draw(3, DIM, seed=42)
    own = meaning(lead_norm.denormalize(codes))
    for num in (2, 20):
        corpus = by_subject(num, lead_norm.denormalize(codes[:2]))
        whole, usual, drawn = (
            code_subjects(codes, lead_norm, corpus, meaning, shrink=shrink) - own
            for shrink in (1e-9, 3.0, 30.0)
        )
        torch.testing.assert_close(usual[:2], whole[:2] * num / (num + 3))
        torch.testing.assert_close(drawn[:2], whole[:2] * num / (num + 30))
        torch.testing.assert_close(code_subjects(codes, lead_norm, corpus, meaning) - own, usual)


def test_titles_in_all_wordings_and_sentences_count_alike_from_their_own_means(
    lead_norm: RobustNormalizer, meaning: Meaning
) -> None:
    codes = draw(4, DIM, seed=43)
    vectors = torch.cat((lead_norm.denormalize(codes + 0.05 * draw(4, DIM, seed=44)), draw(40, DIM, seed=45)))
    two = EmbeddedDocument((4, 5, 6), (EmbeddedSection(0, (7, 8)), EmbeddedSection(2, (9,))), "")
    documents = (two, page(10, 2, 4), page(20, 0, 1, num_prompts=2), page(30, 3, 2))
    found = code_subjects(
        codes, lead_norm, EmbeddedCorpus(documents, ("",) * 44, vectors, "fake@1"), meaning, shrink=2.0
    )
    about = meaning(vectors)
    sections = [(d, s) for d in documents for s in d.sections]
    titles = [sum(about[row] for row in d.prompts) / len(d.prompts) for d, _ in sections]
    said = [sum(about[row] for row in s.sentences) / len(s.sentences) for _, s in sections]
    centers = [sum(x) / len(sections) for x in (titles, said)]
    for code in range(4):
        wanted = meaning(lead_norm.denormalize(codes[code : code + 1]))[0]
        own = [i for i, (_, section) in enumerate(sections) if section.heading == code]
        for i in own:
            wanted = wanted + (titles[i] - centers[0] + said[i] - centers[1]) / 2 / (len(own) + 2)
        torch.testing.assert_close(found[code], wanted)
