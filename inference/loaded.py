"""A version in memory, ready to answer: checked on its own example before anyone may ask it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from inference.errors import LoadFailedError
from inference.estimator import AdditiveEstimator, Estimator, TreeEstimator
from inference.isolation import Output
from inference.outputs import MARGIN, SCORE, Scoring, scoring
from inference.predictor import Predictor
from models.definition import Definition, Driver, Value
from registry.calibration import Calibration
from registry.details import Form, Reference, VersionDetails
from registry.encoding import Encoding
from registry.ensemble import read_ensembles
from registry.store import Version

PARITY = 1e-5
"""How far an answer for the stored example may lie from the one given at training; beyond 1 as a share of it."""
SHARE = 1e-3
"""The same for small answers, such as the probability of a rare event, as a share of them."""
T = TypeVar("T")


@dataclass(frozen=True)
class LoadedModel:
    """One version of one model. `score` and `explain` are the two model calls that runners batch."""

    definition: Definition
    tag: str
    details: VersionDetails
    encoding: Encoding
    calibration: Calibration
    estimators: dict[str, Estimator]
    scoring: Scoring
    reference: Reference
    """What the training rows looked like."""

    @property
    def estimator(self) -> Estimator:
        """The one that is explained."""
        return self.estimators["model"]

    def warm(self) -> None:
        """Compiles what scores and what explains: 0.2 s for the first version of a process, 20 ms for others."""
        example = self.encoding.matrix([self.details.example.record])
        for name, estimator in self.estimators.items():
            estimator.warm(example, explain=name == "model")

    def score(self, rows: NDArray[np.float32]) -> Output:
        """Encoded rows (n, columns) -> outputs (n, width) as `inference.outputs` describes them."""
        return self.scoring(rows)

    def explain(self, rows: NDArray[np.float32]) -> Output:
        """Encoded rows (n, columns) -> (n, width + features): the outputs and each feature's SHAP contribution."""
        outputs = self.scoring(rows)
        explained = self.scoring.explained(outputs)
        if isinstance(explained, int):
            contributions = self.estimator.contributions(rows, explained)
        else:
            contributions = np.empty((len(rows), self.estimator.columns))
            for output in np.unique(explained):
                of = explained == output
                contributions[of] = self.estimator.contributions(rows[of], int(output))
        return np.hstack([outputs, self.encoding.by_feature(contributions)])

    def base_value(self, outputs: NDArray[np.float64]) -> float:
        """The margin when nothing is known, for one row of outputs."""
        explained = self.scoring.explained(outputs[np.newaxis])
        return self.estimator.base_value(explained if isinstance(explained, int) else int(explained[0]))

    def drivers(self, outputs: NDArray[np.float64], values: Sequence[Value], top: int) -> list[Driver]:
        """The `top` strongest contributions of one explained row, strongest first; 0 for all."""
        return self.drivers_of_all(outputs[np.newaxis], [values], top)[0]

    def drivers_of_all(
        self, outputs: NDArray[np.float64], rows: Sequence[Sequence[Value]], top: int
    ) -> list[list[Driver]]:
        """`drivers` for each of the explained rows (n, width + features)."""
        contributions = outputs[:, self.scoring.width :]
        order = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, : top or None]
        strongest = np.take_along_axis(contributions, order, axis=1)
        names = self.definition.inputs.names
        return [
            [Driver(names[i], row[i], amount) for i, amount in zip(places, amounts, strict=True)]
            for row, places, amounts in zip(rows, order.tolist(), strongest.tolist(), strict=True)
        ]


def load(definition: Definition, version: Version) -> LoadedModel:
    """The version in memory, after it has answered its stored example as it did at training.

    Raises LoadFailedError when files are missing or damaged or the example's answer differs by more than `PARITY`.
    """
    estimators = {name: _estimator(version, name, form) for name, form in version.details.estimators.items()}
    encoding = _part(version, "encoding.json", lambda: version.encoding(definition))
    calibration = _part(version, "calibration.json", version.calibration)
    _check_sizes(version, encoding, estimators)
    loaded = LoadedModel(
        definition=definition,
        tag=version.tag,
        details=version.details,
        encoding=encoding,
        calibration=calibration,
        estimators=estimators,
        scoring=_part(version, "its parts", lambda: scoring(definition, calibration, estimators)),
        reference=_part(version, "reference.json", version.reference),
    )
    _check_example(version, loaded)
    return loaded


def _estimator(version: Version, name: str, form: Form) -> Estimator:
    if form == "additive":
        return _part(version, f"{name}.json", lambda: AdditiveEstimator(version.additive(name)))
    predictor = _part(version, f"{name}.onnx", lambda: Predictor(version.onnx(name)))
    ensembles = _part(version, f"{name}.ubj", lambda: read_ensembles(version.booster(name)))
    return TreeEstimator(version.tag, predictor, ensembles)


def _check_sizes(version: Version, encoding: Encoding, estimators: dict[str, Estimator]) -> None:
    found, stored = sum(estimator.trees for estimator in estimators.values()), version.details.trees
    if found != stored:
        raise LoadFailedError(version.tag, f"its estimators have {found} trees; stored were {stored}")
    for name, estimator in estimators.items():
        if estimator.columns != encoding.width:
            raise LoadFailedError(
                version.tag, f"{name} takes {estimator.columns} columns; its encoding gives {encoding.width}"
            )


def _check_example(version: Version, loaded: LoadedModel) -> None:
    example = version.details.example
    outputs = _part(version, "its example", lambda: loaded.score(loaded.encoding.matrix([example.record])))[0]
    if not (_near(outputs[MARGIN], example.margin) and _near(outputs[SCORE], example.score)):
        raise LoadFailedError(
            version.tag,
            f"its example scores {outputs[SCORE]:.6f} (margin {outputs[MARGIN]:.6f}), "
            f"at training {example.score:.6f} (margin {example.margin:.6f})",
        )


def _near(found: float, stored: float) -> bool:
    distance, size = abs(found - stored), abs(stored)
    return distance <= PARITY * max(1.0, size) and distance <= max(SHARE * size, 1e-2 * PARITY)


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
