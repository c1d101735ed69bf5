"""What entities are answered while a model or a server cannot: old features, the last predictions, or a problem."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

import storage
from ledger import folders
from ledger.settings import LedgerSettings
from models import catalogue
from models.definition import Definition
from registry.errors import NoVersionError
from registry.store import Version
from serving import intake
from serving.entity_access import THREADS
from storage.settings import StorageSettings
from tests.serving.apps import HANGS_SECONDS, App, Parts
from tests.serving.versions import trained
from tests.storage.servers import execute, server_processes, wait_for

MODEL = "delinquency"
PREDICT = f"/v1/models/{MODEL}/predict"


@pytest.fixture(scope="module")
def whole(sampled: StorageSettings) -> Iterator[App]:
    with App(_parts(sampled)) as app:
        yield app


@pytest.fixture(params=["fast", "slow"])
def app(sampled: StorageSettings, whole: App, request: pytest.FixtureRequest) -> Iterator[App]:
    """Each way in turn. Nothing is cached when a test begins."""
    _redis(sampled).flushdb()
    if request.param == "fast":
        yield whole
        return
    with App(_parts(sampled, fast_path=False)) as app:
        yield app


def _parts(sampled: StorageSettings, *, fast_path: bool = True, ledger: LedgerSettings | None = None) -> Parts:
    parts = Parts(storage=sampled, versions=dict(trained()), definitions=catalogue())
    parts.serving = parts.serving.model_copy(update={"fast_path": fast_path})
    parts.ledger = ledger or parts.ledger
    return parts


def _redis(settings: StorageSettings) -> redis.Redis:
    return redis.Redis.from_url(storage.urls(settings).redis)


@pytest.fixture(scope="module")
def customers(sampled: StorageSettings) -> list[dict[str, str]]:
    """Some with history."""
    rows = execute(
        storage.urls(sampled).database, "select customer_id from customers group by 1 order by min(joined_at) limit 8"
    )
    return [{"customer_id": str(row[0])} for row in rows]


@contextmanager
def hanging(server: str, settings: StorageSettings) -> Iterator[None]:
    process = server_processes(settings.state_dir)[server]
    processes: list[psutil.Process] = [process, *process.children()]
    for one in processes:
        one.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for one in reversed(processes):
            one.send_signal(signal.SIGCONT)


@contextmanager
def unloaded(app: App) -> Iterator[None]:
    """The model cannot answer, as while it is being loaded."""
    worker = app.worker
    hosted, find = worker.pool._hosted.pop(MODEL), worker._find_version

    def find_nothing(definition: Definition) -> Version:
        raise NoVersionError(definition.name)

    worker._find_version = find_nothing
    try:
        yield
    finally:
        worker._find_version = find
        worker.pool._hosted[MODEL] = hosted


def asked(app: App, operation: str, body: Mapping[str, Any], status: int = 200) -> Any:
    answer = app.post(f"/v1/models/{MODEL}/{operation}", body)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_while_postgresql_hangs_features_that_are_not_fresh_any_more_are_used(
    app: App, sampled: StorageSettings, settings: StorageSettings, customers: list[dict[str, str]]
) -> None:
    entity = {"entity": customers[0]}
    before = asked(app, "predict", entity)
    for mark in _redis(sampled).scan_iter("tiffin:features:*:@*"):
        _redis(sampled).delete(mark)
    _redis(sampled).set(f"tiffin:features:customer_behaviour:@customer_id:{customers[0]['customer_id']}", "7:7")
    with hanging("postgresql", settings):
        answers = [asked(app, "predict", entity) for _ in range(2)]
    for answer in answers:
        assert (answer["cached"], answer["stale"]) == (True, True)
        assert answer["prediction_id"] != before["prediction_id"], "it is a new prediction, of old features"
        assert answer["as_of"] == before["as_of"]
        assert answer["score"] == before["score"]
        assert any("the database does not answer" in warning for warning in answer["warnings"])

    wait_for(lambda: not asked(app, "predict", entity)["stale"])


@pytest.mark.parametrize("operation", ["predict", "explain"])
def test_the_last_answer_is_given_while_the_model_cannot_answer(
    app: App, customers: list[dict[str, str]], operation: str
) -> None:
    one, other = ({"entity": customer} for customer in customers[:2])
    before = asked(app, operation, one)
    with unloaded(app):
        answer = asked(app, operation, one)
        assert asked(app, operation, other, 503)["code"] == "model_unavailable"
        for more in ({"as_of": "2026-01-01T00:00:00Z"}, {"include": ["features"]}, {"given": {"tenure_days": 40}}):
            asked(app, operation, {**one, **more}, 503)
    assert (answer["cached"], answer["stale"]) == (True, True)
    for name in ("prediction_id", "score", "entity", *(["explanation"] if operation == "explain" else [])):
        assert answer[name] == before[name]
    assert "no new one can be made now" in answer["warnings"][-1]


def test_a_batch_gives_the_last_answers_where_none_can_be_made(app: App, customers: list[dict[str, str]]) -> None:
    first = asked(app, "batch", {"entities": customers[:2]})
    alone = asked(app, "predict", {"entity": customers[2]})
    with unloaded(app):
        batch = asked(app, "batch", {"entities": [*customers[:3], customers[3], {"x": 1}]})
        asked(app, "batch", {"entities": customers[4:6]}, 503)
        single = asked(app, "predict", {"entity": customers[0]})
    made = [item["prediction"] for item in batch["items"][:3]]
    expected = [*(item["prediction"]["prediction_id"] for item in first["items"]), alone["prediction_id"]]
    assert [one["prediction_id"] for one in made] == expected
    assert all((one["cached"], one["stale"]) == (True, True) for one in made)
    assert [item["error"]["status"] for item in batch["items"][3:]] == [503, 422]
    assert (batch["summary"]["total"], batch["summary"]["succeeded"], batch["summary"]["failed"]) == (5, 3, 2)
    assert batch["version"] == first["version"]
    assert single["prediction_id"] == expected[0]


def test_a_batch_is_completed_with_last_answers_while_postgresql_hangs(
    app: App, sampled: StorageSettings, settings: StorageSettings, customers: list[dict[str, str]]
) -> None:
    asked(app, "batch", {"entities": customers[:2]})
    client = _redis(sampled)
    wait_for(lambda: any(client.scan_iter(f"tiffin:prediction:{MODEL}:{customers[0]['customer_id']}")) or _turn(app))
    for key in client.scan_iter(f"tiffin:features:*:{customers[0]['customer_id']}"):
        client.delete(key)
    with hanging("postgresql", settings):
        batch = asked(app, "batch", {"entities": [*customers[:2], customers[6]]})
    said = [item.get("prediction") or item["error"] for item in batch["items"]]
    assert (said[0]["stale"], said[1]["stale"]) == (True, False)
    assert said[2]["code"] == "storage_unavailable"
    assert batch["summary"]["succeeded"] == 2
    wait_for(lambda: app.post(PREDICT, {"entity": customers[3]}).status_code == 200)


def _turn(app: App) -> bool:
    """Let the application's loop go on."""
    app.get("/livez")
    return False


