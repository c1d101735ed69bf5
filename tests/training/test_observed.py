"""Rows that come from observations: the split, the description, and what is said when there are none."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr

from features.sample import SMALL, load_sample
from features.views import view
from models import catalogue
from models.definition import Definition, Forecast
from storage.database import open_engine
from storage.errors import MigrationError
from storage.migrations import migrate
from storage.settings import StorageSettings
from storage.tables import SOURCES
from tests import sample
from tests.storage.servers import execute
from tests.training.test_observations import MODELS
from training.errors import DataError, NoDatabaseError, NoEventsError
from training.observations import FOLDER
from training.observed import Observed
from training.observing import CHUNK_PAIRS
from training.sources import File
from training.split import split
from training.table import Table
from training.train import train

NOWHERE = StorageSettings(database_url=SecretStr("postgresql://tiffin:hunter2@127.0.0.1:1/tiffin"))
ROWS = {"demand": 100}
LEARNING = {name: catalogue()[name] for name in MODELS}
every = pytest.mark.parametrize("definition", LEARNING.values(), ids=LEARNING)
grouped = pytest.mark.parametrize(
    "definition", [one for one in LEARNING.values() if not isinstance(one.policy, Forecast)], ids=lambda one: one.name
)
CHURN, DELINQUENCY = LEARNING["churn"], LEARNING["delinquency"]


def source() -> Observed:
    return Observed(sample.storage(), sample.ENDS_AT)


def table(definition: Definition, rows: int = 800) -> Table:
    return source().table(definition, ROWS.get(definition.name, rows))


def with_seed(definition: Definition, seed: int) -> Definition:
    return dataclasses.replace(definition, recipe=dataclasses.replace(definition.recipe, seed=seed))


@pytest.fixture
def other(database_url: str, settings: StorageSettings) -> Iterator[StorageSettings]:
    """A migrated database of the test's own, without events."""
    migrate(database_url)
    yield settings.model_copy(update={"database_url": SecretStr(database_url)})


@every
def test_the_same_seed_gives_the_same_rows_and_another_seed_others(definition: Definition) -> None:
    first, again, different = table(definition), table(definition), table(with_seed(definition, 8))
    assert first.fingerprint() == again.fingerprint()
    assert first.fingerprint() != different.fingerprint()
    assert first.view == again.view


@grouped
def test_nobody_stands_on_two_sides_and_the_test_is_the_latest(definition: Definition) -> None:
    found = table(definition)
    parts = split(found, definition.recipe)
    assert found.groups is not None
    assert found.times is not None
    sides = (parts.train, parts.validation, parts.test)
    assert sum(map(len, sides)) == len(found), "features are read of no row that is left out"
    groups = [set(found.groups[side]) for side in sides]
    assert not groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]
    horizon = np.timedelta64(MODELS[definition.name].horizon)
    for earlier, later in pairwise(sides):
        assert found.times[earlier].max() + horizon <= found.times[later].min(), (
            "outcomes are known before the side ends"
        )
    assert len(parts.train) > len(parts.test) > 0
    assert f"each {definition.recipe.group_column} is seen in one period only, drawn by lot" in parts.words
    assert parts.words.startswith("by time: as_of up to ")


def test_without_a_group_in_the_recipe_the_entity_is_the_group() -> None:
    recipe = dataclasses.replace(CHURN.recipe, group_column=None)
    found = table(dataclasses.replace(CHURN, recipe=recipe))
    assert found.groups is not None
    assert len(np.unique(found.groups)) == found.view.entities if found.view else False
    assert "each entity is seen in one period only" in split(found, recipe).words


def test_a_forecasts_rows_are_the_days_after_each_observation_with_what_was_known_at_it() -> None:
    demand = LEARNING["demand"]
    found = table(demand)
    assert found.times is not None
    assert found.view is not None
    assert len(found) == 28 * found.view.observations
    days = found.times.astype("datetime64[D]").reshape(-1, 28)
    assert (np.diff(days, axis=1) == np.timedelta64(1, "D")).all()
    assert (found.features["step"].to_numpy().reshape(-1, 28) == np.arange(1, 29)).all()
    for name in ("price", "promotion", "category", "level"):
        assert (found.features[name].to_numpy().reshape(-1, 28) == found.features[name].to_numpy()[::28, None]).all()
    units = found.quantities(found.target)
    assert (units >= -1e-9).all()
    assert units.mean() > 1
    assert found.times.max() < np.datetime64(sample.ENDS_AT.replace(tzinfo=None))


