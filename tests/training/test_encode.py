"""Training and serving encode alike."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from models import catalogue
from models.definition import (
    Booster,
    Category,
    F1Threshold,
    Feature,
    Flag,
    Moment,
    Number,
    Recipe,
    Schema,
    Series,
    Value,
    read_moment,
)
from registry.encoding import Encoding
from tests.training import kinds, small
from training.check import check
from training.columns import features
from training.encode import RARE, WIDE, Floats, cross_fitted, encode, fit_encoding, is_wide, ranking
from training.encoded import Encoded
from training.learners import Trees
from training.partition import crossed
from training.progress import silent
from training.table import Table

ALL = {"small": small.definition, **kinds.DEFINITIONS, **catalogue()}
SCHEMAS = {name: found.inputs for name, found in ALL.items()}


OFFSETS = [None, *(timezone(timedelta(minutes=minutes)) for minutes in (0, 120, -330))]
FIRST, LAST = datetime.fromisoformat("1800-01-01"), datetime.fromisoformat("2200-01-01")
moments = st.datetimes(FIRST, LAST, timezones=st.sampled_from(OFFSETS)).map(lambda moment: moment.isoformat())


def values_of(feature: Feature) -> st.SearchStrategy[Value]:
    values: st.SearchStrategy[Value]
    match feature:
        case Number(whole=True):
            values = st.integers(int(feature.minimum), int(feature.maximum))
        case Number():
            values = st.floats(feature.minimum, feature.maximum)
        case Flag():
            values = st.booleans()
        case Category():
            others = ("no such level",) if feature.unseen == "missing" else ()
            values = st.sampled_from((*feature.levels, *others))
        case Moment():
            values = moments
        case Series():
            pytest.fail("no estimator learns from a series")
    return st.one_of(st.none(), values) if feature.missing else values


@pytest.mark.parametrize("name", sorted(SCHEMAS))
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_whole_table_encodes_exactly_as_its_records_do(name: str, data: st.DataObject) -> None:
    schema = SCHEMAS[name]
    record = st.fixed_dictionaries({feature.name: values_of(feature) for feature in schema.features})
    records = data.draw(st.lists(record, min_size=1, max_size=6))
    codes = {
        feature.name: {level: float(rank) for rank, level in enumerate(data.draw(st.permutations(feature.levels)))}
        for feature in schema.features
        if isinstance(feature, Category)
    }
    encoding = Encoding(schema, codes)
    problems: list[str] = []
    columns = features(pd.DataFrame(records, columns=list(schema.names), dtype=object), schema, problems)
    assert problems == []
    np.testing.assert_array_equal(encode(encoding, columns), encoding.matrix(records))


def test_codes_rank_levels_by_their_share_of_positives() -> None:
    table = small.table()
    encoding = fit_encoding(small.definition.schema, table.features, ranking(table.target, 2))
    assert encoding.codes["c"]["b"] < encoding.codes["c"]["NA"] < encoding.codes["c"]["a"]
    assert encoding.codes["d"] == {"low": 0.0, "mid": 1.0, "high": 2.0}


def test_a_rare_level_does_not_rank_by_luck() -> None:
    table = small.table()
    labels = table.target.copy()
    column = table.features["d"].to_numpy(object)
    column[:] = np.where(np.arange(len(labels)) % 2 == 0, "low", "mid")
    labels[:] = np.where(column == "low", np.arange(len(labels)) % 5 == 0, np.arange(len(labels)) % 3 != 0)
    column[1], labels[1] = "high", 1
    levels = pd.Categorical(column, categories=["low", "mid", "high"])
    codes = fit_encoding(small.definition.schema, table.features.assign(d=levels), ranking(labels, 2)).codes["d"]
    assert codes["low"] < codes["high"] < codes["mid"]


# --- several classes and quantities ----------------------------------------------------------------------------------


def test_levels_are_ranked_by_the_mean_quantity() -> None:
    table = small.table()
    amounts = table.features["d"].map({"low": 5.0, "mid": -3.0, "high": 1.0}).astype(float).to_numpy()
    encoding = fit_encoding(small.definition.schema, table.features, ranking(amounts, 1))
    assert encoding.codes["d"] == {"mid": 0.0, "high": 1.0, "low": 2.0}


def test_classes_are_ranked_by_what_separates_them_most() -> None:
    """Every class gets a score of its own; the two most frequent ones lie farthest apart."""
    target = np.repeat([0, 1, 2, 3], [500, 300, 50, 20])
    scores = {int(k): set(ranking(target, 4)[target == k].tolist()) for k in np.unique(target)}
    assert all(len(found) == 1 for found in scores.values())
    by_class = [found.pop() for found in scores.values()]
    assert abs(by_class[0] - by_class[1]) == max(abs(one - other) for one in by_class for other in by_class)


def test_levels_of_several_classes_are_told_apart() -> None:
    random = np.random.default_rng(0)
    table = small.table()
    level = table.features["d"].cat.codes.to_numpy()
    target = np.where(random.random(len(level)) < 0.8, level, random.integers(0, 3, len(level)))
    codes = fit_encoding(small.definition.schema, table.features, ranking(target, 3)).codes["d"]
    assert sorted(codes.values()) == [0.0, 1.0, 2.0]


# --- moments ---------------------------------------------------------------------------------------------------------


def test_the_parts_of_a_column_of_moments_are_those_of_its_records() -> None:
    moment = Moment(
        name="at",
        description="",
        example="2026-03-01",
        parts=("hour", "days", "weekday", "day_of_year"),
        missing=True,
    )
    schema = Schema((moment, small.definition.schema["amount"]))
    texts = ["2026-03-01T18:30:36+02:00", None, "1969-12-31 23:59:59.999", "2024-12-31", "2026-03-01T00:00:00Z"]
    frame = pd.DataFrame({"at": texts, "amount": 1.0})
    problems: list[str] = []
    table = features(frame, schema, problems)
    assert not problems
    encoding = Encoding(schema, {})
    found = encode(encoding, table)
    np.testing.assert_array_equal(found, encoding.matrix([{"at": text, "amount": 1.0} for text in texts]))
    assert found[0].tolist() == pytest.approx([16.51, 20513 + 16.51 / 24, 6, 60, 1], rel=1e-6)
    assert np.isnan(found[1, :4]).all()
    moments: list[Any] = [None if text is None else read_moment(text) for text in texts]
    dates = features(frame.assign(at=moments), schema, problems)
    np.testing.assert_array_equal(encode(encoding, dates), found)
    assert encode(encoding, table.iloc[:0]).shape == (0, 5)


# --- categories with many levels -------------------------------------------------------------------------------------

LEVELS = tuple(f"level {number}" for number in range(400))
MANY = Category(name="many", description="", levels=LEVELS, example=LEVELS[0], unseen="missing", missing=True)
WIDE_SCHEMA = Schema((MANY,))


def wide_rows(count: int, seed: int) -> pd.DataFrame:
    """Levels drawn evenly, the last ten only once or twice, some missing."""
    random = np.random.default_rng(seed)
    codes = random.integers(0, len(LEVELS) - 10, count)
    codes[:10] = np.arange(len(LEVELS) - 10, len(LEVELS))
    codes[random.random(count) < 0.02] = -1
    return pd.DataFrame(
        {"many": pd.Categorical.from_codes(codes.astype(int).tolist(), dtype=pd.CategoricalDtype(list(LEVELS)))}
    )


def test_a_category_is_wide_from_one_level_beyond_the_limit_on() -> None:
    named = [tuple(f"l{number}" for number in range(count)) for count in (WIDE, WIDE + 1)]
    assert [
        is_wide(Category(name="c", description="", levels=levels, example="l0")) for levels in named
    ] == [False, True]  # fmt: skip


def test_rare_levels_get_no_code_and_count_as_missing() -> None:
    frame = wide_rows(4000, 0)
    target = np.random.default_rng(1).random(4000)
    encoding = fit_encoding(WIDE_SCHEMA, frame, target)
    counts = frame["many"].value_counts()
    assert set(encoding.codes["many"]) == {str(level) for level in counts[counts >= RARE].index}
    found = encode(encoding, frame)[:, 0]
    rare = ~frame["many"].isin(list(encoding.codes["many"]))
    assert rare.sum() > 50
    assert np.array_equal(np.isnan(found), rare.to_numpy())
    assert np.array_equal(np.isnan(cross_fitted(encoding, frame, target, 1)[:, 0]), rare.to_numpy())
    records = [{"many": None if pd.isna(level) else str(level)} for level in frame["many"]]
    np.testing.assert_array_equal(encode(encoding, frame), encoding.matrix(records))


def test_wide_levels_are_coded_by_their_smoothed_mean() -> None:
    frame = pd.DataFrame({"many": pd.Categorical(["level 1"] * 20 + ["level 2"] * 60, categories=list(LEVELS))})
    target = np.concatenate([np.ones(20), np.zeros(60)])
    codes = fit_encoding(WIDE_SCHEMA, frame, target).codes["many"]
    assert codes == {"level 1": pytest.approx((20 + 20 * 0.25) / 40), "level 2": pytest.approx((20 * 0.25) / 80)}


@pytest.mark.parametrize("seed", range(5))
def test_a_row_s_own_target_does_not_come_back_to_it_as_a_feature(seed: int) -> None:
    """The target is drawn at random: codes that know it would separate it well, as those for serving do."""
    frame, target = wide_rows(4000, seed), (np.random.default_rng(seed).random(4000) < 0.3).astype(float)
    encoding = fit_encoding(WIDE_SCHEMA, frame, target)

    def auc(codes: Floats) -> float:
        known = ~np.isnan(codes)
        return float(roc_auc_score(target[known], codes[known]))

    assert auc(encode(encoding, frame)[:, 0].astype(float)) > 0.65
    assert abs(auc(cross_fitted(encoding, frame, target, seed)[:, 0].astype(float)) - 0.5) < 0.06


@pytest.mark.parametrize("seed", range(3))
def test_a_category_of_pure_noise_neither_helps_nor_looks_helpful(seed: int) -> None:
    """Out of five folds, with the booster and its early stopping in between."""
    frame = wide_rows(4000, seed)
    labels = (np.random.default_rng(100 + seed).random(4000) < 0.3).astype(np.int8)
    definition = dataclasses.replace(
        kinds.with_policy(small.definition, threshold=F1Threshold()),
        schema=WIDE_SCHEMA,
        recipe=Recipe(form="auto", seed=seed),
    )
    table = Table(frame, labels)
    partition = crossed(table, definition, seed)
    encoded = Encoded(WIDE_SCHEMA, table, ranking(labels, 2), partition, seed)
    found = np.full(4000, np.nan)
    looked = []
    settings = Booster(rounds=100, early_stopping_rounds=10, max_depth=4, learning_rate=0.1)
    for fitted, held in partition.folds:
        fold = encoded.fold(fitted, held)
        learned = Trees(settings, {"objective": "binary:logistic", "eval_metric": "logloss"}, seed).fit(fold, silent)
        found[held] = learned.margins(fold.held)[:, 0]
        looked.append(roc_auc_score(fold.target, np.nan_to_num(fold.matrix[:, 0], nan=0.3)))
    assert abs(roc_auc_score(labels, found) - 0.5) < 0.04
    assert np.abs(np.array(looked) - 0.5).max() < 0.08


def test_a_category_that_decides_still_helps_on_rows_that_were_held_out() -> None:
    frame = wide_rows(6000, 1)
    risk = np.random.default_rng(2).normal(0, 1.5, len(LEVELS) + 1)[frame["many"].cat.codes.to_numpy()]
    labels = (np.random.default_rng(3).random(6000) < 1 / (1 + np.exp(-risk))).astype(np.int8)
    held, fitted = np.arange(0, 6000, 4), np.flatnonzero(np.arange(6000) % 4)
    encoding = fit_encoding(WIDE_SCHEMA, frame.iloc[fitted], ranking(labels[fitted], 2))
    codes = encode(encoding, frame.iloc[held])[:, 0]
    known = ~np.isnan(codes)
    assert roc_auc_score(labels[held][known], codes[known]) > 0.75


def test_narrow_categories_are_the_same_in_every_fold() -> None:
    """A linear model learns one value for each rank: folds must not number the levels anew."""
    table = check(kinds.several_rows(900), kinds.several, "rows")
    partition = crossed(table, dataclasses.replace(kinds.several, recipe=Recipe(form="auto")), 1)
    encoded = Encoded(kinds.several.schema, table, ranking(table.target, 3), partition, 1)
    place = dict(zip(kinds.several.schema.names, encoded.encoding.starts, strict=True))
    assert encoded.tables == {place["d"]}
    differ = False
    for fitted, held in partition.folds:
        fold = encoded.fold(fitted, held)
        for name in ("d", "x", "f", "at"):
            np.testing.assert_array_equal(fold.matrix[:, place[name]], encoded.matrix[fitted, place[name]])
            np.testing.assert_array_equal(fold.held[:, place[name]], encoded.matrix[held, place[name]])
        differ |= not np.array_equal(fold.held[:, place["city"]], encoded.matrix[held, place["city"]], equal_nan=True)
    assert differ, "a wide category is coded from the fold's own training rows"
