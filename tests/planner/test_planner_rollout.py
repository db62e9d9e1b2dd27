"""Drawing outlines: counts, trees, seeds, goals, a user's own headings, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from concepts.errors import NonFiniteError, SpaceMismatchError, UsageError
from planner.config import LENGTH_BINS, MAX_ITEMS
from planner.rollout import PlannedItem, Planner, _Row

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
