"""What training a model of some kind takes: the objective, the baselines, the calibration and the judgement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.definition import Definition
from registry.calibration import Calibration
from training.evaluate import Evaluation
from training.learners import Linear
from training.partition import Partition
from training.table import Table, Target

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Margins (rows, outputs) of all rows of a table by models that have not seen them; NaN where every model has."""

    partition: Partition
    model: Floats
    baselines: Mapping[str, Floats]
    """Baseline name -> the same for a linear baseline."""
    quantiles: Floats | None = None
    """Lower and upper quantile (rows, 2), where they are learned."""
    amount: Floats | None = None
    """Expected amounts (rows, 1), where they are learned."""


@dataclass(frozen=True, slots=True)
class ByRow:
    """What each test row says by itself, shape (rows,) each: what groups of rows are judged by."""

    metric: str
    """What the mean of `losses` is."""
    losses: Floats = field(repr=False)
    errors: Floats | None = field(default=None, repr=False)
    """What was said minus what came: a mean other than 0 is a bias."""
    variances: Floats | None = field(default=None, repr=False)
    """Of probabilities: those of `errors` if what was said is true."""
    events: NDArray[np.bool_] | None = field(default=None, repr=False)
    """Of a binary model: the positives."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """How margins become scores, and how good they are. `scores` are those of the test rows."""

    calibration: Calibration
    evaluation: Evaluation
    scores: Floats = field(repr=False)
    by_row: ByRow


class Practice(Protocol):
    """One kind's way of training, for one definition."""

    @property
    def classes(self) -> int:
        """Of a discrete target; 1 for a quantity."""

    @property
    def objective(self) -> dict[str, Any]:
        """XGBoost's parameters for it, with the metric that stops the boosting."""

    @property
    def must_beat(self) -> Mapping[str, tuple[str, ...]]:
        """Baseline -> metrics in which a candidate must be clearly better: the difference's interval excludes 0."""

    @property
    def must_not_lose_to(self) -> Mapping[str, tuple[str, ...]]:
        """Baseline -> metrics in which a candidate must not be clearly worse."""

    @property
    def linear_baseline(self) -> str:
        """What the linear model is called here."""

    def linear(self, penalty: float, tables: frozenset[int], saturating: frozenset[int]) -> Linear:
        """A linear learner with this penalty."""

    def losses(self, margins: Floats, target: Target) -> Floats:
        """What is minimised, for each of the rows (rows, outputs) -> (rows,)."""

    def conclude(self, definition: Definition, table: Table, held_out: HeldOut) -> Conclusion:
        """Calibrate and evaluate on rows that were held out."""


def crossed(
    partition: Partition, rows: NDArray[np.intp], fit_and_apply: Callable[[NDArray[np.intp], NDArray[np.intp]], Floats]
) -> Floats:
    """What `fit_and_apply(fitted, applied)` gives for `rows`, never fitted on the rows that it is applied to.

    Cross-validated, a fold's rows get what was fitted on the other folds' rows; otherwise all get what was fitted on
    the calibration rows.
    """
    if not partition.crossed:
        return fit_and_apply(partition.calibration, rows)
    parts = [(held, fit_and_apply(fitted, held)) for fitted, held in partition.folds]
    result = np.empty((int(max(held.max() for held, _ in parts)) + 1, *parts[0][1].shape[1:]))
    for held, part in parts:
        result[held] = part
    return result[rows]
