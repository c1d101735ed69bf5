"""How each kind of model is trained and judged. One file per kind."""

from __future__ import annotations

from models.definition import Definition, Kind
from training.practice.base import ByRow, Conclusion, HeldOut, Practice
from training.practice.binary import BinaryPractice
from training.practice.estimate import EstimatePractice
from training.practice.forecast import ForecastPractice
from training.practice.multiclass import MulticlassPractice


def practice(definition: Definition) -> Practice:
    """The practice of a kind that is fitted to a target."""
    match definition.kind:
        case Kind.BINARY:
            return BinaryPractice()
        case Kind.MULTICLASS:
            assert definition.target is not None
            return MulticlassPractice(classes=len(definition.target.classes))
        case Kind.FORECAST:
            return ForecastPractice()
        case _:
            return EstimatePractice()


__all__ = ["ByRow", "Conclusion", "HeldOut", "Practice", "practice"]
