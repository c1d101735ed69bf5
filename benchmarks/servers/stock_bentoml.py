"""Baseline (c): BentoML 1.4 as its documentation shows it, one request a call and with adaptive batching.

The methods are `async` because stock BentoML answers up to a third more requests with them than with plain functions.
"""

from __future__ import annotations

import bentoml
import numpy as np

from benchmarks.servers.record import Prediction, Record, predicted, row_of
from benchmarks.servers.scoring import Scorer, version_folder


@bentoml.service(workers=1)
class Plain:
    """`@bentoml.api` with a typed record."""

    def __init__(self) -> None:
        self.scorer = Scorer(version_folder())

    @bentoml.api
    async def predict(self, record: Record) -> Prediction:
        """One record."""
        return predicted(self.scorer.score(row_of(record)))


@bentoml.service(workers=1)
class Batchable:
    """`@bentoml.api(batchable=True)` with its default limits: 100 rows, 60 s."""

    def __init__(self) -> None:
        self.scorer = Scorer(version_folder())

    @bentoml.api(batchable=True)
    async def predict(self, records: list[Record]) -> list[Prediction]:
        """Records of several requests in one model call."""
        matrix = np.array([row_of(record) for record in records], np.float32)
        return [predicted(score) for score in self.scorer.scores(matrix).tolist()]
