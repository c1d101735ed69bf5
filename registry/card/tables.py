"""Tables that scroll on a phone and break well on paper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from registry.card.markup import Html, element

Cell = str | None


def table(caption: str, headings: Sequence[str], rows: Iterable[Html], *, name: str = "") -> Html:
    """A table under column headings; the caption is its name."""
    return framed(caption, head(headings), element("tbody", *rows), name=name)


def framed(caption: str, *parts: Html, name: str = "") -> Html:
    """The table in a box that scrolls by itself, also by keyboard."""
    made = element("table", element("caption", caption), *parts, class_=name or None)
    return element("div", made, class_="scroll", role="region", tabindex="0", aria_label=caption)


def head(headings: Sequence[str]) -> Html:
    """Column headings; an empty one is that of a column of drawings."""
    cells = [element("th", heading, scope="col") if heading else element("td") for heading in headings]
    return element("thead", element("tr", *cells))


def row(heading: str, *cells: Cell, name: str = "", note: str = "") -> Html:
    """A row under its own heading; `note` is small print below it."""
    under = element("small", note) if note else None
    first = element("th", heading, under, scope="row")
    return element("tr", first, *(element("td", cell) for cell in cells), class_=name or None)


def facts(caption: str, pairs: Iterable[tuple[str, Cell]]) -> Html:
    """Names and what they stand for."""
    rows = [row(name, value) for name, value in pairs if value is not None]
    return framed(caption, element("tbody", *rows), name="facts")


def listed(items: Iterable[str]) -> Html:
    return element("ul", *(element("li", item) for item in items))
