"""Requests that name an entity, on sample data in a real PostgreSQL and a real Redis, through both ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis

import storage
from models import catalogue
from storage.settings import StorageSettings
from tests.serving.apps import App
from tests.serving.conftest import END, both_ways
from tests.serving.versions import trained
from tests.storage.servers import execute

WITH_VIEW = [name for name, definition in catalogue().items() if definition.view is not None]
KEYS = {
    "delinquency": ("customers", "customer_id"),
    "churn": ("subscriptions", "user_id"),
    "purchase": ("shop_events", "user_id, item_id"),
    "demand": ("sales", "store_id, sku_id"),
}
CHANGING = ("prediction_id", "request_id", "created_at", "timestamp", "latency_ms", "as_of", "features_age_seconds")
NOW = {"include": ["features"]}


@pytest.fixture(scope="module")
def ways(sampled: StorageSettings) -> Iterator[Mapping[str, App]]:
    with both_ways(sampled, trained(), catalogue()) as apps:
        yield apps


@pytest.fixture(params=["fast", "slow"])
def app(ways: Mapping[str, App], request: pytest.FixtureRequest) -> App:
    return ways[request.param]


@pytest.fixture(autouse=True)
def _forgotten(sampled: StorageSettings) -> None:
    """Nothing is cached when a test begins."""
    redis.Redis.from_url(storage.urls(sampled).redis).flushdb()


@pytest.fixture(scope="module")
def entities(sampled: StorageSettings) -> Mapping[str, list[dict[str, str]]]:
    """Some entities of every model, by the model's name."""
    url = storage.urls(sampled).database
    found = {}
    for model, (table, columns) in KEYS.items():
        rows = execute(url, f"select distinct {columns} from {table} order by {columns} limit 15")
        found[model] = [dict(zip(columns.split(", "), map(str, row), strict=True)) for row in rows]
    return found


def steady(answer: Any) -> Any:
    """The answer without what differs from one request to the next."""
    if isinstance(answer, dict):
        return {name: steady(value) for name, value in answer.items() if name not in CHANGING}
    return [steady(one) for one in answer] if isinstance(answer, list) else answer


def predict(app: App, model: str, body: Mapping[str, Any], operation: str = "predict", status: int = 200) -> Any:
    answer = app.post(f"/v1/models/{model}/{operation}", body)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_the_four_models_with_a_view_are_tested() -> None:
    assert sorted(WITH_VIEW) == sorted(KEYS)


