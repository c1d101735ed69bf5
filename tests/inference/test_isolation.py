"""One model call, and what is left of it when rows fail."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inference.isolation import MOST_CALLS, Output, run_isolated
from tests.inference.fakes import Numbers, Poisoned, answers, rows


def matrix(count: int) -> NDArray[np.float32]:
    return np.array(rows(range(count)), np.float32)


def test_a_call_that_succeeds_is_the_only_one() -> None:
    model = Numbers()
    outputs, failures, seconds = run_isolated(model, matrix(50))
    assert outputs.tolist() == answers(range(50))
    assert failures == {}
    assert model.sizes == [50]
    assert seconds > 0


@pytest.mark.parametrize("bad", [0, 1, 2047, 2048, 4095])
def test_one_poisonous_row_costs_two_calls_for_each_halving(bad: int) -> None:
    model = Numbers({bad})
    outputs, failures, _ = run_isolated(model, matrix(4096))
    assert list(failures) == [bad]
    assert len(model.calls) == 1 + 2 * 12
    assert np.delete(outputs, bad, axis=0).tolist() == answers(n for n in range(4096) if n != bad)


@given(count=st.integers(1, 200), poison=st.frozensets(st.integers(0, 199), max_size=12))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_exactly_the_poisonous_rows_fail_each_with_its_own_cause(count: int, poison: frozenset[int]) -> None:
    outputs, failures, _ = run_isolated(Numbers(poison), matrix(count))
    assert set(failures) == {row for row in poison if row < count}
    assert {row: error.args[0] for row, error in failures.items()} == {row: [row] for row in failures}
    good = [row for row in range(count) if row not in failures]
    if good:
        assert outputs[good].tolist() == answers(good)


@pytest.mark.parametrize("count", [1, 2, 3, 100, 10_000])
def test_a_model_that_fails_on_everything_is_not_asked_more_often_than_the_bound(count: int) -> None:
    model = Numbers(range(count))
    outputs, failures, _ = run_isolated(model, matrix(count))
    assert set(failures) == set(range(count))
    assert all(isinstance(error, Poisoned) for error in failures.values())
    assert outputs.shape == (count, 0)
    assert len(model.calls) <= min(MOST_CALLS + 1, 2 * count - 1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_row_whose_output_is_no_finite_number_fails_alone(value: float) -> None:
    def call(rows: NDArray[np.float32]) -> Output:
        outputs = Numbers()(rows)
        outputs[rows[:, 0] == 3, 1] = value
        return outputs

    outputs, failures, _ = run_isolated(call, matrix(6))
    assert {row: type(error) for row, error in failures.items()} == {3: ArithmeticError}
    assert np.delete(outputs, 3, axis=0).tolist() == answers([0, 1, 2, 4, 5])


def test_pieces_whose_width_differs_fail_and_the_others_stay() -> None:
    def call(rows: NDArray[np.float32]) -> Output:
        if len(rows) > 2:
            raise Poisoned
        return np.ones((len(rows), 3 if rows[0, 0] >= 2 else 2))

    outputs, failures, _ = run_isolated(call, matrix(4))
    assert outputs[:2].tolist() == [[1, 1], [1, 1]]
    assert set(failures) == {2, 3}
