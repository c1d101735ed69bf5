"""Whether the file is ordered by the target, and which columns know a row's place in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.suspicion.alone import guesses_alone, skill_alone
from training.suspicion.column import Column, Floats
from training.suspicion.goal import Goal
from training.suspicion.trap import Trap

DEVIATIONS = 6.0
"""Standard errors from chance: one test per file, and files that are shuffled must never be called ordered (1e-9)."""
FEW_RUNS = 0.5
"""Half the runs that a shuffled file has: by then most neighbours share their class because of where they stand."""
KNOWS_PLACE = 0.8
"""R2, on rows held out, of a row's place among those of its class, guessed from one column."""
KNOWS_TARGET = 0.98
"""ROC AUC of the target from the same column. A place tells blocks apart almost without an error, however roughly it is
known; an honest column that the file is sorted by within its classes does not."""


@dataclass(frozen=True, slots=True)
class Order:
    """How the target lies along the file. `blocks` is whether it lies in blocks; `evidence` says so with numbers."""

    blocks: bool
    evidence: str


def order_of(goal: Goal) -> Order:
    """How far the target's order in the file is from a shuffled one."""
    return _order_of_classes(goal) if goal.discrete else _order_of_quantities(goal)


def knows_place(columns: list[Column], goal: Goal) -> list[Trap]:
    """One trap per column that tells a row's place in a file of class blocks, and through it the class.

    The place is that among rows of the same class: there an honest column, however strong, tells nothing of it.
    """
    if not goal.discrete:
        return []
    places = _places(goal)
    rows = goal.sample(4000)
    part = goal.take(rows)
    place = Goal(places[rows, None], np.zeros(len(rows), np.int64), discrete=False)
    found = []
    for column in columns:
        told = column.take(rows)
        knows = _place_known(told, place, part)
        if knows < KNOWS_PLACE:
            continue
        skill = skill_alone(told, part)
        if skill >= KNOWS_TARGET:
            words = (
                f"{column.name!r} follows the row number in a file that lies in blocks of the target: it tells a row's "
                f"place among those of its class (R2 {knows:.2f}) and so the target ({goal.measure} {skill:.3f})"
            )
            found.append(Trap("file_order", column.name, words, "leave_out"))
    return found


def _order_of_classes(goal: Goal) -> Order:
    """The runs test for any number of classes. Source: Barton and David 1957, Multiple runs."""
    rows, sizes = len(goal), goal.truth.sum(axis=0)
    runs = 1 + int((np.diff(goal.codes) != 0).sum())
    squares, cubes = float((sizes**2).sum()), float((sizes**3).sum())
    expected = rows + 1 - squares / rows
    variance = (squares * (squares + rows * (rows + 1)) - 2 * rows * cubes - rows**3) / (rows**2 * (rows - 1))
    deviations = (expected - runs) / np.sqrt(max(variance, 1e-12))
    blocks = deviations > DEVIATIONS and runs < FEW_RUNS * expected
    words = (
        f"the target's classes lie in {runs:,} runs along the file, a shuffled file would have about {expected:,.0f}"
    )
    return Order(bool(blocks), words)


def _order_of_quantities(goal: Goal) -> Order:
    alike = likeness(goal)
    blocks = alike > FEW_RUNS and alike * np.sqrt(len(goal)) > DEVIATIONS
    words = f"neighbouring rows of the file have like targets: their ranks correlate with {alike:.2f}, 0 when shuffled"
    return Order(bool(blocks), words)


def likeness(goal: Goal) -> float:
    """How the ranks of neighbouring rows' quantities correlate, -1 to 1."""
    ranks = goal.truth[:, 0] - goal.truth.mean()
    spread = float((ranks**2).sum())
    return float((ranks[1:] * ranks[:-1]).sum()) / spread if spread else 0.0


def _places(goal: Goal) -> Floats:
    """Each row's place among those of its class, from 0 to 1, shape (rows,)."""
    places = np.empty(len(goal))
    for column in goal.truth.T:
        members = np.flatnonzero(column)
        places[members] = (np.arange(len(members)) + 0.5) / max(1, len(members))
    return places


def _place_known(column: Column, place: Goal, goal: Goal) -> float:
    """R2 of the place, guessed within each class, averaged over classes by rows."""
    explained, total = 0.0, 0.0
    for code in np.unique(goal.codes):
        members = np.flatnonzero(goal.codes == code)
        if len(members) < 20:
            continue
        part = place.take(members)
        explained += len(members) * part.skill(guesses_alone(column.take(members), part))
        total += len(members)
    return explained / total if total else 0.0
