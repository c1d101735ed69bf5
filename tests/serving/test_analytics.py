"""Questions to the ledger over HTTP: what the settings say counts, and no moment is an error of the server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import storage
from ledger.settings import LedgerSettings
from models import catalogue
from storage.cursors import Cursor
from storage.settings import StorageSettings
from tests.serving.apps import App, Parts
from tests.serving.versions import trained


@pytest.fixture
def app(settings: StorageSettings, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[App]:
    """Keeps hourly figures for as many days as the test says."""
    urls = storage.urls(settings)
    given = {"state_dir": tmp_path, "database_url": urls.database, "redis_url": urls.redis}
    own, ledger = StorageSettings.model_validate(given), LedgerSettings(hourly_rollup_days=request.param)
    definitions = {"fraud": catalogue()["fraud"]}
    with App(Parts(storage=own, versions={}, definitions=definitions, ledger=ledger)) as app:
        yield app


@pytest.mark.parametrize(("app", "by_hours"), [(2, False), (4, True)], indirect=["app"])
def test_periods_are_compared_by_hours_for_as_long_as_hourly_figures_are_kept(app: App, by_hours: bool) -> None:
    start = (datetime.now(UTC) - timedelta(days=3)).replace(hour=10, minute=30, second=0, microsecond=0)
    end = start + timedelta(hours=1)
    moments = {"a.from": start, "a.to": end, "b.from": start, "b.to": end}
    params = {name: moment.isoformat() for name, moment in moments.items()}
    found = app.request("GET", "/v1/models/fraud/comparison", params=params).json()
    hours = ("10", "12") if by_hours else ("00", "00")
    assert tuple(found["a"][name][11:13] for name in ("start", "end")) == hours
    assert tuple(found["b"][name][11:13] for name in ("start", "end")) == hours


@pytest.mark.parametrize("app", [90], indirect=True)
def test_moments_far_from_any_prediction_are_refused(app: App) -> None:
    for moment in ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59"):
        for question in ("trends?to", "trends?from", "comparison?b.from=2026-01-01T00:00:00Z&b.to"):
            answer = app.get(f"/v1/models/fraud/{question}={moment}")
            assert answer.status_code == 422, (question, moment)
            assert answer.json()["code"] == "invalid_features"


@pytest.mark.parametrize("app", [90], indirect=True)
def test_the_last_week_adjoins_the_one_before_and_does_not_overlap_it(app: App) -> None:
    found = app.get("/v1/models/fraud/comparison").json()
    assert found["a"]["end"] == found["b"]["start"]
    now = datetime.now(UTC).replace(minute=20, second=0, microsecond=0)
    moments = {"a.from": now, "a.to": now + timedelta(minutes=1), "b.from": now + timedelta(minutes=1)}
    params = {name: moment.isoformat() for name, moment in {**moments, "b.to": now + timedelta(minutes=2)}.items()}
    answer = app.request("GET", "/v1/models/fraud/comparison", params=params)
    assert answer.status_code == 422
    assert "whole hours" in answer.text


@pytest.mark.parametrize("app", [90], indirect=True)
def test_a_version_is_named_by_its_tag_or_the_tag_s_end(app: App) -> None:
    tag = trained()["fraud"].tag
    for version in (tag, tag.partition(":")[2]):
        assert app.get(f"/v1/models/fraud/trends?version={version}").json()["version"] == tag
    assert app.get("/v1/models/fraud/trends?version=champion").status_code == 503  # there is none


@pytest.mark.parametrize("app", [90], indirect=True)
@pytest.mark.parametrize("version", ["nope", "fraud:nope", "churn:nope", "a%2Fb", "..%2F..", "%00"])
def test_a_version_that_there_never_was_is_not_found(app: App, version: str) -> None:
    for question in ("trends?version", "comparison?a.version"):
        answer = app.get(f"/v1/models/fraud/{question}={version}")
        assert answer.status_code == 404, answer.text
        assert answer.json()["code"] == "not_found"


@pytest.mark.parametrize("app", [90], indirect=True)
def test_a_cursor_of_another_list_is_refused_by_name(app: App) -> None:
    cursor = Cursor(("top", "fraud", None), ("0.5", "C1")).written
    assert app.get(f"/v1/models/fraud/top?cursor={cursor}").status_code == 200
    for path in ("entities/C1/history?", "models/fraud/versions?", "models/fraud/importance?", "admin/purge?"):
        answer = app.get(f"/v1/{path}cursor={cursor}")
        assert answer.status_code == 422, path
        (error,) = answer.json()["errors"]
        assert (error["field"], error["code"]) == ("query.cursor", "cursor"), path
