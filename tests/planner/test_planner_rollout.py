"""Drawing outlines: counts, trees, seeds, goals, a user's own headings, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

import planner.rollout as rollout
from concepts.errors import NonFiniteError, SpaceMismatchError, UsageError
from concepts.neural.contrast import mean_cosine
from planner.config import LENGTH_BINS, MAX_ITEMS
from planner.model import OutlineModel
from planner.rollout import PlannedItem, Planner, PlanOptions, _Row

DIM = 12


def leads(items: list[PlannedItem]) -> Tensor:
    return torch.stack([item.lead for item in items])


def same(a: list[PlannedItem], b: list[PlannedItem]) -> bool:
    return [(x.path, x.num_sentences) for x in a] == [(x.path, x.num_sentences) for x in b] and all(
        torch.equal(x.lead, y.lead) and torch.equal(x.gist, y.gist) for x, y in zip(a, b, strict=True)
    )


@pytest.mark.parametrize("num", [1, 2, 5, 27])
def test_the_number_of_sections_is_respected_exactly(planner: Planner, prompt: Tensor, num: int) -> None:
    items = planner.plan(prompt, num_sections=num)
    assert [item.path for item in items] == [str(i + 1) for i in range(num)]
    for item in items:
        assert item.lead.shape == item.gist.shape == (DIM,) and item.num_sentences in LENGTH_BINS
        assert torch.isfinite(item.lead).all() and torch.isfinite(item.gist).all()


def test_without_a_number_the_model_decides_within_bounds(planner: Planner, prompt: Tensor) -> None:
    sizes = {len(planner.plan(prompt, seed=seed)) for seed in range(5)}
    assert all(2 <= size <= MAX_ITEMS for size in sizes)


def test_at_depth_two_every_part_gets_children_in_document_order(planner: Planner, prompt: Tensor) -> None:
    items = planner.plan(prompt, num_sections=3, depth=2)
    paths = [item.path for item in items]
    parts = [path for path in paths if "." not in path]
    assert parts == ["1", "2", "3"]
    expected = []
    for part in parts:
        num_children = next(item.num_sentences for item in items if item.path == part)
        children = [path for path in paths if path.startswith(f"{part}.")]
        assert 2 <= len(children) == num_children <= MAX_ITEMS
        assert children == [f"{part}.{i + 1}" for i in range(len(children))]
        expected += [part, *children]
    assert paths == expected
    shallow = planner.plan(prompt, num_sections=3)
    deep = [item for item in items if "." not in item.path]
    assert all(torch.equal(a.lead, b.lead) for a, b in zip(deep, shallow, strict=True))


def test_the_seed_decides(planner: Planner, prompt: Tensor) -> None:
    first = planner.plan(prompt, num_sections=3, seed=4)
    torch.manual_seed(99)  # the global generator has no say
    assert same(first, planner.plan(prompt, num_sections=3, seed=4))
    for seed in (0, 5):
        assert not torch.allclose(
            leads(first), leads(planner.plan(prompt, num_sections=3, seed=seed)), atol=1e-3
        )


def test_prompt_and_goal_change_the_outline(planner: Planner, prompt: Tensor) -> None:
    plain = leads(planner.plan(prompt, num_sections=3))
    goals = [torch.full((DIM,), value) for value in (1.0, -1.0)]
    told = [leads(planner.plan(prompt, goal=goal, num_sections=3)) for goal in goals]
    assert not torch.allclose(plain, told[0], atol=1e-3) and not torch.allclose(told[0], told[1], atol=1e-3)
    assert not torch.allclose(plain, leads(planner.plan(-prompt, num_sections=3)), atol=1e-3)


def test_a_row_is_the_same_alone_and_among_others(planner: Planner, prompt: Tensor) -> None:
    def rows() -> list[_Row]:
        made = []
        for number, num_wanted in enumerate((4, 2, None)):
            prefix = planner._prefix(prompt if number else prompt[:1], None)
            made.append(_Row((0, "test", number), [*prefix, planner._start(num_wanted)], num_wanted))
        return made

    together = rows()
    planner._draw(together)
    for i, row in enumerate(rows()):
        planner._draw([row])
        assert [num for _, num in row.items] == [num for _, num in together[i].items]
        got, expected = (torch.stack([x for x, _ in r.items]) for r in (together[i], row))
        torch.testing.assert_close(got, expected, atol=2e-4, rtol=2e-4)


def test_a_drawn_lead_has_the_length_of_a_vector_of_the_space(planner: Planner, prompt: Tensor) -> None:
    items = planner.plan(prompt, num_sections=4, depth=2)
    torch.testing.assert_close(leads(items).norm(dim=1), torch.ones(len(items)))


def test_a_plan_that_is_planned_again_around_itself_stays(planner: Planner, prompt: Tensor) -> None:
    """What is drawn next depends on the stored lead and gist, not on what they were before they were stored."""
    model, items = planner.model, planner.plan(prompt, num_sections=3)
    (row,) = [_Row((0, "plan", 0), [*planner._prefix(prompt, None), planner._start(3)], 3)]
    planner._draw([row])
    for item, (drawn, _) in zip(planner._items(row), row.items, strict=True):
        torch.testing.assert_close(model.lead_norm.normalize(item.lead), drawn[:DIM], atol=1e-5, rtol=1e-5)
    given = [(item.path, item.lead) for item in items]
    again = planner.fill(prompt, given, known={i.path: (i.gist, i.num_sentences) for i in items})
    assert same(items, again)


def cosines(items: list[PlannedItem]) -> Tensor:
    unit = torch.nn.functional.normalize(leads(items), dim=1)
    return (unit @ unit.T).tril(diagonal=-1)


def test_a_lead_like_an_earlier_one_is_drawn_again(
    planner: Planner, prompt: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int | str, ...]] = []
    original = rollout.seeded_noise

    def noting(shape: tuple[int, ...], *key: int | str) -> Tensor:
        asked.append(key)
        return original(shape, *key)

    monkeypatch.setattr(rollout, "seeded_noise", noting)

    def plan(**options: float) -> list[PlannedItem]:
        asked.clear()
        changed = planner.with_options(replace(planner.options, num_candidates=1, **options))  # type: ignore[arg-type]
        return changed.plan(prompt, num_sections=6, seed=3)

    free = plan(max_similarity=1.0)
    assert not any("again" in key for key in asked)
    limit = float(cosines(free).max()) - 0.05
    apart = plan(max_similarity=limit)
    again = [key for key in asked if "again" in key]
    assert again and cosines(apart).max() < cosines(free).max()
    assert {key[-1] for key in again} <= {1, 2, 3, 4}
    plan(max_similarity=-1.0)  # never satisfied: four more tries for all but the first, then the best one
    assert sum("again" in key for key in asked) == 4 * 5
    plan(max_similarity=-1.0, num_redraws=0)
    assert not any("again" in key for key in asked)


def test_outlines_are_ranked_by_nearness_to_the_prompt_and_unlikeness_of_items(
    planner: Planner, prompt: Tensor
) -> None:
    ranked = planner.candidates(prompt, num_sections=3, seed=1)
    assert len(ranked) == planner.options.num_candidates
    assert same(ranked[0], planner.plan(prompt, num_sections=3, seed=1))

    def score(items: list[PlannedItem]) -> float:
        near = torch.nn.functional.cosine_similarity(leads(items), prompt.mean(dim=0)[None]).mean()
        gists = torch.stack([item.gist for item in items])
        return float(near) - 0.25 * (mean_cosine(leads(items)) + mean_cosine(gists))

    scores = [score(items) for items in ranked]
    assert scores == sorted(scores, reverse=True) and scores[0] > scores[-1]


def test_the_baseline_without_noise_draws_the_same_whatever_the_seed(
    planner: Planner, prompt: Tensor
) -> None:
    model = OutlineModel(replace(planner.model.config, objective="mse"))
    model.load_state_dict(planner.model.state_dict())
    mean = Planner(planner.card, model.eval(), planner.options)
    first = leads(mean.plan(prompt, num_sections=1, seed=1))
    assert torch.equal(first, leads(mean.plan(prompt, num_sections=1, seed=2)))
    assert not torch.allclose(first, leads(mean.plan(-prompt, num_sections=1, seed=1)), atol=1e-3)


def test_steps_and_guidance_change_what_is_drawn(planner: Planner, prompt: Tensor) -> None:
    before = leads(planner.plan(prompt, num_sections=2))
    for options in (replace(planner.options, num_steps=9), replace(planner.options, guidance_scale=4.0)):
        other = planner.with_options(options)
        assert other.model is planner.model
        assert not torch.allclose(leads(other.plan(prompt, num_sections=2)), before, atol=1e-3)


def test_an_open_outline_keeps_to_its_bounds(planner: Planner, prompt: Tensor) -> None:
    bounded = planner.with_options(replace(planner.options, min_open_items=3, max_open_items=4))
    assert all(3 <= len(items) <= 4 for seed in range(3) for items in bounded.candidates(prompt, seed=seed))


def test_no_item_is_planned_shorter_than_allowed(planner: Planner, prompt: Tensor) -> None:
    items = planner.plan(prompt, num_sections=8)
    assert min(item.num_sentences for item in items) >= planner.options.min_length


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_steps": 0}, "num_steps must be at least 1, got 0"),
        ({"num_candidates": 0}, "num_candidates must be at least 1, got 0"),
        ({"max_similarity": 2.0}, "max_similarity must be a cosine, got 2.0"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        PlanOptions(**options)  # type: ignore[arg-type]


def test_more_candidates_never_give_a_worse_score(planner: Planner, prompt: Tensor) -> None:
    scores = []
    for num in (1, 3):
        more = Planner(planner.card, planner.model, replace(planner.options, num_candidates=num))
        items = more.plan(prompt, num_sections=3, seed=1)
        normalized = [
            torch.cat((more.model.lead_norm.normalize(i.lead), more.model.gist_norm.normalize(i.gist)))
            for i in items
        ]
        scores.append(more._score(_Row((), [], None, items=[(x, 1) for x in normalized]), prompt))
    assert scores[1] >= scores[0] - 1e-3


def test_a_users_headings_are_kept_exactly_and_get_gist_and_length(planner: Planner, prompt: Tensor) -> None:
    generator = torch.Generator().manual_seed(3)
    given = [
        (path, torch.randn(DIM, generator=generator) * 20) for path in ("1", "2", "2.1", "2.2", "2.3", "3")
    ]
    items = planner.fill(prompt, given, seed=2)
    assert [item.path for item in items] == [path for path, _ in given]
    assert all(torch.equal(item.lead, lead) for item, (_, lead) in zip(items, given, strict=True))
    assert items[1].num_sentences == 3  # a part's length is the number of its sections
    assert same(items, planner.fill(prompt, given, seed=2))
    gists = torch.stack([item.gist for item in items])
    assert torch.isfinite(gists).all()
    assert not torch.allclose(
        gists, torch.stack([i.gist for i in planner.fill(prompt, given, seed=3)]), atol=1e-3
    )
    moved = [(path, lead if path != "2" else -lead) for path, lead in given]
    later = planner.fill(prompt, moved, seed=2)
    assert torch.equal(later[0].gist, items[0].gist)  # headings behind a section do not reach it
    assert not torch.allclose(later[5].gist, items[5].gist, atol=1e-3)  # those before it do


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p, x: p.plan(x, depth=3), "depth must be 1 or 2, got 3"),
        (lambda p, x: p.plan(x, num_sections=0), "num_sections must be at least 1, got 0"),
        (lambda p, x: p.plan(x, num_sections=-2), "num_sections must be at least 1, got -2"),
    ],
)
def test_impossible_wishes_are_refused(
    planner: Planner, prompt: Tensor, call: Callable[[Planner, Tensor], object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        call(planner, prompt)


@pytest.mark.parametrize("shape", [(2, DIM + 1), (DIM,), (0, DIM)])
def test_a_prompt_of_another_shape_is_refused(planner: Planner, shape: tuple[int, ...]) -> None:
    with pytest.raises(SpaceMismatchError, match=r"toy-planner plans from concepts \(P, 12\), got"):
        planner.plan(torch.zeros(shape))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_prompt_goal_or_heading_that_is_no_number_is_refused(
    planner: Planner, prompt: Tensor, bad: float
) -> None:
    spoilt = prompt.clone()
    spoilt[1, 3] = bad
    with pytest.raises(NonFiniteError, match="a prompt concept holds NaN or infinity"):
        planner.plan(spoilt)
    with pytest.raises(NonFiniteError, match="a goal's concept holds NaN or infinity"):
        planner.plan(prompt, goal=spoilt[1])
    with pytest.raises(NonFiniteError, match="a heading's concept holds NaN or infinity"):
        planner.fill(prompt, [("1", spoilt[0]), ("2", spoilt[1])])


def test_a_goal_or_heading_of_another_space_is_refused(planner: Planner, prompt: Tensor) -> None:
    with pytest.raises(SpaceMismatchError, match=r"a goal has shape \(13,\)"):
        planner.plan(prompt, goal=torch.zeros(DIM + 1))
    with pytest.raises(SpaceMismatchError, match=r"a heading has shape \(1, 12\)"):
        planner.fill(prompt, [("1", torch.zeros(1, DIM))])


@pytest.mark.parametrize("depth", [1, 2])
def test_leads_are_shown_from_noise_to_what_is_planned(planner: Planner, prompt: Tensor, depth: int) -> None:
    items = planner.plan(prompt, num_sections=3, depth=depth, seed=2)
    drafts = planner.refine(prompt, num_sections=3, depth=depth, seed=2)
    assert [draft.path for draft in drafts] == [item.path for item in items]
    for draft, item in zip(drafts, items, strict=True):
        assert draft.times == (1.0, 0.75, 0.5, 0.25)
        assert torch.equal(draft.leads[-1], item.lead)
        assert draft.leads.norm(dim=1).allclose(torch.ones(4), atol=1e-4)
