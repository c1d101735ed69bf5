"""Gradient-boosted trees, stopped early."""

from __future__ import annotations

from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from models.definition import Booster
from training.encode import Matrix
from training.prepare import Side
from training.progress import Progress
from training.threads import booster_threads

MAX_BIN = 256


def fit(settings: Booster, train: Side, validation: Side, *, seed: int, progress: Progress) -> xgboost.Booster:
    """A booster cut to the round with the lowest log loss on `validation`; reproducible from `seed`."""
    rows = xgboost.QuantileDMatrix(train.matrix, train.labels, max_bin=MAX_BIN)
    watched = xgboost.QuantileDMatrix(validation.matrix, validation.labels, ref=rows, max_bin=MAX_BIN)
    booster = xgboost.train(
        _parameters(settings, seed),
        rows,
        num_boost_round=settings.rounds,
        evals=[(watched, "validation")],
        early_stopping_rounds=settings.early_stopping_rounds,
        callbacks=[_Rounds(progress, settings.rounds)],
        verbose_eval=False,
    )
    return booster[: booster.best_iteration + 1]


def margins(booster: xgboost.Booster, matrix: Matrix) -> NDArray[np.float32]:
    """The booster's log-odds for encoded rows, shape (rows,)."""
    return np.asarray(booster.inplace_predict(matrix, predict_type="margin"), np.float32)


def _parameters(settings: Booster, seed: int) -> dict[str, Any]:
    return {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "tree_method": "hist",
        "max_bin": MAX_BIN,
        "nthread": booster_threads(),
        "seed": seed,
        "max_depth": settings.max_depth,
        "learning_rate": settings.learning_rate,
        "min_child_weight": settings.min_child_weight,
        "subsample": settings.subsample,
        "colsample_bytree": settings.colsample_bytree,
        "reg_lambda": settings.reg_lambda,
    }


class _Rounds(xgboost.callback.TrainingCallback):
    """Tells the progress after every tenth round."""

    def __init__(self, progress: Progress, rounds: int) -> None:
        self.progress = progress
        self.rounds = rounds

    def after_iteration(self, model: xgboost.Booster, epoch: int, evals_log: Any) -> bool:
        if (epoch + 1) % 10 == 0:
            self.progress("fit", epoch + 1, self.rounds)
        return False
