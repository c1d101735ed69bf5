"""The stored distributions are those of the rows."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training import small
from training.reference import reference


def test_every_row_is_in_one_bin_or_missing() -> None:
    table = small.table()
    found = reference(small.definition.schema, table.features, np.linspace(0, 1, 777))
    assert [feature.name for feature in found.features] == list(small.definition.schema.names)
    for feature in found.features:
        assert sum(feature.counts) + feature.missing == len(table), feature.name


def test_quantile_bins_of_a_number_hold_about_equal_parts() -> None:
    table = small.table()
    x = reference(small.definition.schema, table.features, np.zeros(1)).features[0]
    known = table.features["x"].dropna()
    assert x.edges is not None and len(x.counts) == len(x.edges) + 1 == 20
    assert max(x.counts) - min(x.counts) <= 2
    assert x.missing == table.features["x"].isna().sum() > 0
    assert (x.minimum, x.maximum) == (known.min(), known.max())
    assert x.mean == pytest.approx(known.mean())


def test_edges_belong_to_the_bin_above() -> None:
    table = small.table()
    n = reference(small.definition.schema, table.features, np.zeros(1)).features[1]
    values = table.features["n"].to_numpy()
    assert n.edges is not None
    edges = np.array(n.edges)
    ranges = zip([-1, *edges], [*edges, 99], strict=True)
    assert list(n.counts) == [int(((values >= low) & (values < high)).sum()) for low, high in ranges]


def test_levels_and_flags_are_counted_by_name() -> None:
    table = small.table()
    features = reference(small.definition.schema, table.features, np.zeros(1)).features
    assert features[2].levels == ("false", "true")
    assert features[2].counts[1] == int((table.features["f"] == 1).sum())
    assert features[4].levels == ("low", "mid", "high")
    assert features[4].counts[2] == int((table.features["d"] == "high").sum())


def test_score_bins_are_a_twentieth_wide() -> None:
    score = reference(small.definition.schema, small.table().features, np.array([0.0, 0.049, 0.05, 0.999, 1.0])).score
    assert score.edges is not None
    assert np.allclose(np.diff(score.edges), 0.05)
    assert len(score.counts) == 20
    assert (score.counts[0], score.counts[1], score.counts[-1]) == (2, 1, 2)


def test_a_constant_or_wholly_missing_number_has_one_bin() -> None:
    table = small.table()
    columns = table.features.assign(n=4.0, x=np.nan)
    x, n, *_ = reference(small.definition.schema, columns, np.zeros(1)).features
    assert (n.edges, n.counts) == ((), (len(table),))
    assert (x.counts, x.missing, x.minimum) == ((0,), len(table), None)
