"""A version is checked before anyone may ask it."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from inference.errors import LoadFailedError
from inference.loaded import LoadedModel, load
from inference.outputs import MARGIN, SCORE
from models.definition import Value
from registry.calibration import IsotonicCalibration, SigmoidCalibration
from registry.details import VersionDetails
from registry.store import Version
from tests.small_version import definition, save
from tests.training import small

LOADED = definition("loaded")
NAMES = LOADED.schema.names


@pytest.fixture(scope="module")
def version() -> Version:
    return save(LOADED)


@pytest.fixture(scope="module")
def loaded(version: Version) -> LoadedModel:
    return load(LOADED, version)


@pytest.fixture
def copy(version: Version, tmp_path: Path) -> Version:
    """The same version where its files may be damaged."""
    folder = tmp_path / "a folder that nobody outside may hear of"
    shutil.copytree(version.path, folder)
    return Version(version.tag, folder, version.details)


def records(count: int) -> list[dict[str, Any]]:
    """Valid records with missing values and unseen levels."""
    frame = small.frame(count, seed=5)[list(NAMES)].astype(object)
    frame.loc[::7, "c"] = "new"
    plain: list[dict[str, Any]] = frame.where(frame.notna(), None).to_dict("records")  # type: ignore[assignment]
    return plain


def test_a_loaded_version_answers_its_example_as_at_training(version: Version, loaded: LoadedModel) -> None:
    example = version.details.example
    outputs = loaded.score(loaded.encoding.matrix([example.record]))
    assert outputs[0, MARGIN] == pytest.approx(example.margin, abs=1e-6)
    assert outputs[0, SCORE] == pytest.approx(example.score, abs=1e-6)
    assert loaded.tag == version.tag


def test_margins_equal_xgboost_s_and_scores_are_calibrated_from_them(version: Version, loaded: LoadedModel) -> None:
    rows = loaded.encoding.matrix(records(500))
    assert np.isnan(rows).any(axis=1).sum() > 50
    booster = xgboost.Booster(model_file=bytearray(version.booster()))
    outputs = loaded.score(rows)
    np.testing.assert_allclose(
        outputs[:, MARGIN], booster.inplace_predict(rows, predict_type="margin"), rtol=0, atol=1e-5
    )
    calibration = version.calibration()
    assert isinstance(calibration, SigmoidCalibration | IsotonicCalibration)
    expected = calibration.probability(outputs[:, MARGIN].astype(np.float32))
    assert outputs[:, SCORE].tolist() == expected.tolist()
    assert ((outputs[:, SCORE] > 0) & (outputs[:, SCORE] < 1)).all()


def test_an_explained_row_holds_its_score_and_contributions_that_add_up(loaded: LoadedModel) -> None:
    rows = loaded.encoding.matrix(records(200))
    outputs = loaded.explain(rows)
    width = loaded.scoring.width
    assert outputs.shape == (200, width + len(NAMES))
    assert outputs[:, :width].tolist() == loaded.score(rows).tolist()
    total = loaded.base_value(outputs[0]) + outputs[:, width:].sum(axis=1)
    np.testing.assert_allclose(total, outputs[:, MARGIN], rtol=0, atol=1e-4)


def test_drivers_are_the_strongest_contributions_first(loaded: LoadedModel) -> None:
    record: list[Value] = [0.5, 3, True, "a", "mid", 20]
    outputs = np.array([0.0, 0.5, 0.1, -0.4, 0.0, 0.4, -2.0, 0.3])
    drivers = loaded.drivers(outputs, record, 3)
    assert [(driver.feature, driver.value, driver.contribution) for driver in drivers] == [
        ("d", "mid", -2.0),
        ("n", 3, -0.4),
        ("c", "a", 0.4),
    ], "equal strength keeps the schema's order"
    assert json.dumps([driver.contribution for driver in drivers])


def test_no_top_means_all_drivers(loaded: LoadedModel) -> None:
    outputs = loaded.explain(loaded.encoding.matrix([LOADED.schema.example]))[0]
    values = list(LOADED.schema.example.values())
    everything = loaded.drivers(outputs, values, 0)
    assert sorted(driver.feature for driver in everything) == sorted(NAMES)
    strengths = [abs(driver.contribution) for driver in everything]
    assert strengths == sorted(strengths, reverse=True)
    assert loaded.drivers(outputs, values, 2) == everything[:2]
    assert loaded.drivers(outputs, values, 100) == everything


@pytest.mark.parametrize("name", ["model.onnx", "model.ubj", "encoding.json", "calibration.json", "reference.json"])
def test_a_missing_file_is_named_without_its_folder(copy: Version, name: str) -> None:
    (copy.path / name).unlink()
    with pytest.raises(LoadFailedError, match=f"version {copy.tag} does not load: {name}: No such file") as caught:
        load(LOADED, copy)
    assert copy.path.name not in str(caught.value), "the reason goes to callers of the API"


@pytest.mark.parametrize("name", ["model.onnx", "model.ubj", "encoding.json", "calibration.json", "reference.json"])
@pytest.mark.parametrize("damage", [lambda _: b"", lambda old: old[: len(old) // 2], lambda old: b"\x00" + old])
def test_a_damaged_file_is_named(copy: Version, name: str, damage: Callable[[bytes], bytes]) -> None:
    path = copy.path / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(LoadFailedError, match=f"does not load: {name}: ") as caught:
        load(LOADED, copy)
    assert (caught.value.tag, caught.value.__cause__ is None) == (copy.tag, False)


def test_trees_that_answer_otherwise_than_at_training_are_refused(copy: Version) -> None:
    from registry.ensemble import read_ensemble
    from training.onnx_export import export

    ensemble = read_ensemble(copy.booster())
    moved = type(ensemble)(ensemble.features, ensemble.base_margin + 1e-4, ensemble.trees)
    (copy.path / "model.onnx").write_bytes(export([moved], "tampered"))
    with pytest.raises(LoadFailedError, match=r"its example scores 0\.\d{6} \(margin .*at training 0\.\d{6}"):
        load(LOADED, copy)


def test_a_booster_of_another_version_is_refused(copy: Version) -> None:
    booster = xgboost.Booster(model_file=bytearray(copy.booster()))
    (copy.path / "model.ubj").write_bytes(bytes(booster[:3].save_raw("ubj")))
    with pytest.raises(LoadFailedError, match="its estimators have 3 trees; stored were"):
        load(LOADED, copy)


def with_example(version: Version, **changes: Any) -> Version:
    document = version.details.model_dump()
    document["example"] = document["example"] | changes
    return Version(version.tag, version.path, VersionDetails.model_validate(document))


@pytest.mark.parametrize("field", ["margin", "score"])
@pytest.mark.parametrize("shift", [3e-5, -3e-5, 0.5])
def test_an_example_that_was_answered_otherwise_is_refused(version: Version, field: str, shift: float) -> None:
    told = getattr(version.details.example, field)
    with pytest.raises(LoadFailedError, match="its example scores"):
        load(LOADED, with_example(version, **{field: told + shift}))


def test_an_example_that_cannot_be_scored_is_refused(version: Version) -> None:
    record = version.details.example.record | {"x": "much"}
    with pytest.raises(LoadFailedError, match="does not load: its example: ValueError: could not convert"):
        load(LOADED, with_example(version, record=record))


def test_an_example_with_other_values_is_refused(version: Version) -> None:
    record = version.details.example.record | {"f": False, "x": -3.0}
    with pytest.raises(LoadFailedError, match="its example scores"):
        load(LOADED, with_example(version, record=record))


def test_a_calibration_that_was_exchanged_is_refused(copy: Version) -> None:
    (copy.path / "calibration.json").write_text('{"method": "sigmoid", "slope": 2.0, "intercept": 0.7}')
    with pytest.raises(LoadFailedError, match="its example scores"):
        load(LOADED, copy)


def test_the_score_of_a_rare_event_is_held_to_a_share_of_it(copy: Version) -> None:
    (copy.path / "calibration.json").write_text('{"method": "sigmoid", "slope": 1.0, "intercept": -9.0}')
    score = 1 / (1 + math.exp(9 - copy.details.example.margin))
    assert score < 1e-3
    load(LOADED, with_example(copy, score=score))
    with pytest.raises(LoadFailedError, match="its example scores"):
        load(LOADED, with_example(copy, score=score * 1.005))
