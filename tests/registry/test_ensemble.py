"""Trees read from XGBoost's file answer as XGBoost does, and what Tiffin cannot serve is refused."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost
from numpy.typing import NDArray

from registry import ubjson
from registry.ensemble import Tree, TreeEnsemble, UnsupportedBoosterError, read_ensemble, read_ensembles
from registry.ubjson import MalformedUbjsonError
from tests.registry.test_ubjson import written

FEATURES = 5
OBJECTIVES = (
    "binary:logistic",
    "reg:logistic",
    "reg:squarederror",
    "reg:squaredlogerror",
    "reg:absoluteerror",
    "reg:pseudohubererror",
    "reg:quantileerror",
    "count:poisson",
    "reg:gamma",
    "reg:tweedie",
)


@functools.cache
def rows() -> NDArray[np.float32]:
    random = np.random.default_rng(1)
    made = random.normal(0, 1, (400, FEATURES)).astype(np.float32)
    made[random.random(made.shape) < 0.2] = np.nan
    return made


@functools.cache
def labels() -> NDArray[np.int64]:
    """1 for three rows of four or so: a base score far from one half."""
    return (np.nan_to_num(rows()[:, 0]) + np.nan_to_num(rows()[:, 1]) ** 2 > 0).astype(int)


def fitted(rounds: int = 8, **settings: Any) -> xgboost.Booster:
    wanted = {"max_depth": 4, "nthread": 1, "quantile_alpha": 0.3, **settings}
    if wanted.get("objective") != "reg:quantileerror":
        del wanted["quantile_alpha"]
    return xgboost.train(wanted, xgboost.DMatrix(rows(), labels() + (wanted.get("objective") == "reg:gamma")), rounds)


def read(booster: xgboost.Booster) -> TreeEnsemble:
    return read_ensemble(bytes(booster.save_raw("ubj")))


def margin(ensemble: TreeEnsemble, row: NDArray[np.float32]) -> float:
    """What the dataclasses' docstrings promise, word by word."""
    return ensemble.base_margin + sum(leaf(tree, row) for tree in ensemble.trees)


def leaf(tree: Tree, row: NDArray[np.float32]) -> float:
    node = 0
    while tree.left[node] != -1:
        value = row[tree.feature[node]]
        left = tree.default_left[node] if np.isnan(value) else value < tree.threshold[node]
        node = tree.left[node] if left else tree.right[node]
    return float(tree.value[node])


def agree(booster: xgboost.Booster) -> None:
    ensemble = read(booster)
    predicted = booster.inplace_predict(rows(), predict_type="margin")
    np.testing.assert_allclose([margin(ensemble, row) for row in rows()], predicted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_margins_equal_the_booster_s_for_every_objective(objective: str) -> None:
    agree(fitted(objective=objective))


@pytest.mark.parametrize("objective", ["binary:logistic", "reg:squarederror"])
@pytest.mark.parametrize(
    "settings",
    [
        {"base_score": 0.03},
        {"booster": "gbtree", "num_parallel_tree": 3, "subsample": 0.5},
        {"gamma": 2.0},
        {"max_depth": 1},
    ],
    ids=str,
)
def test_margins_equal_the_booster_s_for_other_settings(objective: str, settings: dict[str, Any]) -> None:
    agree(fitted(objective=objective, **settings))


def test_a_booster_that_was_cut_keeps_the_trees_up_to_the_cut() -> None:
    booster = fitted(objective="binary:logistic")[:3]
    assert len(read(booster).trees) == 3
    agree(booster)


def test_trees_that_are_a_single_leaf_are_read() -> None:
    booster = fitted(objective="binary:logistic", gamma=1e9)
    assert {len(tree.left) for tree in read(booster).trees} == {1}
    agree(booster)


def test_arrays_have_the_promised_types_and_leaves_the_promised_form() -> None:
    ensemble = read(fitted(objective="binary:logistic"))
    assert (ensemble.features, len(ensemble.trees)) == (FEATURES, 8)
    for tree in ensemble.trees:
        types = [array.dtype for array in (tree.left, tree.feature, tree.threshold, tree.default_left, tree.cover)]
        assert types == [np.int32, np.int32, np.float32, np.bool_, np.float32]
        leaves = tree.left == -1
        assert (tree.right[leaves] == -1).all()
        assert (tree.threshold[leaves] == 0).all()
        assert (tree.value[~leaves] == 0).all()
        inner = np.flatnonzero(~leaves)
        np.testing.assert_allclose(
            tree.cover[inner], tree.cover[tree.left[inner]] + tree.cover[tree.right[inner]], rtol=1e-4
        )


def test_categorical_splits_are_refused() -> None:
    frame = pd.DataFrame({"c": pd.Categorical(np.array(list("abcd"))[np.arange(400) % 4]), "x": rows()[:, 2]})
    matrix = xgboost.DMatrix(frame, (np.arange(400) % 4 < 2).astype(int), enable_categorical=True)
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1, "max_cat_to_onehot": 1}, matrix, 3)
    with pytest.raises(UnsupportedBoosterError, match="categorical splits"):
        read(booster)


