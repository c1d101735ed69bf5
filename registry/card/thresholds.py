"""What deciding at other thresholds would have done."""

from __future__ import annotations

from collections.abc import Callable

from registry.card.about import About
from registry.card.axis import Axis
from registry.card.figures import bound, figure, share, written
from registry.card.markup import Html, element
from registry.card.plot import Frame, Point, line
from registry.card.plot import label as words
from registry.card.section import Section, beside, said
from registry.card.section import figure as captioned
from registry.card.tables import row, table
from registry.details import ThresholdRow, VersionDetails

Curve = tuple[str, str, Callable[[ThresholdRow], float | None]]
CURVES: tuple[Curve, ...] = (
    ("precision", "first", lambda one: one.precision if one.positive_rate > 0 else None),
    ("recall", "second", lambda one: one.recall),
    ("share flagged", "third", lambda one: one.positive_rate),
)


def thresholds(details: VersionDetails, about: About) -> Section | None:
    rows, chosen = details.thresholds, details.threshold
    if not rows:
        return None
    caption = "Precision, recall and the share of rows flagged, at each threshold."
    curves = captioned(caption, _legend(), _curves(rows, chosen))
    costs = [(one.threshold, one.cost) for one in rows if one.cost is not None]
    if not costs:
        return Section("thresholds", "Threshold", (_intro(chosen), beside("pair", curves, _table(rows, chosen))))
    drawings = beside("plots", curves, captioned(_priced(costs, chosen), _cost(costs, chosen)))
    return Section("thresholds", "Threshold", (_intro(chosen), drawings, _table(rows, chosen)))


def _intro(chosen: float | None) -> Html:
    what = "What deciding at each threshold would have done on the test rows:"
    if chosen is None:
        return said(what)
    return said("The version flags from ", element("strong", figure(chosen)), f" on, found on other rows. {what}")


def _table(rows: tuple[ThresholdRow, ...], chosen: float | None) -> Html:
    priced = any(one.cost is not None for one in rows)
    headings = ("Threshold", "Precision", "Recall", "F1", "False alarms", "Flagged", *(("Cost",) if priced else ()))
    return table(
        "Thresholds on the test rows", headings, [_row(one, chosen, priced) for one in rows], name="numbers tight"
    )


def _row(one: ThresholdRow, chosen: float | None, priced: bool) -> Html:
    mine = one.threshold == chosen
    cells = [
        figure(one.precision) if one.positive_rate > 0 else "–",
        figure(one.recall),
        figure(one.f1),
        share(one.false_positive_rate),
        share(one.positive_rate),
        *((figure(one.cost) if one.cost is not None else "–",) if priced else ()),
    ]
    return row(
        figure(one.threshold) if mine else bound(one.threshold),
        *cells,
        name="chosen" if mine else "",
        note="chosen" if mine else "",
    )


def _legend() -> Html:
    samples = [
        element(
            "span",
            element(
                "svg",
                line((0, 7), (22, 7), f"curve {look}"),
                viewBox="0 0 22 14",
                width=22,
                height=14,
                aria_hidden="true",
            ),
            name,
        )
        for name, look, _ in CURVES
    ]
    return element("p", *samples, class_="legend")


def _curves(rows: tuple[ThresholdRow, ...], chosen: float | None) -> Html:
    frame = Frame("threshold-curves", Axis(0, 1, 48, 346, "threshold"), Axis(0, 1, 222, 24, ""), 264)
    drawn = []
    for _, look, value in CURVES:
        points = [(one.threshold, at) for one in rows if (at := value(one)) is not None]
        drawn.append(frame.line(points, f"curve {look}"))
    mine = next((one for one in rows if one.threshold == chosen), None)
    told = "Precision, recall and the share of rows flagged, over thresholds from 0 to 1."
    if mine is not None:
        reached = f"precision {written(mine.precision)}, recall {written(mine.recall)}"
        told += f" At the chosen {written(mine.threshold)}: {reached}, flagged {written(mine.positive_rate)}."
    return frame.drawn("Precision, recall and share flagged by threshold", told, *drawn, *_mark(frame, chosen))


def _priced(costs: list[Point], chosen: float | None) -> str:
    at, least = min(costs, key=lambda point: point[1])
    mine = "".join(f"; at the chosen one {written(cost)}" for threshold, cost in costs if threshold == chosen)
    return f"Cost of all test rows, in the policy's own currency: least at {written(at)}, {written(least)}{mine}."


def _cost(points: list[Point], chosen: float | None) -> Html:
    highest = max(cost for _, cost in points) * 1.05 or 1.0
    frame = Frame("threshold-cost", Axis(0, 1, 62, 346, "threshold"), Axis(0, highest, 222, 24, ""), 264)
    return frame.drawn(
        "Cost by threshold", _priced(points, chosen), frame.line(points, "curve first"), *_mark(frame, chosen)
    )


def _mark(frame: Frame, chosen: float | None) -> list[Html]:
    """An upright line at the chosen threshold."""
    if chosen is None:
        return []
    x = frame.x.at(chosen)
    anchor, beside = ("start", x + 4) if x < 240 else ("end", x - 4)
    name = words("chosen", beside, 20, anchor, "soft")
    return [line((x, 24), (x, 222), "chosen-line"), *([name] if name else [])]
