"""How a feature's contribution follows its value: a scatter for numbers, a strip for each level of the others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import fmean, median

from registry.card import words
from registry.card.about import About
from registry.card.axis import Axis, bounds
from registry.card.figures import shortened, written
from registry.card.markup import Html, element
from registry.card.moments import dated, moment
from registry.card.plot import Frame, Point, drawing, label, line
from registry.card.section import Section, said
from registry.details import Dependence, VersionDetails

SHOWN_LEVELS = 10
LEVEL_HEIGHT = 26.0
GOLDEN = 0.6180339887498949
STEPS = 10
"""Pieces of a scatter, each of as many rows, whose means make the line: fewer different values are one piece each."""


def dependence(details: VersionDetails, about: About) -> Section | None:
    shown = [(number, one) for number, one in enumerate(details.dependence) if one.values]
    if not shown:
        return None
    output = words.first_output(details, about)
    intro = said(
        "Each point is a training row: the feature's value, and what it adds to the "
        f"{words.moved(details)} ({output}). The line is the mean; a spread at one value comes from the row's other "
        "features."
    )
    figures = [
        element("figure", element("figcaption", one.feature, class_="name"), _plot(number, one, output, about))
        for number, one in shown
    ]
    return Section("dependence", "Dependence", (intro, element("div", *figures, class_="plots")))


def _plot(number: int, one: Dependence, output: str, about: About) -> Html:
    key = f"dependence-{number}"
    match about.kind_of(one.feature):
        case "moment":
            values = [None if value is None else _seconds(str(value)) for value in one.values]
            return _scatter(key, one, values, output, "", moments=True)
        case "number" | "" if all(value is None or isinstance(value, float | int) for value in one.values):
            values = [None if value is None else float(value) for value in one.values]
            return _scatter(key, one, values, output, about.unit_of(one.feature), moments=False)
        case _:
            return _strips(key, one, output)


# --- numbers and moments ---


def _scatter(
    key: str, one: Dependence, values: Sequence[float | None], output: str, unit: str, *, moments: bool
) -> Html:
    known = sorted((v, c) for v, c in zip(values, one.contributions, strict=True) if v is not None)
    lacking = [c for v, c in zip(values, one.contributions, strict=True) if v is None]
    left = 100.0 if lacking else 54.0
    named = f"{shortened(one.feature, 34)} [{unit}]" if unit else shortened(one.feature, 40)
    low, high = _range([value for value, _ in known])
    x = dated(low, high, left, 346, named) if moments else Axis(low, high, left, 346, named)
    shown = [(value, added) for value, added in known if low <= value <= high]
    y = Axis(
        *bounds((0.0, *(added for _, added in shown), *lacking)), 202, 28, f"contribution, {shortened(output, 40)}"
    )
    frame = Frame(key, x, y, 244, left=54)
    beyond = len(known) - len(shown)
    marks = [line((54, y.at(0)), (346, y.at(0)), "zero"), frame.dots(shown, "dots")]
    marks.append(frame.line([point for point in _means(known) if low <= point[0] <= high], "mean"))
    if lacking:
        marks += _lacking(y, lacking)
    told = _told(known, lacking, moments)
    drawn = frame.drawn(f"{one.feature}: contribution by value", told, *marks)
    if not beyond:
        return drawn
    return element(
        "div", drawn, element("p", f"{beyond} of {len(known)} rows lie beyond the values shown.", class_="note")
    )


def _range(values: Sequence[float]) -> tuple[float, float]:
    """All values, or the middle 98 % of them where a few lie far out; `values` ascend."""
    if not values:
        return 0.0, 1.0
    cut = len(values) // 100
    inner = values[cut : len(values) - cut] if cut else values
    if values[-1] - values[0] > 1.5 * (inner[-1] - inner[0]) > 0:
        return bounds(inner)
    return bounds(values)


def _means(known: Sequence[Point]) -> list[Point]:
    """Mean value and mean contribution of pieces of the rows; equal values stay in one piece."""
    pieces: dict[int, list[Point]] = {}
    piece, before = 0, None
    few = len({value for value, _ in known}) <= STEPS
    for number, (value, contribution) in enumerate(known):
        if value != before:
            piece = number if few else number * STEPS // len(known)
        pieces.setdefault(piece, []).append((value, contribution))
        before = value
    return [(fmean(v for v, _ in rows), fmean(c for _, c in rows)) for rows in pieces.values()]


def _lacking(y: Axis, contributions: Sequence[float]) -> list[Html]:
    """Rows without a value, in a strip of their own."""
    places = "".join(f"M{56 + 26 * _spread(number):.1f} {y.at(c):.1f}h0" for number, c in enumerate(contributions))
    middle = y.at(median(contributions))
    found = [
        element("path", d=places, class_="dots pale"),
        line((54, middle), (84, middle), "mean"),
        line((92, y.start), (92, y.end), "axis"),
    ]
    name = label("missing", 69, y.start + 16, "middle", "soft")
    return [*found, name] if name else found


def _told(known: Sequence[Point], lacking: Sequence[float], moments: bool) -> str:
    write = _date if moments else written
    rows = f"{len(known) + len(lacking):,} training rows."
    means = _means(known) if known else []
    if len(means) < 2:
        return rows
    (first, low), (last, high) = means[0], means[-1]
    return f"{rows} The mean contribution is {low:+.3g} around {write(first)} and {high:+.3g} around {write(last)}."


def _seconds(text: str) -> float | None:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _date(seconds: float) -> str:
    return f"{moment(seconds):%Y-%m-%d}"


# --- categories and flags ---


def _strips(key: str, one: Dependence, output: str) -> Html:
    levels: dict[str, list[float]] = {}
    for value, contribution in zip(one.values, one.contributions, strict=True):
        levels.setdefault("(missing)" if value is None else str(value), []).append(contribution)
    largest = sorted(levels, key=lambda name: -len(levels[name]))[:SHOWN_LEVELS]
    shown = sorted(largest, key=lambda name: median(levels[name]))
    bottom = 30 + LEVEL_HEIGHT * len(shown)
    x = Axis(
        *bounds((0.0, *(c for name in shown for c in levels[name]))), 126, 346, f"contribution, {shortened(output, 30)}"
    )
    ticks = [
        element(
            "g",
            line((x.at(tick), 24), (x.at(tick), bottom), "grid"),
            label(x.write(tick), x.at(tick), bottom + 16, "middle"),
        )
        for tick in x.ticks
    ]
    strips = [_strip(x, name, levels[name], 24 + LEVEL_HEIGHT * (place + 0.5)) for place, name in enumerate(shown)]
    name = label(x.label, 346, bottom + 34, "end", "soft")
    more = len(levels) - len(shown)
    drawn = drawing(
        key,
        f"{one.feature}: contribution by level",
        " ".join(f"{name}: median {median(levels[name]):+.3g} over {len(levels[name])} rows." for name in shown),
        bottom + 42,
        *ticks,
        line((x.at(0), 24), (x.at(0), bottom), "zero"),
        *strips,
        *([name] if name else []),
    )
    if more <= 0:
        return drawn
    return element("div", drawn, element("p", f"{more} rarer levels are not shown.", class_="note"))


def _strip(x: Axis, name: str, contributions: Sequence[float], middle: float) -> Html:
    places = "".join(
        f"M{x.at(c):.1f} {middle + 14 * (_spread(number) - 0.5):.1f}h0" for number, c in enumerate(contributions)
    )
    at = x.at(median(contributions))
    return element(
        "g",
        element("title", f"{name}: {len(contributions)} rows"),
        label(shortened(name, 16), 118, middle + 4, "end"),
        element("path", d=places, class_="dots"),
        line((at, middle - 10), (at, middle + 10), "mean"),
    )


def _spread(number: int) -> float:
    """Places between 0 and 1 that look random and are always the same."""
    return number * GOLDEN % 1
