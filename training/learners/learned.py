"""A fitted estimator, before it is stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from registry.additive import AdditiveModel
from registry.store import BoostedTrees
from training.encode import Matrix
from training.progress import Progress
from training.table import Target

Floats = NDArray[np.float64]


class Learned(Protocol):
    """Margins and exact contributions of encoded rows (rows, columns)."""

    @property
    def trees(self) -> int: ...

    @property
    def row_seconds(self) -> float:
        """About how long the contributions of one row take."""

    def margins(self, matrix: Matrix) -> Floats:
        """(rows, outputs)."""

    def contributions(self, matrix: Matrix) -> Floats:
        """SHAP values, (rows, columns, outputs)."""

    def stored(self, name: str, matrices: Sequence[Matrix]) -> BoostedTrees | AdditiveModel:
        """What the version holds of it, checked to answer alike on `matrices`. Raises ParityError."""


class Learner(Protocol):
    """A way to fit, with its settings. `words` say what it is."""

    @property
    def words(self) -> str: ...

    def fit(self, rows: Fold, progress: Progress) -> Learned:
        """Fitted on the fold's training rows; its held-out rows say when to stop, where that is asked."""

    def refit(self, rows: Fold, before: Any, progress: Progress) -> Learned:
        """As `before`, which it fitted to some of these rows, but to all of them and without holding any out."""

    def apart(self, folds: list[Fold], progress: Progress) -> Sequence[Learned]:
        """One model per fold, of which none was tuned on the rows that its own fold holds out, if there are several."""

    def crossed(self, folds: list[Fold], progress: Progress) -> tuple[Learned, Sequence[Learned]]:
        """One model from all folds together, and those of the single folds, which have not seen their held-out rows."""


class Fold:
    """Encoded rows to fit on, and rows held out from them. Shapes: (rows, columns) and (rows,).

    Weights are what rows count, None: all alike.
    """

    __slots__ = ("held", "held_target", "held_weights", "matrix", "target", "weights")

    def __init__(
        self,
        matrix: Matrix,
        target: Target,
        held: Matrix,
        held_target: Target,
        weights: Floats | None = None,
        held_weights: Floats | None = None,
    ) -> None:
        self.matrix = matrix
        self.target = target
        self.held = held
        self.held_target = held_target
        self.weights = weights
        self.held_weights = held_weights


def whole(folds: Sequence[Fold]) -> Fold:
    """All rows that some fold holds out, to be fitted on; none is held out."""
    matrix = np.concatenate([fold.held for fold in folds])
    target = np.concatenate([fold.held_target for fold in folds])
    weights = [fold.held_weights for fold in folds if fold.held_weights is not None]
    return Fold(matrix, target, matrix[:0], target[:0], np.concatenate(weights) if weights else None)
