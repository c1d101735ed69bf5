"""Outcome values: what can turn out to be true of a model's predictions, by its kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from models.definition import Definition, Kind, Target

Truth = bool | str | float
LONGEST_TEXT = 500
LARGEST = 1e300
_YES_OR_NO = {0: False, 1: True}


class TruthError(ValueError):
    """The value is no outcome of this model; the message says what would be."""


def truth(definition: Definition, given: object) -> Truth:
    """The outcome in the form that the ledger keeps: true or false, one of the classes, or a number.

    Binary and anomaly models take true, false, 0, 1 and the target's positive value. Raises TruthError.
    """
    return _READ[definition.kind](definition.target, given)


def loose_truth(given: object) -> Truth:
    """An outcome of which no model is known yet. Raises TruthError for what none could have."""
    if isinstance(given, str):
        if not 0 < len(given) <= LONGEST_TEXT or "\0" in given or not _is_unicode(given):
            raise TruthError(f"a text must have 1 to {LONGEST_TEXT} characters, without NUL")
        return given
    number = given if isinstance(given, bool) else _number(None, given)
    return int(number) if isinstance(given, int) and not isinstance(given, bool) else number


def _is_unicode(text: str) -> bool:
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False


def _yes_or_no(target: Target | None, given: object) -> bool:
    if isinstance(given, bool):
        return given
    positive = target.positive if target is not None else 1
    if isinstance(given, str | int) and given == positive:
        return True
    if isinstance(given, int | float) and given in _YES_OR_NO:
        return _YES_OR_NO[int(given)] if positive != 0 else not given
    shown = "" if positive in {0, 1} else f", or {positive!r} for true"
    raise TruthError(f"must be true, false, 1 or 0{shown}")


def _class(target: Target | None, given: object) -> str:
    classes = target.classes if target is not None else ()
    text = str(given) if isinstance(given, str | int) and not isinstance(given, bool) else None
    if text not in classes:
        raise TruthError(f"must be one of {', '.join(classes[:20])}")
    return text


def _number(_: Target | None, given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise TruthError("must be a number")
    try:
        number = float(given)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or abs(number) > LARGEST:
        raise TruthError("must be a finite number")
    return number


_READ: Mapping[Kind, Callable[[Target | None, object], Truth]] = {
    Kind.BINARY: _yes_or_no,
    Kind.ANOMALY: _yes_or_no,
    Kind.MULTICLASS: _class,
    Kind.REGRESSION: _number,
    Kind.FORECAST: _number,
    Kind.OPTIMISER: _number,
}
