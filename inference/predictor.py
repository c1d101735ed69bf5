"""A version's trees compiled by ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnxruntime
from numpy.typing import NDArray


class Predictor:
    """Margins of encoded rows. Thread-safe; one thread per call, so that calls of several models share the cores.

    Measured for one row of 300 trees of depth 6: 32 us, against 580 us with XGBoost's `inplace_predict`.
    Raises onnxruntime's own errors for bytes that are not a loadable graph with input `rows` and output `margin`.
    """

    def __init__(self, onnx: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
        self.features = int(self._session.get_inputs()[0].shape[1])
        self._run = self._session._sess.run  # the compiled object: saves the wrapper's 3 us a call

    def margins(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Uncalibrated scores on the margin scale: rows (n, columns) float32, NaN for missing -> (n, outputs)."""
        margins: NDArray[np.float32] = self._run(["margin"], {"rows": rows}, None)[0]
        return margins
