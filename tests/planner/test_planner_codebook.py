from __future__ import annotations

import torch
from torch.nn import functional as F

from planner.codebook import build_codebook, mean_titles


def test_every_code_is_a_real_lead() -> None:
    leads = torch.randn(200, 8, generator=torch.Generator().manual_seed(0))
    codes, counts = build_codebook(leads, 20)
    assert 0 < len(codes) <= 20
    assert counts.sum() == 200 and (counts > 0).all()
    assert all((leads == code).all(dim=1).any() for code in codes)


def test_few_leads_are_all_kept_once() -> None:
    leads = torch.eye(4)
    codes, counts = build_codebook(torch.cat((leads, leads)), 10)
    assert sorted(map(tuple, codes.tolist())) == sorted(map(tuple, leads.tolist()))
    assert counts.tolist() == [2, 2, 2, 2]


def test_codes_cover_clusters() -> None:
    generator = torch.Generator().manual_seed(1)
    centers = F.normalize(torch.randn(5, 16, generator=generator), dim=1)
    leads = centers.repeat(40, 1) + 0.02 * torch.randn(200, 16, generator=generator)
    codes = F.normalize(build_codebook(leads, 12)[0], dim=1)
    assert ((centers @ codes.T).amax(dim=1) > 0.95).all()


def test_the_same_leads_give_the_same_codes() -> None:
    leads = torch.randn(100, 8, generator=torch.Generator().manual_seed(2))
    assert torch.equal(build_codebook(leads, 10)[0], build_codebook(leads, 10)[0])


def test_a_code_knows_the_titles_it_stands_under() -> None:
    codes, subjects = torch.eye(6)[:3], torch.eye(6)[3:]
    leads = torch.cat((codes[0].repeat(30, 1), codes[1].repeat(30, 1)))  # the third code is in no document
    titles = torch.cat((subjects[0].repeat(30, 1), subjects[:2].repeat(15, 1)))
    titles = titles - titles.mean(dim=0)
    found = mean_titles(codes, leads, titles)
    torch.testing.assert_close(found[0], titles[0] * 30 / 33)
    assert found[1] @ subjects[1] > 0 > found[0] @ subjects[1]
    assert not found[2].any()
