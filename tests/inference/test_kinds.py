"""Loaded versions of every kind: what they answer, and explanations against XGBoost and `shap`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shap
import xgboost
from numpy.typing import NDArray

from inference.errors import LoadFailedError
from inference.estimator import AdditiveEstimator, TreeEstimator
from inference.isolation import run_isolated
from inference.loaded import LoadedModel, load
from inference.outputs import AMOUNT, FIRST_PROBABILITY, HIGH, LOW, MARGIN, OWN, SCORE
from models.definition import Definition, Kind
from registry.calibration import IntervalCalibration, IsolationCalibration, TemperatureCalibration
from registry.store import Version
from tests.training import kinds
from training.check import check
from training.encode import encode

Rows = NDArray[np.float32]
ALL = pytest.mark.parametrize("name", kinds.DEFINITIONS)
WITH_TREES = tuple(name for name in kinds.DEFINITIONS if name != "small_additive")
WIDTHS = {"small_classes": OWN + 3, "small_quantity": OWN + 2, "small_additive": OWN + 1, "small_odd": OWN}


def loaded_of(name: str) -> LoadedModel:
    return load(kinds.DEFINITIONS[name], kinds.version(name))


def rows_of(name: str, count: int = 200) -> Rows:
    """Rows as training saw them, some with more missing, and one with everything missing."""
    definition, made = kinds.ROWS[name]
    table = check(made(), definition, "rows")
    matrix = encode(kinds.version(name).encoding(definition), table.features.head(count))
    holes = np.random.default_rng(1).random(matrix.shape) < 0.2
    punctured = np.where(holes, np.float32(np.nan), matrix)
    return np.concatenate([matrix, punctured, np.full((1, matrix.shape[1]), np.nan, np.float32)])


def booster_of(version: Version, estimator: str = "model") -> xgboost.Booster:
    return xgboost.Booster(model_file=bytearray(version.booster(estimator)))


@ALL
def test_a_version_answers_its_example_as_at_training(name: str) -> None:
    loaded, example = loaded_of(name), kinds.version(name).details.example
    outputs = loaded.score(loaded.encoding.matrix([example.record]))
    assert outputs[0, MARGIN] == pytest.approx(example.margin, abs=1e-5, rel=1e-5)
    assert outputs[0, SCORE] == pytest.approx(example.score, abs=1e-5, rel=1e-5)


@ALL
def test_the_compiled_version_answers_as_before(name: str) -> None:
    loaded, rows = loaded_of(name), rows_of(name)
    before = loaded.score(rows)
    loaded.warm()
    np.testing.assert_allclose(loaded.score(rows), before, rtol=1e-6, atol=1e-6)
    for estimator in loaded.estimators.values():
        if isinstance(estimator, TreeEstimator):
            assert estimator.compiled.compiled


@ALL
def test_outputs_have_the_columns_of_the_kind(name: str) -> None:
    loaded, rows = loaded_of(name), rows_of(name)
    outputs = loaded.score(rows)
    assert outputs.shape == (len(rows), loaded.scoring.width)
    assert loaded.scoring.width == WIDTHS.get(name, OWN + 2)
    assert outputs.dtype == np.float64
    assert np.isfinite(outputs).all()
    checked, failures, _ = run_isolated(loaded.score, rows)
    assert not failures
    np.testing.assert_array_equal(checked, outputs)
    assert loaded.score(rows[:0]).shape == (0, loaded.scoring.width)


@pytest.mark.parametrize("name", WITH_TREES)
def test_margins_equal_xgboost_s(name: str) -> None:
    loaded, rows, version = loaded_of(name), rows_of(name), kinds.version(name)
    for estimator in version.details.estimators:
        expected = booster_of(version, estimator).inplace_predict(rows, predict_type="margin").reshape(len(rows), -1)
        found = loaded.estimators[estimator].margins(rows)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_scores_of_several_classes_are_the_calibrated_softmax_of_their_margins() -> None:
    loaded, rows, version = loaded_of("small_classes"), rows_of("small_classes"), kinds.version("small_classes")
    margins = booster_of(version).inplace_predict(rows, predict_type="margin")
    calibration = version.calibration()
    assert isinstance(calibration, TemperatureCalibration)
    expected = calibration.probabilities(margins)
    outputs = loaded.score(rows)
    np.testing.assert_allclose(outputs[:, FIRST_PROBABILITY:], expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(outputs[:, FIRST_PROBABILITY:].sum(axis=1), 1, atol=1e-12)
    likeliest = outputs[:, FIRST_PROBABILITY:].argmax(axis=1)
    assert set(likeliest) == {0, 1, 2}
    np.testing.assert_array_equal(outputs[:, SCORE], outputs[:, FIRST_PROBABILITY:].max(axis=1))
    np.testing.assert_allclose(outputs[:, MARGIN], margins[np.arange(len(rows)), likeliest], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["small_quantity", "small_horizon", "small_optimiser"])
def test_an_estimate_lies_inside_its_calibrated_quantiles(name: str) -> None:
    loaded, rows, version = loaded_of(name), rows_of(name), kinds.version(name)
    outputs, calibration = loaded.score(rows), version.calibration()
    assert isinstance(calibration, IntervalCalibration)
    assert (outputs[:, MARGIN] == outputs[:, SCORE]).all()
    assert ((outputs[:, LOW] <= outputs[:, SCORE]) & (outputs[:, SCORE] <= outputs[:, HIGH])).all()
    bounds = booster_of(version, "interval").inplace_predict(rows, predict_type="margin")
    low, high = calibration.interval(outputs[:, SCORE], bounds)
    np.testing.assert_allclose(outputs[:, LOW], low, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(outputs[:, HIGH], high, rtol=1e-5, atol=1e-4)


def test_amounts_stand_beside_the_probability_and_are_never_negative() -> None:
    loaded, rows = loaded_of("small_additive"), rows_of("small_additive")
    rows[:, loaded.encoding.starts[1]] = -90  # z: far below what any positive paid
    outputs = loaded.score(rows)
    amounts = booster_of(kinds.version("small_additive"), "amount").inplace_predict(rows, predict_type="margin")
    np.testing.assert_allclose(outputs[:, AMOUNT], np.maximum(amounts, 0), rtol=1e-5, atol=1e-4)
    assert (outputs[:, AMOUNT] >= 0).all()
    assert ((outputs[:, SCORE] >= 0) & (outputs[:, SCORE] <= 1)).all()


def test_an_anomaly_s_score_is_two_to_the_power_of_its_margin() -> None:
    loaded, rows = loaded_of("small_odd"), rows_of("small_odd")
    outputs = loaded.score(rows)
    np.testing.assert_allclose(outputs[:, SCORE], IsolationCalibration().score(outputs[:, MARGIN]))
    assert ((outputs[:, SCORE] > 0) & (outputs[:, SCORE] < 1)).all()


@ALL
def test_explanations_are_additive(name: str) -> None:
    loaded, rows = loaded_of(name), rows_of(name)
    outputs = loaded.explain(rows)
    width = loaded.scoring.width
    assert outputs.shape == (len(rows), width + len(loaded.definition.inputs))
    np.testing.assert_array_equal(outputs[:, :width], loaded.score(rows))
    bases = np.array([loaded.base_value(row) for row in outputs])
    total = bases + outputs[:, width:].sum(axis=1)
    np.testing.assert_allclose(total, outputs[:, MARGIN], rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", WITH_TREES)
def test_explanations_of_trees_are_those_of_xgboost_and_of_shap(name: str) -> None:
    """Summed over the columns of each feature; of several classes those of the likeliest one."""
    loaded, rows = loaded_of(name), rows_of(name, 60)
    booster = booster_of(kinds.version(name))
    outputs = loaded.explain(rows)
    width = loaded.scoring.width
    explained = outputs[:, FIRST_PROBABILITY:width].argmax(axis=1) if name == "small_classes" else None
    theirs = booster.predict(xgboost.DMatrix(rows), pred_contribs=True)
    if explained is not None:
        theirs = theirs[np.arange(len(rows)), explained]
    expected = np.add.reduceat(theirs[:, :-1].astype(float), loaded.encoding.starts, axis=1)
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(outputs[:, width:], expected, rtol=0, atol=1e-4 * scale)
    for row, base in zip(outputs[:10], theirs[:10, -1], strict=True):
        assert loaded.base_value(row) == pytest.approx(float(base), abs=1e-4 * scale, rel=1e-5)
    by_shap = np.asarray(shap.TreeExplainer(booster).shap_values(rows))
    if explained is not None:
        by_shap = by_shap[np.arange(len(rows)), :, explained]
    summed = np.add.reduceat(by_shap, loaded.encoding.starts, axis=1)
    np.testing.assert_allclose(outputs[:, width:], summed, rtol=0, atol=1e-4 * scale)


def test_explanations_of_terms_are_the_shapley_values_of_a_linear_model() -> None:
    """Each is the term less its mean over the training rows (Lundberg and Lee 2017, corollary 1)."""
    loaded, version = loaded_of("small_additive"), kinds.version("small_additive")
    assert isinstance(loaded.estimator, AdditiveEstimator)
    table = check(kinds.additive_rows(), kinds.additive, "rows")
    matrix = encode(loaded.encoding, table.features)
    outputs = loaded.explain(matrix)
    contributions = outputs[:, loaded.scoring.width :]
    np.testing.assert_allclose(contributions.mean(axis=0), 0, atol=1e-6)
    assert loaded.base_value(outputs[0]) == pytest.approx(outputs[:, MARGIN].mean())
    moved = matrix.copy()
    moved[:, 0] = matrix[::-1, 0]
    change = loaded.explain(moved) - outputs
    np.testing.assert_allclose(change[:, MARGIN], change[:, loaded.scoring.width], atol=1e-9)
    assert not change[:, loaded.scoring.width + 1 :].any(), "another value of one column moves no other's part"
    assert version.details.trees == loaded.estimators["amount"].trees > 0


@ALL
def test_drivers_are_the_strongest_contributions_by_the_inputs_names(name: str) -> None:
    loaded = loaded_of(name)
    example = loaded.definition.inputs.example
    outputs = loaded.explain(loaded.encoding.matrix([example]))[0]
    drivers = loaded.drivers(outputs, list(example.values()), 0)
    assert sorted(driver.feature for driver in drivers) == sorted(loaded.definition.inputs.names)
    strengths = [abs(driver.contribution) for driver in drivers]
    assert strengths == sorted(strengths, reverse=True)
    assert all(driver.value == example[driver.feature] for driver in drivers)
    assert loaded.drivers_of_all(outputs[np.newaxis], [list(example.values())], 2) == [drivers[:2]]


@ALL
def test_a_row_s_answer_does_not_depend_on_its_neighbours(name: str) -> None:
    loaded, rows = loaded_of(name), rows_of(name, 20)
    loaded.warm()
    together = loaded.explain(rows)
    alone = np.concatenate([loaded.explain(rows[at : at + 1]) for at in range(len(rows))])
    np.testing.assert_allclose(together, alone, rtol=1e-9, atol=1e-12)


# --- versions that are not what they say -----------------------------------------------------------------------------


def copied(name: str, folder: Path) -> Version:
    version = kinds.version(name)
    return Version(version.tag, Path(shutil.copytree(version.path, folder / "copy")), version.details)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("small_additive", "model.json"),
        ("small_additive", "amount.onnx"),
        ("small_additive", "amount.ubj"),
        ("small_quantity", "interval.onnx"),
        ("small_quantity", "interval.ubj"),
    ],
)
@pytest.mark.parametrize("damage", ["missing", "empty", "half"])
def test_a_missing_or_damaged_file_is_named(name: str, file: str, damage: str, tmp_path: Path) -> None:
    version = copied(name, tmp_path)
    path = version.path / file
    content = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes(b"" if damage == "empty" else content[: len(content) // 2])
    with pytest.raises(LoadFailedError, match=f"version {version.tag} does not load: {file}: ") as caught:
        load(kinds.DEFINITIONS[name], version)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "calibration", "words"),
    [
        ("small_classes", {"method": "sigmoid"}, "a multiclass model cannot have 3 outputs with sigmoid calibration"),
        ("small_classes", {"method": "temperature", "biases": [0, 0]}, "a multiclass model cannot have 3 outputs"),
        ("small_quantity", {"method": "isolation"}, "a regression model cannot have 1 outputs with isolation"),
        ("small_odd", {"method": "interval", "coverage": 0.5, "margin": 1}, "an? anomaly model cannot have 1 outputs"),
        ("small_additive", {"method": "temperature", "biases": [0]}, "a binary model cannot have 1 outputs"),
        ("small_optimiser", {"method": "sigmoid"}, "an? optimiser model cannot have 1 outputs with sigmoid"),
        ("small_quantity", {"method": "interval", "coverage": 2, "margin": 1}, "calibration.json: ValidationError"),
    ],
)
def test_a_calibration_of_another_kind_is_refused(
    name: str, calibration: dict[str, Any], words: str, tmp_path: Path
) -> None:
    version = copied(name, tmp_path)
    (version.path / "calibration.json").write_text(json.dumps(calibration))
    with pytest.raises(LoadFailedError, match=words):
        load(kinds.DEFINITIONS[name], version)


def test_terms_of_other_columns_are_refused(tmp_path: Path) -> None:
    version = copied("small_additive", tmp_path)
    document = json.loads((version.path / "model.json").read_text())
    document["terms"].pop()
    (version.path / "model.json").write_text(json.dumps(document))
    with pytest.raises(LoadFailedError, match="model takes 2 columns; its encoding gives 3"):
        load(kinds.additive, version)


def test_terms_that_answer_otherwise_than_at_training_are_refused(tmp_path: Path) -> None:
    version = copied("small_additive", tmp_path)
    document = json.loads((version.path / "model.json").read_text())
    document["base"][0] += 1e-3
    (version.path / "model.json").write_text(json.dumps(document))
    with pytest.raises(LoadFailedError, match="its example scores"):
        load(kinds.additive, version)


def test_quantiles_with_another_number_of_outputs_are_refused(tmp_path: Path) -> None:
    version = copied("small_quantity", tmp_path)
    for suffix in ("ubj", "onnx"):
        shutil.copy(version.path / f"model.{suffix}", version.path / f"interval.{suffix}")
    with pytest.raises(LoadFailedError, match="does not load"):
        load(kinds.quantity, version)


def test_every_kind_is_met_here() -> None:
    met = {definition.kind for definition in kinds.DEFINITIONS.values()}
    assert met == set(Kind) - {Kind.FORECAST}, "forecasts expand as optimisers do; they have tests of their own"
    definition: Definition = kinds.horizon
    assert pd.Series(definition.inputs.names).is_unique
