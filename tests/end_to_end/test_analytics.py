"""From events that come in to what an analyst asks: features, predictions, history, outcomes, lists, trends."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from models import catalogue
from tests.end_to_end.server import Server
from tests.storage.servers import wait_for

NOW = datetime.now(UTC)
USER = f"U-{uuid.uuid4().hex[:8]}"


def ago(**time: float) -> str:
    return (NOW - timedelta(**time)).isoformat()


def event(**columns: Any) -> dict[str, Any]:
    return {"event_id": uuid.uuid4().hex, "user_id": USER, **columns}


def send(server: Server, source: str, events: Any, status: int = 200) -> Any:
    answer = server.post(f"/v1/events/{source}", events)
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.fixture(scope="module", autouse=True)
def subscriber(server: Server) -> None:
    """A subscriber of sixty days, who was active on three of the last seven."""
    subscription = event(changed_at=ago(days=60), change="begin", plan="monthly")
    sessions = [event(ended_at=ago(days=day), watch_minutes=20, quizzes=1) for day in (1, 3, 5, 20)]
    assert send(server, "subscriptions", subscription)["accepted"] == 1
    assert send(server, "activity", sessions)["accepted"] == 4


def predict(server: Server, **more: Any) -> Any:
    body = {"entity": {"user_id": USER}, "include": ["features"], **more}
    answer = server.post("/v1/models/churn/predict", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def stored(server: Server, prediction_id: str) -> Any:
    """The prediction as the ledger has it, once it is there."""
    wait_for(lambda: server.status(f"/v1/predictions/{prediction_id}") == 200)
    return server.get(f"/v1/predictions/{prediction_id}").json()


def pages(server: Server, path: str, limit: int) -> list[Any]:
    """All entries of a list, page by page."""
    found: list[Any] = []
    cursor: Mapping[str, str] = {}
    while True:
        answer = server.request("GET", path, params={"limit": limit, **cursor}).json()
        found += answer["items"]
        if answer["next_cursor"] is None:
            return found
        cursor = {"cursor": answer["next_cursor"]}


def test_an_event_changes_the_features_at_once_on_every_worker(server: Server) -> None:
    before = predict(server)
    assert before["features"]["active_days_7d"] == 3
    assert before["features"]["watch_minutes_7d"] == 60
    wait_for(lambda: predict(server)["cached"])
    again = event(ended_at=ago(minutes=5), watch_minutes=30, quizzes=0)
    assert send(server, "activity", again) == {
        "source": "activity", "accepted": 1, "duplicates": 0, "rejected": 0, "errors": [],
    }  # fmt: skip
    for _ in range(8):  # whichever worker answers
        assert predict(server)["features"]["watch_minutes_7d"] == 90
    assert send(server, "activity", again)["duplicates"] == 1
    assert predict(server)["features"]["watch_minutes_7d"] == 90


def test_bad_events_are_named_and_the_others_are_taken(server: Server) -> None:
    good = event(ended_at=ago(days=9), watch_minutes=1, quizzes=0)
    bad = [
        {**good, "event_id": "a", "watch_minutes": -1},
        {**good, "event_id": "b", "ended_at": "yesterday"},
        {**good, "event_id": "c", "watch_minuts": 1},
        {**good, "event_id": "d", "user_id": "x\0y"},
        7,
        {},
    ]
    answer = send(server, "activity", [*bad, good])
    assert (answer["accepted"], answer["rejected"]) == (1, len(bad))
    assert [one["index"] for one in answer["errors"]] == list(range(len(bad)))
    assert all(one["errors"] for one in answer["errors"])
    assert "watch_minutes" in json.dumps(answer["errors"][2])
    assert send(server, "activity", bad[0], 422)["code"] == "invalid_features"
    assert send(server, "activty", good, 404)["detail"].endswith("did you mean 'activity'?")
    assert send(server, "activity", [], 422)["code"] == "invalid_features"
    assert send(server, "activity", "text", 400)["code"] == "malformed_body"
    assert server.request("POST", "/v1/events/activity", content=b"{}").status_code in {400, 422}
    text = {"content-type": "text/plain"}
    assert server.request("POST", "/v1/events/activity", content=b"{}", headers=text).status_code == 415
    doubled = b'{"event_id": "x", "event_id": "y"}'
    headers = {"content-type": "application/json"}
    assert server.request("POST", "/v1/events/activity", content=doubled, headers=headers).status_code == 400


def test_the_history_has_every_prediction_newest_first_page_by_page(server: Server) -> None:
    made = [predict(server)["prediction_id"] for _ in range(5)]
    stored(server, made[-1])
    wait_for(lambda: len(pages(server, f"/v1/entities/{USER}/history", 200)) >= len(made))
    for limit in (1, 2, 200):
        found = [one["prediction_id"] for one in pages(server, f"/v1/entities/{USER}/history", limit)]
        assert found[: len(made)] == made[::-1]
        assert len(found) == len(set(found))
    of_model = server.get(f"/v1/entities/{USER}/history?model=churn&days=1").json()["items"]
    assert [one["prediction_id"] for one in of_model][: len(made)] == made[::-1]
    assert server.get(f"/v1/entities/{USER}/history?model=fraud").json() == {"items": [], "next_cursor": None}
    for wrong, status in (("model=frud", 404), ("days=0", 422), ("limit=0", 422), ("cursor=x", 422), ("dyas=1", 422)):
        assert server.get(f"/v1/entities/{USER}/history?{wrong}").status_code == status, wrong


def test_a_prediction_can_be_read_as_it_was_answered(server: Server) -> None:
    answer = predict(server)
    kept = stored(server, answer["prediction_id"])
    for name in ("prediction_id", "model", "version", "role", "score", "label", "level", "threshold", "confidence"):
        assert kept[name] == answer[name], name
    assert kept["features"] == answer["features"]
    assert kept["answer"] == answer["answer"]
    assert kept["entity"] == USER
    assert kept["outcome"] is None
    assert kept["drivers"]
    unknown = server.get("/v1/predictions/01a1ff41-bb42-7001-8cdc-faa5cecfc329")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    assert server.get("/v1/predictions/nothing").status_code == 404


def test_outcomes_are_joined_corrected_and_counted(server: Server) -> None:
    first, second = predict(server), predict(server)
    stored(server, second["prediction_id"])

    def send_outcome(body: Any) -> httpx.Response:
        return server.post("/v1/outcomes", body)

    one = {"prediction_id": first["prediction_id"], "outcome": False}
    assert send_outcome(one).json()["summary"] == {"recorded": 1}
    assert send_outcome(one).json()["summary"] == {"duplicate": 1}
    changed = send_outcome({**one, "outcome": True}).json()
    assert changed["items"][0]["status"] == "corrected"
    assert changed["items"][0]["previous"] is False
    assert stored(server, first["prediction_id"])["outcome"]["outcome"] is True
    later = {"model": "churn", "entity": {"user_id": USER}, "observed_at": datetime.now(UTC).isoformat(), "outcome": 1}
    by_entity = send_outcome(later).json()["items"][0]
    assert (by_entity["status"], by_entity["prediction_id"]) == ("recorded", second["prediction_id"])
    unknown = {"prediction_id": "01a1ff41-bb42-7001-8cdc-faa5cecfc329", "outcome": True}
    many = send_outcome([unknown, {"outcome": 1}, {**one, "outcome": "perhaps"}, one]).json()
    assert [item["status"] for item in many["items"]] == ["unmatched", "rejected", "rejected", "corrected"]
    assert many["summary"] == {"unmatched": 1, "rejected": 2, "corrected": 1}
    assert send_outcome({"outcome": 1}).status_code == 422


def test_lists_statistics_and_trends_count_what_was_predicted(server: Server) -> None:
    answer = predict(server)
    stored(server, answer["prediction_id"])
    wait_for(lambda: latest(server)["prediction_id"] == answer["prediction_id"])
    assert latest(server)["score"] == answer["score"]
    of_level = server.get(f"/v1/models/churn/top?level={answer['level']}").json()["items"]
    assert USER in {one["entity"] for one in of_level}
    stats = server.get("/v1/models/churn/stats").json()
    assert stats["counted"] == "entities"
    assert stats["levels"][answer["level"]]["count"] >= 1
    trend = server.get("/v1/models/churn/trends?metric=volume&window=hour").json()
    assert all(len(series["values"]) == len(trend["x"]) for series in trend["series"])
    assert sum(value or 0 for series in trend["series"] for value in series["values"]) >= 1
    comparison = server.get("/v1/models/churn/comparison").json()
    assert comparison["b"]["predictions"] >= 1
    for path in ("top?level=LOWW", "trends?metric=x", "trends?from=x", "comparison?a.from=2026-01-01"):
        assert server.get(f"/v1/models/churn/{path}").status_code == 422, path
    assert server.get("/v1/models/chrun/stats").status_code == 404


def latest(server: Server) -> Any:
    found = [one for one in pages(server, "/v1/models/churn/top", 100) if one["entity"] == USER]
    return found[0] if found else {"prediction_id": None}


def test_the_stream_tells_of_predictions_on_any_worker_and_goes_on_where_it_ended(server: Server) -> None:
    record = catalogue()["fraud"].schema.example
    with httpx.stream("GET", f"{server.url}/v1/stream?model=fraud", timeout=20) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(lines).startswith("retry:")
        made = {server.post("/v1/models/fraud/predict", {"record": record}).json()["prediction_id"] for _ in range(6)}
        predict(server)
        heard: list[str] = []
        places: list[str] = []
        while len(heard) < len(made):
            line = next(lines)
            if line.startswith("id: "):
                places.append(line.removeprefix("id: "))
            if line.startswith("data: "):
                heard.append(json.loads(line.removeprefix("data: "))["prediction_id"])
    assert set(heard) == made
    headers = {"Last-Event-ID": places[2]}
    with httpx.stream("GET", f"{server.url}/v1/stream?model=fraud", headers=headers, timeout=20) as answer:
        lines = answer.iter_lines()
        again: list[str] = []
        while len(again) < 3:
            line = next(lines)
            if line.startswith("data: "):
                again.append(json.loads(line.removeprefix("data: "))["prediction_id"])
    assert again == heard[3:]
