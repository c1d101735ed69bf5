"""Values of events as columns take them: from JSON with their types, or from a file as text.

Each function returns the value or raises Refused, with a code for programs and a message for people.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal

from features.errors import nearest

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""Between these lies every time that a row may hold, also one ahead, such as a due date."""
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,2})?")
_TRUE, _FALSE = {"true", "t", "yes", "1"}, {"false", "f", "no", "0"}
_EXACT = Context(prec=400, rounding=ROUND_HALF_EVEN)
"""Enough digits for any float as it stands."""
_STEPS = tuple(Decimal(1).scaleb(-places) for places in range(10))


class Refused(Exception):  # noqa: N818 - becomes a Problem of its column
    """A value is not one that its column takes."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def text(given: object, longest: int, *, as_text: bool) -> str:
    """Text of 1 to `longest` characters without control characters; ids that a file holds as numbers become text."""
    if as_text and isinstance(given, int) and not isinstance(given, bool):
        given = str(given)
    if not isinstance(given, str):
        raise Refused("type", "must be text")
    if not 1 <= len(given) <= longest:
        raise Refused("length", f"must have 1 to {longest} characters")
    if _CONTROL.search(given):
        raise Refused("characters", "must not hold control characters")
    return given


def level(given: object, levels: Sequence[str]) -> str:
    """One of the levels."""
    if not isinstance(given, str):
        raise Refused("type", "must be text")
    if given not in levels:
        raise Refused("level", f"must be one of {', '.join(levels)}{nearest(given, levels)}")
    return given


def moment(given: object) -> datetime:
    """A time with its zone, in UTC."""
    if isinstance(given, str):
        try:
            given = datetime.fromisoformat(given.strip() if len(given) < 64 else "")
        except ValueError:
            raise Refused("time", "must be a time as ISO 8601 writes it, e.g. 2026-03-01T12:00:00Z") from None
    if not isinstance(given, datetime):
        raise Refused("type", "must be a time as ISO 8601 writes it, e.g. 2026-03-01T12:00:00Z")
    if given.tzinfo is None:
        raise Refused("zone", "must say its time zone, e.g. Z or +02:00 at the end")
    try:
        found = given.astimezone(UTC)
    except (OverflowError, ValueError):
        found = datetime.max.replace(tzinfo=UTC)
    if not EARLIEST <= found < LATEST:
        raise Refused("range", f"must lie between the years {EARLIEST.year} and {LATEST.year}")
    return found


def flag(given: object, *, as_text: bool) -> bool:
    """True or false."""
    if as_text and isinstance(given, str) and given.strip().lower() in _TRUE | _FALSE:
        return given.strip().lower() in _TRUE
    if not isinstance(given, bool):
        raise Refused("type", "must be true or false")
    return given


def number(given: object, least: Decimal, most: Decimal, places: int, *, whole: bool, as_text: bool) -> Decimal:
    """A number between the two, rounded to so many decimals; a whole one must be whole before."""
    if as_text and isinstance(given, str) and _NUMBER.fullmatch(given.strip()):
        given = Decimal(given.strip())
    if isinstance(given, bool) or not isinstance(given, int | float | Decimal):
        raise Refused("type", "must be a number")
    if not isinstance(given, int) and not math.isfinite(given):
        raise Refused("type", "must be a finite number")
    exact = Decimal(repr(given)) if isinstance(given, float) else Decimal(given)
    if not least <= exact <= most:
        raise Refused("range", f"must be between {least} and {most}")
    rounded = exact.quantize(_STEPS[places], context=_EXACT)
    if whole and rounded != exact:
        raise Refused("whole", "must be a whole number")
    return rounded