@every
def test_it_says_what_was_observed(definition: Definition) -> None:
    found = table(definition)
    facts, reading = found.view, view(str(definition.view))
    assert facts is not None
    assert (facts.name, facts.fingerprint) == (reading.name, reading.fingerprint)
    assert facts.observations_fingerprint == MODELS[definition.name].fingerprint
    assert 0 < facts.entities <= facts.observations
    assert facts.first < facts.last
    assert facts.last + MODELS[definition.name].horizon <= facts.until < sample.ENDS_AT
    assert facts.events == facts.sample_events > facts.entities
    words = source().describe(found)
    assert f"view {reading.name} (fingerprint {reading.fingerprint}), {facts.observations:,} observations of" in words
    assert f"from {facts.first:%Y-%m-%d} to {facts.last:%Y-%m-%d}" in words
    assert words.endswith("; synthetic: all events behind them are sample data")
    assert source().is_synthetic(found)
    assert source().arguments(found) == ("--until", facts.until.isoformat())


def test_what_is_not_sample_data_is_not_called_synthetic(other: StorageSettings, database_url: str) -> None:
    engine = open_engine(database_url, other)
    load_sample(engine, size=dataclasses.replace(SMALL, customers=250), end=sample.ENDS_AT)
    engine.dispose()
    reading = Observed(other)
    execute(database_url, "update transactions set event_id = 'mine-' || event_id where customer_id < 'C000125'")
    mixed = reading.table(DELINQUENCY, 300)
    assert mixed.view is not None
    assert 0 < mixed.view.sample_events < mixed.view.events
    assert reading.is_synthetic(mixed)
    share = f"{mixed.view.sample_events / mixed.view.events:.1%} of the {mixed.view.events:,} events behind them"
    assert f"partly synthetic: {share} are sample data" in reading.describe(mixed)
    for name in view("customer_behaviour").sources:
        execute(database_url, f"update {name} set event_id = 'mine-' || event_id where event_id like 'sample-%'")
    real = reading.table(DELINQUENCY, 300)
    assert not reading.is_synthetic(real)
    assert "synthetic" not in reading.describe(real)
    assert real.fingerprint() == mixed.fingerprint(), "ids of events say nothing"


def test_what_happens_later_changes_nothing_of_a_training_until_then(other: StorageSettings, database_url: str) -> None:
    engine = open_engine(database_url, other)
    load_sample(engine, size=dataclasses.replace(SMALL, users=400), end=sample.ENDS_AT)
    engine.dispose()
    once = Observed(other).table(CHURN, 600)
    assert once.view is not None
    later = "insert into subscriptions (event_id, user_id, changed_at, change, plan)"
    everybody = (
        f"select 'later-' || user_id, user_id, timestamptz '{sample.ENDS_AT}' + interval '29 days', 'end', 'monthly'"
    )
    execute(database_url, f"{later} {everybody} from (select distinct user_id from users) as everybody")
    assert Observed(other).table(CHURN, 600).fingerprint() != once.fingerprint()
    assert Observed(other, once.view.until).table(CHURN, 600).fingerprint() == once.fingerprint()


def test_an_event_from_the_future_makes_no_observations_between(other: StorageSettings, database_url: str) -> None:
    engine = open_engine(database_url, other)
    load_sample(engine, size=dataclasses.replace(SMALL, users=400), end=sample.ENDS_AT)
    engine.dispose()
    values = "('2126', 'U0000001', timestamptz '2126-01-01 00:00+00', 1, 0)"
    execute(database_url, f"insert into activity (event_id, user_id, ended_at, watch_minutes, quizzes) values {values}")
    found = Observed(other).table(CHURN, 600)
    assert found.view is not None
    assert found.view.until <= datetime.now(UTC)


def test_progress_hears_how_many_features_are_read() -> None:
    heard: list[tuple[str, int, int]] = []
    found = source().table(CHURN, 1200, lambda *told: heard.append(told))
    stages = list(dict.fromkeys(stage for stage, _, _ in heard))
    assert stages == ["read", "features"]
    counted = [(done, total) for stage, done, total in heard if stage == "features" and total > 1]
    assert counted[0] == (min(CHUNK_PAIRS, len(found)), len(found))
    assert counted[-1] == (len(found), len(found))


def test_a_version_says_which_view_it_learned_from_and_how_to_repeat_it() -> None:
    version = train(CHURN, source(), rows=1200, force=True)
    data = version.details.data
    assert data.synthetic
    assert data.view is not None
    assert data.view.name == "user_engagement"
    assert data.rows == data.view.observations
    command = version.details.reproduction.command
    assert command == f"tiffin train churn --until {data.view.until.isoformat()} --rows 1200 --force"
    again = Observed(sample.storage(), data.view.until).table(CHURN, 1200)
    assert again.fingerprint() == data.fingerprint


@grouped
def test_a_file_with_the_models_columns_trains_it_too(definition: Definition, tmp_path: Path) -> None:
    found = table(definition, 600)
    frame = found.features.copy()
    assert definition.target is not None
    frame[definition.target.column] = found.target
    frame[str(definition.recipe.group_column)] = found.groups
    frame.to_csv(tmp_path / "rows.csv", index=False)
    details = train(definition, File(tmp_path / "rows.csv"), force=True).details
    assert details.data.view is None
    assert not details.data.synthetic
    assert details.data.split.startswith(f"by group: no {definition.recipe.group_column} stands on two sides")


