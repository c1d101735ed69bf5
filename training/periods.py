"""One entry for each period of a series, whatever periods its rows lack."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.definition import Window

FEWEST_ORIGINS = 20
"""Moments to forecast from, of all series together."""
CLOSED = 0.8
"""The share of the same weekdays (or hours of the week) that must be missing for these to be closed."""
SEEN = 3
"""How often a weekday must have come for that."""
ESTIMATED = 0.2
"""The share of the other periods that may be missing one by one."""
STRETCHES = 0.05
"""The share of them that may be missing two or more in a row."""
_FREQUENCY = {"hour": "h", "day": "D", "week": "7D", "month": "MS"}
_WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]


def by_period(found: pd.DataFrame, window: Window) -> pd.DataFrame:
    """`found`, indexed by moments, with one row per period from the first to the last; those that lack are NaN. Of
    several rows in one period the last counts."""
    index = pd.DatetimeIndex(found.index).floor("h")
    found = found.set_axis(index)
    found = found[~index.duplicated(keep="last")].sort_index()
    index = pd.DatetimeIndex(found.index)
    if window.period == "month":
        index = index.to_period("M").to_timestamp()
    elif window.period == "week":
        first = index[0].normalize()
        index = pd.DatetimeIndex(first + pd.to_timedelta((index - first).days // 7 * 7, unit="D"))
    elif window.period == "day":
        index = index.normalize()
    found = found.set_axis(index)
    found = found[~index.duplicated(keep="last")]
    return found.reindex(pd.date_range(found.index[0], found.index[-1], freq=_FREQUENCY[window.period]))


@dataclass(frozen=True, slots=True)
class Whole:
    """A series without gaps. `closed` are periods that regularly lack and count as 0; `estimated` those that lack now
    and then. Shapes (periods,)."""

    values: Floats
    closed: Truths
    estimated: Truths
    stretches: float
    """The share of periods that are missing two or more in a row, of those that are not closed."""

    @property
    def gappy(self) -> bool:
        """Whether too much of it would be made up."""
        counted = max(1, int((~self.closed).sum()))
        return self.stretches > STRETCHES or bool(self.estimated.sum() / counted > ESTIMATED)


def whole(values: pd.Series[float], window: Window) -> Whole:
    """The series of `values`, one per period, NaN where it is missing.

    Only a quantity that may be 0, and not less, is 0 where a shop is closed. Other gaps are filled by the mean of a
    season before and after, or along a line where these are missing too.
    """
    missing = values.isna().to_numpy()
    closed = missing & _is_closed(pd.DatetimeIndex(values.index), missing, window)
    known = values.mask(closed, 0.0)
    estimated = missing & ~closed
    near = pd.concat([known.shift(window.season), known.shift(-window.season)], axis=1).mean(axis=1)
    filled = np.asarray(known.fillna(near).interpolate(limit_direction="both"), np.float64)
    before, after = np.r_[False, estimated[:-1]], np.r_[estimated[1:], False]
    in_a_row = estimated & (before | after)
    return Whole(filled, closed, estimated, float(in_a_row.sum() / max(1, (~closed).sum())))


def _is_closed(moments: pd.DatetimeIndex, missing: Truths, window: Window) -> Truths:
    """Whether the period's place in the week is one where almost all are missing."""
    if window.minimum != 0 or window.period not in ("day", "hour"):
        return np.zeros(len(missing), np.bool_)
    places = moments.day_of_week.to_numpy(np.int64) * 24 + (
        moments.hour.to_numpy(np.int64) if window.period == "hour" else 0
    )
    counts, gone = np.bincount(places), np.bincount(places, missing)
    return np.asarray(((gone >= CLOSED * counts) & (counts >= SEEN))[places])


@dataclass(slots=True)
class Tally:
    """What was made of the series of a file, to be said."""

    window: Window
    longest: int = 0
    short: int = 0
    gappy: int = 0
    kept: int = 0
    origins: int = 0
    periods: int = 0
    closed: int = 0
    estimated: int = 0
    weekdays: set[int] = field(default_factory=set)

    @property
    def needed(self) -> int:
        """The periods that a series must have: of a single one more, as it alone gives all moments to forecast from."""
        several = self.kept + self.short + self.gappy > 1
        return self.window.least_history + (
            self.window.longest if several else max(self.window.longest, FEWEST_ORIGINS)
        )

    @property
    def enough(self) -> bool:
        """Whether there is anything to learn from."""
        return self.origins >= FEWEST_ORIGINS

    def take(self, found: pd.Series[float]) -> Whole | None:
        """The series without gaps; None where it is too short or has too many."""
        made = whole(found, self.window)
        self.longest = max(self.longest, len(found))
        if len(found) < self.window.least_history + self.window.longest:
            self.short += 1
            return None
        if made.gappy:
            self.gappy += 1
            return None
        self.kept += 1
        self.origins += len(found) - self.window.least_history
        self.periods += len(found)
        self.closed += int(made.closed.sum())
        self.estimated += int(made.estimated.sum())
        self.weekdays |= set(pd.DatetimeIndex(found.index)[made.closed].day_of_week)
        return made

    def findings(self) -> tuple[str, ...]:
        """What was done about gaps and series that are of no use, in words."""
        name, found = f"{self.window.period}s", []
        if self.closed:
            days = [_WEEKDAYS[day] for day in sorted(self.weekdays)]
            when = f"all on {' and '.join(days)}" if self.window.period == "day" else "at the same hours of the week"
            counted = f"{self.closed:,} of {self.periods:,} {name} are regularly missing, {when}"
            found.append(f"{counted}: they count as 0, and must be sent as 0 in a history")
        if self.estimated:
            words = f"{self.estimated:,} of {self.periods:,} {name} are missing now and then"
            found.append(f"{words}: they were filled in from those a season before and after, and are not learned from")
        if self.kept and self.short + self.gappy:
            found.append(f"{self._left_out()} were left out")
        return tuple(found)

    def refusal(self) -> str:
        """Why no forecast can be learned, and what to do about it."""
        name = f"{self.window.period}s"
        if self.gappy:
            remedy = f"add a row for each of them, with 0 where there was nothing, or choose longer periods than {name}"
            return f"too many {name} are missing in {self.gappy:,} series: {remedy}"
        needed = f"at least {self.needed:,} {name} are needed"
        return f"no series is long enough: {needed}, the longest has {self.longest:,}"

    def _left_out(self) -> str:
        least = self.window.least_history + self.window.longest
        short = f"{self.short:,} series of fewer than {least:,} {self.window.period}s" if self.short else ""
        gappy = f"{self.gappy:,} series that lack too many {self.window.period}s" if self.gappy else ""
        return " and ".join(filter(None, (short, gappy)))