def classes(count: int) -> NDArray[np.int64]:
    """That many classes, the last ones rare."""
    edges = np.quantile(rows()[:, 2][~np.isnan(rows()[:, 2])], 1 - 0.5 ** np.arange(1, count))
    return np.searchsorted(edges, np.nan_to_num(rows()[:, 2]))


def several(outputs: int, rounds: int = 8, **settings: Any) -> xgboost.Booster:
    """A booster of several classes, quantiles or targets."""
    objective = settings["objective"]
    target = {
        "multi:softprob": classes(outputs),
        "reg:quantileerror": labels() + np.nan_to_num(rows()[:, 3]),
        "reg:squarederror": np.column_stack([labels() + number for number in range(outputs)]),
    }[objective]
    more = {
        "multi:softprob": {"num_class": outputs},
        "reg:quantileerror": {"quantile_alpha": np.linspace(0.05, 0.95, outputs).tolist()},
    }.get(objective, {})
    return xgboost.train({"max_depth": 3, "nthread": 1, **more, **settings}, xgboost.DMatrix(rows(), target), rounds)


def agree_in_all(booster: xgboost.Booster, outputs: int) -> None:
    ensembles = read_ensembles(bytes(booster.save_raw("ubj")))
    predicted = booster.inplace_predict(rows(), predict_type="margin")
    assert predicted.shape == (len(rows()), outputs)
    found = [[margin(ensemble, row) for ensemble in ensembles] for row in rows()]
    np.testing.assert_allclose(found, predicted, rtol=0, atol=1e-5)
    assert sum(len(ensemble.trees) for ensemble in ensembles) == len(booster.get_dump())


@pytest.mark.parametrize("objective", ["multi:softprob", "reg:quantileerror", "reg:squarederror"])
@pytest.mark.parametrize("outputs", [2, 3, 7])
@pytest.mark.parametrize("settings", [{}, {"num_parallel_tree": 2, "subsample": 0.5}, {"gamma": 1e9}], ids=str)
def test_every_output_has_an_ensemble_with_its_own_base(objective: str, outputs: int, settings: dict[str, Any]) -> None:
    agree_in_all(several(outputs, objective=objective, **settings), outputs)


@pytest.mark.parametrize("objective", ["multi:softprob", "reg:quantileerror"])
def test_a_booster_of_several_outputs_that_was_cut_keeps_the_rounds_up_to_the_cut(objective: str) -> None:
    booster = several(3, objective=objective)[:3]
    assert [len(one.trees) for one in read_ensembles(bytes(booster.save_raw("ubj")))] == [3, 3, 3]
    agree_in_all(booster, 3)


def test_one_base_score_for_several_outputs_counts_for_each() -> None:
    agree_in_all(several(3, objective="multi:softprob", base_score=0.7), 3)


