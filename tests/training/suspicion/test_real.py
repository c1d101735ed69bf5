"""The data sets that come with scikit-learn are honest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from tests.training.suspicion.rows import acted_on, found, honest
from training.suspicion import find


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes"])
def test_clean_sets_raise_no_alarm(name: str) -> None:
    data = getattr(datasets, f"load_{name}")(as_frame=True)
    assert acted_on(data.data, data.target, discrete=name != "diabetes") == set()
    order = np.random.default_rng(1).permutation(len(data.target))
    shuffled = data.data.iloc[order].reset_index(drop=True)
    assert acted_on(shuffled, data.target.to_numpy()[order], discrete=name != "diabetes") == set()


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_a_species_that_one_measurement_tells_apart_is_no_alarm(kind: int) -> None:
    data = datasets.load_iris(as_frame=True)
    assert acted_on(data.data, data.target == kind) == set()


def test_a_leak_is_found_where_the_classes_are_separable_anyway() -> None:
    data = datasets.load_iris(as_frame=True)
    assert ("states_target", "x", "leave_out") in found(data.data.assign(x=data.target * 1.0), data.target)


def test_the_digits_are_noticed_to_stand_by_writer() -> None:
    """The set is no clean one: rows of one writer stand together, so that a random split has each on both sides."""
    data = datasets.load_digits(as_frame=True)
    assert acted_on(data.data, data.target) == {("time_order", None, "split_by_order")}


def test_tables_that_say_nothing_are_passed_over() -> None:
    features, target = honest(300)
    assert find(features.head(0), target[:0], discrete=True) == []
    assert find(features, np.zeros(300), discrete=True) == []
    assert find(features, np.arange(300).astype(np.float64), discrete=True) == []
    assert find(pd.DataFrame({"a": np.full(300, np.nan)}), target, discrete=True) == []
