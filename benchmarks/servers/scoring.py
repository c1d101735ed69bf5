"""The model as every baseline holds it: ONNX Runtime on one thread, then the version's calibration."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

VERSION_VARIABLE = "BENCHMARK_VERSION"
"""Environment variable with the folder of the version that all servers of a run serve."""


def version_folder() -> Path:
    """The folder that the benchmark told this server to serve."""
    return Path(os.environ[VERSION_VARIABLE])


class Calibrator:
    """Margin to probability, quick for one number as well as for many."""

    def __init__(self, version: Path) -> None:
        stored = json.loads((version / "calibration.json").read_text())
        self.sigmoid = stored["method"] == "sigmoid"
        self.slope, self.intercept = stored.get("slope", 1.0), stored.get("intercept", 0.0)
        self.margins = np.array(stored.get("margins", ()), np.float64)
        self.probabilities = np.array(stored.get("probabilities", ()), np.float64)

    def one(self, margin: float) -> float:
        if self.sigmoid:
            return 1.0 / (1.0 + math.exp(-(self.slope * margin + self.intercept)))
        return float(np.interp(margin, self.margins, self.probabilities))

    def many(self, margins: NDArray[np.float32]) -> NDArray[np.float64]:
        if self.sigmoid:
            return np.asarray(1.0 / (1.0 + np.exp(-(self.slope * margins.astype(np.float64) + self.intercept))))
        probabilities: NDArray[np.float64] = np.interp(margins, self.margins, self.probabilities)
        return probabilities


class Scorer:
    """Rows in, calibrated scores out."""

    def __init__(self, version: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        self.session = onnxruntime.InferenceSession(
            str(version / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self.calibrator = Calibrator(version)

    def score(self, row: list[float]) -> float:
        """The score of one row."""
        margin = self.session.run(None, {"rows": np.array([row], np.float32)})[0]
        return self.calibrator.one(float(margin[0, 0]))

    def scores(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """The scores of all rows."""
        return self.calibrator.many(self.session.run(None, {"rows": matrix})[0][:, 0])
