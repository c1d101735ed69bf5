"""What can stop a training.

TrainingError
├── DataError          the rows do not fit the definition: every file, column and count is named
├── NoEventsError      there is nothing to observe: the sources of the model's view are empty
├── NoDatabaseError    the database that holds them cannot be asked
├── SplitError         the rows cannot be split as the recipe says
├── TrapError          the data give the answer away: what was learned from them would be worthless
├── ParityError        the exported trees do not answer as the booster does
└── GatesMissedError   the version is not good enough to be stored
"""

from __future__ import annotations

from collections.abc import Sequence


class TrainingError(Exception):
    """Base of all errors of this room."""


class DataError(TrainingError):
    """`problems` holds one sentence per thing that is wrong with the rows from `origin`."""

    def __init__(self, origin: str, problems: Sequence[str]) -> None:
        super().__init__(f"{origin}: " + "; ".join(problems))
        self.origin = origin
        self.problems = tuple(problems)


class NoEventsError(TrainingError):
    """Not one event has come into the `sources` of the view that the model learns from."""

    def __init__(self, model: str, view: str, sources: Sequence[str]) -> None:
        super().__init__(
            f"model {model!r} has nothing to learn from: its view {view} reads {', '.join(sources)}, "
            "and the database holds no events of these"
        )
        self.model = model
        self.sources = tuple(sources)


class NoDatabaseError(TrainingError):
    """The model learns from events in the database, which does not answer."""

    def __init__(self, model: str, view: str, reason: str) -> None:
        super().__init__(f"model {model!r} learns from the events that its view {view} reads, but {reason}")
        self.model = model


class SplitError(TrainingError):
    """Too little stands on one side of the split."""


class TrapError(TrainingError):
    """The columns in `columns` state the target."""

    def __init__(self, message: str, columns: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.columns = tuple(columns)


class ParityError(TrainingError):
    """The ONNX model and the booster disagree by `difference` on the margin scale."""

    def __init__(self, difference: float, tolerance: float) -> None:
        super().__init__(
            f"the ONNX model is {difference:.3g} away from the booster; at most {tolerance:.3g} is allowed"
        )
        self.difference = difference


class GatesMissedError(TrainingError):
    """`misses` holds one sentence per gate or baseline that the version misses: metric, value and distance."""

    def __init__(self, model: str, misses: Sequence[str]) -> None:
        super().__init__(f"the new version of {model!r} is not stored: " + "; ".join(misses))
        self.model = model
        self.misses = tuple(misses)
