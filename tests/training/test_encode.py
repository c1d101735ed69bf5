"""Training and serving encode alike."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import catalogue
from models.definition import Category, Feature, Flag, Number, Value
from registry.encoding import Encoding
from tests.training import small
from training.check import features
from training.encode import encode, fit_encoding

SCHEMAS = {"small": small.definition.schema} | {name: found.schema for name, found in catalogue().items()}


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
    encoding = fit_encoding(small.definition.schema, small.table())
    assert encoding.codes["c"]["b"] < encoding.codes["c"]["NA"] < encoding.codes["c"]["a"]
    assert encoding.codes["d"] == {"low": 0.0, "mid": 1.0, "high": 2.0}


def test_a_rare_level_does_not_rank_by_luck() -> None:
    table = small.table()
    labels = table.labels.copy()
    column = table.features["d"].to_numpy(object)
    column[:] = np.where(np.arange(len(labels)) % 2 == 0, "low", "mid")
    labels[:] = np.where(column == "low", np.arange(len(labels)) % 5 == 0, np.arange(len(labels)) % 3 != 0)
    column[1], labels[1] = "high", 1
    levels = pd.Categorical(column, categories=["low", "mid", "high"])
    changed = type(table)(table.features.assign(d=levels), labels)
    codes = fit_encoding(small.definition.schema, changed).codes["d"]
    assert codes["low"] < codes["high"] < codes["mid"]