@pytest.mark.parametrize("objective", ["multi:softprob", "reg:quantileerror", "reg:squarederror"])
def test_several_outputs_are_refused_where_one_is_asked_for(objective: str) -> None:
    with pytest.raises(UnsupportedBoosterError, match="more than one output"):
        read(several(2, objective=objective))


def test_a_booster_that_gives_classes_instead_of_margins_is_refused() -> None:
    with pytest.raises(UnsupportedBoosterError, match="objective multi:softmax; known are"):
        read(fitted(objective="multi:softmax", num_class=3))


@pytest.mark.parametrize("objective", ["multi:softprob", "reg:squarederror"])
def test_leaves_of_several_outputs_are_refused(objective: str) -> None:
    booster = several(3, objective=objective, multi_strategy="multi_output_tree", tree_method="hist")
    with pytest.raises(UnsupportedBoosterError, match="leaves with several outputs"):
        read_ensembles(bytes(booster.save_raw("ubj")))


@pytest.mark.parametrize("tree_info", [[0, 1, 3], [0, -1, 2], [0, 1]], ids=str)
def test_trees_that_belong_to_no_output_are_refused(tree_info: list[int]) -> None:
    document = ubjson.loads(bytes(several(3, rounds=1, objective="multi:softprob").save_raw("ubj")))
    document["learner"]["gradient_booster"]["model"]["tree_info"] = tree_info
    with pytest.raises(UnsupportedBoosterError, match="trees that belong to no output"):
        read_ensembles(written(plain(document)))


def test_base_scores_that_are_not_one_for_each_output_are_refused() -> None:
    document = ubjson.loads(bytes(several(3, rounds=1, objective="multi:softprob").save_raw("ubj")))
    document["learner"]["learner_model_param"]["base_score"] = "[0.1,0.2]"
    with pytest.raises(UnsupportedBoosterError, match="2 base scores for 3 outputs"):
        read_ensembles(written(plain(document)))


def plain(value: Any) -> Any:
    """A document without arrays, as `written` takes it."""
    match value:
        case dict():
            return {key: plain(inner) for key, inner in value.items()}
        case list():
            return [plain(inner) for inner in value]
        case np.ndarray():
            return value.tolist()
    return value


def test_boosters_that_are_no_plain_trees_are_refused() -> None:
    with pytest.raises(UnsupportedBoosterError, match="a dart booster"):
        read(fitted(objective="binary:logistic", booster="dart", rate_drop=0.5))
    line = xgboost.train({"booster": "gblinear", "nthread": 1}, xgboost.DMatrix(np.nan_to_num(rows()), labels()), 2)
    with pytest.raises(UnsupportedBoosterError, match="a gblinear booster"):
        read(line)


@pytest.mark.parametrize("objective", ["binary:logitraw", "binary:hinge", "survival:cox"])
def test_objectives_whose_base_score_would_be_misread_are_refused(objective: str) -> None:
    with pytest.raises(UnsupportedBoosterError, match=f"objective {objective}; known are binary:logistic, "):
        read(fitted(objective=objective))


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"learner": []},
        {"learner": {"learner_model_param": "no", "gradient_booster": {"name": "gbtree"}}},
        {"learner": {"learner_model_param": {}, "gradient_booster": {"name": "gbtree", "model": {"trees": []}}}},
        {
            "learner": {
                "learner_model_param": {"num_feature": "2", "base_score": "[1]"},
                "objective": {"name": "binary:logistic"},
                "gradient_booster": {"name": "gbtree", "model": {"trees": []}},
            }
        },
    ],
    ids=lambda document: repr(document)[:30],
)
def test_ubjson_that_is_no_tree_model_is_refused(document: Any) -> None:
    with pytest.raises(UnsupportedBoosterError, match="not an XGBoost tree model"):
        read_ensemble(written(document))


def test_bytes_that_are_no_ubjson_are_refused() -> None:
    with pytest.raises(MalformedUbjsonError):
        read_ensemble(b"not a booster")
