"""The library calls alone, on one thread, without HTTP. Run as a program: it prints one line of JSON.

python -m benchmarks.library score|explain VERSION_FOLDER SECONDS
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.payloads import draw

ROWS = 1_000
TURNS = 5
"""Contestants take turns, so that a change of the machine's pace meets all of them."""

Rows = NDArray[np.float32]


def rates(contestants: dict[str, Callable[[], object]], rows: int, seconds: float) -> dict[str, float]:
    """Rows per second of every contestant: `seconds` of calls each, in `TURNS` turns."""
    calls, spent = dict.fromkeys(contestants, 0), dict.fromkeys(contestants, 0.0)
    for _ in range(TURNS):
        for name, call in contestants.items():
            begin = time.perf_counter()
            end = begin + seconds / TURNS
            while (now := time.perf_counter()) < end:
                call()
                calls[name] += 1
            spent[name] += now - begin
    return {name: calls[name] * rows / spent[name] for name in contestants}


def score(version: Path, seconds: float) -> dict[str, Any]:
    """Rows per second of scoring a ready float32 matrix of `ROWS` rows."""
    import xgboost

    from benchmarks.servers.scoring import Scorer

    _, matrix = draw(ROWS)
    session = Scorer(version).session
    booster = xgboost.Booster({"nthread": 1}, model_file=str(version / "model.ubj"))
    contestants: dict[str, Callable[[], object]] = {
        "onnxruntime": lambda: session.run(None, {"rows": matrix}),
        "xgboost": lambda: booster.inplace_predict(matrix, predict_type="margin"),
    }
    return rates(contestants, ROWS, seconds)


def explain(version: Path, seconds: float) -> dict[str, Any]:
    """Rows per second of Tiffin's explainer and of `shap.TreeExplainer`, and how far their values differ."""
    ours, theirs = _tiffin(version), _shap(version)
    _, matrix = draw(ROWS)
    figures: dict[str, Any] = {"difference": float(np.abs(ours(matrix) - theirs(matrix)).max())}
    for rows in (1, ROWS):
        part = np.ascontiguousarray(matrix[:rows])
        contestants: dict[str, Callable[[], object]] = {
            "tiffin": lambda part=part: ours(part),  # type: ignore[misc]
            "shap": lambda part=part: theirs(part),  # type: ignore[misc]
        }
        figures[str(rows)] = rates(contestants, rows, seconds)
    return figures


def _tiffin(version: Path) -> Callable[[Rows], NDArray[Any]]:
    from inference.explainer import Explainer
    from registry.ensemble import read_ensemble

    begin = time.perf_counter()
    explainer = Explainer(read_ensemble((version / "model.ubj").read_bytes()))
    explainer.warm()
    print(f"tiffin's explainer was warm after {time.perf_counter() - begin:.2f} s", file=sys.stderr)
    return explainer.contributions


def _shap(version: Path) -> Callable[[Rows], NDArray[Any]]:
    import shap
    import xgboost

    booster = xgboost.Booster({"nthread": 1}, model_file=str(version / "model.ubj"))
    explainer = shap.TreeExplainer(booster)
    return lambda rows: np.asarray(explainer.shap_values(rows))


def main(task: str, version: str, seconds: str) -> None:
    """Print the figures of `task`."""
    print(json.dumps({"score": score, "explain": explain}[task](Path(version), float(seconds))))


if __name__ == "__main__":
    main(*sys.argv[1:])
