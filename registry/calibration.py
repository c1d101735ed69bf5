"""From margins to scores: probabilities, intervals, anomaly scores."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator


class SigmoidCalibration(BaseModel):
    """Platt scaling: probability = 1 / (1 + exp(-(slope x margin + intercept))). Slope 1, intercept 0 changes nothing.

    Source: Platt 1999, "Probabilistic outputs for support vector machines".
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    method: Literal["sigmoid"] = "sigmoid"
    slope: float = Field(default=1.0, gt=0)
    intercept: float = 0.0

    def probability(self, margin: NDArray[np.floating]) -> NDArray[np.float64]:
        """Calibrated probabilities, the shape of `margin`."""
        z = self.slope * margin.astype(np.float64) + self.intercept
        return 1.0 / (1.0 + np.exp(-np.clip(z, -700, 700)))


class IsotonicCalibration(BaseModel):
    """A non-decreasing, piecewise linear curve through (margin, probability) knots, flat beyond the outer ones.

    Source: Zadrozny and Elkan 2002, "Transforming classifier scores into accurate multiclass probability estimates".
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    method: Literal["isotonic"] = "isotonic"
    margins: tuple[float, ...] = Field(min_length=2)
    probabilities: tuple[float, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _check_knots(self) -> Self:
        if len(self.margins) != len(self.probabilities):
            raise ValueError("as many margins as probabilities")
        if any(low >= high for low, high in pairwise(self.margins)):
            raise ValueError("margins must ascend")
        if any(low > high for low, high in pairwise((0.0, *self.probabilities, 1.0))):
            raise ValueError("probabilities must not descend, and lie between 0 and 1")
        return self

    def probability(self, margin: NDArray[np.floating]) -> NDArray[np.float64]:
        """Calibrated probabilities, the shape of `margin`."""
        return np.interp(margin.astype(np.float64), self.margins, self.probabilities)


class TemperatureCalibration(BaseModel):
    """Probabilities of several classes: softmax(margins / temperature + biases).

    Source: Guo, Pleiss, Sun and Weinberger 2017, "On calibration of modern neural networks" (with class biases).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    method: Literal["temperature"] = "temperature"
    temperature: float = Field(default=1.0, gt=0)
    biases: tuple[float, ...]

    def probabilities(self, margins: NDArray[np.floating]) -> NDArray[np.float64]:
        """Margins (n, classes) -> probabilities (n, classes) that add up to 1."""
        z = margins.astype(np.float64) / self.temperature + self.biases
        raised = np.exp(z - z.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))


class IntervalCalibration(BaseModel):
    """The interval around an estimate that holds the truth with probability `coverage`.

    It begins `margin` below the lower bound and ends `margin` above the upper one; where no quantiles were learned,
    both bounds are the estimate itself. `margin` is in the target's unit and may be negative.
    Source: Romano, Patterson and Candes 2019, "Conformalized quantile regression".
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    method: Literal["interval"] = "interval"
    coverage: float = Field(gt=0, lt=1)
    margin: float

    def interval(
        self, estimates: NDArray[np.floating], bounds: NDArray[np.floating] | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper end, (n,) each, for estimates (n,) and learned bounds (n, 2); the estimate lies inside."""
        lower, upper = (estimates, estimates) if bounds is None else (bounds[:, 0], bounds[:, 1])
        low, high = np.minimum(lower, upper) - self.margin, np.maximum(lower, upper) + self.margin
        return np.minimum(low, estimates).astype(np.float64), np.maximum(high, estimates).astype(np.float64)


class IsolationCalibration(BaseModel):
    """The anomaly score 2 ** margin, where the margin is minus the mean path length over its expectation.

    Source: Liu, Ting and Zhou 2008, "Isolation forest", equation 2.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    method: Literal["isolation"] = "isolation"

    def score(self, margins: NDArray[np.floating]) -> NDArray[np.float64]:
        """Scores from 0 to 1, the shape of `margins`; about 0.5 is ordinary, near 1 is isolated at once."""
        return np.exp2(np.minimum(margins.astype(np.float64), 0.0))


BinaryCalibration = Annotated[SigmoidCalibration | IsotonicCalibration, Field(discriminator="method")]
Calibration = Annotated[
    SigmoidCalibration | IsotonicCalibration | TemperatureCalibration | IntervalCalibration | IsolationCalibration,
    Field(discriminator="method"),
]