def test_what_redis_does_not_answer_is_counted(
    whole: App, settings: StorageSettings, customers: list[dict[str, str]]
) -> None:
    before = {use: _failures(whole, use) for use in ("features", "predictions")}
    with hanging("redis", settings):
        for _ in range(3):
            assert not asked(whole, "predict", {"entity": customers[5]})["cached"]
        with unloaded(whole):
            asked(whole, "predict", {"entity": customers[6]}, 503)
        assert _failures(whole, "features") - before["features"] >= 3
        assert _failures(whole, "predictions") - before["predictions"] >= 1


def _failures(app: App, use: str) -> float:
    (line,) = re.findall(rf'^tiffin_cache_failures_total{{use="{use}"}} (\S+)$', app.get("/metrics").text, re.MULTILINE)
    return float(line)


@pytest.mark.parametrize("content", [b"{}", b"[]", b"\xff", b'{"score":1}', b'{"created_at":"x","warnings":[]}'])
def test_what_does_not_read_in_redis_is_as_good_as_nothing(
    whole: App, sampled: StorageSettings, customers: list[dict[str, str]], content: bytes
) -> None:
    customer = customers[7]
    _redis(sampled).set(f"tiffin:prediction:{MODEL}:{customer['customer_id']}", content)
    with unloaded(whole):
        asked(whole, "predict", {"entity": customer}, 503)
    _redis(sampled).flushdb()


