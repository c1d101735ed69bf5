"""What a version's estimators answer with, whatever form they are stored in."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from inference.margins import Margins
from inference.predictor import Predictor
from registry.additive import AdditiveModel
from registry.ensemble import TreeEnsemble

if TYPE_CHECKING:
    from inference.explainer import Explainer

Rows = NDArray[np.float32]


class Estimator(Protocol):
    """Margins and exact contributions of encoded rows (n, columns), for one or more outputs."""

    @property
    def outputs(self) -> int: ...

    @property
    def columns(self) -> int: ...

    @property
    def trees(self) -> int: ...

    def margins(self, rows: Rows) -> NDArray[np.floating]:
        """(n, outputs)."""

    def base_value(self, output: int) -> float:
        """The margin of `output` when nothing is known."""

    def contributions(self, rows: Rows, output: int) -> NDArray[np.float64]:
        """Exact SHAP values of one output, (n, columns): with its base value they add up to its margin."""

    def warm(self, rows: Rows, *, explain: bool) -> None:
        """Compile what answers; afterwards every call is as fast as any. `rows` are valid examples."""


class TreeEstimator:
    """Boosted trees: ONNX Runtime and compiled kernels. `tag` names them in the log."""

    def __init__(self, tag: str, predictor: Predictor, ensembles: tuple[TreeEnsemble, ...]) -> None:
        self.ensembles = ensembles
        self.outputs = len(ensembles)
        self.columns = ensembles[0].features
        self.trees = sum(len(ensemble.trees) for ensemble in ensembles)
        self.compiled = Margins(tag, predictor, ensembles)

    @cached_property
    def explainers(self) -> tuple[Explainer, ...]:
        """Made on first use: a model that is never explained costs no memory for it."""
        from inference.explainer import Explainer

        return tuple(Explainer(ensemble) for ensemble in self.ensembles)

    def margins(self, rows: Rows) -> NDArray[np.float32]:
        return self.compiled.of(rows)

    def base_value(self, output: int) -> float:
        return self.explainers[output].base_value

    def contributions(self, rows: Rows, output: int) -> NDArray[np.float64]:
        return self.explainers[output].contributions(rows)

    def warm(self, rows: Rows, *, explain: bool) -> None:
        """0.2 s for the first version of a process, 20 ms for others."""
        self.compiled.warm(rows)
        if explain:
            for explainer in self.explainers:
                explainer.warm()


class AdditiveEstimator:
    """One term per column: its contributions are the terms themselves."""

    def __init__(self, model: AdditiveModel) -> None:
        self._model = model
        self.outputs = model.outputs
        self.columns = len(model.terms)
        self.trees = 0

    def margins(self, rows: Rows) -> NDArray[np.float64]:
        return self._model.margins(rows)

    def base_value(self, output: int) -> float:
        return self._model.base[output]

    def contributions(self, rows: Rows, output: int) -> NDArray[np.float64]:
        return self._model.contributions(rows)[:, :, output]

    def warm(self, rows: Rows, *, explain: bool) -> None:
        """Nothing is compiled."""
