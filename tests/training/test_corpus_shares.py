"""Shares of the kinds of documents."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, asdict

import numpy as np
import pytest

from concepts.errors import InputError, ModelError
from training.corpus.shares import KindShares


def test_each_kind_gets_its_share_however_many_there_are() -> None:
    weights = KindShares().weights(["guide", *["howto"] * 4, "recipe", "lead", "lead"])
    np.testing.assert_allclose(weights, [0.6, *[0.04] * 4, 0.12, 0.06, 0.06])


def test_kinds_that_are_not_there_leave_their_share_to_the_others() -> None:
    weights = KindShares(guide=0.5, howto=0.2, recipe=0.3).weights(["howto", "recipe", "recipe"])
    np.testing.assert_allclose(weights, [0.4, 0.3, 0.3])


def test_within_a_kind_sizes_decide() -> None:
    weights = KindShares(howto=0.2, lead=0.2).weights(["howto", "lead", "howto"], [3, 100, 1])
    np.testing.assert_allclose(weights, [0.375, 0.5, 0.125])


def test_shares_are_frozen_and_can_be_written_down() -> None:
    shares = KindShares(guide=0.7)
    with pytest.raises(FrozenInstanceError):
        shares.guide = 0.1  # type: ignore[misc]
    assert KindShares(**json.loads(json.dumps(asdict(shares)))) == shares


def test_shares_of_no_use_are_one_line() -> None:
    with pytest.raises(ModelError, match=r"the share of lead documents must be at least 0, got -1"):
        KindShares(lead=-1)
    with pytest.raises(ModelError, match=r"the share of guide documents must be at least 0, got nan"):
        KindShares(guide=float("nan"))
    with pytest.raises(InputError, match="the corpus has howto, lead documents only, whose shares are 0"):
        KindShares(howto=0, lead=0).weights(["howto", "lead"])
