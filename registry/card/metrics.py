"""Every metric with its interval beside the baselines on the same rows."""

from __future__ import annotations

from collections.abc import Sequence

from registry.card import words
from registry.card.about import About
from registry.card.axis import Axis, bounds
from registry.card.figures import bound, count, figure, interval, percent, share
from registry.card.markup import Html, element, joined
from registry.card.plot import circle, diamond, line
from registry.card.section import Section, note, said
from registry.card.tables import Cell, row, table
from registry.details import GateResult, Metric, VersionDetails

MARKS = ("first", "second", "third")
"""Looks of the baselines' marks, in their order."""


def metrics(details: VersionDetails, about: About) -> Section | None:
    if not details.metrics:
        return None
    names = list(dict.fromkeys(name for metric in details.metrics for name in metric.baselines))
    headings = ("Metric", "Value", "95 % interval", *(words.named(name).capitalize() for name in names), "")
    rows = [_row(metric, names, about) for metric in details.metrics]
    beside = ", beside what the baselines reach on the same rows" if names else ""
    return Section(
        "metrics",
        "Performance",
        (
            said("Measured on ", count(details.data.test_rows, "rows"), f" {_unseen(details)}{beside}."),
            table("Metrics on the test rows", headings, rows, name="numbers metrics"),
            *_legend(names, details.metrics),
            *_askew(details.metrics),
            *_promised(details, about),
        ),
    )


def gates(details: VersionDetails, about: About) -> Section | None:
    """What a version must reach to be stored, and what was overruled."""
    if not details.gates and not details.forced:
        return None
    parts = []
    if details.gates:
        headings = ("Metric", "Demanded", "Reached", "Outcome")
        parts.append(table("Demanded and reached", headings, [_gate(gate) for gate in details.gates], name="numbers"))
    if details.forced:
        overruled = said("Whoever trained the version stored it by force although:")
        parts.append(
            element(
                "div",
                overruled,
                element("ul", *(element("li", miss) for miss in details.forced)),
                class_="warning alarm",
            )
        )
    intro = said("A version is stored only if it passes these bounds and beats its baselines, or by force.")
    return Section("gates", "Gates", (intro, *parts))


def _row(metric: Metric, baselines: list[str], about: About) -> Html:
    beside = [figure(metric.baselines[name]) if name in metric.baselines else "–" for name in baselines]
    said_ = [part for part in (words.meaning(metric.name), words.direction(metric)) if part]
    cells: list[Cell] = [
        element("strong", figure(metric.value)),
        interval(metric.low, metric.high),
        *beside,
        _strip(metric, baselines),
    ]
    return row(words.in_unit(metric.name, about), *cells, note=f"{metric.name}: {'; '.join(said_)}")


def _strip(metric: Metric, baselines: list[str]) -> Html:
    """Interval and baselines on one line, better to the right where there is such; each row has its own scale."""
    low, high = bounds((metric.value, metric.low, metric.high, *metric.baselines.values()), margin=0.02)
    ends = (6.0, 134.0) if metric.higher_is_better or metric.name in words.NEITHER else (134.0, 6.0)
    axis = Axis(low, high, *ends)
    marks = [
        diamond((axis.at(metric.baselines[name]), 10), 4.5, f"baseline {MARKS[number % len(MARKS)]}")
        for number, name in enumerate(baselines)
        if name in metric.baselines
    ]
    return element(
        "svg",
        line((0, 10), (140, 10), "grid"),
        *marks,
        line((axis.at(metric.low), 10), (axis.at(metric.high), 10), "whisker"),
        circle((axis.at(metric.value), 10), 4, "own"),
        viewBox="0 0 140 20",
        aria_hidden="true",
        class_="strip",
    )


def _legend(baselines: list[str], metrics: Sequence[Metric]) -> list[Html]:
    samples = [
        element("span", _sample(diamond((7, 7), 4.5, f"baseline {MARKS[number % len(MARKS)]}")), words.named(name))
        for number, name in enumerate(baselines)
    ]
    mark = _sample(line((0, 7), (14, 7), "whisker"), circle((7, 7), 4, "own"))
    return [
        element("p", element("span", mark, "this version, 95 % interval"), *samples, class_="legend"),
        note(
            f"Better lies to the right{_except(metrics)}; every row has its own scale. "
            "Intervals are those of resampled test rows."
        ),
    ]


def _unseen(details: VersionDetails) -> str:
    """How the version relates to the rows it was tested on."""
    if words.learned_all(details):
        return "by models of the same making that had not learned from them; the stored one has learned from all rows"
    return "that it had not learned from"


def _except(metrics: Sequence[Metric]) -> str:
    """The metrics of which neither more nor less is better."""
    names = [words.label(metric.name).lower() for metric in metrics if metric.name in words.NEITHER]
    return f" (larger {' and '.join(names)}, which is not better by itself)" if names else ""


def _askew(metrics: Sequence[Metric]) -> list[Html]:
    """Said only where the reader would take it for an error."""
    names = [words.label(metric.name) for metric in metrics if _lies_outside(metric)]
    if not names:
        return []
    return [note(f"Resampled rows have a larger {names[0].lower()} than the rows themselves: hence its interval.")]


def _lies_outside(metric: Metric) -> bool:
    rounding = 1e-9 * abs(metric.value)
    return not metric.low - rounding <= metric.value <= metric.high + rounding


def _sample(*marks: Html) -> Html:
    return element("svg", *marks, viewBox="0 0 14 14", width=14, height=14, aria_hidden="true")


def _promised(details: VersionDetails, about: About) -> list[Html]:
    """Of quantities: what the intervals were meant to hold, and what they held."""
    held = next((metric for metric in details.metrics if metric.name == "coverage"), None)
    if held is None or about.coverage is None:
        return []
    text = f"Intervals are meant to hold {percent(about.coverage)} of the truths; on the test rows they held "
    return [
        said(
            text, element("strong", share(held.value)), f" (95 % interval {percent(held.low)} to {percent(held.high)})."
        )
    ]


def _gate(gate: GateResult) -> Html:
    demand = joined("at least ", bound(gate.at_least)) if gate.at_least is not None else None
    if gate.at_most is not None:
        demand = joined("at most ", bound(gate.at_most))
    outcome = element("span", "✓ passed", class_="good") if gate.passed else element("span", "✗ missed", class_="bad")
    value = figure(gate.value) if gate.value is not None else "not measured on these rows"
    return row(words.label(gate.metric), demand, value, outcome)
