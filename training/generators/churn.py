"""Synthetic subscribers of a learning service, as they stood on some day. None of it is real.

Assumptions:

- Rows: one to three observations per subscriber (`user_id`), on different days; about 20 % end within 30 days.
- Habit: every subscriber has a chance of being active on a day (Beta distributed, mean 0.3) and a trend: who is about
  to leave has often slowed down in the last two weeks. Nearly all have a session on their first day. Minutes and
  quizzes follow from the active days.
- Windows are consistent by construction: last 7, days 8 to 14 and days 15 to 30 are drawn apart and added up, and no
  window reaches back before the subscription began.
- Leaving grows with a falling trend, silence, failed payments and a short tenure; it is high at the end of a free trial
  and low on a yearly plan, where failed payments count most. Social advertising wins people who leave, referral ones
  who stay. Countries differ a little. What is nowhere in the features is noise on the log-odds, spread 0.5.
- Missing: `days_since_active` when there never was a session, `source` in 8 % and `country` in 3 % of the rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

COUNTRIES = ("AT", "AU", "BR", "CA", "CH", "DE", "ES", "FR", "GB", "IN", "IT", "JP", "MX", "NL", "PL", "SE", "US")
PLANS = ("free_trial", "monthly", "yearly", "family")
PLAN_SHARES = (0.15, 0.5, 0.25, 0.1)
PLAN_EFFECTS = np.array([0.7, 0.25, -1.0, -0.5])
SOURCES = ("organic", "search_ad", "social_ad", "referral", "partner")
SOURCE_SHARES = (0.35, 0.2, 0.2, 0.15, 0.1)
SOURCE_EFFECTS = np.array([-0.1, 0.1, 0.5, -0.5, 0.0])
FIRST_DAY = 0.95
"""The part of the subscribers who have a session on their first day."""
SPANS = ((0, 7), (7, 14), (14, 30))
"""The parts of the last 30 days that windows are added up from, in days before the observation."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Columns = dict[str, NDArray[Any]]


