"""Columns that state the target, or are known only after it.

A strong column is no trap by its strength: petal length tells setosas apart without an error. What gives a leak away is
that it tells far more than everything else together, or that its values map to classes one to one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata
from sklearn.tree import DecisionTreeRegressor

from training.suspicion.alone import guesses_alone, halves, skill_alone
from training.suspicion.column import Column, Rows
from training.suspicion.goal import Goal
from training.suspicion.rest import Rest, balanced_error
from training.suspicion.switch import Switch, bins_the_target, switches
from training.suspicion.trap import Trap

SAMPLE = 4000
TOO_GOOD = 0.995
"""The skill (ROC AUC, R2) from which one column is the answer: the best honest ones of 46 real sets reach 0.982."""
STRONG = {True: 0.97, False: 0.9}
"""Discrete -> the skill from which a column that stands far above all others is worth a note."""
SEPARABLE = 0.98
"""Where all others reach this together, the target is easy, and an almost perfect column is no wonder."""
FAR_ABOVE = 4.0
"""How many times the error of one column all others must make. The best columns of 45 honest sets stay below 2.2, but
a credit balance that is all there is to know reaches 9 (ROC AUC 0.946): far above is not enough for leaving out."""
EXACT = 0.005
"""The balanced error up to which few values state the classes one to one."""
RECODED = 0.1
"""The balanced error up to which one value, or being missing, may stand for a class with mistakes in it."""
NOISY = 0.05
"""The same for few values or flat ranges of values."""
SHARP = 0.05
"""The share of rows that may lie where a column leaves the class open (0.1 to 0.9). A recode has none, whatever its
mistakes; an honest measurement with a ROC AUC of 0.98 has a fifth of its rows there."""
TIED = 0.9
"""Rank correlation within classes from which two columns are one measurement."""
ROUNDS = 3
"""Searches after each other: a leak that another one hid stands out once that is gone."""
MANY = 8
"""So many almost perfect columns, copies of each other counted once, are a separable target: they are noted without a
model for each."""
MOST_COPIES = 40
"""So many are compared with each other, which takes a second."""
KNOWN = 0.5
"""The share of every class that must be known for a column to be judged by its known values alone: a copy of the target
stays one when some of its cells are blank."""


@dataclass(frozen=True, slots=True)
class _Suspect:
    """A strong column. `rows` are those that it is judged on: all, or those where it is known."""

    column: Column
    rows: Rows
    skill: float
    error: float
    sharp: bool


def states_target(columns: list[Column], goal: Goal, names: list[str]) -> list[Trap]:
    """One trap per column that alone gives the target away. `names` are what evidence calls the classes.

    A quantity that often has one value (0: no claim) is searched as two classes too.
    """
    rows = goal.sample(SAMPLE)
    part, told = goal.take(rows), [column.take(rows) for column in columns]
    found = {trap.column: trap for trap in _exact(told, part, names)}
    rest = Rest(told, part)
    for _ in range(ROUNDS):
        gone = _named(found)
        for trap in (*_noisy_switches(told, part, names, rest, gone), *_graded(told, part, rest, gone)):
            if trap.action == "leave_out" or trap.column not in found:
                found[trap.column] = trap
        if _named(found) == gone:
            break
    return list(found.values())


def _named(found: dict[str | None, Trap]) -> set[str]:
    return {name for name, trap in found.items() if name is not None and trap.action == "leave_out"}


def _exact(columns: list[Column], goal: Goal, names: list[str]) -> list[Trap]:
    """Columns that map to the target one to one: a leak however easy the target is."""
    found = []
    for column in columns:
        trap = _exact_values(column, goal) or _exact_switch(column, goal, names)
        if trap is not None:
            found.append(trap)
    return found


def _exact_switch(column: Column, goal: Goal, names: list[str]) -> Trap | None:
    if not goal.discrete:
        return None
    exact = [switch for switch in switches(column, goal) if switch.error <= EXACT]
    if not exact:
        return None
    best = min(exact, key=lambda switch: switch.error)
    ending = ": such a column is filled in only after the outcome" if best.is_blank else ""
    return Trap(best.sort, column.name, f"{best.words(names[best.code])}{ending}", "leave_out")


def _exact_values(column: Column, goal: Goal) -> Trap | None:
    rows = _known(column, goal)
    column, goal = column.take(rows), goal.take(rows)
    different = len(np.unique(column.values))
    if not goal.discrete:
        if not bins_the_target(column, goal.truth[:, 0]):
            return None
        words = f"the {different} values of {column.name!r} are ranges of the target that do not overlap"
        return Trap("states_target", column.name, words, "leave_out")
    classes = goal.truth.shape[1]
    if column.kind == "moment" or not 2 <= different <= 4 * classes or different * 10 > len(goal):
        return None
    error = balanced_error(guesses_alone(column, goal), goal)
    if error > EXACT:
        return None
    words = (
        f"each of the {different} values of {column.name!r} comes with one class, in {1 - error:.1%} of rows held out"
    )
    return Trap("states_target", column.name, words, "leave_out")


def _noisy_switches(columns: list[Column], goal: Goal, names: list[str], rest: Rest, gone: set[str]) -> list[Trap]:
    """Columns that are zero or missing for almost all of one class and almost none of the others."""
    if not goal.discrete:
        return []
    all_switches = [switch for column in columns if column.name not in gone for switch in switches(column, goal)]
    noisy = [switch for switch in all_switches if switch.error <= RECODED or switch.kept_for_one]
    # Blank columns of one form go blank together: what is left must be without all of them.
    without = gone | {switch.column.name for switch in noisy}
    found: dict[str, Trap] = {}
    for switch in sorted(noisy, key=lambda switch: switch.error):
        trap = _judged_switch(switch, names[switch.code], rest, without)
        if trap is not None:
            found.setdefault(switch.column.name, trap)
    return list(found.values())


def _judged_switch(switch: Switch, name: str, rest: Rest, without: Collection[str]) -> Trap | None:
    others = rest.error_of_class(without, switch.code)
    compared = f"all other columns together mistake {others:.1%} where this one alone mistakes {switch.error:.1%}"
    if switch.error <= RECODED and others >= FAR_ABOVE * switch.error:
        return Trap(switch.sort, switch.column.name, f"{switch.words(name)}; {compared}", "leave_out")
    if not switch.kept_for_one or _by_chance(switch, rest.goal):
        return None
    if not np.isnan(switch.value) and others < switch.error:
        return None
    words = f"{switch.words(name)}, so that a value gives the class away; {compared}"
    far = switch.known_share >= 0.5 and others > 1.5 * switch.error
    return Trap(switch.sort, switch.column.name, words, "leave_out" if far else "note")


def _by_chance(switch: Switch, goal: Goal) -> bool:
    """Whether so few rows are known that all being of one side is chance: 1 in a million, for many columns."""
    share = float(goal.truth[:, switch.code].mean())
    side = share if switch.inside < switch.outside else 1 - share
    return bool((len(goal) - switch.count) * np.log(side) > np.log(1e-6))


def _graded(columns: list[Column], goal: Goal, rest: Rest, gone: set[str]) -> list[Trap]:
    """Columns whose values rank the target far better than all others together."""
    suspects = [suspect for column in columns if column.name not in gone for suspect in _suspected(column, goal)]
    sets = _sets(suspects, goal) if len(suspects) <= MOST_COPIES else None
    if sets is None or len(set(sets)) > MANY:
        return [_easy(suspect, goal) for suspect in suspects if suspect.skill > TOO_GOOD]
    judged = [_judged(suspect, rest, gone, set(tied)) for suspect, tied in zip(suspects, sets, strict=True)]
    return [trap for trap in judged if trap is not None]


def _sets(suspects: list[_Suspect], goal: Goal) -> list[frozenset[str]]:
    """Of each suspect its own name and those of others that may be one leak with it."""
    return [
        frozenset(
            other.column.name
            for other in suspects
            if other is suspect or ((suspect.sharp or suspect.skill > TOO_GOOD) and _one_leak(suspect, other, goal))
        )
        for suspect in suspects
    ]


def _one_leak(suspect: _Suspect, other: _Suspect, goal: Goal) -> bool:
    """Whether both may be one leak: they go together within the classes, or `other` is a recode with mistakes."""
    few = other.column.kind == "level" or len(np.unique(other.column.known)) <= 4 * goal.truth.shape[1]
    return (other.sharp and few) or _tied(suspect.column, other.column, goal)


def _suspected(column: Column, goal: Goal) -> list[_Suspect]:
    everywhere = np.arange(len(goal))
    known = _known(column, goal)
    if len(known) < len(goal):
        part = column.take(known), goal.take(known)
        skill = skill_alone(*part)
        if skill > TOO_GOOD:
            error = balanced_error(guesses_alone(*part), part[1]) if goal.discrete else 1 - skill
            return [_Suspect(column, known, skill, error, sharp=False)]
    skill = skill_alone(column, goal)
    if skill < min(0.93, STRONG[goal.discrete]):
        return []
    if not goal.discrete:
        return [_Suspect(column, everywhere, skill, 1 - skill, sharp=False)]
    error = balanced_error(guesses_alone(column, goal), goal)
    sharp = error <= NOISY and _left_open(column, goal) <= SHARP
    return [_Suspect(column, everywhere, skill, error, sharp)] if sharp or skill >= STRONG[True] else []


def _known(column: Column, goal: Goal) -> Rows:
    """The rows where `column` is filled in; all rows where it is often blank in some class."""
    known = ~np.isnan(column.values)
    if not goal.discrete and column.kind == "number":
        known &= column.values != _stand_in(column)
    shares = [known[member == 1].mean() for member in goal.truth.T] if goal.discrete else [known.mean()]
    return np.flatnonzero(known) if min(shares) >= KNOWN else np.arange(len(goal))


def _stand_in(column: Column) -> float:
    """The number that stands for nothing in a column of quantities, as 0 or -1 does: an extreme value, or 0, that is
    far more frequent than any other. NaN where there is none."""
    values, counts = np.unique(column.known, return_counts=True)
    if len(values) < 3:
        return float("nan")
    second, first = np.argsort(counts, kind="stable")[-2:]
    frequent = counts[first] >= max(5, 5 * counts[second])
    return float(values[first]) if frequent and (first in (0, len(values) - 1) or values[first] == 0) else float("nan")


def _judged(suspect: _Suspect, rest: Rest, gone: set[str], tied: set[str]) -> Trap | None:
    """`gone` are found already; `tied` may be one leak with the suspect, and are left out of the others too."""
    goal, name = rest.goal, suspect.column.name
    without = gone | tied | {name}
    others = rest.skill(without, suspect.rows)
    held_out = "rows held out" if len(suspect.rows) == len(goal) else "rows held out where it is filled in"
    apart = f" (without {', '.join(map(repr, sorted(tied - {name})))})" if tied - {name} else ""
    compared = (
        f"{name!r} alone predicts the target with {goal.measure} {suspect.skill:.4f} on {held_out}, "
        f"all other columns together{apart} with {others:.4f}"
    )
    if suspect.sharp and rest.error(without) >= FAR_ABOVE * suspect.error and others < SEPARABLE:
        words = f"{compared}; its values stand for classes with {suspect.error:.1%} mistakes and nothing between"
        return Trap("states_target", name, words, "leave_out")
    if suspect.skill > TOO_GOOD:
        return Trap("states_target", name, compared, "leave_out" if others < SEPARABLE else "note")
    if suspect.skill >= STRONG[goal.discrete] and 1 - others >= FAR_ABOVE * (1 - suspect.skill):
        return Trap("states_target", name, f"{compared}: make sure that it is known beforehand", "note")
    return None


def _easy(suspect: _Suspect, goal: Goal) -> Trap:
    words = (
        f"{suspect.column.name!r} alone predicts the target with {goal.measure} {suspect.skill:.4f} on rows held out, "
        f"as more than {MANY} columns nearly do"
    )
    return Trap("states_target", suspect.column.name, words, "note")


def _left_open(column: Column, goal: Goal) -> float:
    """The share of rows, classes weighing the same, whose class a coarse tree over `column` leaves open."""
    if column.kind == "level":
        guesses = guesses_alone(column, goal)
    else:
        guesses = np.empty_like(goal.truth)
        first, second = halves(len(goal))
        for fit, guessed in ((first, second), (second, first)):
            tree = DecisionTreeRegressor(max_leaf_nodes=24, min_samples_leaf=max(3, len(fit) // 50), random_state=0)
            tree.fit(column.values[fit, None], goal.truth[fit], sample_weight=goal.weights[fit])
            guesses[guessed] = tree.predict(column.values[guessed, None])
    return float(np.average(guesses.max(axis=1) < 0.9, weights=goal.weights))


def _tied(one: Column, other: Column, goal: Goal) -> bool:
    """Whether two columns are one measurement: their ranks go together within the classes."""
    if one.name == other.name:
        return False
    both = ~np.isnan(one.values) & ~np.isnan(other.values)
    ties = []
    for code in np.unique(goal.codes[both]) if goal.discrete else (None,):
        rows = np.flatnonzero(both & (goal.codes == code)) if code is not None else np.flatnonzero(both)
        pair = [rankdata(column.values[rows]) for column in (one, other)]
        if len(rows) >= 10 and min(np.ptp(ranks) for ranks in pair) > 0:
            ties.append(abs(float(np.corrcoef(*pair)[0, 1])))
    return bool(ties) and float(np.mean(ties)) > TIED
