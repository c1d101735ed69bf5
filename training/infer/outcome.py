"""What the target column asks of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from models.definition import Kind, Target
from training.columns import NO_LEVEL, spelled, words
from training.errors import DataError
from training.infer.naming import humanized, unit_of
from training.infer.wishes import Wishes, nearest
from training.numerals import Numbers, read_numbers
from training.placeholders import placeholders
from training.targets import MIN_PER_CLASS

MOST_CLASSES = 50
MOST_NUMBERED_CLASSES = 20
"""More different whole numbers than this are a quantity."""
FEWEST_ROWS = 10
"""Whole numbers of which some stand in fewer rows are a quantity: classes are seldom that rare."""
NEARLY = 0.98
_POSITIVE = ("1", "true", "yes", "y", "t", "positive", "pos", "+", "1.0")
_NEGATIVE = ("0", "-1", "false", "no", "n", "f", "negative", "neg", "-", "0.0")
_CLASSES = (Kind.BINARY, Kind.MULTICLASS)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The kind of model, its target, how often the event occurs (binary, else NaN), and what was decided, in words."""

    kind: Kind
    target: Target | None
    rate: float
    findings: tuple[str, ...]


def outcome(column: pd.Series[Any], wishes: Wishes) -> Outcome:
    """What `column` is as a target.

    Text is classes. So are two numbers, and up to 20 whole numbers that each stand in some rows; all other numbers are
    a quantity. Raises DataError when nothing can be learned, or not what was wished for.
    """
    texts = words(column)
    classes = spelled(texts.where(~texts.str.lower().isin(NO_LEVEL)))
    numbers = read_numbers(texts if column.dtype == bool else column)
    _check_oddities(numbers, texts, wishes)
    numeric = bool(numbers.values.notna().any() and not numbers.wrong.any())
    known = numbers.values.dropna() if numeric else classes.dropna()
    if known.nunique() < 2:
        raise _error(wishes, "is missing in all rows" if known.empty else f"is {_only(known)} in all rows")
    kind, why = _kind(known, numeric, wishes)
    findings = [f"{wishes.target!r} {why}"] if why else []
    if kind is Kind.REGRESSION and (stand_in := placeholders(known)).any():
        findings.append(_said_missing(known[stand_in], wishes))
        known = known[~stand_in]
    if missing := len(column) - len(known):
        findings.append(f"{missing:,} of {len(column):,} rows have no {wishes.target!r}: training leaves them out")
    if kind not in _CLASSES:
        return Outcome(kind, _quantity(wishes, numbers), float("nan"), tuple(findings))
    texts = _class_texts(classes, known, numeric)
    findings += _rare(texts)
    if kind is Kind.MULTICLASS:
        return Outcome(kind, _several(texts, numeric, wishes), float("nan"), tuple(findings))
    return _binary(texts, column, wishes, findings + _respelled(column, texts))


def _error(wishes: Wishes, problem: str, remedy: str = "there is nothing to learn") -> DataError:
    return DataError(wishes.origin, [f"target {wishes.target!r} {problem}: {remedy}"])


def _said_missing(stand_in: pd.Series[Any], wishes: Wishes) -> str:
    shown = ", ".join(f"{value:.15g}" for value in stand_in.unique())
    return f"{shown} as {wishes.target!r} lies far from all other values: it counts as missing"


def _only(known: pd.Series[Any]) -> str:
    value = known.iloc[0]
    return f"{value:g}" if isinstance(value, float) else repr(value)


def _check_oddities(numbers: Numbers, texts: pd.Series[Any], wishes: Wishes) -> None:
    """Raise DataError for a few odd cells among numbers, and for text that is to be a quantity."""
    wrong = texts[numbers.wrong]
    read = int(numbers.values.notna().sum())
    forced = wishes.kind in (Kind.REGRESSION, Kind.FORECAST)
    if len(wrong) and (forced or (read >= NEARLY * (read + len(wrong)) and numbers.values.nunique() > MOST_CLASSES)):
        shown = ", ".join(map(repr, wrong.unique()[:5]))
        remedy = "mend these cells, or empty them: rows without a target are left out"
        raise _error(wishes, f"is not a number in {len(wrong):,} of {len(texts):,} rows, such as {shown}", remedy)


