"""A column that is a fixed multiple of another in one class alone states it, though neither does by itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.training.suspicion.rows import acted_on, evidence, honest

ROWS = 2000
PAIR = {("states_target", "total", "leave_out"), ("states_target", "others", "leave_out")}


def earnings(multiple: float) -> tuple[pd.DataFrame, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """A household's income, and that of all but one, who earns something in one class: rounded to six digits."""
    features, target = honest(ROWS)
    random = np.random.default_rng(3)
    others = np.round(random.lognormal(10, 0.5, ROWS), 6)
    own = np.where(target == 1, random.lognormal(7, 1, ROWS), 0)
    return features.assign(total=np.round((others + own) * multiple, 6), others=others), target


@pytest.mark.parametrize("multiple", [1000.0, 0.001, -3.0])
def test_a_total_that_is_one_of_its_parts_in_one_class_is_left_out_with_that_part(multiple: float) -> None:
    features, target = earnings(multiple)
    assert acted_on(features, target) == PAIR
    said = f"'total' is {multiple:g} times 'others' in one class and hardly ever in the other"
    assert said in evidence(features, target, "total")


def test_a_multiple_that_both_classes_hold_is_honest() -> None:
    features, target = honest(ROWS)
    price = np.random.default_rng(4).lognormal(3, 1, ROWS)
    frame = features.assign(net=price, gross=price * 1.2, zero=np.where(target == 1, 0.0, price) * 0)
    assert acted_on(frame, target) == set()
