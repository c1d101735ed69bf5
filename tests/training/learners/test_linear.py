"""Linear models against scikit-learn's, and the curves of saturating effects."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression, Ridge

from registry.additive import LinearTerm, SaturatingTerm, TableTerm
from training.encode import Matrix
from training.learners import Additive, Fold, Linear
from training.progress import silent
from training.table import Target

Floats = NDArray[np.float64]
CODES = np.array([0.0, 1.0, 2.0, 3.0])
TABLES = frozenset((2,))


def rows(count: int = 1500, seed: int = 0) -> Matrix:
    """Two numbers of different size, one of them sometimes missing, a category with a missing level, a constant."""
    random = np.random.default_rng(seed)
    matrix = np.column_stack(
        [
            random.normal(3, 2, count),
            random.normal(-100, 50, count),
            random.choice([*CODES, np.nan], count, p=[0.4, 0.3, 0.2, 0.05, 0.05]),
            np.full(count, 7.0),
        ]
    ).astype(np.float32)
    matrix[random.random(count) < 0.15, 1] = np.nan
    return matrix


def effect(matrix: Matrix) -> Floats:
    """Linear in the first column, in the second where it is known, and a value for each code."""
    second = np.where(np.isnan(matrix[:, 1]), 0.8, 0.01 * (matrix[:, 1] + 100))
    level = np.where(
        np.isnan(matrix[:, 2]), -1.0, np.array([0.0, 1.5, -0.5, 0.7])[np.nan_to_num(matrix[:, 2]).astype(int)]
    )
    return np.asarray(0.5 * (matrix[:, 0] - 3) + second + level, np.float64)


def quantities(matrix: Matrix, seed: int = 1) -> Floats:
    return np.asarray(40 + 3 * effect(matrix) + np.random.default_rng(seed).normal(0, 1, len(matrix)))


def labels(matrix: Matrix, seed: int = 1) -> NDArray[np.int8]:
    random = np.random.default_rng(seed)
    return (random.random(len(matrix)) < 1 / (1 + np.exp(-effect(matrix)))).astype(np.int8)


def classes(matrix: Matrix, seed: int = 1) -> NDArray[np.int64]:
    random = np.random.default_rng(seed)
    margins = np.column_stack([effect(matrix), np.zeros(len(matrix)), 0.3 * matrix[:, 0] - 1])
    return np.asarray((margins + random.gumbel(size=margins.shape)).argmax(axis=1))


def fold(matrix: Matrix, target: Target) -> Fold:
    return Fold(matrix, target, matrix[:10], target[:10])


def design(matrix: Matrix, fitted: Matrix) -> Floats:
    """What the docstring says, by hand: standardised columns with an indicator, an indicator for every code."""
    parts = []
    for column in (0, 1, 3):
        known = ~np.isnan(fitted[:, column])
        centre, scale = fitted[known, column].mean(dtype=float), fitted[known, column].std(dtype=float) or 1.0
        values = matrix[:, column].astype(float)
        parts.append(np.where(np.isnan(values), 0.0, (values - centre) / scale))
        if not known.all():
            parts.append(np.isnan(values).astype(float))
    parts += [matrix[:, 2] == code for code in CODES]
    parts.append(np.isnan(matrix[:, 2]))
    return np.column_stack(parts).astype(float)


def additive(learned: Additive, matrix: Matrix) -> None:
    """Terms are centred on the rows that were fitted, and add up to the margin."""
    outputs = learned.model.outputs
    for output in range(outputs):
        parts = learned.contributions(matrix)[:, :, output]
        np.testing.assert_allclose(parts.mean(axis=0), 0, atol=1e-9)
        np.testing.assert_allclose(parts.sum(axis=1) + learned.model.base[output], learned.margins(matrix)[:, output])
    np.testing.assert_allclose(learned.margins(matrix).mean(axis=0), learned.model.base)


@pytest.mark.parametrize("penalty", [0.3, 30.0])
def test_least_squares_is_scikit_learn_s_ridge_on_the_same_design(penalty: float) -> None:
    matrix = rows()
    target = quantities(matrix)
    learned = Linear("squares", penalty, TABLES).fit(fold(matrix, target), silent)
    columns = design(matrix, matrix)
    oracle = Ridge(alpha=penalty).fit(columns - columns.mean(axis=0), target)
    fresh = rows(500, seed=9)
    expected = oracle.predict(design(fresh, matrix) - columns.mean(axis=0))
    np.testing.assert_allclose(learned.margins(fresh)[:, 0], expected, rtol=0, atol=2e-4)
    additive(learned, matrix)


@pytest.mark.parametrize("penalty", [0.3, 30.0])
@pytest.mark.parametrize("several", [False, True])
def test_logistic_regression_is_scikit_learn_s_on_the_same_design(penalty: float, several: bool) -> None:
    matrix = rows()
    target = classes(matrix) if several else labels(matrix)
    learned = Linear("logistic", penalty, TABLES, classes=3 if several else 2).fit(fold(matrix, target), silent)
    columns = design(matrix, matrix)
    means = columns.mean(axis=0)
    oracle = LogisticRegression(C=1 / penalty, max_iter=5000, tol=1e-8).fit(columns - means, target)
    fresh = rows(500, seed=9)
    expected = oracle.decision_function(design(fresh, matrix) - means).reshape(500, -1)
    found = learned.margins(fresh)
    assert found.shape == (500, 3 if several else 1)
    found, expected = (
        (found - found.mean(axis=1, keepdims=True), expected - expected.mean(axis=1, keepdims=True))
        if several
        else (found, expected)
    )
    for output in range(found.shape[1]):
        assert spearmanr(found[:, output], expected[:, output]).statistic > 0.99999
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-3)
    additive(learned, matrix)


def test_a_wrong_centre_of_the_classes_changes_no_probability() -> None:
    """Margins of several classes are defined up to a constant of the row; terms share it out the same way."""
    matrix = rows()
    learned = Linear("logistic", 1.0, TABLES, classes=3).fit(fold(matrix, classes(matrix)), silent)
    assert np.abs(learned.margins(matrix).sum(axis=1)).max() < 1e-3


def test_weak_penalties_recover_the_truth_and_strong_ones_shrink_it() -> None:
    matrix = rows(20_000)
    target = quantities(matrix)
    weak, strong = (Linear("squares", at, TABLES).fit(fold(matrix, target), silent) for at in (0.1, 1e6))
    slope, second, level, constant = weak.model.terms
    assert isinstance(slope, LinearTerm) and isinstance(second, LinearTerm) and isinstance(level, TableTerm)
    assert isinstance(constant, LinearTerm)
    assert slope.slope[0] == pytest.approx(1.5, abs=0.02)
    assert second.slope[0] == pytest.approx(0.03, abs=0.001)
    assert second.missing[0] - second.offset[0] == pytest.approx(3 * (0.8 - 0.01 * 100), abs=0.1)
    assert level.values[1][0] - level.values[0][0] == pytest.approx(4.5, abs=0.1)
    assert level.missing[0] - level.values[0][0] == pytest.approx(-3.0, abs=0.2)
    assert constant.slope[0] == pytest.approx(0, abs=1e-9)
    assert np.ptp(strong.margins(matrix)) < 0.1 * np.ptp(weak.margins(matrix))
    assert strong.model.base[0] == pytest.approx(target.mean())


def test_what_was_never_missing_counts_as_ordinary_when_it_is() -> None:
    """No row says what a missing value means there: it moves the margin nowhere."""
    matrix = rows()
    learned = Linear("squares", 1.0, TABLES).fit(fold(matrix, quantities(matrix)), silent)
    without = matrix[:5].copy()
    without[:, 0] = np.nan
    assert learned.contributions(without)[:, :, 0][:, 0].tolist() == [0.0] * 5


def test_columns_without_a_single_value_are_no_obstacle() -> None:
    matrix = rows()
    matrix[:, 1] = np.nan
    matrix[:, 2] = np.nan
    learned = Linear("squares", 1.0, TABLES).fit(fold(matrix, quantities(rows())), silent)
    fresh = rows(20, seed=2)
    assert np.isfinite(learned.margins(fresh)).all()
    assert learned.contributions(matrix)[:, :, 0][:, 1:3].max() == pytest.approx(0, abs=1e-12)


def test_the_model_of_all_folds_has_seen_every_row_and_those_of_single_folds_have_not() -> None:
    matrix = rows(600)
    target = quantities(matrix)
    number = np.arange(600) % 3
    folds = [Fold(matrix[number != k], target[number != k], matrix[number == k], target[number == k]) for k in range(3)]
    learner = Linear("squares", 1.0, TABLES)
    whole, single = learner.crossed(folds, silent)
    order = np.argsort(number, kind="stable")
    expected = learner.fit(fold(matrix[order], target[order]), silent)
    np.testing.assert_allclose(whole.margins(matrix), expected.margins(matrix), rtol=1e-9)
    for one, part in zip(single, folds, strict=True):
        alone = learner.fit(part, silent)
        np.testing.assert_array_equal(one.margins(matrix), alone.margins(matrix))


# --- saturating effects ----------------------------------------------------------------------------------------------

RATES = (20.0, 6.0)
HEIGHTS = (50.0, 10.0)


def spent(count: int = 1500, seed: int = 3) -> Matrix:
    random = np.random.default_rng(seed)
    return np.column_stack(
        [random.uniform(0, 100, count), random.uniform(0, 30, count), random.normal(0, 1, count)]
    ).astype(np.float32)


def earned(matrix: Matrix, noise: float = 0.5) -> Floats:
    random = np.random.default_rng(5)
    levelled = sum(
        height * (1 - np.exp(-matrix[:, column] / rate))
        for column, (height, rate) in enumerate(zip(HEIGHTS, RATES, strict=True))
    )
    return np.asarray(100 + levelled + 2 * matrix[:, 2] + random.normal(0, noise, len(matrix)), np.float64)


@pytest.fixture(scope="module")
def saturating() -> Additive:
    matrix = spent()
    learner = Linear("squares", 0.3, frozenset(), saturating=frozenset((0, 1)))
    return learner.fit(fold(matrix, earned(matrix)), silent)


def test_known_response_curves_are_recovered(saturating: Additive) -> None:
    """Rates are candidates, shares of the largest value: 20 and 6 are among them."""
    for term, height, rate in zip(saturating.model.terms[:2], HEIGHTS, RATES, strict=True):
        assert isinstance(term, SaturatingTerm)
        assert term.rate == pytest.approx(rate, rel=0.02)
        assert term.height[0] == pytest.approx(height, rel=0.05)
    line = saturating.model.terms[2]
    assert isinstance(line, LinearTerm)
    assert line.slope[0] == pytest.approx(2, abs=0.1)
    additive(saturating, spent())


def test_the_curve_is_right_between_and_beyond_what_was_spent(saturating: Additive) -> None:
    fresh = spent(500, seed=11)
    error = saturating.margins(fresh)[:, 0] - earned(fresh, noise=0)
    assert np.sqrt((error**2).mean()) < 0.15
    far = np.array([[1e4, 1e4, 0], [0, 0, 0]], np.float32)
    assert saturating.margins(far)[:, 0] == pytest.approx([100 + sum(HEIGHTS), 100], rel=0.02)


def test_spending_more_never_brings_less_even_where_the_rows_say_so() -> None:
    matrix = spent()
    learner = Linear("squares", 0.3, frozenset(), saturating=frozenset((0, 1)))
    learned = learner.fit(fold(matrix, 200 - earned(matrix)), silent)
    for term in learned.model.terms[:2]:
        assert isinstance(term, SaturatingTerm)
        assert term.height[0] == pytest.approx(0, abs=1e-6)


def test_a_channel_on_which_nothing_was_spent_is_no_obstacle() -> None:
    matrix = spent()
    target = earned(matrix)
    matrix[:, 1] = 0
    learned = Linear("squares", 0.3, frozenset(), saturating=frozenset((0, 1))).fit(fold(matrix, target), silent)
    assert np.isfinite(learned.margins(spent())).all()


def test_a_channel_of_which_nothing_is_known_is_no_obstacle() -> None:
    matrix = spent()
    target = earned(matrix)
    matrix[:, 1] = np.nan
    learned = Linear("squares", 0.3, frozenset(), saturating=frozenset((0, 1))).fit(fold(matrix, target), silent)
    assert np.isfinite(learned.margins(matrix)).all()


def test_a_row_that_counts_twice_is_as_two_rows() -> None:
    matrix = rows(400)
    target, twice = quantities(matrix), np.arange(400) % 3 == 0
    weights = np.where(twice, 2.0, 1.0)
    weighed = Linear("squares", 1e-6, frozenset({2})).fit(Fold(matrix, target, matrix, target, weights), silent)
    doubled, again = np.concatenate([matrix, matrix[twice]]), np.concatenate([target, target[twice]])
    expected = Linear("squares", 1e-6, frozenset({2})).fit(fold(doubled, again), silent)
    assert np.allclose(weighed.margins(matrix), expected.margins(matrix), atol=1e-4)
    alike = Linear("squares", 1.0, frozenset({2})).fit(Fold(matrix, target, matrix, target, np.ones(400)), silent)
    plain = Linear("squares", 1.0, frozenset({2})).fit(fold(matrix, target), silent)
    assert np.allclose(alike.margins(matrix), plain.margins(matrix))
