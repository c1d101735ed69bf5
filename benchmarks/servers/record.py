"""The fraud record as the application behind a baseline would write it out by hand."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

Component = Annotated[float, Field(ge=-200, le=200)]
THRESHOLD = 0.5


class Record(BaseModel):
    """One transaction."""

    Time: Annotated[float, Field(ge=0, le=31_622_400)]
    V1: Component
    V2: Component
    V3: Component
    V4: Component
    V5: Component
    V6: Component
    V7: Component
    V8: Component
    V9: Component
    V10: Component
    V11: Component
    V12: Component
    V13: Component
    V14: Component
    V15: Component
    V16: Component
    V17: Component
    V18: Component
    V19: Component
    V20: Component
    V21: Component
    V22: Component
    V23: Component
    V24: Component
    V25: Component
    V26: Component
    V27: Component
    V28: Component
    Amount: Annotated[float, Field(ge=0, le=100_000)]


class Prediction(BaseModel):
    """A score and what it means at the threshold."""

    score: float
    label: bool


NAMES = tuple(Record.model_fields)


def row_of(record: Record) -> list[float]:
    """The values of a record in the model's order."""
    values = record.__dict__
    return [values[name] for name in NAMES]


def predicted(score: float) -> Prediction:
    """The answer for a score."""
    return Prediction(score=score, label=score >= THRESHOLD)
