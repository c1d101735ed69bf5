"""Baseline (b): FastAPI, a pandas frame and `predict_proba`: what most tutorials show."""

from __future__ import annotations

import math

import pandas as pd
from fastapi import FastAPI
from xgboost import XGBClassifier

from benchmarks.servers.record import NAMES, Prediction, Record, predicted
from benchmarks.servers.scoring import Calibrator, version_folder

app = FastAPI()
classifier = XGBClassifier(n_jobs=1)
classifier.load_model(version_folder() / "model.ubj")
calibrator = Calibrator(version_folder())


@app.get("/ready")
def ready() -> bool:
    """Answered as soon as the model is loaded."""
    return True


@app.post("/predict")
def predict(record: Record) -> Prediction:
    """One record, in the thread pool as FastAPI does with plain functions."""
    frame = pd.DataFrame([record.model_dump()], columns=list(NAMES))
    probability = min(max(float(classifier.predict_proba(frame)[0, 1]), 1e-12), 1 - 1e-12)
    return predicted(calibrator.one(math.log(probability / (1 - probability))))
