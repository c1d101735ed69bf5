"""Compiled trees answer as the booster does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xgboost
from numpy.typing import NDArray

from inference.predictor import Predictor
from registry.ensemble import read_ensembles
from training.onnx_export import export

FEATURES = 6


@pytest.fixture(scope="module")
def booster() -> xgboost.Booster:
    random = np.random.default_rng(3)
    rows = random.normal(0, 1, (500, FEATURES)).astype(np.float32)
    rows[random.random(rows.shape) < 0.15] = np.nan
    labels = (np.nan_to_num(rows[:, 0]) * np.nan_to_num(rows[:, 1], nan=1.0) + rows[:, 2] > 0).astype(int)
    settings = {"objective": "binary:logistic", "max_depth": 5, "nthread": 1, "seed": 3}
    return xgboost.train(settings, xgboost.DMatrix(rows, labels), 40)


@pytest.fixture(scope="module")
def predictor(booster: xgboost.Booster) -> Predictor:
    return Predictor(export(read_ensembles(bytes(booster.save_raw("ubj"))), "test"))


def fresh(count: int, missing: float, seed: int) -> NDArray[np.float32]:
    """Rows that training never saw, some of them far outside its range."""
    random = np.random.default_rng(seed)
    rows = random.normal(0, 3, (count, FEATURES)).astype(np.float32)
    rows[random.random(rows.shape) < missing] = np.nan
    return rows


@pytest.mark.parametrize("missing", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("count", [1, 2, 33, 2000])
def test_margins_equal_the_booster_s(
    booster: xgboost.Booster, predictor: Predictor, count: int, missing: float
) -> None:
    rows = fresh(count, missing, seed=count)
    margins = predictor.margins(rows)
    assert margins.shape == (count, 1)
    assert margins.dtype == np.float32
    np.testing.assert_allclose(margins[:, 0], booster.inplace_predict(rows, predict_type="margin"), rtol=0, atol=1e-5)


def test_extreme_values_go_the_booster_s_way(booster: xgboost.Booster, predictor: Predictor) -> None:
    largest = np.finfo(np.float32).max
    rows = np.array([[value] * FEATURES for value in (0.0, -0.0, largest, -largest, 1e-45)], np.float32)
    np.testing.assert_allclose(
        predictor.margins(rows)[:, 0], booster.inplace_predict(rows, predict_type="margin"), rtol=0, atol=1e-5
    )


def test_a_row_s_margin_does_not_depend_on_its_neighbours(predictor: Predictor) -> None:
    rows = fresh(100, 0.3, seed=9)
    together = predictor.margins(rows)
    alone = np.concatenate([predictor.margins(rows[row : row + 1]) for row in range(100)])
    assert together.tolist() == alone.tolist()
    assert predictor.margins(rows[::-1]).tolist() == together[::-1].tolist(), "a view is read in its own order"


def test_threads_may_ask_at_the_same_time(predictor: Predictor) -> None:
    batches = [fresh(200, 0.2, seed) for seed in range(16)]
    expected = [predictor.margins(batch).tolist() for batch in batches]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda batch: predictor.margins(batch).tolist(), batches * 4))
    assert found == expected * 4


def test_it_knows_its_width_and_refuses_another(predictor: Predictor) -> None:
    assert predictor.features == FEATURES
    with pytest.raises(Exception, match="Got: 5 Expected: 6"):
        predictor.margins(np.zeros((2, 5), np.float32))


@pytest.mark.parametrize("content", [b"", b"not a graph", bytes(1000)])
def test_bytes_that_are_no_graph_are_refused(content: bytes) -> None:
    with pytest.raises(Exception, match=r"(?i)onnx|protobuf|bytes"):
        Predictor(content)
