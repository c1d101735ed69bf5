"""Baseline (f): mosec with dynamic batching: its Rust front end, JSON, no validation."""

from __future__ import annotations

import numpy as np
from mosec import Server, Worker

from benchmarks.servers.record import NAMES, THRESHOLD
from benchmarks.servers.scoring import Scorer, version_folder

MAX_BATCH_SIZE = 16
MAX_WAIT_MILLISECONDS = 1
"""The best pair at 32 connections of batches of 8 to 64 and waits of 1 to 10 ms: about 10 000 requests/s. With 64, the
32 connections never fill a batch and every one waits: 2 000 to 6 000."""


class Fraud(Worker):
    """One batch of decoded JSON records at a time."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.scorer = Scorer(version_folder())

    def forward(self, data: list[dict[str, float]]) -> list[dict[str, object]]:
        matrix = np.array([[record[name] for name in NAMES] for record in data], np.float32)
        return [{"score": score, "label": score >= THRESHOLD} for score in self.scorer.scores(matrix).tolist()]


if __name__ == "__main__":
    server = Server()  # type: ignore[no-untyped-call]
    server.append_worker(
        Fraud, num=1, max_batch_size=MAX_BATCH_SIZE, max_wait_time=MAX_WAIT_MILLISECONDS, route="/predict"
    )
    server.run()  # type: ignore[no-untyped-call]
