"""A search over the trees' settings for as long as it is given: Optuna's tree-structured Parzen estimator."""

from __future__ import annotations

import time
from dataclasses import replace

import optuna

from models.definition import Booster
from training.learners import Fold, Trees
from training.practice import Practice
from training.progress import Progress
from training.search import loss_of

ROUNDS = 3_000
STARTUP_TRIALS = 12


def tuned(
    start: Trees, start_loss: float, folds: list[Fold], practice: Practice, minutes: float, progress: Progress
) -> tuple[Trees, float, int]:
    """The best settings found within `minutes`, their loss on the held-out rows of `folds`, and how many were tried.

    `start` is what has done best so far, with its loss: nothing worse is returned.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=start.seed, n_startup_trials=STARTUP_TRIALS, multivariate=True)
    )
    best, best_loss, tried = start, start_loss, 0
    begun, seconds = time.monotonic(), minutes * 60
    while (spent := time.monotonic() - begun) < seconds:
        progress("tune", round(spent), round(seconds))
        trial = study.ask()
        candidate = replace(start, settings=_settings(trial, start.settings))
        loss = loss_of(candidate, folds, practice)
        study.tell(trial, loss)
        tried += 1
        if loss < best_loss:
            best, best_loss = candidate, loss
    progress("tune", round(seconds), round(seconds))
    return best, best_loss, tried


def _settings(trial: optuna.Trial, start: Booster) -> Booster:
    return replace(
        start,
        rounds=ROUNDS,
        early_stopping_rounds=40,
        max_depth=trial.suggest_int("max_depth", 2, 9),
        learning_rate=trial.suggest_float("learning_rate", 0.02, 0.2, log=True),
        min_child_weight=trial.suggest_float("min_child_weight", 0.5, 60.0, log=True),
        subsample=trial.suggest_float("subsample", 0.5, 1.0),
        colsample_bytree=trial.suggest_float("colsample_bytree", 0.3, 1.0),
        reg_lambda=trial.suggest_float("reg_lambda", 0.1, 50.0, log=True),
    )
