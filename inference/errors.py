"""What can keep a loaded model from answering.

InferenceError
├── OverloadedError           the queue cannot meet the deadline; nothing was started
│   └── DeadlineExceededError the deadline passed before the answer was there
├── RunnerClosedError         the runner is draining
├── RowFailedError            this one row could not be scored; others of its batch were
├── NotLoadedError        the model is not served, and why
└── LoadFailedError           a version does not load, or answers its own example wrongly
"""

from __future__ import annotations


class InferenceError(Exception):
    """Base of all errors of this room."""


class OverloadedError(InferenceError):
    """Refused at once: the work already queued would not leave enough time."""

    def __init__(self, message: str, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class DeadlineExceededError(OverloadedError):
    """The time allowed for the answer ran out."""


class RunnerClosedError(InferenceError):
    """The process is shutting down and takes no new work."""


class RowFailedError(InferenceError):
    """The model failed on this row."""


class NotLoadedError(InferenceError):
    """The model has no version in memory."""

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(f"model {model!r} cannot answer: {reason}")
        self.model = model
        self.reason = reason


class LoadFailedError(InferenceError):
    """The version cannot be served."""

    def __init__(self, tag: str, reason: str) -> None:
        super().__init__(f"version {tag} does not load: {reason}")
        self.tag = tag
        self.reason = reason
