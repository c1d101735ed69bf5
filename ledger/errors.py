"""What can be wrong with the ledger.

LedgerError
├── SpoolError             the local spool cannot be written now: do not acknowledge what was handed over
│   └── SpoolFullError     its limit or the disk is reached; it goes on when the shipper has made room
├── FrameError             a frame's content is not what a worker writes; it cannot become rows
├── QueryError             a question asks for what there is not; it names the parameter
├── UnknownPredictionError no prediction has this id, or none any more
└── UnknownPurgeError      no purge has this id
"""

from __future__ import annotations

from pathlib import Path


class LedgerError(Exception):
    """Base of all errors of this room."""


class SpoolError(LedgerError):
    """A write to the spool failed. `frames` were handed over and are not kept: their answers must not be sent."""

    def __init__(self, folder: Path, frames: int, reason: str) -> None:
        super().__init__(f"the spool in {folder} cannot be written: {reason}")
        self.folder = folder
        self.frames = frames
        self.reason = reason


class SpoolFullError(SpoolError):
    """The spool has reached its limit, or the disk has. Answer 503 and go on: every later flush tries again."""


class FrameError(LedgerError):
    """A frame that passed its checksum does not hold what a worker writes."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the frame cannot become rows: {reason}")
        self.reason = reason


class QueryError(LedgerError):
    """A parameter of a question is not valid. `message` says what it must be."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(f"{parameter} {message}")
        self.parameter = parameter
        self.message = message


class UnknownPredictionError(LedgerError):
    """The ledger holds no such prediction: it never was, was purged, or is older than the retention."""

    def __init__(self, prediction_id: str, age_seconds: float | None = None) -> None:
        """`age_seconds` is how old the prediction is, going by its id, where that is young enough to matter."""
        young = "" if age_seconds is None else f"; it is {age_seconds:.0f} s old and may be on its way: try again soon"
        super().__init__(f"no prediction {prediction_id[:80]!r} is kept{young}")
        self.prediction_id = prediction_id


class UnknownPurgeError(LedgerError):
    """There is no such purge."""

    def __init__(self, purge_id: str) -> None:
        super().__init__(f"there is no purge {purge_id[:80]!r}")
        self.purge_id = purge_id
