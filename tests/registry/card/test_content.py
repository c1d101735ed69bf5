"""What the card of every kind of model says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from models.definition import Kind
from registry.card.figures import measured, percent, written
from registry.card.words import METRICS
from registry.details import FromView, GroupRow
from tests import small_version
from tests.registry.card.pages import BINARY, NAMES, Read, definition, drawn, read, version

ALWAYS = {"purpose", "limits", "data", "metrics", "importance", "dependence", "features", "reproduction"}


@pytest.fixture(scope="module")
def cards() -> Mapping[str, Read]:
    return {name: read(drawn(version(name), definition(name))) for name in NAMES}


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", NAMES)
def test_the_stored_card_is_the_page_of_the_version(name: str) -> None:
    assert version(name).card() == drawn(version(name), definition(name))


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_has_what_every_card_must_have(cards: Mapping[str, Read], name: str) -> None:
    card, details = cards[name], version(name).details
    assert set(card.headings) >= ALWAYS
    assert definition(name).purpose in card.headings["purpose"]
    assert all(limit in card.headings["limits"] for limit in details.limits)
    assert details.data.fingerprint in card.headings["data"]
    assert details.data.source in card.headings["data"]
    assert details.data.split in card.headings["data"]
    assert details.reproduction.command in card.headings["reproduction"]
    assert details.reproduction.commit.removesuffix("+dirty") in card.headings["reproduction"]
    assert all(version in card.headings["reproduction"] for version in details.reproduction.libraries.values())


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_stands_with_its_interval_beside_every_baseline(cards: Mapping[str, Read], name: str) -> None:
    details = version(name).details
    assert details.metrics
    assert any(metric.baselines for metric in details.metrics)
    section = words(cards[name].headings["metrics"])
    for metric in details.metrics:
        label, explained = METRICS[metric.name]
        assert label in section
        assert explained in section
        assert f"{measured(metric.value)} {measured(metric.low)} to {measured(metric.high)}" in section
        assert all(measured(value) in section for value in metric.baselines.values())


@pytest.mark.parametrize("name", NAMES)
def test_exact_values_are_in_the_markup(cards: Mapping[str, Read], name: str) -> None:
    values = cards[name].values("value")
    for metric in version(name).details.metrics:
        assert {repr(metric.value), repr(metric.low), repr(metric.high)} <= set(values)


@pytest.mark.parametrize("name", NAMES)
def test_calibration_thresholds_and_coverage_stand_where_they_mean_something(
    cards: Mapping[str, Read], name: str
) -> None:
    card, details, kind = cards[name], version(name).details, definition(name).kind
    assert ("calibration" in card.headings) == (kind in (Kind.BINARY, Kind.MULTICLASS)) == bool(details.calibration)
    assert ("thresholds" in card.headings) == bool(details.thresholds)
    assert ("thresholds" in card.headings) or kind is not Kind.BINARY
    coverage = [metric for metric in details.metrics if metric.name == "coverage"]
    said = "Intervals are meant to hold" in card.headings["metrics"]
    assert said == bool(coverage)
    if coverage:
        assert f"they held {percent(coverage[0].value)}" in words(card.headings["metrics"])


@pytest.mark.parametrize("name", NAMES)
def test_importance_and_dependence_name_their_features_and_scale(cards: Mapping[str, Read], name: str) -> None:
    card, details = cards[name], version(name).details
    for one in details.importance:
        assert one.feature in card.headings["importance"]
        assert measured(one.mean_absolute_contribution) in card.headings["importance"]
    assert details.dependence
    for dependence in details.dependence:
        assert dependence.feature in card.headings["dependence"]
    noun = "estimate" if definition(name).kind in (Kind.REGRESSION, Kind.OPTIMISER, Kind.FORECAST) else "score"
    assert f"what it adds to the {noun} (" in words(card.headings["dependence"])


@pytest.mark.parametrize("name", NAMES)
def test_the_features_stand_with_what_the_training_rows_held(cards: Mapping[str, Read], name: str) -> None:
    section = words(cards[name].headings["features"])
    assert "In the training rows" in section
    assert all(feature.name in section for feature in definition(name).schema.features)
    types = {row["name"]: row["type"] for row in definition(name).inputs.describe()}
    means = [held.mean for held in version(name).reference().features if types[held.name] == "number"]
    assert means
    for mean in means:
        assert mean is not None
        assert f"mean {written(mean)}" in section


@pytest.mark.parametrize("name", NAMES)
def test_no_setting_of_another_kind_is_shown(cards: Mapping[str, Read], name: str) -> None:
    anomaly = definition(name).kind is Kind.ANOMALY
    section = cards[name].headings["reproduction"]
    assert ("isolation.trees" in section) == anomaly
    assert ("booster.rounds" in section) != anomaly


@pytest.mark.parametrize("name", NAMES)
def test_a_version_that_learned_from_its_test_rows_says_so(cards: Mapping[str, Read], name: str) -> None:
    data = version(name).details.data
    learned = data.train_rows + data.test_rows > data.rows
    section = words(cards[name].headings["metrics"])
    assert ("the stored one has learned from all rows" in section) == learned
    assert (f"{data.test_rows:,} rows that it had not learned from" in section) != learned


def test_both_sorts_of_version_are_among_them() -> None:
    found = [version(name).details.data for name in NAMES]
    assert {data.train_rows + data.test_rows > data.rows for data in found} == {True, False}


@pytest.mark.parametrize("name", NAMES)
def test_metrics_without_a_better_side_are_not_said_to_be_better(cards: Mapping[str, Read], name: str) -> None:
    kinds = {metric.name for metric in version(name).details.metrics}
    section = words(cards[name].headings["metrics"])
    assert ("larger interval coverage" in section) == ("coverage" in kinds)
    assert ("larger flagged" in section) == ("flagged" in kinds)


def test_amounts_have_their_own_unit(cards: Mapping[str, Read]) -> None:
    assert "Amount, mean absolute error [EUR]" in words(cards["small_additive"].headings["metrics"])


def test_the_estimates_of_an_optimiser_and_its_score_have_their_units(cards: Mapping[str, Read]) -> None:
    section = words(cards["small_optimiser"].headings["purpose"])
    assert "Unit of the target units Unit of the score EUR" in section


def test_classes_are_counted(cards: Mapping[str, Read]) -> None:
    classes = version("small_classes").details.data.classes
    assert classes
    for name, rows in classes.items():
        assert f"{name} {rows:,}" in words(cards["small_classes"].headings["data"])


def test_moments_have_dates_on_their_axis(cards: Mapping[str, Read]) -> None:
    assert "moment" in [row["type"] for row in definition("small_classes").schema.describe()]
    assert "at" in [one.feature for one in version("small_classes").details.dependence]
    assert "2025-" in cards["small_classes"].headings["dependence"]


def test_gates_findings_force_and_bias_are_told_at_the_top() -> None:
    group = GroupRow(
        feature="x", group="below 0", rows=99, metric="bias", value=0.2, low=0.1, high=0.3, overall=0.0, worse=True
    )
    found = small_version.save(
        definition(BINARY),
        gates=[{"metric": "roc_auc", "at_least": 0.99, "value": 0.7, "passed": False}],
        forced=["roc_auc is 0.7, at least 0.99 is demanded"],
        findings=["column z states the target: left out"],
        subgroups=[group.model_dump()],
        chosen=["a linear model had a loss of 0.3"],
        data={**version(BINARY).details.data.model_dump(), "synthetic": True},
    )
    card = read(found.card() or "")
    top = words(card.text).split("Contents")[0]
    assert "Stored by force: it misses 1 of its demands" in top
    assert "roc_auc is 0.7, at least 0.99 is demanded" in top
    assert "Synthetic data" in top
    assert "Biased in 1 group" in top
    assert "1 of 1 missed" in top
    assert "column z states the target: left out" in card.headings["findings"]
    assert "at least 0.99 0.7000 ✗ missed" in words(card.headings["gates"])
    assert "says too much" in card.headings["subgroups"]
    assert "a linear model had a loss of 0.3" in card.headings["chosen"]


@pytest.mark.parametrize(("samples", "said"), [(900, "all events"), (225, "25 % of the events")])
def test_what_was_observed_and_how_much_of_it_is_sample_data_is_told(samples: int, said: str) -> None:
    view = FromView(
        name="user_engagement",
        fingerprint="0123456789ab",
        observations_fingerprint="ba9876543210",
        observations=1200,
        entities=300,
        first=datetime(2025, 1, 2, tzinfo=UTC),
        last=datetime(2026, 1, 3, tzinfo=UTC),
        until=datetime(2026, 2, 4, tzinfo=UTC),
        events=900,
        sample_events=samples,
    )
    given = {**version(BINARY).details.data.model_dump(), "synthetic": True, "view": view.model_dump()}
    card = read(small_version.save(definition(BINARY), data=given).card() or "")
    told = words(card.headings["data"])
    assert f"Synthetic data: {said} behind its rows are sample data" in words(card.text).split("Contents")[0]
    assert f"synthetic: {said} behind its rows are sample data" in told
    for fact in (
        "user_engagement, fingerprint 0123456789ab",
        "Observations 1,200 of 300 entities",
        "02 January 2025 to 03 January",
    ):
        assert fact in told


def test_an_interval_of_one_width_is_not_called_askew() -> None:
    """Summed in another order its mean differs by rounding."""
    width = {"name": "interval_width", "higher_is_better": False, "baselines": {}}
    widths = {"value": 40747.37, "low": 40747.37000000001, "high": 40747.37000000001}
    found = small_version.save(definition(BINARY), metrics=[{**width, **widths}])
    assert "Resampled rows have a larger" not in (found.card() or "")
    far = small_version.save(definition(BINARY), metrics=[{**width, **widths, "value": 40000.0}])
    assert "Resampled rows have a larger interval width" in (far.card() or "")


def test_a_version_of_which_little_is_known_has_a_short_card() -> None:
    lists = ("metrics", "gates", "calibration", "thresholds", "importance", "dependence", "subgroups", "limits")
    bare: dict[str, Any] = {name: [] for name in lists}
    card = read(small_version.save(definition(BINARY), **bare).card() or "")
    assert set(card.headings) == {"purpose", "data", "features", "reproduction"}
