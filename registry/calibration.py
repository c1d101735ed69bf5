"""From a booster's margin to a calibrated probability."""

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

    def probability(self, margin: NDArray[np.float32]) -> NDArray[np.float64]:
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

    def probability(self, margin: NDArray[np.float32]) -> NDArray[np.float64]:
        """Calibrated probabilities, the shape of `margin`."""
        return np.interp(margin.astype(np.float64), self.margins, self.probabilities)


Calibration = Annotated[SigmoidCalibration | IsotonicCalibration, Field(discriminator="method")]
