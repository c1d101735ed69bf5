"""Baseline (a): FastAPI, uvicorn and ONNX Runtime: the honest usual way, with no further features."""

from __future__ import annotations

import numpy as np
from fastapi import FastAPI

from benchmarks.servers.record import Prediction, Record, predicted, row_of
from benchmarks.servers.scoring import Scorer, version_folder

app = FastAPI()
scorer = Scorer(version_folder())


@app.get("/ready")
async def ready() -> bool:
    """Answered as soon as the model is loaded."""
    return True


@app.post("/predict")
async def predict(record: Record) -> Prediction:
    """One record; a call of 50 us does not need a thread."""
    return predicted(scorer.score(row_of(record)))


@app.post("/batch")
async def batch(records: list[Record]) -> list[Prediction]:
    """Many records in one model call."""
    matrix = np.array([row_of(record) for record in records], np.float32)
    return [predicted(score) for score in scorer.scores(matrix).tolist()]
