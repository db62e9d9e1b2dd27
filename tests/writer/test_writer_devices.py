"""The writer on another device than its callers: the same sections."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch

from tests.second_device import DEVICE, SecondDevice
from writer.generate import Writer, WritingPlan, WrittenSection


def read(sections: list[WrittenSection]) -> list[tuple[str, list[list[float]], str, float]]:
    return [(s.path, s.vectors.cpu().tolist(), s.stop_reason, s.similarity) for s in sections]


def test_sections_are_the_same_on_a_device_of_their_own(writer: Writer, plan: WritingPlan) -> None:
    writer = writer.with_options(replace(writer.options, num_steps=2))
    goal, paths = replace(plan, goal=torch.ones(plan.gists.shape[1])), plan.paths[:2]
    want = read(writer.write(goal, paths, seed=5))
    drafts = writer.refine(plan, paths[:1], paths[0], seed=5)
    with SecondDevice() as device:
        there = Writer(writer.card, copy.deepcopy(writer.model).to(DEVICE), writer.options)
        assert there.device == DEVICE
        assert read(there.write(goal, paths, seed=5)) == want
        found = there.refine(plan, paths[:1], paths[0], seed=5)
        assert found.vectors.device == DEVICE
        assert torch.equal(found.vectors.cpu(), drafts.vectors)
    assert device.num_operations > 500
