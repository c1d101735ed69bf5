"""A version in memory, ready to answer: checked on its own example before anyone may ask it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from inference.errors import LoadFailedError
from inference.isolation import Output
from inference.margins import Margins
from inference.predictor import Predictor
from models.definition import Definition, Driver, Value
from registry.calibration import Calibration
from registry.details import VersionDetails
from registry.encoding import Encoding
from registry.ensemble import TreeEnsemble, read_ensemble
from registry.store import Version

if TYPE_CHECKING:
    from inference.explainer import Explainer

PARITY = 1e-5
"""How far an answer for the stored example may lie from the one given at training."""
MARGIN, SCORE, FIRST_CONTRIBUTION = 0, 1, 2
"""Columns of a model call's output."""
T = TypeVar("T")


@dataclass(frozen=True)
class LoadedModel:
    """One version of one model. `score` and `explain` are the two model calls that runners batch."""

    definition: Definition
    tag: str
    details: VersionDetails
    encoding: Encoding
    calibration: Calibration
    predictor: Predictor
    ensemble: TreeEnsemble

    @cached_property
    def explainer(self) -> Explainer:
        """Made on first use: a model that is never explained costs no memory for it."""
        from inference.explainer import Explainer

        return Explainer(self.ensemble)

    @cached_property
    def margins(self) -> Margins:
        """ONNX Runtime until `warm` has compiled the trees."""
        return Margins(self.tag, self.predictor, self.ensemble)

    def warm(self) -> None:
        """Compiles what scores and what explains: 0.2 s for the first version of a process, 20 ms for others."""
        self.margins.warm(self.encoding.matrix([self.details.example.record]))
        self.explainer.warm()

    def score(self, rows: NDArray[np.float32]) -> Output:
        """Rows (n, features) -> (n, 2): margin and calibrated score."""
        margins = self.margins.of(rows)
        outputs = np.empty((len(rows), 2))
        outputs[:, MARGIN] = margins
        outputs[:, SCORE] = self.calibration.probability(margins)
        return outputs

    def explain(self, rows: NDArray[np.float32]) -> Output:
        """Rows (n, features) -> (n, 2 + features): margin, score and each feature's SHAP contribution."""
        return np.hstack([self.score(rows), self.explainer.contributions(rows)])

    def drivers(self, outputs: NDArray[np.float64], values: Sequence[Value], top: int) -> list[Driver]:
        """The `top` strongest contributions of one explained row, strongest first; 0 for all."""
        return self.drivers_of_all(outputs[np.newaxis], [values], top)[0]

    def drivers_of_all(
        self, outputs: NDArray[np.float64], rows: Sequence[Sequence[Value]], top: int
    ) -> list[list[Driver]]:
        """`drivers` for each of the explained rows (n, 2 + features)."""
        contributions = outputs[:, FIRST_CONTRIBUTION:]
        order = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, : top or None]
        strongest = np.take_along_axis(contributions, order, axis=1)
        names = self.definition.schema.names
        return [
            [Driver(names[i], row[i], amount) for i, amount in zip(places, amounts, strict=True)]
            for row, places, amounts in zip(rows, order.tolist(), strongest.tolist(), strict=True)
        ]


def load(definition: Definition, version: Version) -> LoadedModel:
    """The version in memory, after it has answered its stored example as it did at training.

    Raises LoadFailedError when files are missing or damaged or the example's answer differs by more than `PARITY`.
    """
    loaded = LoadedModel(
        definition=definition,
        tag=version.tag,
        details=version.details,
        encoding=_part(version, "encoding.json", lambda: version.encoding(definition)),
        calibration=_part(version, "calibration.json", version.calibration),
        predictor=_part(version, "model.onnx", lambda: Predictor(version.onnx())),
        ensemble=_part(version, "model.ubj", lambda: read_ensemble(version.booster())),
    )
    found, stored = len(loaded.ensemble.trees), version.details.trees
    if found != stored or loaded.ensemble.features != len(definition.schema):
        raise LoadFailedError(
            version.tag, f"model.ubj has {found} trees of {loaded.ensemble.features} features; stored were {stored}"
        )
    example = version.details.example
    outputs = _part(version, "its example", lambda: loaded.score(loaded.encoding.matrix([example.record])))[0]
    if not (abs(outputs[MARGIN] - example.margin) <= PARITY and abs(outputs[SCORE] - example.score) <= PARITY):
        raise LoadFailedError(
            version.tag,
            f"its example scores {outputs[SCORE]:.6f} (margin {outputs[MARGIN]:.6f}), "
            f"at training {example.score:.6f} (margin {example.margin:.6f})",
        )
    return loaded


def _part(version: Version, name: str, read: Callable[[], T]) -> T:
    """What `read` gives. Every way in which stored bytes can be wrong ends in one answer: not this version.

    The reason goes to callers of the API, so it names files without their folders.
    """
    try:
        return read()
    except OSError as error:
        raise LoadFailedError(version.tag, f"{name}: {error.strerror}") from error
    except Exception as error:
        raise LoadFailedError(version.tag, f"{name}: {type(error).__name__}: {error}") from error
