"""Records whose values do not go together are refused with what was given."""

from __future__ import annotations

import pytest

from inference.loaded import LoadedModel, load
from serving.problems import FieldError, InvalidFeatures
from serving.records import records
from tests.training import kinds


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    return load(kinds.optimiser, kinds.version("small_optimiser"))


def test_values_that_contradict_each_other_are_shown(loaded: LoadedModel) -> None:
    record = {**kinds.optimiser.schema.example, "low": 50.0, "high": 40.0}
    values = tuple(record[name] for name in kinds.optimiser.schema.names)
    expected = FieldError("record.low", "inconsistent", "must not be above high (40)", 50.0)
    with pytest.raises(InvalidFeatures) as caught:
        records(kinds.optimiser).one(loaded, values)
    assert caught.value.errors == (expected,)
    assert records(kinds.optimiser).several(loaded, [values]).records == [[expected]]
