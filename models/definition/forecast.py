"""Forecasts: from a series' history to a horizon, one row of an estimator for each period ahead.

The estimator learns how far each period lies from what is usual for the series at that place of its season, as a
multiple of its recent level: so small and large series teach each other, and a series' own season is kept even where no
series of the training had one like it. Training builds its rows with the same `Window.rows` that serving uses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt
from typing import Any, Literal

from models.definition.expansion import Combined, Estimates, Expansion, Row
from models.definition.feature import Feature, Moment, Number, Schema, Series, Value, read_moment

Period = Literal["hour", "day", "week", "month"]
SEASON: dict[Period, int] = {"hour": 24, "day": 7, "week": 52, "month": 12}
"""Periods after which a series looks alike."""
LONGEST: dict[Period, int] = {"hour": 48, "day": 28, "week": 26, "month": 12}
"""The furthest horizon."""
LEVEL_SEASONS: dict[Period, int] = {"hour": 7, "day": 4, "week": 1, "month": 1}
"""Seasons of history that the level is taken from."""
REMEMBERED = 8
"""Seasons that what is usual is taken from, as far as the history goes."""
EARLIER: dict[Period, int] = {"hour": 8, "day": 8, "week": 2, "month": 3}
"""Seasons of which the observation is seen by itself: what comes again every few of them (a promotion every eighth
week) shows in one and is blurred in their mean."""
USUAL, LEVEL = "usual", "level"
"""Inputs that say what an estimate is relative to: quantity = level x (usual + estimate)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What of a series is looked at, and how far ahead.

    `series` are the columns that tell one series from another in training rows. `covariates` are known when the
    forecast is made and hold for its whole horizon. `time` is the date of the first period ahead. `unit` is that of the
    quantity in one period, which lies between `minimum` and `maximum`.
    """

    time: str
    unit: str
    period: Period = "day"
    series: tuple[str, ...] = ()
    covariates: tuple[Feature, ...] = ()
    minimum: float = 0.0
    maximum: float = 1e9
    example: tuple[float, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """What training rows must hold besides the target."""
        return self.time, *self.series, *(feature.name for feature in self.covariates)

    @property
    def season(self) -> int:
        return SEASON[self.period]

    @property
    def longest(self) -> int:
        return LONGEST[self.period]

    @property
    def least_history(self) -> int:
        return max(2 * self.season, self.season * LEVEL_SEASONS[self.period])

    @property
    def schema(self) -> Schema:
        """What a caller sends."""
        return Schema(
            (
                Moment(
                    name=self.time,
                    description=f"The first {self.period} to forecast",
                    example="2026-03-02" if self.period != "hour" else "2026-03-01T12:00:00Z",
                ),
                Series(
                    name="history",
                    description=f"What was observed in each {self.period} before, without gaps",
                    unit=self.unit,
                    minimum=self.minimum,
                    maximum=self.maximum,
                    min_length=self.least_history,
                    max_length=10 * max(365, self.season),
                    example=self.example,
                ),
                Number(
                    name="horizon",
                    description=f"How many {self.period}s ahead to forecast; {self.longest} when left out",
                    unit=f"{self.period}s",
                    minimum=1,
                    maximum=self.longest,
                    example=min(14, self.longest),
                    whole=True,
                    missing=True,
                ),
                *self.covariates,
            )
        )

    @property
    def inputs(self) -> Schema:
        """What the estimator sees of each period ahead. Ratios are to the recent level."""
        ratios = (
            ("seasonal", "The last observation at the same place of the season"),
            (USUAL, f"What is usual: the mean of up to {REMEMBERED} observations at the same place of the season"),
            ("last", "The last observation"),
            ("recent", "The mean of the last season"),
            ("before", "The mean of as many periods before those that the level is taken from"),
            ("year_ago", "The mean around the same time a year ago"),
            *(
                (f"seasonal_{ago}", f"The observation at the same place of the season, {ago} seasons ago")
                for ago in range(2, EARLIER[self.period] + 1)
            ),
        )
        return Schema(
            (
                _number("step", f"{self.period}s ahead", f"{self.period}s", 1, self.longest, whole=True),
                *(_number(name, about, "ratio to the level", -1e6, 1e6, missing=True) for name, about in ratios),
                _number(LEVEL, "The mean size of recent observations", self.unit, 0, 1e12),
                _number("variability", "Standard deviation of recent observations", "ratio to the level", 0, 1e6),
                _number("idle", "Share of recent observations that are zero", "share", 0, 1),
                *_CALENDAR,
                *self.covariates,
            )
        )

    def rows(self, record: Mapping[str, Value]) -> Sequence[Row]:
        """One row of `inputs` for each period of the horizon."""
        history = _history(record)
        first = read_moment(str(record[self.time]))
        level = self.level(history)
        window = history[-self.season * LEVEL_SEASONS[self.period] :]
        mean = sum(window) / len(window)
        spread = sqrt(sum((value - mean) ** 2 for value in window) / len(window)) / level
        idle = sum(value == 0 for value in window) / len(window)
        earlier = history[-2 * len(window) : -len(window)]
        shared = (
            history[-1] / level,
            _mean(history[-self.season :]) / level,
            _mean(earlier) / level if len(earlier) == len(window) else None,
        )
        covariates = tuple(record.get(feature.name) for feature in self.covariates)
        return [
            (
                step,
                self._same_place(history, step)[0] / level,
                self._usual(history, step) / level,
                *shared,
                self._year_ago(history, step, level),
                *self._earlier(history, step, level),
                level,
                spread,
                idle,
                *_calendar(self.moment(first, step - 1)),
                *covariates,
            )
            for step in range(1, self.horizon(record) + 1)
        ]

    def combine(self, record: Mapping[str, Value], estimates: Estimates) -> Combined:
        """The horizon with its intervals; the score is its sum. Quantities below 0 count as 0 where none may be."""
        history = _history(record)
        level = self.level(history)
        first = read_moment(str(record[self.time]))
        weights, constant = [], 0.0
        periods: list[dict[str, object]] = []
        for step, (estimate, low, high) in enumerate(zip(*estimates, strict=True)):
            usual = self._usual(history, step + 1)
            counts = self.minimum < 0 or usual + level * estimate > 0
            weights.append(level if counts else 0.0)
            constant += usual if counts else 0.0
            periods.append(
                {
                    "at": _written(self.moment(first, step), self.period),
                    "estimate": usual + level * estimate if counts else 0.0,
                    "low": max(self.minimum, usual + level * low),
                    "high": max(self.minimum, usual + level * high),
                }
            )
        total = constant + sum(weight * estimate for weight, estimate in zip(weights, estimates.estimate, strict=True))
        return Combined(
            score=total,
            weights=weights,
            constant=constant,
            answer={"forecast": periods, "total": total},
            warnings=[] if any(history[-len(periods) :]) else ["the recent history is all zeros"],
            inputs={LEVEL: level},
        )

    def horizon(self, record: Mapping[str, Value]) -> int:
        given = record.get("horizon")
        return self.longest if given is None else int(given)  # type: ignore[arg-type]

    def level(self, history: Sequence[float]) -> float:
        """The mean size of recent observations; 1 where they are all zero."""
        recent = history[-self.season * LEVEL_SEASONS[self.period] :]
        return sum(map(abs, recent)) / len(recent) or 1.0

    def moment(self, first: datetime, periods: int) -> datetime:
        """The moment so many periods after `first`."""
        match self.period:
            case "hour":
                return first + timedelta(hours=periods)
            case "day":
                return first + timedelta(days=periods)
            case "week":
                return first + timedelta(weeks=periods)
            case "month":
                month = first.month - 1 + periods
                return first.replace(year=first.year + month // 12, month=month % 12 + 1, day=min(first.day, 28))

    def _usual(self, history: Sequence[float], step: int) -> float:
        """The mean of the latest observations at the step's place of the season."""
        return _mean(self._same_place(history, step))

    def _same_place(self, history: Sequence[float], step: int) -> Sequence[float]:
        """The latest observations at the step's place of the season, the last one first."""
        return history[(step - 1) % self.season - self.season :: -self.season][:REMEMBERED]

    def _earlier(self, history: Sequence[float], step: int, level: float) -> Sequence[float | None]:
        """The observations at the step's place of the season from the second season ago on; None before the history."""
        known = self._same_place(history, step)[1 : EARLIER[self.period]]
        return [*(value / level for value in known), *([None] * (EARLIER[self.period] - 1 - len(known)))]

    def _year_ago(self, history: Sequence[float], step: int, level: float) -> float | None:
        """The mean of a season around the step's moment a year before it; None where the history does not go back."""
        periods = {"hour": 8766, "day": 365, "week": 52, "month": 12}[self.period]
        half = {"hour": 12, "day": 3, "week": 1, "month": 0}[self.period]
        centre = len(history) + step - 1 - periods
        if centre - half < 0:
            return None
        return _mean(history[centre - half : centre + half + 1]) / level


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast(Expansion):
    """The expansion of a window."""

    window: Window


