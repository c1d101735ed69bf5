"""Events and outcomes over HTTP: what is wrong is told by field, alone or in an array."""

from __future__ import annotations

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
