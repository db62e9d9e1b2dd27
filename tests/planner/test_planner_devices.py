"""The planner on another device than its callers: the same outlines."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import Tensor

from planner.rollout import PlannedItem, Planner
from tests.second_device import DEVICE, SecondDevice


def read(items: list[PlannedItem]) -> list[tuple[str, list[float], list[float], int]]:
    return [(item.path, item.lead.tolist(), item.gist.tolist(), item.num_sentences) for item in items]


def brought_back(items: list[PlannedItem]) -> list[PlannedItem]:
    assert items and all(item.lead.device == item.gist.device == DEVICE for item in items)
    return [replace(item, lead=item.lead.cpu(), gist=item.gist.cpu()) for item in items]


def test_an_outline_is_the_same_on_a_device_of_its_own(planner: Planner, prompt: Tensor) -> None:
    goal = torch.ones_like(prompt[0])
    # few steps, and leads that are drawn again
    options = replace(planner.options, num_candidates=2, num_steps=2, max_similarity=0.0, num_redraws=1)
    here = planner.with_options(replace(options, min_open_items=1, max_open_items=2))
    want = [
        read(here.plan(prompt, goal=goal, num_sections=1, depth=2, seed=1)),
        read(here.candidates(prompt, seed=2)[1]),
        [(drafts.path, drafts.leads.tolist()) for drafts in here.refine(prompt, num_sections=1, seed=3)],
    ]
    with SecondDevice() as device:
        there = Planner(planner.card, copy.deepcopy(planner.model).to(DEVICE), here.options)
        assert there.device == DEVICE
        leads = there.refine(prompt, num_sections=1, seed=3)
        got = [
            read(brought_back(there.plan(prompt, goal=goal, num_sections=1, depth=2, seed=1))),
            read(brought_back(there.candidates(prompt, seed=2)[1])),
            [(drafts.path, drafts.leads.cpu().tolist()) for drafts in leads],
        ]
    assert got == want
    assert device.num_operations > 500


def test_headings_are_filled_in_the_same_way_on_a_device_of_its_own(planner: Planner, prompt: Tensor) -> None:
    planner = planner.with_options(replace(planner.options, num_candidates=1, num_steps=2))
    known = planner.plan(prompt, num_sections=2, seed=1)
    leads = [("1", known[0].lead), ("1.1", -known[0].lead), ("1.2", known[1].lead), ("2", known[1].lead)]
    given = {"2": (known[1].gist, 4)}
    want = read(planner.fill(prompt, leads, seed=5, known=given))
    with SecondDevice():
        there = Planner(planner.card, copy.deepcopy(planner.model).to(DEVICE), planner.options)
        got = read(brought_back(there.fill(prompt, leads, seed=5, known=given)))
    assert got == want
