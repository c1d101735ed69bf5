"""A synthetic learning service: subscribers, their sessions, plans and payments. None of it is real.

Assumptions:

- Subscribers: three in ten began up to a year before the data, the others evenly over its time. Country and source are
  not known of a few; one in fifty moves to another country.
- Plans: a free trial of at most 30 days ends or turns into another plan; monthly, yearly and family go on. How long a
  subscription lasts is exponential, by plan and by how the subscriber was won.
- Habit: every subscriber has a chance of a session on a day (Beta distributed), nearly all have one on the first day,
  many pause for two or three weeks at some time. Of those who leave, six in seven slow down over their last 45 days.
- Payments: collected every 30 days, yearly for a year; one in twenty fails, and is tried again three days later. Of
  those who leave, one in three has attempts that fail in the last three weeks.
- One in ten of those who left begins again, one to four months later.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.sample.columns import (
    SECONDS_PER_DAY,
    Bools,
    Columns,
    Floats,
    Ints,
    chosen,
    ids,
    joined,
    moments,
    ordered,
)

COUNTRIES = np.array(
    ("AT", "AU", "BR", "CA", "CH", "DE", "ES", "FR", "GB", "IN", "IT", "JP", "MX", "NL", "PL", "SE", "US"), object
)
PLANS = np.array(("free_trial", "monthly", "yearly", "family"))
SHARES = (0.15, 0.5, 0.25, 0.1)
SOURCES = np.array(("organic", "search_ad", "social_ad", "referral", "partner"), object)
SOURCE_SHARES = (0.35, 0.2, 0.2, 0.15, 0.1)
LASTS_DAYS = np.array((45.0, 160.0, 450.0, 260.0))
SOURCE_LASTS = np.array((1.1, 0.9, 0.6, 1.5, 1.0))
SLOWING_DAYS = 45
FAILS = 0.05
DAY = float(SECONDS_PER_DAY)
FOREVER = 1e12


@dataclass(frozen=True, slots=True)
class _Spells:
    """Subscriptions, one entry each: whose, from when to when, how."""

    user: Ints
    begins: Floats
    ends: Floats
    plan: Ints


def generate(random: np.random.Generator, users: int, start: float, end: float) -> dict[str, Columns]:
    """Rows of the service's sources by table; `start` and `end` are Unix seconds, all rows lie before `end`."""
    source = random.choice(5, users, p=SOURCE_SHARES)
    spells = _spells(random, users, source, start, end)
    return {
        "users": _users(random, spells, source, end),
        "subscriptions": _subscriptions(random, spells, end),
        "activity": _activity(random, spells, start, end),
        "payment_attempts": _attempts(random, spells, start, end),
    }


def _spells(random: np.random.Generator, users: int, source: Ints, start: float, end: float) -> _Spells:
    old = random.random(users) < 0.3
    before, within = start - random.uniform(0, 365 * DAY, users), random.uniform(start, end - 3 * DAY, users)
    begins = np.floor(np.where(old, before, within))
    plan = random.choice(4, users, p=SHARES)
    lasts = random.exponential(LASTS_DAYS[plan] * SOURCE_LASTS[source])
    lasts = np.where(plan == 0, np.where(random.random(users) < 0.5, random.uniform(5, 30, users), lasts + 30), lasts)
    ends = begins + (2 + lasts) * DAY
    first = _Spells(np.arange(users), begins, np.floor(np.where(old & (ends < start), FOREVER, ends)), plan)
    again = np.flatnonzero((first.ends < end) & (random.random(users) < 0.1))
    returned = np.floor(first.ends[again] + random.uniform(30, 120, len(again)) * DAY)
    kept = returned < end - DAY
    again, returned = again[kept], returned[kept]
    return _Spells(
        np.concatenate([first.user, again]),
        np.concatenate([first.begins, returned]),
        np.concatenate([first.ends, np.full(len(again), FOREVER)]),
        np.concatenate([first.plan, np.ones(len(again), np.int64)]),
    )


def _users(random: np.random.Generator, spells: _Spells, source: Ints, end: float) -> Columns:
    count = len(source)
    country = COUNTRIES[random.integers(0, len(COUNTRIES), count)]
    country[random.random(count) < 0.03] = None
    won = SOURCES[source]
    won[random.random(count) < 0.08] = None
    begins = spells.begins[:count]
    moves = np.flatnonzero((random.random(count) < 0.02) & (begins + 40 * DAY < end))
    moved_at = random.uniform(begins[moves] + DAY, end - DAY)
    elsewhere = COUNTRIES[random.integers(0, len(COUNTRIES), len(moves))]
    rows = joined(
        [
            {"user": np.arange(count), "at": begins - 60, "country": country, "source": won},
            {"user": moves, "at": moved_at, "country": elsewhere, "source": won[moves]},
        ]
    )
    return {
        "user_id": ids("U", rows["user"], 7),
        "changed_at": moments(rows["at"]),
        "country": rows["country"],
        "source": rows["source"],
    }


