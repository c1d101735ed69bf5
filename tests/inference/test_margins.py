"""The compiled kernel answers for a loaded version once it has proved equal to ONNX Runtime, and only then."""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference import tree_margins
from inference.estimator import TreeEstimator
from inference.loaded import LoadedModel, load
from inference.margins import PROBES, Margins, probes
from inference.outputs import MARGIN
from inference.predictor import Predictor
from registry.ensemble import Tree, TreeEnsemble
from registry.store import Version
from tests.inference.test_explainer import ensemble_of, goes_left, tree_of
from tests.inference.test_tree_margins import rows_for
from tests.small_version import definition, save
from training.onnx_export import export

WARMED = definition("warmed")


@pytest.fixture(scope="module")
def version() -> Version:
    return save(WARMED)


@pytest.fixture
def loaded(version: Version) -> LoadedModel:
    return load(WARMED, version)


def trees_of(loaded: LoadedModel) -> TreeEstimator:
    estimator = loaded.estimator
    assert isinstance(estimator, TreeEstimator)
    return estimator


def margins_of(loaded: LoadedModel) -> Margins:
    return trees_of(loaded).compiled


def ensemble_in(loaded: LoadedModel) -> TreeEnsemble:
    (ensemble,) = trees_of(loaded).ensembles
    return ensemble


def answers(loaded: LoadedModel) -> list[list[float]]:
    answered: list[list[float]] = loaded.score(rows_for(ensemble_in(loaded), 200)).tolist()
    return answered


def otherwise(tree: Tree, row: np.ndarray) -> Tree:
    """The same tree, but every leaf except the row's gives 0.01 more."""
    node = 0
    while tree.left[node] >= 0:
        node = int(tree.left[node] if goes_left(tree, node, row) else tree.right[node])
    others = (tree.left < 0) & (np.arange(len(tree.left)) != node)
    return replace(tree, value=np.where(others, tree.value + np.float32(0.01), tree.value))


def test_a_warmed_version_is_answered_by_the_kernel_as_before(loaded: LoadedModel) -> None:
    assert not margins_of(loaded).compiled
    before = answers(loaded)
    loaded.warm()
    assert margins_of(loaded).compiled
    assert "Predictor" not in repr(margins_of(loaded).of)
    np.testing.assert_allclose(answers(loaded), before, rtol=0, atol=1e-6)


def test_loading_compiles_nothing(loaded: LoadedModel) -> None:
    answers(loaded)
    assert "Predictor" in repr(margins_of(loaded).of)


def test_the_kernel_does_not_answer_for_a_version_whose_onnx_differs(
    version: Version, loaded: LoadedModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    example = loaded.encoding.matrix([version.details.example.record])[0]
    trees = tuple(otherwise(tree, example) for tree in ensemble_in(loaded).trees)
    copy = Version(version.tag, Path(shutil.copytree(version.path, tmp_path / "copy")), version.details)
    (copy.path / "model.onnx").write_bytes(export([replace(ensemble_in(loaded), trees=trees)], "another"))
    another = load(WARMED, copy)
    before = answers(another)
    for _ in range(2):
        another.warm()
    assert not margins_of(another).compiled
    assert answers(another) == before
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage().startswith(f"{version.tag}: its compiled trees give")
    assert another.explain(example[None]).shape[1] > MARGIN


def test_a_kernel_that_does_not_compile_leaves_onnx_runtime_answering(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(ensemble: TreeEnsemble) -> None:
        raise RuntimeError("no such processor")

    monkeypatch.setattr(tree_margins, "MarginKernel", fail)
    before = answers(loaded)
    loaded.warm()
    assert not margins_of(loaded).compiled
    assert answers(loaded) == before
    assert "cannot be compiled" in caplog.text
    assert "no such processor" in caplog.text


@pytest.mark.parametrize(("shift", "compiled"), [(5e-6, True), (2e-5, False), (float("nan"), False)])
def test_small_margins_may_differ_by_the_tolerance(shift: float, compiled: bool) -> None:
    ensemble = ensemble_of(tree_of([(1, 2, 0, 0.5, True, 4.0), (0.25, 1.0), (0.5, 3.0)]), features=1)
    moved = replace(ensemble, base_margin=shift)
    subject = Margins("tag", Predictor(export([ensemble], "test")), [moved])
    subject.warm(np.zeros((1, 1), np.float32))
    assert subject.compiled is compiled


def test_probes_meet_thresholds_and_hold_missing_and_extreme_values(loaded: LoadedModel) -> None:
    found = probes(ensemble_in(loaded))
    assert found.shape == (PROBES + 4, ensemble_in(loaded).features)
    assert found.dtype == np.float32
    assert np.array_equal(found, probes(ensemble_in(loaded)), equal_nan=True)
    assert np.isnan(found).any(axis=0).all()
    assert np.isnan(found[-4]).all()
    assert np.isinf(found[-2:]).all()
    thresholds = np.concatenate(
        [tree.threshold[(tree.left >= 0) & (tree.feature == 0)] for tree in ensemble_in(loaded).trees]
    )
    met = found[:PROBES, 0]
    assert np.isin(met[~np.isnan(met)], np.append(thresholds, 0.0)).all()


def test_an_ensemble_without_trees_has_probes_too() -> None:
    assert probes(ensemble_of(features=3)).shape == (PROBES + 4, 3)
