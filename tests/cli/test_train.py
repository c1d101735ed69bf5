"""`tiffin train`, into a real model store and a real database."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.champions import connected
from cli.events import Events
from cli.refusals import Refusals
from cli.report import RUNNING
from features.sample import SMALL, load_sample
from models import catalogue
from models.definition import Definition, Schema
from registry import store
from storage.local import LocalServers
from storage.migrations import migrate
from storage.settings import StorageSettings
from tests import sample, small_version
from tests.cli.conftest import Tiffin
from tests.storage.servers import execute
from tests.training import small

NOWHERE = "postgresql://127.0.0.1:1/tiffin"


@pytest.fixture
def newest_churn() -> Iterator[Callable[[], store.Version]]:
    """The newest version of churn, which is taken out of the store again: other tests serve small ones of their own."""
    definition = catalogue()["churn"]
    yield lambda: store.newest(definition)
    small_version.delete(store.newest(definition))


@pytest.fixture
def events(online: StorageSettings, database_url: str) -> None:
    """Sample data in the test's own database."""
    migrate(database_url)
    with connected(database_url, online) as engine:
        load_sample(engine, size=dataclasses.replace(SMALL, users=400), end=sample.ENDS_AT)


@pytest.mark.usefixtures("events")
def test_a_model_that_ships_learns_from_events_and_its_first_version_is_champion(
    tiffin: Tiffin, online: StorageSettings, database_url: str, newest_churn: Callable[[], store.Version]
) -> None:
    ran = tiffin("train", "churn", "--rows", "800", "--until", "2026-02-20", "--force", "--json")
    assert ran.code == 0, ran.stderr
    (trained,) = ran.json["trained"]
    assert ran.json["failed"] == []
    assert trained["champion"] == trained["version"] == newest_churn().tag
    assert trained["data"]["synthetic"]
    assert trained["data"]["view"]["name"] == "user_engagement"
    assert 300 < trained["data"]["view"]["observations"] <= 800
    assert trained["data"]["view"]["until"].startswith("2026-02-")
    assert trained["metrics"][0]["name"] == "roc_auc"
    assert trained["metrics"][0]["baselines"]["prior"] == 0.5
    for stage in ("read", "features", "fit"):
        assert f"[1/1] churn: {stage}" in ran.stderr
    history = execute(database_url, "select after->>'champion', by_whom, reason from release_history")
    assert history == [(trained["version"], "tiffin train", "first version")]
    assert trained["version"] in (online.state_dir / "releases.json").read_text()
    shown = tiffin("models", "show", "churn").stdout
    assert "data: view user_engagement (fingerprint" in shown
    assert "synthetic: all events behind them are sample data" in shown


def test_without_events_the_remedy_is_said(tiffin: Tiffin, online: StorageSettings) -> None:
    ran = tiffin("train", "churn", "pricing", "--rows", "2000", "--force", "--json")
    assert ran.code == 1
    assert [entry["model"] for entry in ran.json["trained"]] == ["pricing"]
    assert [entry["error"] for entry in ran.json["failed"]] == ["NoEventsError"]
    assert "model 'churn' has nothing to learn from: its view user_engagement reads users, activity" in ran.stderr
    for remedy in ("`tiffin load SOURCE FILE`", "`tiffin sample`", "`tiffin train churn --data FILE`"):
        assert remedy in ran.stderr
    small_version.delete(store.newest(catalogue()["pricing"]))


