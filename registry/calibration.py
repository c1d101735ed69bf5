"""From a booster's margin to a calibrated probability."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field


class SigmoidCalibration(BaseModel):
    """Platt scaling: probability = 1 / (1 + exp(-(slope x margin + intercept))). Slope 1, intercept 0 changes nothing.

    Source: Platt 1999, "Probabilistic outputs for support vector machines".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    method: Literal["sigmoid"] = "sigmoid"
    slope: float = Field(default=1.0, gt=0)
    intercept: float = 0.0

    def probability(self, margin: NDArray[np.float32]) -> NDArray[np.float64]:
        """Calibrated probabilities, the shape of `margin`."""
        z = self.slope * margin.astype(np.float64) + self.intercept
        return 1.0 / (1.0 + np.exp(-np.clip(z, -700, 700)))


class IsotonicCalibration(BaseModel):
    """A non-decreasing, piecewise linear curve through (margin, probability) knots, flat beyond the outer ones.

    Source: Zadrozny and Elkan 2002, "Transforming classifier scores into accurate multiclass probability estimates".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    method: Literal["isotonic"] = "isotonic"
    margins: tuple[float, ...] = Field(min_length=2)
    probabilities: tuple[float, ...] = Field(min_length=2)

    def probability(self, margin: NDArray[np.float32]) -> NDArray[np.float64]:
        """Calibrated probabilities, the shape of `margin`."""
        return np.interp(margin.astype(np.float64), self.margins, self.probabilities)


Calibration = Annotated[SigmoidCalibration | IsotonicCalibration, Field(discriminator="method")]
