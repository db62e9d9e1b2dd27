from __future__ import annotations

import torch
from torch.nn import functional as F

from concepts.codebook import build_codebook


def test_every_code_is_a_real_point() -> None:
    points = torch.randn(200, 8, generator=torch.Generator().manual_seed(0))
    codes, counts = build_codebook(points, 20)
    assert 0 < len(codes) <= 20
    assert counts.sum() == 200 and (counts > 0).all()
    assert all((points == code).all(dim=1).any() for code in codes)


def test_few_points_are_all_kept_once() -> None:
    points = torch.eye(4)
    codes, counts = build_codebook(torch.cat((points, points)), 10)
    assert sorted(map(tuple, codes.tolist())) == sorted(map(tuple, points.tolist()))
    assert counts.tolist() == [2, 2, 2, 2]


def test_codes_cover_clusters() -> None:
    generator = torch.Generator().manual_seed(1)
    centers = F.normalize(torch.randn(5, 16, generator=generator), dim=1)
    points = centers.repeat(40, 1) + 0.02 * torch.randn(200, 16, generator=generator)
    codes = F.normalize(build_codebook(points, 12)[0], dim=1)
    assert ((centers @ codes.T).amax(dim=1) > 0.95).all()


def test_the_same_points_give_the_same_codes() -> None:
    points = torch.randn(100, 8, generator=torch.Generator().manual_seed(2))
    assert torch.equal(build_codebook(points, 10)[0], build_codebook(points, 10)[0])