def forecast(window: Window, *, coverage: float = 0.9) -> Forecast:
    """The policy of a forecasting model; `coverage` is that of each period's interval."""
    return Forecast(
        inputs=window.inputs,
        unit=window.unit,
        rows=window.rows,
        combine=window.combine,
        coverage=coverage,
        window=window,
    )


def _number(
    name: str,
    description: str,
    unit: str,
    minimum: float,
    maximum: float,
    *,
    whole: bool = False,
    missing: bool = False,
) -> Number:
    return Number(
        name=name,
        description=description,
        unit=unit,
        minimum=minimum,
        maximum=maximum,
        example=1 if minimum <= 1 <= maximum else minimum,
        whole=whole,
        missing=missing,
    )


_CALENDAR = (
    _number("hour", "Hour of the day", "h", 0, 24),
    _number("weekday", "Day of the week from 0, Monday", "days", 0, 6, whole=True),
    _number("day_of_month", "Day of the month", "days", 1, 31, whole=True),
    _number("day_of_year", "Day of the year", "days", 1, 366, whole=True),
)


def _calendar(moment: datetime) -> tuple[float, int, int, int]:
    return moment.hour + moment.minute / 60, moment.weekday(), moment.day, moment.timetuple().tm_yday


def _history(record: Mapping[str, Value]) -> Sequence[float]:
    history: Any = record["history"]
    return list(history)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _written(moment: datetime, period: Period) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if period == "hour" else moment.date().isoformat()
