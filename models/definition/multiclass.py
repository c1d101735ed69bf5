"""How the probabilities of several classes become a decision."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from models.definition.binary import EDGE, Confidence
from models.definition.feature import Value
from models.definition.record import Driver


class Classified(NamedTuple):
    """The likeliest class with all that is known about it: what an `answer` function works from."""

    label: str
    score: float
    probabilities: Mapping[str, float]
    confidence: Confidence
    record: Mapping[str, Value]
    drivers: Sequence[Driver]


def no_answer(_: Classified) -> dict[str, object]:
    """The answer of a model that says nothing beyond its class."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class MulticlassPolicy:
    """The likeliest class is the label. `drivers` and `answer` as in a BinaryPolicy."""

    drivers: int = 0
    answer: Callable[[Classified], dict[str, object]] = no_answer


def lead(first: float, second: float) -> Confidence:
    """How far the likeliest class leads the next, as the log of their ratio: low below 0.5, high from 1.5 on."""
    distance = math.log(max(first, EDGE) / max(second, EDGE))
    return "low" if distance < 0.5 else "medium" if distance < 1.5 else "high"