def generate(rows: int, seed: int) -> pd.DataFrame:
    """`rows` observations in random order, with the features of the churn model, `churned` and `user_id`."""
    random = np.random.default_rng(seed)
    user = np.sort(random.integers(0, max(1, rows // 2), rows))
    habit, trend, taste = _per_user(random, user)
    plan = random.choice(4, rows, p=PLAN_SHARES)
    longest = np.where(plan == 0, random.integers(1, 31, rows), 7300)
    tenure = np.minimum(random.exponential(400, rows), longest).astype(np.int64)
    active = _active_days(random, habit, trend, tenure)
    failed = _failed_payments(random, plan, tenure)
    source = random.choice(5, rows, p=SOURCE_SHARES)
    country = random.integers(0, len(COUNTRIES), rows)
    columns = _windows("active_days", active)
    columns |= _windows("watch_minutes", _per_active_day(random, active, 22 * taste, 1440))
    columns |= _windows("quizzes", _per_active_day(random, active, 0.6 * taste, 200))
    columns |= _windows("payments_failed", failed)
    columns["days_since_active"] = _days_since_active(random, active, tenure)
    columns["tenure_days"] = tenure
    columns["plan"] = _named(PLANS, plan)
    columns["country"] = _named(COUNTRIES, country, random.random(rows) < 0.03)
    columns["source"] = _named(SOURCES, source, random.random(rows) < 0.08)
    margin = _margin(columns, plan, source, country) + random.normal(0, 0.5, rows)
    columns["churned"] = (random.random(rows) < 1 / (1 + np.exp(-margin))).astype(np.int64)
    columns["user_id"] = np.char.add("U", np.char.zfill(user.astype(str), 7))
    return pd.DataFrame(columns).sample(frac=1, random_state=int(random.integers(2**31)), ignore_index=True)


def _per_user(random: np.random.Generator, user: Ints) -> tuple[Floats, Floats, Floats]:
    """What stays with a subscriber: the chance of an active day, its trend (1 is none), the taste for long sessions."""
    users = int(user.max()) + 1
    habit = random.beta(1.2, 2.8, users)[user]
    trend = np.exp(random.normal(-0.15, 0.6, users))[user]
    taste = random.lognormal(0, 0.5, users)[user]
    return habit, trend, taste


def _active_days(random: np.random.Generator, habit: Floats, trend: Floats, tenure: Ints) -> Ints:
    """Active days in each span, shape (3, rows). The trend has acted fully on the last week, half on the one before.

    Nearly everyone has a session on the day the subscription begins.
    """
    parts = []
    for (start, end), power in zip(SPANS, (1.0, 0.5, 0.0), strict=True):
        days = np.clip(tenure - start, 0, end - start)
        sessions = random.binomial(days, np.clip(habit * trend**power, 0, 0.98))
        began = (start < tenure) & (tenure <= end) & (random.random(len(tenure)) < FIRST_DAY)
        parts.append(np.maximum(sessions, began))
    return np.stack(parts)


def _per_active_day(random: np.random.Generator, active: Ints, mean: Floats, most: int) -> Ints:
    """A count that adds up over active days, at most `most` a day."""
    return np.minimum(random.poisson(active * mean * random.gamma(4, 0.25, active.shape)), active * most)


def _failed_payments(random: np.random.Generator, plan: Ints, tenure: Ints) -> Ints:
    """Failed attempts in each span: nobody pays in a trial; an expired card fails again until it is replaced."""
    expired = (plan > 0) & (random.random(len(plan)) < 0.07)
    parts = [random.poisson(np.where(expired, rate, 0.01)) * (plan > 0) for rate in (1.2, 0.6, 0.3)]
    return np.minimum(np.stack(parts), 10) * (np.stack([tenure > start for start, _ in SPANS]))


def _days_since_active(random: np.random.Generator, active: Ints, tenure: Ints) -> Floats:
    """Days since the last session, in the newest span that has one; before the last 30 days, or NaN for never."""
    rows = len(tenure)
    days = np.where(tenure > 31, 30 + random.uniform(0, 1, rows) ** 2 * np.clip(tenure - 31, 0, 300), np.nan)
    for span in (2, 1, 0):
        start, end = SPANS[span]
        reach = np.clip(np.minimum(end, tenure) - start, 0, None) / (active[span] + 1.0)
        days = np.where(active[span] > 0, start + random.uniform(0, 1, rows) * reach, days)
    return np.asarray(np.round(days, 1), np.float64)


def _named(levels: tuple[str, ...], codes: Ints, missing: NDArray[np.bool_] | None = None) -> NDArray[np.object_]:
    """The level of every code, None where it is missing."""
    names = np.array(levels, np.object_)[codes]
    if missing is not None:
        names[missing] = None
    return names


def _windows(name: str, spans: Ints) -> Columns:
    totals = np.cumsum(spans, axis=0)
    return {f"{name}_{days}d": total for days, total in zip((7, 14, 30), totals, strict=True)}


def _margin(columns: Columns, plan: Ints, source: Ints, country: Ints) -> Floats:
    """The log-odds of leaving, before the noise."""
    week = columns["active_days_7d"] / 7
    month = columns["active_days_30d"] / 30
    tenure = columns["tenure_days"].astype(float)
    silence = np.nan_to_num(columns["days_since_active"].astype(float), nan=25.0)
    failed = np.minimum(columns["payments_failed_30d"].astype(float), 3)
    margin = -1.7 + PLAN_EFFECTS[plan] + SOURCE_EFFECTS[source] + 0.2 * np.sin(country * 1.7)
    margin += 2.2 * np.clip(month - week, -0.3, 0.6) - 1.6 * np.sqrt(week)
    margin += 1.1 * (silence > 10) + 0.5 * (silence > 21) + 0.8 * np.exp(-tenure / 90)
    margin += np.where(plan == 2, 1.1, 0.6) * failed
    margin += 1.3 * ((plan == 0) & (tenure > 20) & (columns["quizzes_14d"].astype(int) == 0))
    return np.asarray(margin, np.float64)
