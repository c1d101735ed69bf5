"""Why a row scored as it did: exact SHAP values of a tree ensemble."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.tree_plan import plan
from registry.ensemble import TreeEnsemble


class Explainer:
    """The path-dependent TreeSHAP values that `shap.TreeExplainer` and XGBoost's `pred_contribs` give, to 1e-5.

    `base_value` is the expected margin; it plus a row's contributions is the row's margin. Instances are immutable and
    any number of threads may ask at once; a call holds the GIL only to copy rows in and out.

    Making one takes some 10 ms. The first call of a process imports llvmlite and compiles the kernel: 0.2 s and 7 MB
    (and 70 MB that processes share); `warm` does that ahead of the first request.

    >>> import numpy as np
    >>> from registry.ensemble import Tree, TreeEnsemble
    >>> stump = Tree(
    ...     left=np.array([1, -1, -1], np.int32), right=np.array([2, -1, -1], np.int32),
    ...     feature=np.zeros(3, np.int32), threshold=np.array([0.5, 0, 0], np.float32),
    ...     default_left=np.zeros(3, np.bool_), value=np.array([0, 1, 3], np.float32),
    ...     cover=np.array([4, 1, 3], np.float32),
    ... )
    >>> explainer = Explainer(TreeEnsemble(features=2, base_margin=0.0, trees=(stump,)))
    >>> explainer.base_value
    2.5
    >>> explainer.contributions(np.array([[0.0, 7.0], [np.nan, 7.0]], np.float32)).tolist()
    [[-1.5, 0.0], [0.5, 0.0]]
    """

    def __init__(self, ensemble: TreeEnsemble) -> None:
        self._plan = plan(ensemble)
        self._features = ensemble.features
        self.base_value = self._plan.base_value

    def contributions(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Rows (n, features), NaN for missing -> contributions to the margin (n, features).

        300 trees of depth 6 take 0.2 ms for one row and 0.05 ms a row for many: 19 and 60 times faster than `shap`. A
        row's result does not depend on the rows beside it, to the last bit, and a feature that no tree asks about gets
        exactly 0. Raises ValueError for rows of another width.
        """
        if rows.ndim != 2 or rows.shape[1] != self._features:
            raise ValueError(f"rows of shape {rows.shape}: this model takes (n, {self._features})")
        from inference import tree_shap

        return tree_shap.contributions(self._plan, rows)

    def warm(self) -> None:
        """Compiles the kernel, if the process has not yet, and explains one row: the next call is as fast as any."""
        self.contributions(np.full((1, self._features), np.nan, np.float32))
