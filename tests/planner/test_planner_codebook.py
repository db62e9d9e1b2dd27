from __future__ import annotations

import torch

from planner.codebook import mean_titles


def test_a_code_knows_the_titles_it_stands_under() -> None:
    codes, subjects = torch.eye(6)[:3], torch.eye(6)[3:]
    leads = torch.cat((codes[0].repeat(30, 1), codes[1].repeat(30, 1)))  # the third code is in no document
    titles = torch.cat((subjects[0].repeat(30, 1), subjects[:2].repeat(15, 1)))
    titles = titles - titles.mean(dim=0)
    found = mean_titles(codes, leads, titles)
    torch.testing.assert_close(found[0], titles[0] * 30 / 33)
    assert found[1] @ subjects[1] > 0 > found[0] @ subjects[1]
    assert not found[2].any()
