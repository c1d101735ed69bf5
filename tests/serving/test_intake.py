"""Events and outcomes over HTTP: what is wrong is told by field, alone or in an array."""

from __future__ import annotations

import json
import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import storage
from storage.settings import StorageSettings
from tests.ledger import making
from tests.ledger.test_reading import write
from tests.serving.apps import App

OUTCOMES, EVENTS = "/v1/outcomes", "/v1/events/payments"
LATER = (datetime.now(UTC) + timedelta(days=1)).isoformat()


@pytest.fixture
def prediction_id(settings: StorageSettings, app: App) -> str:
    """Of a prediction of `delinquency` that the ledger holds."""
    moment = datetime.now(UTC) - timedelta(hours=1)
    one = making.prediction(random.Random(uuid.uuid4().int), moment=moment)
    write(storage.urls(settings).database, [(one, "C1", moment)])
    identity: str = one["prediction_id"]
    return identity


def event(**given: Any) -> dict[str, Any]:
    return {
        "event_id": uuid.uuid4().hex,
        "customer_id": "C1",
        "instalment_id": "I1",
        "paid_at": "2026-03-01T09:30:00Z",
        "amount": 180.0,
        **given,
    }


def refused(app: App, path: str, body: Any) -> list[tuple[str, str]]:
    answer = app.post(path, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_features"), answer.text
    return [(error["field"], error["code"]) for error in answer.json()["errors"]]


def test_a_single_outcome_is_refused_with_every_field_that_is_wrong(app: App, prediction_id: str) -> None:
    by_id = {"prediction_id": prediction_id, "outcome": 1}
    assert refused(app, OUTCOMES, {**by_id, "model": "churn"}) == [("model", "other_model")]
    assert refused(app, OUTCOMES, {**by_id, "model": "chrun"}) == [("model", "unknown_value")]
    assert refused(app, OUTCOMES, {**by_id, "observed_at": LATER}) == [("observed_at", "future")]
    assert refused(app, OUTCOMES, {**by_id, "outcome": "perhaps"}) == [("outcome", "wrong_value")]
    assert refused(app, OUTCOMES, {**by_id, "outcme": 1, "model": 7}) == [
        ("model", "unknown_value"), ("outcme", "unknown_field"),
    ]  # fmt: skip
    said = app.post(OUTCOMES, {**by_id, "outcme": 1}).json()["errors"][0]["message"]
    assert said.endswith("did you mean 'outcome'?")


def test_the_model_of_the_prediction_is_named(app: App, prediction_id: str) -> None:
    problem = app.post(OUTCOMES, {"prediction_id": prediction_id, "model": "churn", "outcome": 1}).json()
    (error,) = problem["errors"]
    assert error["message"].startswith("must be delinquency")
    assert error["given"] == "churn"


@pytest.mark.parametrize("count", [1, 3])
def test_an_array_is_answered_one_by_one_even_when_all_of_it_is_rejected(app: App, count: int) -> None:
    outcomes = app.post(OUTCOMES, [{"outcome": 1, "observed_at": LATER}] * count)
    assert outcomes.status_code == 200, outcomes.text
    assert outcomes.json()["summary"] == {"rejected": count}
    for index, item in enumerate(outcomes.json()["items"]):
        assert (item["index"], item["status"]) == (index, "rejected")
        assert {error["field"] for error in item["errors"]} == {
            f"{index}.model", f"{index}.entity", f"{index}.observed_at",
        }  # fmt: skip
    events = app.post(EVENTS, [event(amount=-1)] * count)
    assert events.status_code == 200, events.text
    assert (events.json()["accepted"], events.json()["rejected"]) == (0, count)
    for index, one in enumerate(events.json()["errors"]):
        assert [error["field"] for error in one["errors"]] == [f"{index}.amount"]


def test_what_is_accepted_has_no_errors(app: App, prediction_id: str) -> None:
    answer = app.post(OUTCOMES, [{"prediction_id": prediction_id, "outcome": 1}]).json()
    assert [(one["status"], one["errors"]) for one in answer["items"]] == [("recorded", [])]


def test_a_single_event_that_does_not_fit_is_refused(app: App) -> None:
    assert refused(app, EVENTS, event(amount=-1, amuont=1)) == [("event.amount", "range"), ("event.amuont", "unknown")]


def test_what_is_no_json_in_one_event_of_an_array_is_an_error_of_that_event(app: App) -> None:
    good, other = json.dumps(event()), json.dumps(event())
    bad = [
        good.replace("180.0", "NaN"),
        good.replace("180.0", "-Infinity"),
        good.replace("180.0", '180.0, "amount": 180.0'),
        good.replace("180.0", '{"a": [NaN], "a": 1}'),
        "Infinity",
    ]
    answer = app.post(EVENTS, f"[{good}, {', '.join(bad)}, {other}]".encode())
    assert answer.status_code == 200, answer.text
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (2, 5)
    told = [
        [(error["field"], error["code"], error["given"]) for error in one["errors"]] for one in answer.json()["errors"]
    ]
    assert told == [
        [("1.amount", "type", "nan")],
        [("2.amount", "type", "-inf")],
        [("3.amount", "doubled_key", None)],
        [("4.amount", "type", "an object")],
        [("5", "type", None)],
    ]


def test_what_is_no_json_in_one_outcome_of_an_array_is_an_error_of_that_outcome(app: App, prediction_id: str) -> None:
    good = json.dumps({"prediction_id": prediction_id, "outcome": True})
    about = (
        '{"model": "delinquency", "observed_at": "2026-03-01T00:00:00Z", "entity": {"customer_id": "C1"}, "outcome": 1}'
    )
    bad = [
        good.replace("true", "NaN"),
        good.replace("true", "Infinity"),
        good.replace("true", 'true, "outcome": false'),
        about.replace('"C1"', '"C1", "customer_id": "C2"'),
        about.replace('"outcome": 1', '"outcome": 1, "outcome": 0'),
        "NaN",
    ]
    answer = app.post(OUTCOMES, f"[{good}, {', '.join(bad)}, {good}]".encode())
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    assert [one["status"] for one in items] == ["recorded", *["rejected"] * 6, "duplicate"]
    told = [(error["field"], error["code"], error["given"]) for one in items for error in one["errors"]]
    assert told == [
        ("1.outcome", "wrong_value", "nan"),
        ("2.outcome", "wrong_value", "inf"),
        ("3.outcome", "doubled_key", None),
        ("4.entity", "wrong_value", "an object"),
        ("5.outcome", "doubled_key", None),
        ("5.entity", "wrong_value", "an object"),
        ("6", "wrong_type", None),
    ]


@pytest.mark.parametrize("path", [EVENTS, OUTCOMES])
@pytest.mark.parametrize("body", [b'{"outcome": NaN}', b'{"outcome": 1, "outcome": 2}', b"NaN", b'[{"outcome": 1]'])
def test_a_body_that_is_no_json_as_a_whole_is_malformed_and_says_where(app: App, path: str, body: bytes) -> None:
    answer = app.post(path, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_body")
    assert "line 1 column" in answer.json()["detail"] or body == b"NaN"
