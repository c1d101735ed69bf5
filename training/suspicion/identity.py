"""Columns that number or name the rows."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from training.suspicion.alone import skill_alone
from training.suspicion.column import Column, Floats
from training.suspicion.goal import Goal
from training.suspicion.trap import Trap

MIN_ROWS = 50
UNIQUE = 0.95
"""The share of different values from which text names rows: a copy of a row repeats its name too."""
MISSED_REPEATS = 10.0
"""Whole numbers drawn freely would repeat this often, and do not: the chance of that is e^-10 = 0.00005, or less where
they are not spread evenly."""
TELLING = 0.6
"""The skill (ROC AUC of classes) from which it is worth saying that a name also tells the target."""

_NAMES = re.compile(
    r"(^|[^a-z])(id|ids|uuid|guid|key|index|idx|row|rownum|rowid|rownames|rownumber|no|nr|number|unnamed)($|[^a-z])"
)


def names_rows(columns: list[Column], goal: Goal) -> list[Trap]:
    """One trap per column that is an index, an id or a name, whatever it tells of the target."""
    if len(goal) < MIN_ROWS:
        return []
    found = []
    for column in columns:
        why = _why_text(column) if column.kind == "level" else _why_number(column)
        if why:
            action = f"{column.name!r} {why}{_telling(column, goal)}"
            found.append(Trap("names_rows", column.name, action, "leave_out"))
    return found


def _why_text(column: Column) -> str:
    known = column.known
    if len(known) < MIN_ROWS:
        return ""
    different = len(np.unique(known))
    if different < UNIQUE * len(known):
        return ""
    return f"names the rows: {different:,} different texts in {len(known):,} rows"


def _why_number(column: Column) -> str:
    """Moments are no ids: that events have times of their own is what times are for."""
    known = column.known
    if column.kind == "moment" or len(known) < max(MIN_ROWS, UNIQUE * len(column.values)):
        return ""
    steps = np.diff(known)
    if steps[0] != 0 and (np.abs(steps - steps[0]) < 1e-6 * abs(steps[0])).all():
        return f"numbers the rows: it goes from {known[0]:g} to {known[-1]:g} in steps of {steps[0]:g} along the file"
    return _why_whole(column, known)


def _why_whole(column: Column, known: Floats) -> str:
    if (known[:100] % 1).any() or (known % 1).any() or np.abs(known).max() >= 2**53:
        return ""
    ordered = np.sort(known.astype(np.int64))
    steps = np.diff(ordered)
    repeats = int((steps == 0).sum())
    if repeats > (1 - UNIQUE) * len(known):
        return ""
    unit = int(np.gcd.reduce(steps[steps > 0]))
    expected = _repeats_by_chance(len(known), int((ordered[-1] - ordered[0]) // unit) + 1)
    counted = f"{len(known) - repeats:,} different whole numbers in {len(known):,} rows"
    by_step = f" in steps of {unit:,}" if unit > 1 else ""
    if expected >= MISSED_REPEATS and repeats <= 0.1 * expected:
        return (
            f"numbers the rows: {counted} from {ordered[0]} to {ordered[-1]}{by_step}, "
            f"where free values would repeat about {expected:,.0f} times{_along_the_file(known)}"
        )
    if repeats == 0 and _NAMES.search(_spaced(column.name)):
        return f"numbers the rows: {counted}, and it is named as an id is{_along_the_file(known)}"
    return ""


def _repeats_by_chance(rows: int, places: int) -> float:
    """How many of `rows` values repeat an earlier one when they fall evenly on `places`."""
    return rows - places * -float(np.expm1(-rows / places))


def _along_the_file(known: NDArray[np.float64]) -> str:
    rising = float((np.diff(known) > 0).mean())
    return "; it rises along the file" if rising > 0.99 else "; it falls along the file" if rising < 0.01 else ""


def _spaced(name: str) -> str:
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower() or "unnamed"


def _telling(column: Column, goal: Goal) -> str:
    """What the name tells of the target by its order or its beginning, in words; empty when little."""
    rows = goal.sample(4000)
    part, told = goal.take(rows), column.take(rows)
    if column.kind != "level":
        skill, how = skill_alone(told, part), "its order"
    else:
        skill, how = max((skill_alone(view, part), how) for view, how in _views(told))
    floor = TELLING if goal.discrete else 2 * (TELLING - 0.5)
    return f"; {how} alone predicts the target with {goal.measure} {skill:.3f}" if skill > floor else ""


def _views(column: Column) -> list[tuple[Column, str]]:
    """Text as its place in the alphabet and as its leading letters."""
    known = ~np.isnan(column.values)
    seen, at = np.unique(np.nan_to_num(column.values).astype(np.intp), return_inverse=True)
    levels = [column.levels[code] for code in seen]
    order = np.argsort(np.argsort(np.array(levels, object)))
    starts, codes = np.unique([_start(level) for level in levels], return_inverse=True)
    place = Column(column.name, "number", np.where(known, order[at], np.nan))
    start = Column(column.name, "level", np.where(known, codes[at], np.nan), tuple(starts))
    return [(place, "its place in the alphabet"), (start, "its beginning")]


def _start(text: str) -> str:
    letters = re.match(r"[^\W\d_]+", text)
    return letters.group()[:8] if letters else ""