def _kind(known: pd.Series[Any], numeric: bool, wishes: Wishes) -> tuple[Kind, str]:
    """The kind, and why it is that where it could be another."""
    distinct = known.nunique()
    if wishes.kind is not None:
        _check_wish(wishes, wishes.kind, distinct)
        return wishes.kind, ""
    if distinct == 2:
        return Kind.BINARY, ""
    if not numeric:
        if distinct > MOST_CLASSES:
            remedy = f"a model tells up to {MOST_CLASSES} classes apart"
            raise _error(wishes, f"holds {distinct:,} different texts in {len(known):,} rows", remedy)
        return Kind.MULTICLASS, ""
    if distinct > MOST_NUMBERED_CLASSES or not (known % 1 == 0).all():
        return Kind.REGRESSION, ""
    found = f"holds {distinct} different whole numbers"
    if known.value_counts().min() >= FEWEST_ROWS:
        return Kind.MULTICLASS, f"{found}, taken as classes; for a quantity add --kind regression"
    return Kind.REGRESSION, f"{found}, some of them rare, taken as a quantity; for classes add --kind multiclass"


def _check_wish(wishes: Wishes, kind: Kind, distinct: int) -> None:
    if kind is Kind.BINARY and distinct != 2:
        raise _error(wishes, f"holds {distinct:,} different values", "a binary model's target has two")
    if kind is Kind.MULTICLASS and not 3 <= distinct <= MOST_CLASSES:
        raise _error(wishes, f"holds {distinct:,} different values", f"several classes are 3 to {MOST_CLASSES}")


def _class_texts(classes: pd.Series[Any], known: pd.Series[Any], numeric: bool) -> pd.Series[Any]:
    """The classes as training reads them: numbers are written as they stand in the file."""
    return classes.loc[known.index] if numeric else known


def _respelled(column: pd.Series[Any], texts: pd.Series[Any]) -> list[str]:
    found = words(column).loc[texts.index]
    other = found[found != texts]
    if other.empty:
        return []
    shown = ", ".join(map(repr, other.unique()[:5]))
    return [f"{len(other):,} rows spell a class otherwise ({shown}); they count as {_listed(texts.unique())}"]


def _rare(texts: pd.Series[Any]) -> list[str]:
    counts = texts.value_counts()
    rare = ", ".join(f"{level!r} ({rows:,})" for level, rows in counts.items() if rows < MIN_PER_CLASS)
    remedy = "take these rows out of the file, or merge them with another class"
    return [f"rows of {rare} are too few to train on, at least {MIN_PER_CLASS} are needed: {remedy}"] if rare else []


def _listed(names: Any) -> str:
    return " and ".join(map(repr, names))


def _quantity(wishes: Wishes, numbers: Numbers) -> Target:
    assert wishes.target is not None
    return Target(
        column=wishes.target,
        description=humanized(wishes.target),
        unit=numbers.unit or unit_of(wishes.target),
    )


def _several(texts: pd.Series[Any], numeric: bool, wishes: Wishes) -> Target:
    assert wishes.target is not None
    counts = texts.value_counts()
    by_size = sorted(counts.index, key=lambda level: (-counts[level], level))
    classes = tuple(sorted(counts.index, key=float)) if numeric else tuple(by_size)
    return Target(column=wishes.target, description=humanized(wishes.target), classes=classes)


def _binary(texts: pd.Series[Any], column: pd.Series[Any], wishes: Wishes, findings: list[str]) -> Outcome:
    assert wishes.target is not None
    counts = texts.value_counts()
    positive, why = _positive(counts, wishes)
    rate = float(counts[positive] / counts.sum())
    target = Target(
        column=wishes.target,
        description=f"{positive!r} in {rate:.1%} of {int(counts.sum()):,} rows",
        positive=_typed(positive, column),
    )
    if why:
        findings = [f"the event is {wishes.target} = {positive!r} ({why}); for the other add --positive", *findings]
    return Outcome(Kind.BINARY, target, rate, tuple(findings))


def _positive(counts: pd.Series[Any], wishes: Wishes) -> tuple[str, str]:
    """The class that counts as the event, and why where it had to be chosen."""
    levels = sorted(counts.index, key=lambda level: (counts[level], level))
    if wishes.positive is not None:
        folded = {level.casefold(): level for level in levels}
        wanted = wishes.positive.strip().casefold()
        found = folded.get(wanted) or folded.get(wanted.removesuffix(".0"))
        if found is None:
            problem = f"--positive: {wishes.target!r} holds no {wishes.positive!r}{nearest(wishes.positive, levels)}"
            raise DataError(wishes.origin, [problem])
        return found, ""
    spoken = [level for level in levels if level.lower() in _POSITIVE]
    if len(spoken) == 1 and next(level for level in levels if level != spoken[0]).lower() in _NEGATIVE:
        return spoken[0], ""
    return levels[0], "the rarer class"


def _typed(positive: str, column: pd.Series[Any]) -> str | int | bool:
    if column.dtype == bool:
        return positive == "True"
    return int(positive) if positive.isascii() and positive.isdigit() and str(int(positive)) == positive else positive
