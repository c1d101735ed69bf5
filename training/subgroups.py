"""How a version does on the test rows of single groups: levels, flags, quarters of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.definition import Category, Feature, Flag, Schema
from registry.details import GroupRow, Importance
from training.practice import ByRow

MOST_FEATURES = 8
MOST_GROUPS = 6
"""Of one feature: the largest."""
FEWEST_ROWS = 30
FEWEST_EVENTS = 10
"""Of either outcome of a binary model: a group in which nothing happens says nothing about a probability."""
MATERIAL = 0.1
"""A loss is worse from a tenth above the overall one on, a bias from a tenth of the group's mean absolute error beyond
the overall one on: among many rows every difference is certain, and most are small."""
DOUBT = 0.05
"""The chance that any of all groups is called worse by luck; each gets its part of it (Bonferroni)."""
BIAS = "bias"
_RESAMPLES = 500
_BLOCKS = 1_000

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Group(NamedTuple):
    """Some of the test rows: `rows` is a mask of all of them."""

    feature: str
    name: str
    rows: Mask


def subgroups(
    schema: Schema, features: pd.DataFrame, by_row: ByRow, ranked: Sequence[Importance], seed: int
) -> tuple[GroupRow, ...]:
    """Two rows for each group of the test rows `features`: the kind's loss with a bootstrap interval, and the bias.

    Looked at are the features that matter most, half of them categories and flags where there are so many; in each the
    largest groups of enough rows.
    """
    groups = [
        group for name in _chosen(schema, ranked) for group in _groups(schema[name], features[name], by_row.events)
    ]
    random = np.random.default_rng(seed)
    surely = NormalDist().inv_cdf(1 - DOUBT / max(1, len(groups)) / 2)
    found: list[GroupRow] = []
    for group in groups:
        found.append(_loss(group, by_row, surely, random))
        if by_row.errors is not None:
            found.append(_bias(group, by_row.errors, by_row.variances, surely))
    return tuple(found)


def _chosen(schema: Schema, ranked: Sequence[Importance]) -> list[str]:
    """Names by importance. People ask about categories and flags first, however little they matter to the score."""
    names = [one.feature for one in ranked]
    sorts = [name for name in names if isinstance(schema[name], Category | Flag)][: MOST_FEATURES // 2]
    others = [name for name in names if name not in sorts][: MOST_FEATURES - len(sorts)]
    return [name for name in names if name in (*sorts, *others)]


def _groups(feature: Feature, column: pd.Series, events: Mask | None) -> list[Group]:
    """The largest groups in their own order, those of too few rows left out."""
    found = [Group(feature.name, name, rows) for name, rows in _parts(feature, column) if _enough(rows, events)]
    largest = sorted(range(len(found)), key=lambda number: -int(found[number].rows.sum()))[:MOST_GROUPS]
    return [found[number] for number in sorted(largest)]


def _enough(rows: Mask, events: Mask | None) -> bool:
    if rows.sum() < FEWEST_ROWS:
        return False
    return events is None or min(int((rows & events).sum()), int((rows & ~events).sum())) >= FEWEST_EVENTS


def _parts(feature: Feature, column: pd.Series) -> Iterator[tuple[str, Mask]]:
    missing = column.isna().to_numpy()
    match feature:
        case Category():
            codes = column.cat.codes.to_numpy()
            for code, level in enumerate(column.cat.categories):
                yield str(level), codes == code
        case Flag():
            values = column.to_numpy(np.float64)
            yield "true", values == 1
            yield "false", values == 0
        case _:
            yield from _quarters(column, missing)
    yield "missing", missing


def _quarters(column: pd.Series, missing: Mask) -> Iterator[tuple[str, Mask]]:
    """Numbers and moments in quarters of the rows; fewer where many rows share a value."""
    is_moment = isinstance(column.dtype, np.dtype) and column.dtype.kind == "M"
    values = (
        column.astype("datetime64[s]").astype("int64").to_numpy(np.float64) if is_moment else column.to_numpy(float)
    )
    known = values[~missing]
    if len(known) == 0:
        return
    edges = np.unique(np.quantile(known, (0.25, 0.5, 0.75), method="higher"))
    edges = edges[edges > known.min()]
    written = [_moment(edge) for edge in edges] if is_moment else _written(edges)
    place = np.where(missing, -1, np.searchsorted(edges, values, side="right"))
    for number, name in enumerate(_names(written)):
        yield name, place == number


def _written(edges: Floats) -> list[str]:
    """Rounded where that leaves them apart."""
    short = [f"{edge:.0f}" if abs(edge) >= 1000 else f"{edge:.4g}" for edge in edges]
    return short if len(set(short)) == len(short) else [f"{edge:.15g}" for edge in edges]


def _moment(seconds: float) -> str:
    return str(np.datetime64(int(seconds), "s").astype("datetime64[D]"))


def _names(edges: list[str]) -> list[str]:
    """A quarter begins at its lower edge and ends below its upper one."""
    if not edges:
        return ["all"]
    between = [f"{low} to below {high}" for low, high in pairwise(edges)]
    return [f"below {edges[0]}", *between, f"{edges[-1]} or more"]


def _loss(group: Group, by_row: ByRow, surely: float, random: np.random.Generator) -> GroupRow:
    losses, overall = by_row.losses[group.rows], float(by_row.losses.mean())
    mean, error = float(losses.mean()), _standard_error(losses)
    low, high = _bootstrapped(losses, random)
    worse = by_row.errors is not None and mean - overall > max(surely * error, MATERIAL * overall)
    return GroupRow(
        feature=group.feature, group=group.name, rows=len(losses), metric=by_row.metric,
        value=mean, low=low, high=high, overall=overall, worse=worse,
    )  # fmt: skip


def _bias(group: Group, errors: Floats, variances: Floats | None, surely: float) -> GroupRow:
    """Its interval is a normal one: resamples of a few rare events would not vary enough."""
    here = errors[group.rows]
    mean, error = float(here.mean()), _standard_error(here)
    if variances is not None:
        error = max(error, float(np.sqrt(variances[group.rows].sum())) / len(here))
    overall = float(errors.mean())
    beyond = abs(mean) - abs(overall) if mean * overall > 0 else abs(mean)
    worse = beyond > max(surely * error, MATERIAL * float(np.abs(here).mean()))
    return GroupRow(
        feature=group.feature, group=group.name, rows=len(here), metric=BIAS,
        value=mean, low=mean - 1.96 * error, high=mean + 1.96 * error, overall=overall, worse=worse,
    )  # fmt: skip


def _standard_error(values: Floats) -> float:
    return float(values.std(ddof=1)) / float(np.sqrt(len(values)))


def _bootstrapped(values: Floats, random: np.random.Generator) -> tuple[float, float]:
    """The 95 % percentile interval of the mean; of many rows, means of blocks of them are drawn instead of rows."""
    if len(values) > 10 * _BLOCKS:
        values = np.array([block.mean() for block in np.array_split(random.permutation(values), _BLOCKS)])
    drawn = [values[random.integers(0, len(values), len(values))].mean() for _ in range(_RESAMPLES)]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(low), float(high)
