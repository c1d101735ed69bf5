"""How the version does on the test rows of single groups."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from registry.card import words
from registry.card.about import About
from registry.card.axis import Axis, bounds
from registry.card.figures import count, figure, interval
from registry.card.markup import Html, element, joined
from registry.card.plot import circle, line
from registry.card.section import Section, note, said
from registry.card.tables import Cell, framed, head, row
from registry.details import GroupRow, VersionDetails

BIAS = "bias"


def subgroups(details: VersionDetails, about: About) -> Section | None:
    if not details.subgroups:
        return None
    metrics = list(dict.fromkeys(one.metric for one in details.subgroups))
    headings = ["Group", "Rows"]
    for metric in metrics:
        headings += [words.in_unit(metric, about), "95 % interval", ""]
    axes = {metric: _axis([one for one in details.subgroups if one.metric == metric]) for metric in metrics}
    bodies = [
        _feature(feature, list(rows), metrics, axes)
        for feature, rows in groupby(details.subgroups, key=lambda one: one.feature)
    ]
    table = framed("Test rows by group", head(headings), *bodies, name="numbers groups")
    return Section("subgroups", "Subgroups", (_intro(details.subgroups, metrics), *_notes(metrics), table))


def _intro(rows: Sequence[GroupRow], metrics: Sequence[str]) -> Html:
    overall = {one.metric: one.overall for one in rows if one.overall is not None}
    parts = [
        joined(f", {words.label(metric).lower()} ", figure(overall[metric])) for metric in metrics if metric in overall
    ]
    line_ = "; the upright lines mark it, and a bias of 0." if BIAS in metrics else "; the upright line marks it."
    return said("How the version does on single groups of the test rows. All together", *parts, line_)


def _notes(metrics: Sequence[str]) -> list[Html]:
    found = []
    if BIAS in metrics:
        found.append(
            note(
                "A loss above that of all rows can mean that a group is harder to tell, not that it is served worse. A "
                "bias cannot be explained so: it is what was said less what came, and 0 where a group gets what it was "
                "promised."
            )
        )
    chance = "Groups of too few rows to say anything are left out."
    if BIAS in metrics:
        chance += (
            " Marked ▲ is what differs by more than a tenth and beyond chance, however many groups are looked at; of "
            "the intervals, each by itself, one in twenty misses by chance."
        )
    return [*found, note(chance)]


def _axis(rows: Sequence[GroupRow]) -> Axis:
    """One scale for all groups; it ends where most intervals do, so that one wide interval does not hide the rest."""
    widths = sorted(row.high - row.low for row in rows)
    usual = [row for row in rows if row.high - row.low <= 3 * widths[len(widths) // 2]] or rows
    overall = [row.overall for row in rows if row.overall is not None][:1]
    zero = [0.0] if rows[0].metric == BIAS else []
    ends = [end for row in usual for end in (row.low, row.high)]
    return Axis(*bounds((*ends, *(row.value for row in rows), *overall, *zero)), 4, 116)


def _feature(feature: str, rows: Sequence[GroupRow], metrics: Sequence[str], axes: dict[str, Axis]) -> Html:
    name = element("tr", element("th", feature, scope="rowgroup", colspan=2 + 3 * len(metrics)), class_="group")
    groups = [
        _group(group, {one.metric: one for one in same}, metrics, axes)
        for group, same in groupby(rows, key=lambda one: one.group)
    ]
    return element("tbody", name, *groups)


def _group(name: str, found: dict[str, GroupRow], metrics: Sequence[str], axes: dict[str, Axis]) -> Html:
    cells: list[Cell] = [count(next(iter(found.values())).rows)]
    for metric in metrics:
        one = found.get(metric)
        cells += _cells(one, axes[metric]) if one else ["–", "–", None]
    return row(name, *cells)


def _cells(one: GroupRow, axis: Axis) -> list[Cell]:
    value = figure(one.value)
    if one.worse:
        look = "bad" if one.metric == BIAS else "caution-text"
        value = element("strong", "▲ ", value, element("small", _remark(one)), class_=look)
    return [value, interval(one.low, one.high), _strip(one, axis)]


def _remark(one: GroupRow) -> str:
    if one.metric != BIAS:
        return "above overall"
    return "says too much" if one.value > 0 else "says too little"


def _strip(one: GroupRow, axis: Axis) -> Html:
    middle = 0.0 if one.metric == BIAS else one.overall
    overall = line((axis.at(middle), 0), (axis.at(middle), 20), "overall") if middle is not None else None
    look = ("alert" if one.metric == BIAS else "notice") if one.worse else ""
    marks = joined(
        line((0, 10), (120, 10), "grid"),
        overall,
        line((axis.at(one.low), 10), (axis.at(one.high), 10), f"whisker {look}".strip()),
        circle((axis.at(one.value), 10), 4, f"own {look}".strip()),
    )
    return element("svg", marks, viewBox="0 0 120 20", aria_hidden="true", class_="strip")