def test_empty_sources_are_named(other: StorageSettings) -> None:
    with pytest.raises(NoEventsError) as caught:
        Observed(other).table(CHURN, None)
    assert caught.value.sources == tuple(view("user_engagement").sources)
    assert "model 'churn' has nothing to learn from" in str(caught.value)


def test_too_few_observations_are_counted(other: StorageSettings, database_url: str) -> None:
    execute(
        database_url,
        "insert into activity (event_id, user_id, ended_at, watch_minutes, quizzes) values ('1', 'u', now(), 1, 0)",
    )
    with pytest.raises(
        DataError, match=r"view user_engagement: it gives 0 observations .* at least 100 are needed"
    ) as caught:
        Observed(other).table(CHURN, None)
    assert "nothing has come into users, subscriptions, payment_attempts" in str(caught.value)
    assert "for each of users, activity, subscriptions, payment_attempts: `tiffin load SOURCE FILE`" in str(
        caught.value
    )


def test_a_database_that_does_not_answer_is_said_to_be_what_the_model_learns_from() -> None:
    with pytest.raises(NoDatabaseError) as caught:
        Observed(NOWHERE).table(CHURN, None)
    assert "model 'churn' learns from the events that its view user_engagement reads" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_text_that_the_database_refuses_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    header = "-- who: all\n-- grain: one\n-- outcome: none\n-- horizon: 1 day\n"
    (tmp_path / "churn.sql").write_text(header + "select user_id, changed_at as as_of from users")
    monkeypatch.setattr("training.observations.FOLDER", tmp_path)
    with pytest.raises(DataError, match=r"training/observations/churn\.sql: the database refuses it: .*outcome"):
        source().table(CHURN, 300)


def test_a_view_that_the_database_refuses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = dataclasses.replace(view("user_engagement"), sql="select spine.position, spine.as_of as since from spine")
    monkeypatch.setattr("training.observed.view", lambda name: broken)
    with pytest.raises(DataError, match=r"features/views/user_engagement\.sql: the database refuses it: .*column"):
        source().table(CHURN, 300)


def test_a_view_that_knows_too_few_of_those_who_are_observed_says_whom_it_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forgetful = dataclasses.replace(view("user_engagement"), least_history=timedelta(days=3650))
    monkeypatch.setattr("training.observed.view", lambda name: forgetful)
    with pytest.raises(DataError, match=r"of 300 observations 0 are of entities of which enough was known") as caught:
        source().table(dataclasses.replace(CHURN, thin="refuse"), 300)
    assert "and for 3650 days, which models/churn.py asks for by thin='refuse'" in str(caught.value)
    assert "`tiffin load SOURCE FILE`" in str(caught.value)


def test_a_database_that_is_not_migrated_says_so(database_url: str, settings: StorageSettings) -> None:
    empty = settings.model_copy(update={"database_url": SecretStr(database_url)})
    with pytest.raises(MigrationError, match="not migrated"):
        Observed(empty).table(CHURN, None)


def test_a_database_that_goes_away_while_features_are_read_is_said_to_be_away() -> None:
    def cut(stage: str, done: int, total: int) -> None:
        if stage == "features" and done > 1:
            execute(url, f"{ended} where application_name = 'tiffin train'")

    given = sample.storage().database_url
    assert given is not None
    url = given.get_secret_value()
    ended = "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
    with pytest.raises(NoDatabaseError, match="model 'churn' learns from the events"):
        source().table(CHURN, 1200, cut)


def test_outcomes_that_are_not_known_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = table(CHURN, 300)
    text = (FOLDER / "churn.sql").read_text()
    on_sevenths = "case extract(day from moment.as_of) when 7 then 'NaN'::float8 else 0 end"
    doubtful = text.replace(")::integer as outcome", f")::integer + {on_sevenths} as outcome")
    assert doubtful != text
    (tmp_path / "churn.sql").write_text(doubtful)
    monkeypatch.setattr("training.observations.FOLDER", tmp_path)
    found = table(CHURN, 300)
    assert any("observations have no outcome and were left out" in words for words in found.findings)
    assert found.times is not None
    assert len(found) == len(found.times) == len(found.target)
    assert 7 not in {int(str(day)[8:10]) for day in found.times.astype("datetime64[D]")}
    assert not whole.findings


def test_entities_that_are_thin_are_left_out_where_the_definition_refuses_them() -> None:
    thick = dataclasses.replace(CHURN, thin="refuse")
    both, kept = table(CHURN), table(thick)
    assert both.view is not None
    assert kept.view is not None
    assert kept.view.observations == len(kept) < len(both)
    assert (kept.features["tenure_days"] >= 7).mean() > 0.9


def test_details_can_be_written_as_json() -> None:
    facts = table(CHURN, 300).view
    assert facts is not None
    assert json.loads(facts.model_dump_json())["name"] == "user_engagement"
    assert set(view("user_engagement").sources) <= set(SOURCES)
