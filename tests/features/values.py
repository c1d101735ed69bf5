"""Whether a model takes a value."""

from __future__ import annotations

from models.definition import Category, Feature, Flag, Moment, Number, Series
from models.definition.feature import read_moment


def fault(feature: Feature, value: object) -> str:
    """What is wrong with a computed value; empty when nothing is."""
    if value is None:
        return "" if feature.missing else f"{feature.name} is missing"
    match feature, value:
        case (Flag(), bool()):
            right = True
        case (Number(), int() | float()):
            right = feature.minimum <= value <= feature.maximum and (not feature.whole or value == int(value))
        case (Category(), str()):
            right = value in feature.levels or feature.unseen == "missing"
        case (Moment(), str()):
            right = read_moment(value) is not None
        case (Series(), list()):
            lengths = feature.min_length <= len(value) <= feature.max_length
            right = lengths and all(feature.minimum <= one <= feature.maximum for one in value)
        case _:
            right = False
    return "" if right else f"{feature.name}: {value!r}"
