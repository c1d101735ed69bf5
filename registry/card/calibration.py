"""Whether what was promised came: the reliability diagram."""

from __future__ import annotations

import math

from registry.card.about import About
from registry.card.axis import Axis
from registry.card.figures import count, percent, share
from registry.card.markup import Html, element
from registry.card.plot import Frame, circle, line
from registry.card.section import Section, said
from registry.card.section import figure as captioned
from registry.card.tables import row, table
from registry.details import CalibrationBin, VersionDetails

Z = 1.96


def calibration(details: VersionDetails, about: About) -> Section | None:
    if not details.calibration:
        return None
    if details.data.classes:
        what = "Test rows by the probability of their likeliest class: how often that class was the true one."
    else:
        what = "Test rows by their probability: how often the event came."
    headings = ("Promised", "Observed", "95 % interval", "Rows")
    rows = [_row(one) for one in details.calibration]
    pair = element(
        "div",
        captioned("Points on the dashed line promise exactly what comes; above it too little is promised. "
                  "Larger points hold more rows.", _diagram(details.calibration)),
        table("Promised and observed", headings, rows, name="numbers"),
        class_="pair",
    )  # fmt: skip
    return Section("calibration", "Calibration", (said(what), pair))


def _row(one: CalibrationBin) -> Html:
    low, high = wilson(one.observed_rate, one.rows)
    between = f"{percent(low)} to {percent(high)}"
    return row(share(one.mean_probability), share(one.observed_rate), between, count(one.rows))


def wilson(rate: float, rows: int) -> tuple[float, float]:
    """The 95 % interval of a rate. Source: Wilson 1927.

    >>> [round(bound, 3) for bound in wilson(0.5, 100)]
    [0.404, 0.596]
    """
    rows = max(1, rows)
    centre = (rate + Z**2 / (2 * rows)) / (1 + Z**2 / rows)
    room = Z * math.sqrt(rate * (1 - rate) / rows + Z**2 / (4 * rows**2)) / (1 + Z**2 / rows)
    return max(0.0, centre - room), min(1.0, centre + room)


def _diagram(bins: tuple[CalibrationBin, ...]) -> Html:
    top = min(1.0, 1.08 * max(max(one.mean_probability, one.observed_rate) for one in bins) or 1.0)
    frame = Frame(
        "reliability",
        Axis(0, top, 48, 346, "promised probability"),
        Axis(0, top, 322, 24, "observed rate"),
        364,
    )
    most = max(one.rows for one in bins)
    marks = [_point(frame, one, most) for one in bins]
    ideal = frame.line([(0, 0), (top, top)], "ideal")
    widest = max(bins, key=lambda one: abs(one.mean_probability - one.observed_rate))
    words = (
        f"{len(bins)} groups of test rows. The largest distance from the diagonal is at a promised "
        f"{percent(widest.mean_probability)}, where {percent(widest.observed_rate)} came among {widest.rows:,} rows."
    )
    return frame.drawn("Reliability diagram: promised probability against observed rate", words, ideal, *marks)


def _point(frame: Frame, one: CalibrationBin, most: int) -> Html:
    low, high = wilson(one.observed_rate, one.rows)
    x, y = frame.x.at(one.mean_probability), frame.y.at(one.observed_rate)
    hover = f"promised {percent(one.mean_probability)}, observed {percent(one.observed_rate)}, {one.rows:,} rows"
    return element(
        "g",
        element("title", hover),
        line((x, frame.y.at(low)), (x, frame.y.at(high)), "whisker"),
        circle((x, y), 3 + 4 * math.sqrt(one.rows / most), "own"),
    )
