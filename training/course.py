"""What a kind's way of training comes to, before it is stored."""

from __future__ import annotations

from dataclasses import dataclass

from registry.encoding import Encoding
from training.encode import Matrix
from training.gates import Demands
from training.learners import Learned
from training.partition import Partition
from training.practice import Conclusion


@dataclass(frozen=True, slots=True)
class Course:
    """`estimators` by the name that they are stored under; `matrix` holds all rows as serving encodes them."""

    encoding: Encoding
    matrix: Matrix
    partition: Partition
    estimators: dict[str, Learned]
    conclusion: Conclusion
    must_beat: Demands
    must_not_lose_to: Demands
    chosen: tuple[str, ...]
