"""Answers of models that look at several rows for each record: forecasts and optimisers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.loaded import LoadedModel
from inference.outputs import HIGH, LOW, SCORE
from models.definition import Combined, Driver, Estimates, Expansion, Value
from serving.answers.answerer import Answer, Assembly, explained, milliseconds_since, record_of
from serving.answers.decision import Decision
from serving.answers.outside import Outside
from serving.answers.words import Scale
from serving.decoding import Values
from serving.identifiers import new_id, timestamp
from serving.validation import Options

Outputs = NDArray[np.float64]


class ExpandedAnswerer:
    """`outputs` of a record are those of its rows, (rows, width) or with contributions (rows, width + inputs)."""

    def __init__(self, loaded: LoadedModel, role: str, policy: Expansion) -> None:
        self.loaded = loaded
        self._policy = policy
        self._assemble = Assembly(loaded, role)
        self._scale = Scale(policy.unit, "score", policy.unit)
        names = loaded.definition.schema.names
        self._derived = tuple(name for name in loaded.definition.inputs.names if name not in names)
        self._outside = Outside(loaded.reference, loaded.definition.inputs, self._derived)

    def prediction(self, outputs: Outputs, values: Values, options: Options, started: float) -> Answer:
        combined = self._combined(outputs, values)
        decision = Decision(combined.score, None, None, None, None, combined.answer, warnings=self._warnings(combined))
        return self._assemble(new_id(), decision, values, options, timestamp(), milliseconds_since(started))

    def predictions(
        self,
        outputs: Sequence[Outputs],
        rows: Sequence[Values],
        options: Options,
        started: float,
        encoded: object = None,
    ) -> list[Answer]:
        return [self.prediction(own, values, options, started) for own, values in zip(outputs, rows, strict=True)]

    def written(
        self,
        outputs: Sequence[Outputs],
        rows: Sequence[Values],
        options: Options,
        started: float,
        encoded: object = None,
    ) -> None:
        """Its combinations take longer than their JSON."""

    def explanation(self, outputs: Outputs, values: Values, top: int) -> Answer:
        """The weighted sum over the rows of their estimates' contributions: exact, as the score is that of the
        estimates."""
        combined = self._combined(outputs, values)
        weights = np.asarray(combined.weights)
        contributions = weights @ outputs[:, self.loaded.scoring.width :]
        base = combined.constant + float(weights.sum()) * self.loaded.estimator.base_value(0)
        shown = self._shown(combined, values)
        order = np.argsort(-np.abs(contributions), kind="stable")[: top or None]
        names = self.loaded.definition.inputs.names
        drivers = [Driver(names[i], shown.get(names[i]), float(contributions[i])) for i in order]
        varying = set(names) - set(shown)
        return explained(self.loaded.definition, drivers, float(contributions.sum()), base, self._scale, varying)

    def _warnings(self, combined: Combined) -> list[str]:
        """The combination's own, and what training never saw of the inputs that it stands for."""
        return [*combined.warnings, *self._outside([combined.inputs.get(name) for name in self._derived])]

    def _combined(self, outputs: Outputs, values: Values) -> Combined:
        estimates = Estimates(outputs[:, SCORE].tolist(), outputs[:, LOW].tolist(), outputs[:, HIGH].tolist())
        return self._policy.combine(record_of(self.loaded.definition, values), estimates)

    def _shown(self, combined: Combined, values: Values) -> dict[str, Value]:
        """The values that the answer stands for: the combination's own, else the record's."""
        return {**record_of(self.loaded.definition, values), **combined.inputs}