@pytest.mark.parametrize("model", WITH_VIEW)
def test_an_entity_is_scored_as_its_features_sent_as_a_record(
    app: App, entities: Mapping[str, list[dict[str, str]]], model: str
) -> None:
    for entity in entities[model][:4]:
        answer = predict(app, model, {"entity": entity, **NOW})
        assert answer["entity"] == entity
        assert abs(datetime.fromisoformat(answer["as_of"]) - datetime.now(UTC)) < timedelta(minutes=5)
        assert 0 <= answer["features_age_seconds"] < 300
        record = {name: value for name, value in answer["features"].items() if value is not None}
        as_record = predict(app, model, {"record": record})
        assert as_record["score"] == pytest.approx(answer["score"], rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("model", WITH_VIEW)
def test_a_batch_gives_what_single_requests_give_with_one_bad_entity_failing_alone(
    app: App, entities: Mapping[str, list[dict[str, str]]], model: str
) -> None:
    as_of = (END - timedelta(days=20)).isoformat()
    known = entities[model]
    unknown = dict.fromkeys(known[0], "nobody")
    asked = [*known[:5], unknown, {"x": 1}, *known[5:8], known[0]]
    batch = predict(app, model, {"entities": asked, "as_of": as_of}, "batch")
    for item, entity in zip(batch["items"], asked, strict=True):
        if entity == unknown:
            assert (item["error"]["status"], item["error"]["code"]) == (404, "unknown_entity")
        elif entity == {"x": 1}:
            assert item["error"]["code"] == "invalid_features"
            assert {error["field"] for error in item["error"]["errors"]} == {
                f"entity.{key}" for key in ("x", *known[0])
            }
        else:
            alone = app.post(f"/v1/models/{model}/predict", {"entity": entity, "as_of": as_of}).json()
            given = item.get("prediction") or {**item["error"], "instance": alone["instance"]}
            assert steady(given) == steady(alone)
    assert batch["summary"]["total"] == len(asked)
    assert batch["summary"]["succeeded"] >= 1


@pytest.mark.parametrize("model", WITH_VIEW)
def test_both_ways_give_the_same(
    ways: Mapping[str, App], entities: Mapping[str, list[dict[str, str]]], model: str
) -> None:
    entity, as_of = entities[model][0], (END - timedelta(days=3)).isoformat()
    for operation, body in (
        ("predict", {"entity": entity, "as_of": as_of, "include": ["features"]}),
        ("explain", {"entity": entity, "as_of": as_of, "top": 3}),
        ("batch", {"entities": entities[model][:3], "as_of": as_of}),
        ("predict", {"entity": {"nothing": 1}}),
        ("predict", {"entity": entity, "record": {}}),
        ("predict", {"entity": entity, "as_of": "yesterday"}),
        ("batch", {"entities": []}),
        ("batch", {"entities": {}}),
        ("batch", {"entities": [entity] * 21}),
    ):
        fast, slow = (ways[way].post(f"/v1/models/{model}/{operation}", body) for way in ("fast", "slow"))
        assert fast.status_code == slow.status_code
        assert steady(fast.json()) == steady(slow.json())


@pytest.mark.parametrize("model", WITH_VIEW)
def test_a_second_request_is_answered_from_the_cache_and_says_so(
    app: App, entities: Mapping[str, list[dict[str, str]]], model: str
) -> None:
    body = {"entity": entities[model][0], **NOW}
    first, second = predict(app, model, body), predict(app, model, body)
    assert (first["cached"], second["cached"]) == (False, True)
    assert second["as_of"] == first["as_of"]
    assert second["features"] == first["features"]
    assert second["score"] == first["score"]
    past = {**body, "as_of": first["as_of"]}
    assert [predict(app, model, past)["cached"] for _ in range(2)] == [False, False]


def test_a_past_moment_knows_nothing_of_what_came_later(
    app: App, sampled: StorageSettings, entities: Mapping[str, list[dict[str, str]]]
) -> None:
    entity, moment = entities["delinquency"][1], END - timedelta(days=40)
    body = {"entity": entity, "as_of": moment.isoformat(), **NOW}
    before = predict(app, "delinquency", body)
    url, customer = storage.urls(sampled).database, entity["customer_id"]
    account = execute(url, f"select account_id from accounts where customer_id = '{customer}' limit 1")[0][0]
    execute(
        url,
        "insert into transactions (event_id, customer_id, account_id, booked_at, kind, amount, balance_after) "
        f"values ('later', '{customer}', '{account}', '{moment.isoformat()}', 'spend', 900, -5000)",
    )
    try:
        assert steady(predict(app, "delinquency", body)) == steady(before)
        later = {**body, "as_of": (moment + timedelta(seconds=1)).isoformat()}
        assert predict(app, "delinquency", later)["features"] != before["features"]
    finally:
        execute(url, "delete from transactions where event_id = 'later'")


def test_values_that_are_given_replace_those_of_the_view(
    app: App, entities: Mapping[str, list[dict[str, str]]]
) -> None:
    entity = entities["demand"][0]
    answer = predict(app, "demand", {"entity": entity, "given": {"horizon": 3, "promotion": True}, **NOW})
    assert len(answer["answer"]["forecast"]) == 3
    assert answer["features"]["promotion"] is True
    refused = predict(app, "demand", {"entity": entity, "given": {"horizon": 99, "prise": 1}}, status=422)
    assert {error["field"] for error in refused["errors"]} == {"given.horizon", "given.prise"}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"entity": {}}, {"entity.customer_id"}),
        ({"entity": {"customer_id": 7}}, {"entity.customer_id"}),
        ({"entity": {"customer_id": ""}}, {"entity.customer_id"}),
        ({"entity": {"customer_id": "x" * 129}}, {"entity.customer_id"}),
        ({"entity": {"customer_id": "a\0b"}}, {"entity.customer_id"}),
        ({"entity": {"customer_id": None, "custmer_id": "C1"}}, {"entity.customer_id", "entity.custmer_id"}),
        ({"entity": "C000001"}, {"entity"}),
        ({"entity": None}, {"entity"}),
        ({"entity": []}, {"entity"}),
        ({"entity": {"customer_id": "C1"}, "as_of": 5}, {"as_of"}),
        ({"entity": {"customer_id": "C1"}, "as_of": "2026-03-01T00:00:00"}, {"as_of"}),
        ({"entity": {"customer_id": "C1"}, "as_of": "2999-03-01T00:00:00Z"}, {"as_of"}),
        ({"entity": {"customer_id": "C1"}, "as_of": "1899-03-01T00:00:00Z"}, {"as_of"}),
        ({"entity": {"customer_id": "C1"}, "as_of": "0001-01-01T00:00:00+14:00"}, {"as_of"}),
        ({"entity": {"customer_id": "C1"}, "given": []}, {"given"}),
        ({"entity": {"customer_id": "C1"}, "threshold": 7, "top": 1, "x": 1}, {"threshold", "top", "x"}),
        ({"entities": [{"customer_id": "C1"}]}, {"entities", "record"}),
        ({"record": {}, "as_of": "2026-03-01T00:00:00Z"}, {"as_of"}),
    ],
)
def test_what_is_wrong_is_named_all_at_once(app: App, body: Any, fields: set[str]) -> None:
    problem = predict(app, "delinquency", body, status=422)
    found = {error["field"] for error in problem["errors"] if not error["field"].startswith("record.")}
    assert found == fields


def test_hostile_ids_are_values_and_nothing_else(app: App, sampled: StorageSettings) -> None:
    for hostile in ("'; drop table customers; --", '{"a":1}', "C1,C2", "\\", '"', "%s", "$1", "NULL", "\u202e", "😀"):
        problem = predict(app, "delinquency", {"entity": {"customer_id": hostile}}, status=404)
        assert problem["code"] == "unknown_entity"
    ((count,),) = execute(storage.urls(sampled).database, "select count(*) from customers")
    assert isinstance(count, int)
    assert count > 0


def test_an_entity_with_little_history_is_scored_with_a_warning(app: App, sampled: StorageSettings) -> None:
    url = storage.urls(sampled).database
    ((customer, joined),) = execute(
        url, "select customer_id, min(joined_at) from customers group by 1 order by 2 desc limit 1"
    )
    assert isinstance(joined, datetime)
    as_of = min(joined + timedelta(days=3), datetime.now(UTC))
    answer = predict(app, "delinquency", {"entity": {"customer_id": customer}, "as_of": as_of.isoformat()})
    assert any("little history" in warning for warning in answer["warnings"])


def test_explanations_of_entities_add_up(app: App, entities: Mapping[str, list[dict[str, str]]]) -> None:
    for model in WITH_VIEW:
        answer = predict(app, model, {"entity": entities[model][0], "top": 0}, "explain")
        said = answer["explanation"]
        total = said["base_value"] + sum(one["contribution"] for one in said["contributions"]) + said["other"]
        assert total == pytest.approx(said["margin"], abs=1e-4)
