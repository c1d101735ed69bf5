"""A training, end to end, into a real model store."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import onnxruntime
import pytest
import xgboost

from models import catalogue
from models.definition import Definition, Gate, Recipe
from registry import store
from registry.calibration import IsotonicCalibration, SigmoidCalibration
from tests.training import kinds, small
from training.errors import DataError, GatesMissedError
from training.metrics import HIGHER_IS_BETTER
from training.sources import Synthetic
from training.train import STAGES, train

SOURCE = small.Given(small.frame())
TOO_MUCH = dataclasses.replace(small.definition, gates=(Gate(metric="roc_auc", at_least=0.999),))


@pytest.fixture(scope="module")
def version() -> store.Version:
    return train(small.definition, SOURCE)


def test_the_stored_version_reads_back(version: store.Version) -> None:
    found = store.get(version.tag, small.definition)
    assert found.details == version.details
    assert store.newest(small.definition).tag.startswith("small:")


def test_both_artifacts_give_the_example_its_stored_answer(version: store.Version) -> None:
    example = version.details.example
    row = version.encoding(small.definition).matrix([small.definition.schema.example])
    session = onnxruntime.InferenceSession(version.onnx(), providers=["CPUExecutionProvider"])
    booster = xgboost.Booster(model_file=bytearray(version.booster()))
    margin = session.run(["margin"], {"rows": row})[0][:, 0]
    assert margin[0] == pytest.approx(example.margin, abs=1e-5)
    assert booster.inplace_predict(row, predict_type="margin")[0] == pytest.approx(example.margin, abs=1e-6)
    calibration = version.calibration()
    assert isinstance(calibration, SigmoidCalibration | IsotonicCalibration)
    assert calibration.probability(margin)[0] == pytest.approx(example.score, abs=1e-6)


def test_metrics_stand_beside_their_baselines_within_their_intervals(version: store.Version) -> None:
    assert [metric.name for metric in version.details.metrics] == list(HIGHER_IS_BETTER)
    for metric in version.details.metrics:
        assert set(metric.baselines) == {"prior", "logistic_regression"}
        assert metric.low <= metric.high
    auc = version.details.metrics[0]
    assert auc.low < auc.value < auc.high
    assert auc.baselines["prior"] == 0.5
    assert auc.value > auc.baselines["logistic_regression"] + 0.05


def test_the_details_say_where_the_version_came_from(version: store.Version) -> None:
    details = version.details
    data = details.data
    assert data.train_rows + data.validation_rows + data.test_rows == data.rows == 3000
    assert data.fingerprint == small.table().fingerprint()
    assert data.source == "given, 3000 rows"
    assert details.reproduction.command == "tiffin train small --data given.csv"
    assert details.limits == small.definition.limits
    assert details.forced == ()
    assert sum(bin_.rows for bin_ in details.calibration) == data.test_rows
    assert details.threshold in [row.threshold for row in details.thresholds]
    assert details.importance[0].feature == "x"
    assert details.trees == len(xgboost.Booster(model_file=bytearray(version.booster())).get_dump())


def test_the_reference_holds_training_rows_and_scores_of_the_test(version: store.Version) -> None:
    reference, data = version.reference(), version.details.data
    assert sum(reference.features[1].counts) == data.train_rows
    assert sum(reference.score.counts) == data.test_rows


def test_nothing_in_a_version_needs_unpickling(version: store.Version) -> None:
    files = {path.name for path in version.path.iterdir()}
    assert {"model.ubj", "model.onnx", "encoding.json", "calibration.json", "version.json"} <= files
    for name in files:
        assert name.endswith((".ubj", ".onnx", ".json", ".yaml", ".html")), name
    assert json.loads((version.path / "schema.json").read_text())[0]["name"] == "x"


def test_the_same_rows_and_seed_give_the_same_version(version: store.Version) -> None:
    again = train(small.definition, SOURCE)
    assert again.tag != version.tag
    assert again.booster() == version.booster()
    assert again.onnx() == version.onnx()
    assert again.details.metrics == version.details.metrics
    assert again.details.threshold == version.details.threshold


def test_a_version_that_misses_its_gates_is_not_stored() -> None:
    before = len(store.versions(small.definition))
    with pytest.raises(
        GatesMissedError, match=r"'small' is not stored: roc_auc is 0\.\d+, its gate asks for"
    ) as caught:
        train(TOO_MUCH, SOURCE)
    assert len(caught.value.misses) == 1
    assert len(store.versions(small.definition)) == before


def test_force_stores_it_with_the_miss_written_down() -> None:
    details = train(TOO_MUCH, SOURCE, force=True).details
    assert len(details.forced) == 1
    assert details.forced[0].startswith("roc_auc")
    assert [gate.passed for gate in details.gates] == [False]
    assert details.reproduction.command.endswith("--force")


def test_rows_without_a_signal_are_refused() -> None:
    frame = small.frame()
    frame["y"] = np.random.default_rng(5).permutation(frame["y"].to_numpy())
    with pytest.raises(GatesMissedError, match="must be clearly better than the prior baseline's"):
        train(dataclasses.replace(small.definition, gates=()), small.Given(frame))


ALWAYS = {"read", "split", "fit", "evaluate", "export", "store"}


@pytest.mark.parametrize(
    ("definition", "source", "more"),
    [
        (small.definition, SOURCE, {"search"}),
        (dataclasses.replace(small.definition, recipe=Recipe(form="linear")), SOURCE, {"search", "refit"}),
        (kinds.odd, small.Given(kinds.odd_rows()), set()),
    ],
    ids=["trees", "linear", "anomaly"],
)
def test_progress_hears_every_stage_begin_and_end_in_order(
    definition: Definition, source: small.Given, more: set[str]
) -> None:
    heard: list[tuple[str, int, int]] = []
    train(definition, source, progress=lambda *told: heard.append(told), rows=1500, force=True)
    stages = list(dict.fromkeys(stage for stage, _, _ in heard))
    assert stages == [stage for stage in STAGES if stage in ALWAYS | more]
    for stage in stages:
        told = [(done, total) for name, done, total in heard if name == stage]
        assert told[0][0] == 0
        assert told[-1][0] == told[-1][1]


def test_rows_bounds_what_is_used_and_is_part_of_the_command() -> None:
    details = train(small.definition, SOURCE, rows=1500).details
    assert details.data.rows == 1500
    assert details.reproduction.command.endswith("--rows 1500")


def test_a_model_trains_from_a_source_that_does_not_fit_with_an_error_that_says_so() -> None:
    with pytest.raises(DataError, match="there are no columns"):
        train(catalogue()["fraud"], SOURCE)


def test_fraud_trains_on_rare_positives_in_the_order_of_time() -> None:
    details = train(catalogue()["fraud"], Synthetic("fraud"), rows=30_000, force=True).details
    assert details.metrics[0].value > 0.85
    assert details.data.split.startswith("by time: Time up to")
    assert any(row.cost is not None for row in details.thresholds)
