"""Numbers as people read them, with the exact value in the markup."""

from __future__ import annotations

import unicodedata
from itertools import accumulate

from registry.card.markup import Html, element, joined


def measured(value: float) -> str:
    """About four significant digits, as many after the point as others of its size: for columns of numbers.

    >>> [measured(value) for value in (0.91234, 1.0, 12.3456, 1234567.0, 0.0000421, 0.0)]
    ['0.9123', '1.000', '12.35', '1,234,567', '0.000042', '0.0000']
    """
    size = abs(value)
    if size < 1e-12:  # what is left of a sum that is none
        return "0.0000"
    if size >= 1e15 or 0 < size < 1e-6:
        return f"{value:.3g}"
    if 0 < size < 1e-3:
        return f"{value:.6f}"
    digits = next((digits for least, digits in ((1000, 0), (100, 1), (10, 2), (1, 3)) if size >= least), 4)
    return f"{value:,.{digits}f}"


def written(value: float) -> str:
    """The same as short as it goes: for bounds and axes.

    >>> [written(value) for value in (0.25, 1.0, -0.35, 1200.0)]
    ['0.25', '1', '-0.35', '1,200']
    """
    found = measured(value)
    return found.rstrip("0").rstrip(".") if "." in found and "e" not in found else found


def figure(value: float) -> Html:
    """A number of the version: rounded for the eye, exact in `value`."""
    return element("data", measured(value), value=repr(value))


def bound(value: float) -> Html:
    """A number that somebody has set."""
    return element("data", written(value), value=repr(value))


def interval(low: float, high: float) -> Html:
    """A 95 % interval."""
    return element("span", figure(low), " to ", figure(high), class_="interval")


def share(value: float) -> Html:
    """A fraction of one as a percentage."""
    return element("data", percent(value), value=repr(value))


def percent(value: float) -> str:
    """
    >>> [percent(value) for value in (0.5, 0.0213, 0.00174, 1)]
    ['50 %', '2.1 %', '0.17 %', '100 %']
    """
    scaled = 100 * value
    digits = 0 if scaled == round(scaled) else 2 if abs(scaled) < 1 else 1
    return f"{scaled:.{digits}f} %"


def count(value: int, noun: str = "") -> Html:
    """A number of things."""
    return joined(element("data", f"{value:,}", value=str(value)), f" {noun}" if noun else None)


def shortened(name: str, most: int) -> str:
    """A name that fits into `most` letters, wide ones counted twice: the whole of it stands in a title or a table.

    >>> [shortened(name, 6) for name in ("weight", "weights", "重量单位")]
    ['weight', 'weigh…', '重量…']
    """
    widths = [2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in name]
    if sum(widths) <= most:
        return name
    fits = sum(total <= most - 1 for total in accumulate(widths))
    return name[:fits] + "…"
