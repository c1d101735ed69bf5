"""Gradient-boosted trees, stopped early."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from models.definition import Booster
from registry.ensemble import read_ensembles
from registry.store import BoostedTrees
from training.encode import Matrix
from training.learners.learned import Floats, Fold, whole
from training.onnx_export import check_parity, export
from training.progress import Progress, silent
from training.threads import booster_threads

MAX_BIN = 256
MOST_TREES = 2_500
"""With more trees than these, one model of all rows takes the place of the mean of several: answers must stay fast."""


@dataclass(frozen=True, slots=True)
class Boosted:
    """A booster that is done."""

    booster: xgboost.Booster

    @property
    def trees(self) -> int:
        return len(self.booster.get_dump())

    @property
    def row_seconds(self) -> float:
        """TreeSHAP takes the leaves times the squared depth: 5 ms for 300 trees of depth 6."""
        leaves = [int((tree.left < 0).sum()) for one in read_ensembles(self._ubj) for tree in one.trees]
        return float(7e-9 * sum(count * np.log2(count + 1) ** 2 for count in leaves))

    @property
    def _ubj(self) -> bytes:
        return bytes(self.booster.save_raw("ubj"))

    def margins(self, matrix: Matrix) -> Floats:
        found = np.asarray(self.booster.inplace_predict(matrix, predict_type="margin"), np.float64)
        return found.reshape(len(matrix), -1)

    def contributions(self, matrix: Matrix) -> Floats:
        found = np.asarray(self.booster.predict(xgboost.DMatrix(matrix), pred_contribs=True), np.float64)
        by_output = found if found.ndim == 3 else found[:, np.newaxis]
        return by_output[:, :, :-1].transpose(0, 2, 1)  # the last is the bias

    def stored(self, name: str, matrices: Sequence[Matrix]) -> BoostedTrees:
        ubj = self._ubj
        onnx = export(read_ensembles(ubj), name)
        for matrix in matrices:
            check_parity(onnx, matrix, self.margins(matrix))
        return BoostedTrees(ubj, onnx)


@dataclass(frozen=True, slots=True)
class Trees:
    """Trees that minimise `objective` (parameters as in XGBoost, with the metric that stops them)."""

    settings: Booster
    objective: dict[str, Any]
    seed: int
    names: tuple[str, ...] = ()
    """Of the columns, for the settings' monotone ones."""
    stage: str = field(default="fit")

    @property
    def words(self) -> str:
        return f"boosted trees of depth {self.settings.max_depth}, child weight {self.settings.min_child_weight:g}"

    def fit(self, rows: Fold, progress: Progress) -> Boosted:
        """Cut to the round that does best on the held-out rows; reproducible from the seed."""
        booster = self._train(rows, progress)
        return Boosted(booster[: booster.best_iteration + 1])

    def refit(self, rows: Fold, before: Boosted, progress: Progress) -> Boosted:
        """As many rounds as before: with more rows they are, if anything, too few."""
        fitted = xgboost.QuantileDMatrix(rows.matrix, rows.target, weight=rows.weights, max_bin=MAX_BIN)
        rounds = before.booster.num_boosted_rounds()
        callbacks = [_Rounds(progress, self.stage, rounds)]
        return Boosted(xgboost.train(self._parameters(), fitted, num_boost_round=rounds, callbacks=callbacks))

    def apart(self, folds: list[Fold], progress: Progress) -> list[Boosted]:
        """The folds' boosters, all cut to the same round, the mean of those that do best.

        So no fold's own held-out rows decide where it ends: that makes trees seem better than what is never stopped.
        """
        boosters = []
        for number, fold in enumerate(folds):
            progress(self.stage, number, len(folds))
            boosters.append(self._train(fold, silent))
        rounds = round(float(np.mean([booster.best_iteration + 1 for booster in boosters])))
        return [Boosted(booster[: min(rounds, booster.num_boosted_rounds())]) for booster in boosters]

    def crossed(self, folds: list[Fold], progress: Progress) -> tuple[Boosted, list[Boosted]]:
        """The mean of the folds' boosters, as `apart` gives them."""
        single = self.apart(folds, progress)
        if sum(one.trees for one in single) > MOST_TREES:
            return self.refit(whole(folds), single[0], progress), single
        return Boosted(average([one.booster for one in single])), single

    def slower(self, factor: float) -> Trees:
        """The same with `factor` of the learning rate and as many times the rounds."""
        rate, rounds = self.settings.learning_rate * factor, round(self.settings.rounds / factor)
        return replace(self, settings=replace(self.settings, learning_rate=rate, rounds=rounds))

    def _train(self, rows: Fold, progress: Progress) -> xgboost.Booster:
        fitted = xgboost.QuantileDMatrix(rows.matrix, rows.target, weight=rows.weights, max_bin=MAX_BIN)
        watched = xgboost.QuantileDMatrix(
            rows.held, rows.held_target, weight=rows.held_weights, ref=fitted, max_bin=MAX_BIN
        )
        return xgboost.train(
            self._parameters(),
            fitted,
            num_boost_round=self.settings.rounds,
            evals=[(watched, "validation")],
            early_stopping_rounds=self.settings.early_stopping_rounds,
            callbacks=[_Rounds(progress, self.stage, self.settings.rounds)],
            verbose_eval=False,
        )

    def _parameters(self) -> dict[str, Any]:
        settings = self.settings
        directions = dict(settings.monotone)
        return {
            **self.objective,
            **({"monotone_constraints": tuple(directions.get(name, 0) for name in self.names)} if directions else {}),
            "tree_method": "hist",
            "max_bin": MAX_BIN,
            "nthread": booster_threads(),
            "seed": self.seed,
            "max_depth": settings.max_depth,
            "learning_rate": settings.learning_rate,
            "min_child_weight": settings.min_child_weight,
            "subsample": settings.subsample,
            "colsample_bytree": settings.colsample_bytree,
            "reg_lambda": settings.reg_lambda,
        }


