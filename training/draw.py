"""Which observations are worth reading features for: as many as wanted, on the sides of the split."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from models.definition import Recipe
from training.dealing import LEFT_OUT, TEST, TRAINING, VALIDATION, Dealt, deal
from training.table import Indices

Moments = NDArray[np.datetime64]


def draw(
    moments: Moments, groups: NDArray[np.int64] | None, recipe: Recipe, wanted: int, horizon: timedelta
) -> tuple[Indices, Dealt | None]:
    """At most `wanted` observations, in random order, with their sides; the same for the same seed.

    Without groups (a forecast's series go on) they are drawn evenly, and the split is left to others. With groups it is
    dealt first, so that features are read for no row that it would leave out. What was observed less than `horizon`
    before a side ends is left out: its outcome came to be in the next side's time.
    """
    random = np.random.default_rng(recipe.seed)
    if groups is None:
        return random.permutation(len(moments))[:wanted], None
    dealt = _closed(deal(moments, groups, recipe), moments + np.timedelta64(horizon))
    shares = {VALIDATION: recipe.validation_fraction, TEST: recipe.test_fraction}
    shares[TRAINING] = 1 - sum(shares.values())
    drawn = [
        random.permutation(np.flatnonzero(dealt.side == side))[: round(wanted * share)]
        for side, share in shares.items()
    ]
    rows = random.permutation(np.concatenate(drawn))
    return rows, dealt.take(rows)


def _closed(dealt: Dealt, known: Moments) -> Dealt:
    """Without rows whose outcome is `known` only in the time of a later side."""
    open_ = (dealt.side == TRAINING) & (known > dealt.validation_from)
    open_ |= (dealt.side == VALIDATION) & (known > dealt.test_from)
    return replace(dealt, side=np.where(open_, LEFT_OUT, dealt.side))
