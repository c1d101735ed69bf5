"""What a model says about one record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec


class Decision(msgspec.Struct, gc=False):
    """The part of a prediction that depends on the kind of model. None stands where a field means nothing."""

    score: float
    label: bool | str | None
    level: str | None
    threshold: float | None
    confidence: str | None
    answer: dict[str, Any]
    probabilities: Mapping[str, float] | None = None
    """By class, of models of several classes."""
    warnings: Sequence[str] = ()
