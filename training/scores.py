"""A version's answer for an encoded row, as serving will compute it."""

from __future__ import annotations

from registry.calibration import IntervalCalibration, IsolationCalibration, TemperatureCalibration
from training.course import Course
from training.encode import Matrix


def score(course: Course, row: Matrix) -> tuple[float, float]:
    """Margin and score of one row (1, columns); of several classes those of the likeliest."""
    margins = course.estimators["model"].margins(row)
    calibration = course.conclusion.calibration
    match calibration:
        case TemperatureCalibration():
            probabilities = calibration.probabilities(margins)[0]
            likeliest = int(probabilities.argmax())
            return float(margins[0, likeliest]), float(probabilities[likeliest])
        case IntervalCalibration():
            return float(margins[0, 0]), float(margins[0, 0])
        case IsolationCalibration():
            return float(margins[0, 0]), float(calibration.score(margins)[0, 0])
        case _:
            return float(margins[0, 0]), float(calibration.probability(margins[:, 0])[0])
