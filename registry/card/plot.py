"""Drawings: inline SVG that says in words what it shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from registry.card.axis import Axis
from registry.card.markup import Html, element, joined

WIDTH = 360.0
"""Of every plot in its own units: on a phone about as many pixels, so that its text stays readable."""
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """A plot's axes. `key` is unique on the page; `left` is where the grid begins, when not with the x axis."""

    key: str
    x: Axis
    y: Axis
    height: float
    left: float | None = None

    def drawn(self, title: str, description: str, *marks: Html) -> Html:
        """The plot with its grid, axes and marks."""
        return drawing(self.key, title, description, self.height, self._grid(), *marks)

    def _grid(self) -> Html:
        low, high = sorted((self.y.start, self.y.end))
        left, right = self.x.start if self.left is None else self.left, self.x.end
        across = [
            joined(line((left, self.y.at(tick)), (right, self.y.at(tick)), "grid"),
                   label(self.y.write(tick), left - 6, self.y.at(tick) + 4, "end"))
            for tick in self.y.ticks
        ]  # fmt: skip
        along = [label(self.x.write(tick), self.x.at(tick), high + 16, "middle") for tick in self.x.ticks]
        names = (
            label(self.x.label, (self.x.start + right) / 2, high + 34, "middle", "soft"),
            label(self.y.label, left, low - 9, "start", "soft"),
        )
        return joined(*across, *along, line((left, high), (right, high), "axis"), *names)

    def line(self, points: Sequence[Point], name: str) -> Html:
        """A line through points in the axes' own values."""
        return path([(self.x.at(x), self.y.at(y)) for x, y in points], name)

    def dots(self, points: Iterable[Point], name: str) -> Html:
        """Many points at the price of one element."""
        places = "".join(f"M{self.x.at(x):.1f} {self.y.at(y):.1f}h0" for x, y in points)
        return element("path", d=places, class_=name)


def drawing(key: str, title: str, description: str, height: float, *marks: Html, width: float = WIDTH) -> Html:
    """An SVG with a title and a description for those who do not see it."""
    return element(
        "svg",
        element("title", title, id=f"{key}-title"),
        element("desc", description, id=f"{key}-desc"),
        *marks,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_labelledby=f"{key}-title {key}-desc",
        class_="plot",
    )


def label(words: str, x: float, y: float, anchor: str = "start", name: str = "") -> Html | None:
    """Text in a plot; nothing for no words."""
    return element("text", words, x=x, y=y, text_anchor=anchor, class_=name or None) if words else None


def line(start: Point, end: Point, name: str) -> Html:
    return element("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_=name)


def path(points: Sequence[Point], name: str) -> Html:
    """A line through pixels."""
    places = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return element("path", d=f"M{places}" if places else "", class_=name)


def circle(centre: Point, radius: float, name: str) -> Html:
    return element("circle", cx=centre[0], cy=centre[1], r=radius, class_=name)


def diamond(centre: Point, radius: float, name: str) -> Html:
    x, y = centre
    return element(
        "path",
        d=f"M{x:.1f} {y - radius:.1f}l{radius:g} {radius:g}l-{radius:g} {radius:g}l-{radius:g} -{radius:g}z",
        class_=name,
    )


def bar(value: float, largest: float, name: str = "bar") -> Html:
    """A bar as wide as its cell for the largest value; decoration beside a number that stands in the table."""
    width = 100 * max(0.0, value) / largest if largest > 0 else 0.0
    return element(
        "svg",
        element("rect", x=0, y=0, width=width, height=10, class_=name),
        viewBox="0 0 100 10",
        preserveAspectRatio="none",
        aria_hidden="true",
        class_="bar-box",
    )