def test_what_could_not_be_recorded_is_not_remembered(
    sampled: StorageSettings, customers: list[dict[str, str]], tmp_path: Path
) -> None:
    _redis(sampled).flushdb()
    with App(_parts(sampled.model_copy(update={"state_dir": tmp_path}))) as app:
        folders.root(tmp_path).write_text("no folder can be made here")
        for operation, body in (("predict", {"entity": customers[0]}), ("batch", {"entities": customers[:2]})):
            assert asked(app, operation, body, 503)["code"] == "storage_unavailable"
        with unloaded(app):
            assert asked(app, "predict", {"entity": customers[0]}, 503)["code"] == "model_unavailable"
        folders.root(tmp_path).unlink()
        asked(app, "predict", {"entity": customers[0]})
        with unloaded(app):
            assert asked(app, "predict", {"entity": customers[0]})["stale"]


def test_no_values_are_remembered_of_a_model_whose_features_are_not_kept(
    sampled: StorageSettings, customers: list[dict[str, str]]
) -> None:
    client = _redis(sampled)
    client.flushdb()
    with App(_parts(sampled, ledger=LedgerSettings(features={MODEL: "none"}))) as app:
        for operation in ("predict", "explain"):
            asked(app, operation, {"entity": customers[0]})
        with unloaded(app):
            answer = asked(app, "predict", {"entity": customers[0]})
            asked(app, "explain", {"entity": customers[0]}, 503)
        drivers = answer["answer"].get("drivers", [])
        assert drivers
        assert all("value" not in driver and "sentence" not in driver for driver in drivers)


def test_events_are_taken_while_all_threads_of_look_ups_are_busy(whole: App) -> None:
    gate = threading.Event()
    try:
        for _ in range(2 * THREADS):
            whole.worker.entities._executor.submit(gate.wait, HANGS_SECONDS)
        event = {"customer_id": "nobody", "joined_at": datetime.now(UTC).isoformat()}
        answer = whole.post("/v1/events/customers", [{"event_id": f"many {number}", **event} for number in range(300)])
        assert answer.status_code == 200, answer.text
        assert answer.json() == {
            "source": "customers", "accepted": 300, "duplicates": 0, "rejected": 0, "errors": [],
        }  # fmt: skip
        assert not gate.is_set()
    finally:
        gate.set()


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/events/customers", [{"event_id": "x"}, {}]), ("/v1/outcomes", [{"prediction_id": "x"}, {}])],
)
def test_what_takes_its_time_with_many_entries_is_done_in_threads(
    whole: App, monkeypatch: pytest.MonkeyPatch, path: str, body: object
) -> None:
    where: dict[str, threading.Thread] = {}

    def noted(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def noting(*given: Any, **named: Any) -> Any:
            where[name] = threading.current_thread()
            return work(*given, **named)

        return noting

    for name in ("parse_items", "_encoded"):
        monkeypatch.setattr(intake, name, noted(name, getattr(intake, name)))
    assert whole.post(path, body).status_code == 200
    assert set(where) == {"parse_items", "_encoded"}
    assert threading.current_thread() not in where.values()