def _subscriptions(random: np.random.Generator, spells: _Spells, end: float) -> Columns:
    """Beginnings, trials that turn into something else, and ends."""
    count = len(spells.user)
    turned_at = spells.begins + random.uniform(14, 30, count) * DAY
    turns = (spells.plan == 0) & (turned_at < np.minimum(spells.ends, end))
    later = np.where(spells.plan == 0, random.choice([1, 1, 2, 3], count), spells.plan)
    left = spells.ends < end
    last = np.where(turns, later, spells.plan)
    parts = [
        _changes(spells.user, spells.begins, "begin", spells.plan),
        _changes(spells.user[turns], turned_at[turns], "plan", later[turns]),
        _changes(spells.user[left], spells.ends[left], "end", last[left]),
    ]
    rows = ordered(joined(parts), "user", "at")
    return {
        "user_id": ids("U", rows["user"], 7),
        "changed_at": moments(rows["at"]),
        "change": rows["change"],
        "plan": PLANS[rows["plan"]],
    }


def _changes(user: Ints, at: Floats, change: str, plan: Ints) -> Columns:
    return {"user": user, "at": at, "change": np.full(len(user), change, "U5"), "plan": plan}


def _activity(random: np.random.Generator, spells: _Spells, start: float, end: float) -> Columns:
    """At most one session a day, drawn for every day of every subscription."""
    count, days = len(spells.user), round((end - start) / DAY)
    habit = np.minimum(random.beta(1.6, 5.0, count), 0.9)[:, None]
    taste = random.lognormal(0, 0.5, count)
    morning = start + DAY * np.arange(days)[None, :]
    subscribed = (morning + DAY > spells.begins[:, None]) & (morning < spells.ends[:, None])
    chance = habit * _slowing(random, spells, morning) * _pauses(random, count, days)
    first_day = (morning <= spells.begins[:, None]) & (morning + DAY > spells.begins[:, None])
    chance = np.where(first_day, 0.95, chance)
    spell, day = np.nonzero(subscribed & (random.random((count, days)) < chance))
    minutes = random.gamma(2.5, 9 * taste[spell]).clip(1, 600)
    ended_at = morning[0, day] + random.uniform(6, 24, len(day)) * 3600
    keep = (ended_at < np.minimum(spells.ends[spell], end)) & (ended_at > spells.begins[spell])
    rows = {
        "user": spells.user[spell],
        "at": ended_at,
        "watch_minutes": np.round(minutes, 1),
        "quizzes": np.minimum(random.poisson(0.5 * taste[spell]), 50),
    }
    rows = ordered(chosen(rows, keep), "user", "at")
    return {
        "user_id": ids("U", rows["user"], 7),
        "ended_at": moments(rows["at"]),
        "watch_minutes": rows["watch_minutes"],
        "quizzes": rows["quizzes"],
    }


def _slowing(random: np.random.Generator, spells: _Spells, morning: Floats) -> Floats:
    """What is left of the habit: down to a tenth over the last days of six in seven of those who leave."""
    slows = (random.random(len(spells.user)) < 0.85)[:, None]
    left = (spells.ends[:, None] - morning) / DAY
    return np.asarray(np.where(slows, np.clip(0.1 + 0.9 * left / SLOWING_DAYS, 0.1, 1), 1.0), np.float64)


def _pauses(random: np.random.Generator, count: int, days: int) -> Bools:
    """False where a subscriber is away: two to three weeks, for half of them."""
    begins = random.integers(0, days, count)[:, None]
    lasts = (random.integers(14, 22, count) * (random.random(count) < 0.5))[:, None]
    day = np.arange(days)[None, :]
    return np.asarray((day < begins) | (day >= begins + lasts))


def _attempts(random: np.random.Generator, spells: _Spells, start: float, end: float) -> Columns:
    """Fees every 30 days, or every year, from the beginning to the end; some fail, more before somebody leaves."""
    parts = [_due(random, spells, number, start, end) for number in range(1, round((end - start) / (30 * DAY)) + 13)]
    in_trouble = (spells.ends < end) & (spells.plan > 0) & (random.random(len(spells.user)) < 0.33)
    for _ in range(2):
        rows = np.flatnonzero(in_trouble & (random.random(len(spells.user)) < 0.7))
        at = spells.ends[rows] - random.uniform(1, 21, len(rows)) * DAY
        kept = (at > spells.begins[rows]) & (at > start)
        parts.append(_collected(spells, rows[kept], at[kept], np.zeros(int(kept.sum()), bool)))
    rows_of_all = ordered(joined(parts), "user", "at")
    return {
        "user_id": ids("U", rows_of_all["user"], 7),
        "attempted_at": moments(rows_of_all["at"]),
        "succeeded": rows_of_all["succeeded"],
        "amount": rows_of_all["amount"],
    }


def _due(random: np.random.Generator, spells: _Spells, number: int, start: float, end: float) -> Columns:
    """The attempts of one period: where the first fails, a second three days later."""
    at = spells.begins + number * 30 * DAY
    at = np.where(spells.plan == 2, spells.begins + ((number - 1) * 365 + 1) * DAY, at)
    until = np.minimum(spells.ends, end)
    rows = np.flatnonzero((at >= start) & (at < until))
    succeeded = random.random(len(rows)) > FAILS
    again = rows[~succeeded & (at[rows] + 3 * DAY < until[rows])]
    first = _collected(spells, rows, at[rows], succeeded)
    second = _collected(spells, again, at[again] + 3 * DAY, random.random(len(again)) > 0.4)
    return joined([first, second])


def _collected(spells: _Spells, rows: Ints, at: Floats, succeeded: Bools) -> Columns:
    fee = np.array((12.0, 12.0, 96.0, 19.0))[spells.plan[rows]]
    return {"user": spells.user[rows], "at": at, "succeeded": succeeded, "amount": fee}
