"""A training of every kind, end to end, into a real model store."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from models.definition import METRICS, AnomalyPolicy, Definition, Gate, Kind, Recipe, RegressionPolicy
from registry import store
from registry.calibration import IntervalCalibration, IsolationCalibration, TemperatureCalibration
from tests.training import kinds, small
from training.check import check
from training.errors import GatesMissedError
from training.train import train

ESTIMATORS = {
    "small_classes": {"model": "trees"},
    "small_quantity": {"model": "trees", "interval": "trees"},
    "small_additive": {"model": "additive", "amount": "trees"},
    "small_odd": {"model": "trees"},
    "small_horizon": {"model": "trees", "interval": "trees"},
    "small_optimiser": {"model": "trees", "interval": "trees"},
}
BASELINES = {
    Kind.BINARY: {"prior", "logistic_regression"},
    Kind.MULTICLASS: {"prior", "logistic_regression"},
    Kind.REGRESSION: {"mean", "linear_regression"},
    Kind.OPTIMISER: {"mean", "linear_regression"},
    Kind.ANOMALY: {"largest_z_score"},
}
ALL = pytest.mark.parametrize("name", kinds.DEFINITIONS)


@ALL
def test_the_stored_version_reads_back_with_its_estimators(name: str) -> None:
    definition, version = kinds.DEFINITIONS[name], kinds.version(name)
    found = store.get(version.tag, definition)
    assert found.details == version.details
    assert found.details.estimators == ESTIMATORS[name]
    assert found.details.kind is definition.kind
    files = {path.name for path in version.path.iterdir()}
    for estimator, form in ESTIMATORS[name].items():
        expected = {f"{estimator}.json"} if form == "additive" else {f"{estimator}.ubj", f"{estimator}.onnx"}
        assert expected <= files
    schema = json.loads((version.path / "schema.json").read_text())
    assert [row["name"] for row in schema] == list(definition.inputs.names)


@ALL
def test_metrics_are_those_of_the_kind_and_stand_beside_its_baselines(name: str) -> None:
    definition, details = kinds.DEFINITIONS[name], kinds.version(name).details
    measured = [metric.name for metric in details.metrics if metric.name != "amount_mae"]
    assert measured == list(METRICS[definition.kind])
    for metric in details.metrics:
        assert metric.low <= metric.high
        if metric.name in METRICS[definition.kind]:
            assert metric.higher_is_better == METRICS[definition.kind][metric.name]
    assert set(details.metrics[0].baselines) == BASELINES[definition.kind]


@ALL
def test_the_details_describe_rows_and_target_as_the_kind_does(name: str) -> None:
    definition, made = kinds.ROWS[name]
    data = kinds.version(name).details.data
    table = check(made(), definition, "rows")
    assert data.rows == len(table)
    assert data.fingerprint == table.fingerprint()
    estimates = definition.kind in (Kind.REGRESSION, Kind.OPTIMISER)
    assert (data.positive_rate is not None) == (definition.kind is Kind.BINARY)
    assert (data.classes is not None) == (definition.kind is Kind.MULTICLASS)
    assert (data.target_mean is not None, data.target_deviation is not None) == (estimates, estimates)
    if data.classes is not None:
        assert definition.target is not None
        assert tuple(data.classes) == definition.target.classes
        assert data.classes == made()["k"].value_counts().to_dict()
    if data.target_mean is not None:
        assert definition.target is not None
        assert data.target_mean == pytest.approx(made()[definition.target.column].mean())


@ALL
def test_importance_names_every_input_and_what_decides_comes_first(name: str) -> None:
    definition, details = kinds.DEFINITIONS[name], kinds.version(name).details
    assert {one.feature for one in details.importance} == set(definition.inputs.names)
    leading = {"small_classes": "x", "small_quantity": "x", "small_additive": "x", "small_horizon": "mean"}
    assert details.importance[0].feature == leading.get(name, details.importance[0].feature)
    assert details.dependence
    assert {one.feature for one in details.dependence} <= set(definition.inputs.names)


@ALL
def test_the_same_rows_and_seed_give_the_same_version(name: str) -> None:
    definition, made = kinds.ROWS[name]
    again, before = train(definition, small.Given(made())), kinds.version(name)
    assert again.tag != before.tag
    assert again.details.metrics == before.details.metrics
    assert again.details.example == before.details.example
    assert again.calibration() == before.calibration()
    for file in before.path.iterdir():
        if file.name not in ("version.json", "model.yaml", "card.html"):
            assert (again.path / file.name).read_bytes() == file.read_bytes(), file.name


def test_several_classes_are_calibrated_together_and_beat_the_prior() -> None:
    version = kinds.version("small_classes")
    calibration = version.calibration()
    assert isinstance(calibration, TemperatureCalibration)
    assert len(calibration.biases) == 3
    loss = version.details.metrics[0]
    assert (loss.name, loss.high) < ("log_loss", loss.baselines["prior"])
    assert loss.value < loss.baselines["logistic_regression"]
    assert version.details.threshold is None
    assert sum(one.rows for one in version.details.calibration) == version.details.data.test_rows


def test_a_quantity_s_interval_holds_what_it_promises_and_is_wider_where_the_noise_is() -> None:
    version = kinds.version("small_quantity")
    calibration = version.calibration()
    assert isinstance(calibration, IntervalCalibration)
    values = {metric.name: metric for metric in version.details.metrics}
    assert values["coverage"].low - 0.02 <= 0.8 <= values["coverage"].high + 0.02
    assert values["rmse"].value < values["rmse"].baselines["linear_regression"]
    assert (version.details.threshold, version.details.calibration, version.details.thresholds) == (None, (), ())


def test_few_rows_have_an_interval_of_one_width() -> None:
    definition = dataclasses.replace(kinds.quantity, name="few_quantities")
    version = train(definition, small.Given(kinds.quantity_rows(600)), force=True)
    assert version.details.estimators == {"model": "trees"}
    calibration = version.calibration()
    assert isinstance(calibration, IntervalCalibration)
    assert calibration.margin > 0


def test_a_linear_truth_is_stored_as_terms_and_that_is_said() -> None:
    version = kinds.version("small_additive")
    model = version.additive()
    assert model.outputs == 1
    assert len(model.terms) == len(kinds.additive.inputs)
    assert any("a simple model is at least as good" in words for words in version.details.chosen)
    assert version.details.data.split.startswith("5-fold cross-validation")
    assert version.details.data.train_rows == version.details.data.test_rows == version.details.data.rows


def test_amounts_are_learned_from_positives_and_judged_on_rows_that_were_held_out() -> None:
    """The truth is 50 + 20 z with noise of 5: no model gets below 5 x 0.8 on rows that it has not seen."""
    metric = kinds.version("small_additive").details.metrics[-1]
    assert metric.name == "amount_mae"
    assert 3.9 < metric.value < 6.5
    assert metric.baselines["mean"] > 2 * metric.value


def test_anomalies_are_found_without_having_been_shown() -> None:
    version = kinds.version("small_odd")
    assert version.calibration() == IsolationCalibration()
    values = {metric.name: metric.value for metric in version.details.metrics}
    assert values["roc_auc"] > 0.8
    assert version.details.threshold is not None
    assert 0.02 < values["flagged"] < 0.12
    shuffled = kinds.odd_rows()
    shuffled["odd"] = np.random.default_rng(1).permutation(shuffled["odd"].to_numpy())
    definition = dataclasses.replace(kinds.odd, name="odd_shuffled")
    blind = train(definition, small.Given(shuffled), force=True)
    assert abs(blind.details.metrics[0].value - 0.5) < 0.15, "the target only measures"


def test_an_anomaly_model_without_a_truth_is_stored_with_the_share_that_it_flags() -> None:
    definition = dataclasses.replace(kinds.odd, name="odd_unknown", target=None, policy=AnomalyPolicy(share=0.1))
    version = train(definition, small.Given(kinds.odd_rows().drop(columns="odd")))
    (metric,) = version.details.metrics
    assert metric.name == "flagged"
    assert metric.value == pytest.approx(0.1, abs=0.05)
    with_gate = dataclasses.replace(definition, gates=(Gate(metric="roc_auc", at_least=0.5),))
    with pytest.raises(GatesMissedError, match="roc_auc has a gate, but these rows do not give it"):
        train(with_gate, small.Given(kinds.odd_rows().drop(columns="odd")))
    forced = train(with_gate, small.Given(kinds.odd_rows().drop(columns="odd")), force=True)
    (gate,) = forced.details.gates
    assert (gate.value, gate.passed) == (None, False)


@pytest.mark.parametrize("name", ["small_classes", "small_quantity", "small_optimiser"])
def test_rows_without_a_signal_are_refused_by_every_kind(name: str) -> None:
    definition, made = kinds.ROWS[name]
    assert definition.target is not None
    column = definition.target.column
    frame = made().head(1500)
    frame[column] = np.random.default_rng(5).permutation(frame[column].to_numpy())
    baseline = "prior" if definition.kind is Kind.MULTICLASS else "mean"
    with pytest.raises(GatesMissedError, match=f"must be clearly better than the {baseline} baseline's"):
        train(dataclasses.replace(definition, name="no_signal"), small.Given(frame))


@pytest.mark.parametrize("name", ["small_classes", "small_quantity", "small_optimiser"])
def test_every_kind_has_a_linear_form_too(name: str) -> None:
    definition, made = kinds.ROWS[name]
    saturating = ("price",) if name == "small_optimiser" else ()
    linear = dataclasses.replace(
        definition, name=f"{name}_linear", recipe=Recipe(form="linear", saturating=saturating, seed=3)
    )
    details = train(linear, small.Given(made()), force=True).details
    assert details.estimators == {"model": "additive"}
    assert details.trees == 0
    assert [metric.name for metric in details.metrics] == list(METRICS[definition.kind])
    assert "learned from all rows" in details.data.split


def test_the_learned_response_to_a_price_never_rises() -> None:
    from inference.loaded import load

    loaded = load(kinds.optimiser, kinds.version("small_optimiser"))
    rows = np.column_stack([np.linspace(0, 60, 300), np.full(300, 200.0)]).astype(np.float32)
    assert (np.diff(loaded.score(rows)[:, 0]) <= 0).all()


@pytest.mark.parametrize("kind", ["quantity", "classes"])
def test_cross_validated_trees_of_every_kind_are_stored_as_one_booster(kind: str) -> None:
    """The truth is not linear: "auto" takes trees, and what is stored is the mean of the folds' boosters."""
    definition = kinds.quantity if kind == "quantity" else kinds.several
    rows = kinds.quantity_rows(1200) if kind == "quantity" else kinds.several_rows(1500)
    if kind == "classes":
        rows["k"] = np.where(rows["x"].fillna(0).abs() > 1.2, "gold", np.where(rows["x"] > 0, "silver", "bronze"))
    auto = dataclasses.replace(definition, name=f"auto_{kind}", recipe=Recipe(form="auto", seed=3, traps="leave_out"))
    version = train(auto, small.Given(rows), force=True)
    assert version.details.estimators["model"] == "trees"
    assert version.details.data.split.startswith("5-fold cross-validation")
    again = store.get(version.tag, auto)
    assert again.details.example.margin == version.details.example.margin


def test_a_coverage_of_choice_is_kept() -> None:
    definition = dataclasses.replace(kinds.quantity, name="half_covered", policy=RegressionPolicy(coverage=0.5))
    details = train(definition, small.Given(kinds.quantity_rows())).details
    values = {metric.name: metric.value for metric in details.metrics}
    assert values["coverage"] == pytest.approx(0.5, abs=0.08)


def only_missing(frame: pd.DataFrame, definition: Definition) -> pd.DataFrame:
    """All that may be missing is."""
    return frame.assign(**{one.name: None for one in definition.inputs.features if one.missing})


@pytest.mark.parametrize("name", ["small_classes", "small_quantity", "small_additive", "small_odd"])
def test_columns_without_a_single_value_are_no_obstacle(name: str) -> None:
    definition, made = kinds.ROWS[name]
    given = dataclasses.replace(definition, name=f"{name}_missing")
    details = train(given, small.Given(only_missing(made(), definition)), force=True).details
    assert any("is missing in all rows" in finding for finding in details.findings)