def test_without_a_database_a_model_that_learns_from_events_says_so(
    tiffin: Tiffin, online: StorageSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", NOWHERE)
    ran = tiffin("train", "churn")
    assert ran.code == 1
    assert "model 'churn' learns from the events that its view user_engagement reads, but postgresql" in ran.stderr
    assert "`tiffin doctor`" in ran.stderr
    assert "`tiffin train churn --data FILE`" in ran.stderr


@pytest.mark.usefixtures("events")
def test_observations_that_cannot_be_used_are_named_with_the_way_out(
    tiffin: Tiffin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = "-- who: all\n-- grain: one\n-- outcome: none\n-- horizon: 1 day\n"
    monkeypatch.setattr("training.observations.FOLDER", tmp_path)
    texts = {
        "selec user_id from users": "the database refuses it: syntax error at or near",
        "select user_id, changed_at::date as as_of, 1 as outcome from users": "column 'as_of': ",
        "select user_id, changed_at + interval '40 days' as as_of, 1 as outcome from users": "0 negatives are too few",
        "select user_id, changed_at as as_of, null as outcome from users": "`tiffin load SOURCE FILE`",
        "select user_id, changed_at as as_of, 1 as outcome from users, generate_series(1, 2)": "more than once",
    }
    for text, words in texts.items():
        (tmp_path / "churn.sql").write_text(header + text)
        ran = tiffin("train", "churn", "--json")
        assert ran.code == 1
        assert words in " ".join(ran.stderr.split()), text
        assert "Traceback" not in ran.stderr


def test_an_outside_database_gets_no_sample_data_unasked(
    tiffin: Tiffin, online: StorageSettings, database_url: str
) -> None:
    ran = tiffin("train", "churn", "--within-serve")
    assert ran.code == 1
    assert "`tiffin sample`" in ran.stderr
    assert execute(database_url, "select count(*) from users") == [(0,)]


def test_a_start_fills_an_empty_embedded_database_with_sample_data_once(
    tiffin: Tiffin, offline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_sample = functools.partial(load_sample, size=dataclasses.replace(SMALL, days=100))
    monkeypatch.setattr("features.sample.load_sample", small_sample)
    with LocalServers(offline) as servers:
        url = servers.start()["postgresql"]
        first = tiffin("train", "--within-serve")
        assert first.code == 0, first.stderr
        assert "fill the empty database with synthetic sample data" in first.stderr
        count = execute(url, "select count(*), count(*) filter (where event_id like 'sample-%') from activity")
        assert count[0][0] == count[0][1]
        assert count[0] > (100,)
        assert "sample data" not in tiffin("train", "--within-serve").stderr
        assert execute(url, "select count(*) from activity") == [(count[0][0],)]


@pytest.mark.parametrize("own", [False, True], ids=["nothing else", "an event of the user's own"])
def test_a_start_makes_old_sample_data_anew_where_there_is_nothing_else(
    tiffin: Tiffin, offline: Path, monkeypatch: pytest.MonkeyPatch, own: bool
) -> None:
    tiny = dataclasses.replace(SMALL, customers=60, users=50, days=100)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with LocalServers(offline) as servers:
        url = servers.start()["postgresql"]
        migrate(url)
        with connected(url, StorageSettings(state_dir=offline)) as engine:
            load_sample(engine, size=tiny, end=today - timedelta(days=10))
        if own:
            execute(url, "insert into users (event_id, user_id, changed_at) values ('1', 'me', now())")
        ran = tiffin("train", "--within-serve")
        assert ran.code == 0, ran.stderr
        last = execute(url, "select max(sold_at) from sales")[0][0]
        assert isinstance(last, datetime)
        assert (today - last < timedelta(days=2)) is not own
        assert ("make it anew, up to today" in ran.stderr) is not own


def test_a_later_version_becomes_champion_only_when_asked_and_people_read_how(
    tiffin: Tiffin, online: StorageSettings, small_models: Mapping[str, Definition], csv: str
) -> None:
    first = tiffin("train", "small", "--data", csv, "--json").json["trained"][0]
    assert first["promoted"]
    second = tiffin("train", "small", "--data", csv)
    assert second.code == 0, second.stderr
    for text in ("roc_auc", "logistic regression", "95 % interval", "passed (≥ 0.7)", "threshold:", "file rows.csv"):
        assert text in second.stdout
    how = "`tiffin train small --promote` trains a version and makes it champion"
    assert f"champion: stays {first['version']}; {how}" in second.stdout
    assert RUNNING not in second.stdout
    assert RUNNING in tiffin("train", "small", "--data", csv, "--promote").stdout
    third = tiffin("train", "small", "--data", csv, "--json", "--promote").json["trained"][0]
    assert third["champion"] == third["version"] != first["version"]


def test_a_champion_of_another_schema_is_named_as_that_and_replaced_by_a_start_s_training(
    tiffin: Tiffin,
    online: StorageSettings,
    small_models: Mapping[str, Definition],
    csv: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = tiffin("train", "small", "--data", csv, "--json").json["trained"][0]["version"]
    schema = Schema(tuple(feature for feature in small.definition.schema.features if feature.name != "n"))
    changed = dataclasses.replace(small.definition, schema=schema)
    monkeypatch.setattr("models.catalogue", lambda: {"small": changed})
    said = tiffin("models").stderr
    assert f"the champion {old} was trained for another schema than models/small.py has now; nothing answers" in said
    assert "`tiffin train small --promote` mends it" in said
    kept = tiffin("train", "small", "--data", csv)
    assert f"stays {old}, which was trained for another schema and answers nobody" in kept.stdout
    new = tiffin("train", "small", "--data", csv, "--json", "--within-serve").json["trained"][0]
    assert new["champion"] == new["version"]
    assert tiffin("models").stderr == ""
    for version in store.versions(changed):
        small_version.delete(version)


def test_a_refusal_is_remembered_only_for_the_rows_of_the_recipe(
    tiffin: Tiffin,
    online: StorageSettings,
    small_models: Mapping[str, Definition],
    csv: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusals, strict = Refusals(online.state_dir), small_models["strict"]
    tiffin("train", "strict", "--data", csv)
    assert not refusals.stands(strict)
    monkeypatch.setattr("training.sources.Synthetic", lambda model: small.Given(small.frame(1500)))
    tiffin("train", "strict")
    assert refusals.stands(strict)
    tiffin("train", "strict", "--force")
    assert not refusals.stands(strict)
    small_version.delete(store.newest(strict))


def test_a_refusal_stands_until_many_events_have_come() -> None:
    known = Events({"users": 8192, "activity": 40960})
    with tempfile.TemporaryDirectory() as folder:
        Refusals(Path(folder), known).add(catalogue()["churn"])
        assert Refusals(Path(folder), known).stands(catalogue()["churn"])
        more = Events({"users": 8192, "activity": 49152})
        assert not Refusals(Path(folder), more).stands(catalogue()["churn"])
        elsewhere = Events({**known.sizes, "sales": 8192})
        assert Refusals(Path(folder), elsewhere).stands(catalogue()["churn"])


def test_missed_gates_say_by_how_much_and_name_force(
    tiffin: Tiffin, online: StorageSettings, small_models: Mapping[str, Definition], csv: str
) -> None:
    ran = tiffin("train", "strict", "--data", csv)
    assert ran.code == 1
    assert "the new version of 'strict' is not good enough and was not stored" in ran.stderr
    assert "its gate asks for at least 0.999" in ran.stderr
    for remedy in ("more or better rows", "lower the gates in models/strict.py", "--force", "delete models/strict.py"):
        assert remedy in ran.stderr
    assert store.versions(small_models["strict"]) == []
    forced = tiffin("train", "strict", "--data", csv, "--force")
    assert forced.code == 0
    assert "missed by" in forced.stdout
    assert "stored by --force although" in forced.stdout


def test_a_model_that_fails_does_not_keep_the_others_from_being_trained(
    tiffin: Tiffin, online: StorageSettings, small_models: Mapping[str, Definition], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.sources.Synthetic", lambda model: small.Given(small.frame(1500)))
    ran = tiffin("train", "--all", "--json")
    assert ran.code == 1
    assert [entry["model"] for entry in ran.json["trained"]] == ["small"]
    (failed,) = ran.json["failed"]
    assert (failed["model"], failed["error"], len(failed["problems"])) == ("strict", "GatesMissedError", 1)
    table = tiffin("train", "--all", "--force")
    assert table.code == 0
    assert "1 missed" in table.stdout


def test_rows_that_do_not_fit_are_explained(
    tiffin: Tiffin, online: StorageSettings, small_models: Mapping[str, Definition], tmp_path: Path
) -> None:
    path = tmp_path / "wrong.csv"
    small.frame(300).drop(columns="x").to_csv(path, index=False)
    ran = tiffin("train", "small", "--data", str(path))
    assert ran.code == 1
    assert "wrong.csv cannot be trained on" in ran.stderr
    assert "there is no column 'x'" in ran.stderr


def test_without_a_database_the_version_is_stored_and_nothing_is_promoted(
    tiffin: Tiffin,
    online: StorageSettings,
    small_models: Mapping[str, Definition],
    csv: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", NOWHERE)
    ran = tiffin("train", "small", "--data", csv, "--json")
    assert ran.code == 0
    assert "no champion is recorded" in ran.stderr
    assert ran.json["trained"][0]["champion"] is None
    stored = len(store.versions(small_models["small"]))
    refused = tiffin("train", "small", "--data", csv, "--promote")
    assert refused.code == 1
    assert "postgresql is not available" in refused.stderr
    assert "tiffin doctor" in refused.stderr
    assert len(store.versions(small_models["small"])) == stored


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--all", "churn"),
        ("churn", "--data", "no such file"),
        ("churn", "--rows", "0"),
        ("churn", "fraud", "--data", __file__),
        ("churn", "fraud", "--until", "2026-03-01"),
        ("churn", "--data", __file__, "--until", "2026-03-01"),
        ("churn", "--until", "soon"),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(tiffin: Tiffin, offline: Path, arguments: tuple[str, ...]) -> None:
    ran = tiffin("train", *arguments)
    assert ran.code == 2
    assert "Usage: " in ran.stderr
    assert not offline.exists()