def average(boosters: Sequence[xgboost.Booster]) -> xgboost.Booster:
    """One booster whose margins are the mean of theirs: all their trees, with every leaf divided by their number."""
    documents = [json.loads(bytes(booster.save_raw("json"))) for booster in boosters]
    merged = documents[0]
    model = merged["learner"]["gradient_booster"]["model"]
    trees, groups = [], []
    for document in documents:
        part = document["learner"]["gradient_booster"]["model"]
        trees += part["trees"]
        groups += part["tree_info"]
    for number, tree in enumerate(trees):
        tree["id"] = number
        leaf = np.asarray(tree["left_children"]) == -1
        conditions = np.asarray(tree["split_conditions"], np.float64)
        tree["split_conditions"] = np.where(leaf, conditions / len(boosters), conditions).tolist()
        tree["base_weights"] = (np.asarray(tree["base_weights"]) / len(boosters)).tolist()
    model["trees"], model["tree_info"] = trees, groups
    model["gbtree_model_param"]["num_trees"] = str(len(trees))
    per_round = len(trees) // max(1, sum(booster.num_boosted_rounds() for booster in boosters))
    model["iteration_indptr"] = list(range(0, len(trees) + 1, max(1, per_round)))
    base = np.mean([_base(booster) for booster in boosters], axis=0)
    merged["learner"]["learner_model_param"]["base_score"] = _written(base, merged["learner"]["objective"]["name"])
    result = xgboost.Booster()
    result.load_model(bytearray(json.dumps(merged), "utf-8"))
    return result


def _base(booster: xgboost.Booster) -> NDArray[np.float64]:
    """The base margin of every output."""
    ensembles = read_ensembles(bytes(booster.save_raw("ubj")))
    return np.array([ensemble.base_margin for ensemble in ensembles])


def _written(margins: NDArray[np.float64], objective: str) -> str:
    """Base margins as XGBoost stores them: as probabilities for a logistic objective."""
    scores = 1 / (1 + np.exp(-margins)) if objective == "binary:logistic" else margins
    return "[" + ",".join(f"{score:.9E}" for score in scores) + "]"


class _Rounds(xgboost.callback.TrainingCallback):
    """Tells the progress after every tenth round."""

    def __init__(self, progress: Progress, stage: str, rounds: int) -> None:
        self.progress = progress
        self.stage = stage
        self.rounds = rounds

    def after_iteration(self, model: xgboost.Booster, epoch: int, evals_log: Any) -> bool:
        if (epoch + 1) % 10 == 0:
            self.progress(self.stage, epoch + 1, self.rounds)
        return False
