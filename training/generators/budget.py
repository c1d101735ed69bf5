"""Synthetic weeks of advertising in regional markets with the revenue of each. None of it is real.

Assumptions:

- Rows: one market and week each, a year or so per market (`market_id`); markets are of like size, spread 2 %.
- Spending: every channel on its own, from nothing (one week in eight) to the largest in `LARGEST`, more often little
  than much, set without regard to the demand expected: as in a geographic experiment, so that effects can be read
  from the rows.
- Response: each channel adds revenue that levels off (a Hill curve): `most` times spend^s / (spend^s + half^s), with
  an exponent s between 0.9 and 1.2. Television reaches furthest and slowest, e-mail is soon exhausted.
- Around it: a base revenue, higher in winter, more with a promotion, which also lifts what e-mail brings by a fifth.
  Beyond that channels neither help nor hurt each other, and nothing carries over into the next week.
- Noise: 5 % of the base revenue.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

CHANNELS = ("search", "social", "display", "email", "tv")
LARGEST = np.array([40_000.0, 30_000.0, 20_000.0, 8_000.0, 80_000.0])
"""EUR/week."""
MOST = np.array([95_000.0, 62_000.0, 26_000.0, 24_000.0, 120_000.0])
HALF = np.array([11_000.0, 9_000.0, 7_000.0, 1_500.0, 36_000.0])
EXPONENTS = np.array([1.0, 0.95, 1.1, 0.9, 1.2])
SEASONS = ("winter", "spring", "summer", "autumn")
BASES = np.array([250_000.0, 200_000.0, 180_000.0, 215_000.0])
PROMOTION = 30_000.0

Floats = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]


def generate(rows: int, seed: int) -> pd.DataFrame:
    """`rows` weeks with the inputs of the budget model, `revenue` (EUR/week) and `market_id`."""
    random = np.random.default_rng(seed)
    market = random.integers(0, max(3, rows // 52), rows)
    season, promotion = random.integers(0, 4, rows), random.random(rows) < 0.25
    spends = np.round(LARGEST * random.beta(1.1, 1.6, (rows, 5)) * (random.random((rows, 5)) >= 1 / 8), 2)
    base = BASES[season] * (1 + random.normal(0, 0.02, int(market.max()) + 1)[market]) + PROMOTION * promotion
    revenue = base * (1 + random.normal(0, 0.05, rows)) + responses(spends, promotion).sum(axis=1)
    columns: Columns = {f"{channel}_spend": spends[:, i] for i, channel in enumerate(CHANNELS)}
    columns |= {"season": np.array(SEASONS, object)[season], "promotion": promotion, "revenue": np.round(revenue, 2)}
    columns["market_id"] = np.char.add("M", np.char.zfill(market.astype(str), 4))
    return pd.DataFrame(columns)


def responses(spends: Floats, promotion: NDArray[np.bool_]) -> Floats:
    """The revenue that every channel adds, EUR/week, shape (rows, channels) as `spends`."""
    powers = spends**EXPONENTS
    lifted = np.where(promotion[:, None] & (np.array(CHANNELS) == "email"), 1.2, 1.0)
    return np.asarray(lifted * MOST * powers / (powers + HALF**EXPONENTS), np.float64)
