"""Who answers for a version's margins: ONNX Runtime at first, the compiled kernel once it has proved equal."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inference.predictor import Predictor
from registry.ensemble import TreeEnsemble

if TYPE_CHECKING:
    from inference.tree_margins import MarginKernel

logger = logging.getLogger("tiffin.inference")
Rows = NDArray[np.float32]
TOLERANCE = 1e-5
"""How far the kernel may be from ONNX Runtime, for margins beyond 1 as a share of them. Measured: they are equal."""
PROBES = 32


class Margins:
    """Margins of encoded rows, one column for each ensemble.

    `of` may be called at any time and by any thread, also while `warm` changes who answers. `tag` names the version in
    the log.
    """

    def __init__(self, tag: str, predictor: Predictor, ensembles: Sequence[TreeEnsemble]) -> None:
        self._tag = tag
        self._predictor = predictor
        self._ensembles = ensembles
        self._warmed = False
        self.compiled = False
        self.of: Callable[[Rows], Rows] = predictor.margins

    def warm(self, rows: Rows) -> None:
        """Compiles the kernel and lets it answer, if it agrees with ONNX Runtime on `rows` and on `probes`.

        Only the first call does anything, and it never raises: what is wrong with the kernel is logged.
        """
        if self._warmed:
            return
        self._warmed = True
        try:
            self._switch(np.vstack([rows, *map(probes, self._ensembles)]))
        except Exception:  # whatever a compiler may raise on some machine
            logger.exception("%s: its trees cannot be compiled; ONNX Runtime goes on answering", self._tag)

    def _switch(self, rows: Rows) -> None:
        from inference.tree_margins import MarginKernel

        answer = _answer([MarginKernel(ensemble) for ensemble in self._ensembles])
        expected, found = self._predictor.margins(rows), answer(rows)
        difference = np.abs(found - expected)
        worst = np.unravel_index(np.argmax(difference), difference.shape)
        if not (difference <= TOLERANCE * np.maximum(1.0, np.abs(expected))).all():
            logger.error(
                "%s: its compiled trees give %.7g where ONNX Runtime gives %.7g; ONNX Runtime goes on answering",
                self._tag,
                found[worst],
                expected[worst],
            )
            return
        self.of = answer
        self.compiled = True


def _answer(kernels: Sequence[MarginKernel]) -> Callable[[Rows], Rows]:
    """Rows (n, columns) -> margins (n, kernels)."""
    if len(kernels) == 1:
        margins = kernels[0].margins
        return lambda rows: margins(rows)[:, np.newaxis]
    return lambda rows: np.column_stack([kernel.margins(rows) for kernel in kernels])


def probes(ensemble: TreeEnsemble) -> Rows:
    """Rows (PROBES + 4, features), always the same: thresholds of the trees, a fifth of them missing, and extremes."""
    random = np.random.default_rng(0)
    rows = np.zeros((PROBES, ensemble.features), np.float32)
    nothing = (np.empty(0, np.int32), np.empty(0, np.float32))
    splits = [nothing, *((tree.feature[tree.left >= 0], tree.threshold[tree.left >= 0]) for tree in ensemble.trees)]
    features, thresholds = map(np.concatenate, zip(*splits, strict=True))
    for column in range(ensemble.features):
        asked = np.append(np.float32(0), thresholds[features == column])
        rows[:, column] = random.choice(asked, PROBES)
    rows[random.random(rows.shape) < 0.2] = np.nan
    extremes = [[value] * ensemble.features for value in (np.nan, -0.0, np.inf, -np.inf)]
    return np.vstack([rows, np.array(extremes, np.float32)])
