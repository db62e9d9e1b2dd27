"""How texts of an extension's languages are looked for: what the map weighs, and the file that keeps it."""

from __future__ import annotations

import torch

from concepts.space.peers import xsim_error
from concepts.space.search_map import fit_search_map

DIM = 32


def pairs(num: int, noise_D: torch.Tensor, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Concepts of English texts, and of translations that lie elsewhere, by noise of a size of its own a direction."""
    generator = torch.Generator().manual_seed(seed)
    english = torch.randn(num, DIM, generator=generator) + 1
    return english + 0.5 + noise_D * torch.randn(num, DIM, generator=generator), english


def test_directions_in_which_translations_differ_count_less() -> None:
    noise = torch.cat((torch.full((4,), 4.0), torch.full((DIM - 4,), 0.3)))
    own, english = pairs(2_000, noise, seed=1)
    search_map = fit_search_map(own, own - english)
    own, english = pairs(300, noise, seed=2)
    plain, mapped = xsim_error(own, english), xsim_error(search_map(own), english)
    assert plain > 20
    assert mapped < plain / 4


def test_where_no_direction_differs_more_only_the_mean_goes() -> None:
    own, english = pairs(20_000, torch.full((DIM,), 0.3), seed=1)
    cosine = torch.nn.functional.cosine_similarity(
        fit_search_map(own, own - english)(own), own - own.mean(dim=0), dim=1
    )
    assert cosine.min() > 0.99


def test_few_pairs_give_a_map_of_finite_numbers() -> None:
    search_map = fit_search_map(*pairs(3, torch.ones(DIM), seed=1))
    assert all(value.isfinite().all() for value in search_map.tensors().values())
