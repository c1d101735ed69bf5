"""Purges over HTTP: a body that does not fit is refused as everywhere, and what is asked for is kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.serving.apps import App
from tests.serving.conftest import LIMITS

PATH = "/v1/admin/purge"


def refused(app: App, body: Any, status: int, code: str, headers: dict[str, str] | None = None) -> Any:
    answer = app.post(PATH, body, headers)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), answer.text
    return problem


def purges(app: App) -> int:
    return len(app.get(f"{PATH}?limit=1000").json()["items"])


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (json.dumps({"entity": "C1", "reason": "x" * LIMITS["max_body_bytes"]}).encode(), 413, "too_large"),
        (b'{"entity": ' + b"[" * 40 + b"]" * 40 + b"}", 413, "too_large"),
        (b'{"entity": "C1"', 400, "malformed_body"),
        (b'{"entity": "C1", "entity": "C2"}', 400, "malformed_body"),
        (b'{"entity": NaN}', 400, "malformed_body"),
        (b'{"record": {"entity": NaN}}', 400, "malformed_body"),
        (b'{"entity": "\\ud800"}', 400, "malformed_body"),
        (b'{"entity": "\xff"}', 400, "malformed_body"),
        (b"", 400, "malformed_body"),
        (b"[]", 400, "malformed_body"),
        (b"null", 400, "malformed_body"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_as_by_inference(app: App, body: bytes, status: int, code: str) -> None:
    before = purges(app)
    refused(app, body, status, code)
    answer = app.post("/v1/models/fraud/predict", body)
    assert answer.status_code in {status, 422}, "a NaN in a record is an error of that record"
    assert purges(app) == before


def test_what_is_not_json_by_its_header_is_refused(app: App) -> None:
    for headers in ({"Content-Type": "text/plain"}, {"Content-Encoding": "gzip"}):
        refused(app, b"{}", 415, "unsupported_media_type", headers)


def test_all_wrong_fields_are_told_at_once_with_the_nearest_known_one(app: App) -> None:
    told = refused(app, {"model": 7, "entty": "C1", "before": "soon", "reason": None}, 422, "invalid_features")
    assert {(one["field"], one["code"]) for one in told["errors"]} == {
        ("model", "wrong_type"), ("entty", "unknown_field"), ("before", "not_a_moment"), ("reason", "wrong_type"),
    }  # fmt: skip
    said = {one["field"]: one["message"] for one in told["errors"]}
    assert said["entty"].endswith("did you mean 'entity'?")
    assert told["detail"] == "4 fields of the request are not valid"


def test_all_values_that_do_not_make_sense_are_told_at_once(app: App) -> None:
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    told = refused(app, {"entity": "a\0b", "before": later, "reason": "\0"}, 422, "invalid_features")
    assert [one["field"] for one in told["errors"]] == ["entity", "before", "reason"]


@pytest.mark.parametrize("entity", ["", " ", 7, True, "x" * 1001, {"customer_id": "C1"}])
def test_what_is_no_entity_is_refused(app: App, entity: Any) -> None:
    before = purges(app)
    told = refused(app, {"entity": entity}, 422, "invalid_features")
    assert [one["field"] for one in told["errors"]] == ["entity"]
    assert purges(app) == before


def test_everything_is_removed_only_when_a_moment_says_so(app: App) -> None:
    for body in ({}, {"model": None, "entity": None}):
        told = refused(app, body, 422, "invalid_features")
        assert [one["field"] for one in told["errors"]] == ["before"]
    assert refused(app, {"model": "frud"}, 404, "unknown_model")["detail"].endswith("did you mean 'fraud'?")


def test_the_documented_body_is_taken_and_kept(app: App) -> None:
    document = app.get("/openapi.json").json()
    content = document["paths"][PATH]["post"]["requestBody"]["content"]["application/json"]
    assert content["schema"] == {"$ref": "#/components/schemas/PurgeRequest"}
    assert document["components"]["schemas"]["PurgeRequest"]["properties"].keys() == {
        "model", "entity", "before", "reason",
    }  # fmt: skip
    (example,) = (one["value"] for one in content["examples"].values())
    answer = app.post(PATH, example)
    assert answer.status_code == 202, answer.text
    kept = app.get(f"{PATH}/{answer.json()['id']}").json()
    assert (kept["entity"], kept["reason"], kept["state"]) == (example["entity"], example["reason"], "queued")
