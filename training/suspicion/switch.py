"""One value of a column, or its being missing, that comes with one class."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from training.suspicion.column import Column, Floats
from training.suspicion.goal import MIN_PER_CLASS, Goal
from training.suspicion.trap import Sort

Truths = NDArray[np.bool_]
ONE_SIDED = 0.005
"""How often the other side may hold a value by mistake, over how often the side that is to hold it does."""
SOME = 0.02
"""The share of a side that must hold a value for it to matter."""


@dataclass(frozen=True, slots=True)
class Switch:
    """Rows of `column` that hold `value` (NaN: nothing), against being of class `code`.

    `inside` is the share of the class that holds it, `outside` that of all other rows; `count` rows hold it in all.
    """

    column: Column
    value: float
    code: int
    inside: float
    outside: float
    count: int

    @property
    def error(self) -> float:
        """The mean error of both sides when the value is taken for the class, or its absence: 0 to 0.5."""
        wrong = (1 - self.inside + self.outside) / 2
        return min(wrong, 1 - wrong)

    @property
    def kept_for_one(self) -> bool:
        """Whether only the class, or only the others, ever hold a value (that is not 0).

        Zeros must besides leave out half of one side at least: small counts that only one class has are common.
        """
        least = min(1 - self.inside, 1 - self.outside)
        enough = SOME if np.isnan(self.value) else 0.5
        return self.is_blank and self.known_share >= enough and least <= ONE_SIDED * self.known_share

    @property
    def is_blank(self) -> bool:
        """Whether it is about missing values, or about zeros of a quantity."""
        if np.isnan(self.value):
            return True
        return self.column.kind == "number" and self.value == 0 and len(np.unique(self.column.known)) > 2

    @property
    def sort(self) -> Sort:
        """What is filled in after the outcome is blank or 0 without it."""
        return "follows_target" if self.is_blank else "states_target"

    @property
    def known_share(self) -> float:
        """The share of rows with a value on the side where there are any."""
        return 1 - min(self.inside, self.outside)

    def words(self, class_name: str) -> str:
        """The evidence as the middle of a sentence."""
        state = "missing" if np.isnan(self.value) else _shown(self.column, self.value)
        return (
            f"{self.column.name!r} is {state} in {_percent(self.inside)} of the rows {class_name} "
            f"and in {_percent(self.outside)} of the others"
        )


def switches(column: Column, goal: Goal) -> list[Switch]:
    """The switches of `column` with enough rows on both sides: missing values, zeros and the commonest value."""
    missing = np.isnan(column.values)
    found = []
    for value, holds in _states(column, missing):
        if min(int(holds.sum()), int((~holds).sum())) < MIN_PER_CLASS:
            continue
        for code in _codes(goal):
            member = goal.truth[:, code] == 1
            if min(int(member.sum()), int((~member).sum())) >= MIN_PER_CLASS:
                inside, outside = float(holds[member].mean()), float(holds[~member].mean())
                found.append(Switch(column, value, code, inside, outside, int(holds.sum())))
    return found


def bins_the_target(column: Column, ranks: Floats) -> bool:
    """Whether the few values of `column` are ranges of the target that do not overlap: at most 1 row in 50 is outside.

    `ranks` are those of a quantity, shape (rows,).
    """
    values = np.nan_to_num(column.values, nan=-1e300)
    known, level = np.unique(values, return_inverse=True)
    sizes = np.bincount(level)
    if not 2 <= len(known) <= max(2, len(values) // 20) or np.sort(sizes)[-2] < len(values) // 50:
        return False
    middles = np.array([np.median(ranks[level == code]) for code in range(len(known))])
    place = np.argsort(np.argsort(middles))[level]
    lowest = [ranks[place == code].min() for code in range(len(known))]
    cuts_lie_apart = all(first < second for first, second in pairwise(lowest))
    by_target = place[np.argsort(ranks, kind="stable")]
    return bool((by_target != np.sort(place)).mean() <= 0.02) and (cuts_lie_apart or len(known) > 2)


def _states(column: Column, missing: Truths) -> list[tuple[float, Truths]]:
    states = [(float("nan"), missing)]
    known = column.values[~missing]
    if column.kind == "moment" or not len(known):
        return states
    values, counts = np.unique(known, return_counts=True)
    wanted = {float(values[np.argmax(counts)])} | ({0.0} if column.kind == "number" else set())
    return states + [(value, column.values == value) for value in sorted(wanted)]


def _codes(goal: Goal) -> range:
    """Of two classes the second says all."""
    return range(1, 2) if goal.truth.shape[1] == 2 else range(goal.truth.shape[1])


def _shown(column: Column, value: float) -> str:
    return repr(column.levels[int(value)]) if column.kind == "level" else f"{value:g}"


def _percent(share: float) -> str:
    """Never 100 % or 0 % where a row differs."""
    return f"{share:.0%}" if share in {0.0, 1.0} else f"{min(max(share, 0.001), 0.999):.1%}"
