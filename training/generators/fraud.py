"""Synthetic card transactions in the shape of the well-known anonymised card data set. None of it is real.

Assumptions:

- Time: two weeks, ordered. Honest traffic has a daily rhythm (busiest in the afternoon, a quarter of that at
  night); fraud arrives evenly through the day, so that it is a larger part of the night's traffic.
- Rate: 0.2 % of the rows are fraud.
- Components V1 to V28: zero mean, spreads that fall from about 2.0 to 0.33 as principal components' do, Student-t tails
  with five degrees of freedom, no correlation among honest rows.
- Mechanisms: half of the frauds use stolen card data and shift V3, V4, V10, V11, V12, V14, V16 and V17 by two to three
  spreads; 35 % take over an account, shift these less, push V7 and V20 far out to either side (which no linear
  model sees) and spend five times as much; 15 % hide, with shifts of half a spread and everyday amounts.
- Noise: 0.1 % of the honest rows look like a mild stolen card, which bounds the precision that can be reached.
- Amount: log-normal, median 22 EUR, a tail to 100 000 EUR. Nothing is missing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

RATE = 0.002
LOOK_ALIKE_RATE = 0.001
DAYS = 14
DAY_SECONDS = 86_400
COMPONENTS = 28
SPREADS = 0.3 + 1.7 * np.exp(-np.arange(COMPONENTS) / 11)
DEGREES_OF_FREEDOM = 5
SHIFTS = {3: -2.0, 4: 2.2, 10: -2.2, 11: 2.0, 12: -2.6, 14: -3.0, 16: -1.6, 17: -2.4}
"""Component -> how many spreads a full-strength fraud moves it."""
TWO_SIDED = (7, 20)
STOLEN, TAKEN_OVER, HIDDEN, LOOK_ALIKE = 0, 1, 2, 3
MECHANISMS = (0.5, 0.35, 0.15)
"""Shares of the frauds: stolen card data, account taken over, hidden."""
STRENGTHS = np.array([1.1, 0.6, 0.3, 0.5])


def generate(rows: int, seed: int) -> pd.DataFrame:
    """`rows` transactions ordered by `Time`, with the features of the fraud model and `Class`."""
    random = np.random.default_rng(seed)
    fraud = random.random(rows) < RATE
    time = np.where(fraud, random.uniform(0, DAYS * DAY_SECONDS, rows), _rhythm(random, rows))
    kind = np.where(fraud, random.choice(3, rows, p=MECHANISMS), -1)
    kind[~fraud & (random.random(rows) < LOOK_ALIKE_RATE)] = LOOK_ALIKE
    components = _components(random, kind)
    amount = random.lognormal(3.1, 1.5, rows) * np.where(kind == TAKEN_OVER, 5.0, 1.0)
    columns = {"Time": np.round(time)}
    columns |= {f"V{i + 1}": np.round(components[:, i], 6) for i in range(COMPONENTS)}
    columns |= {"Amount": np.round(np.clip(amount, 0.01, 100_000), 2), "Class": fraud.astype(np.int64)}
    return pd.DataFrame(columns).sort_values("Time", kind="stable", ignore_index=True)


def _rhythm(random: np.random.Generator, rows: int) -> NDArray[np.float64]:
    """Seconds of honest transactions: a random day, and a second of the day drawn from the daily curve."""
    hours = np.arange(24)
    weight = 0.625 - 0.375 * np.cos((hours - 3) / 24 * 2 * np.pi)
    hour = random.choice(24, rows, p=weight / weight.sum())
    return random.integers(0, DAYS, rows) * DAY_SECONDS + (hour + random.random(rows)) * 3600.0


def _components(random: np.random.Generator, kind: NDArray[np.int64]) -> NDArray[np.float64]:
    """V1 to V28, shape (rows, 28): noise for everyone, shifted where `kind` says so."""
    rows = len(kind)
    noise = random.standard_t(DEGREES_OF_FREEDOM, (rows, COMPONENTS)) * np.sqrt(1 - 2 / DEGREES_OF_FREEDOM)
    strength = np.where(kind >= 0, STRENGTHS[kind], 0.0) * random.gamma(6.0, 1 / 6.0, rows)
    for component, shift in SHIFTS.items():
        noise[:, component - 1] += strength * shift
    taken = kind == TAKEN_OVER
    for component in TWO_SIDED:
        noise[taken, component - 1] += random.choice((-4.0, 4.0), int(taken.sum()))
    return np.asarray(np.clip(noise * SPREADS, -200, 200))
