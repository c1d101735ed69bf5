"""What is answered while a model, or the time for it, is missing."""

from __future__ import annotations

import dataclasses
import logging
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inference.settings import RunnerSettings
from models import catalogue
from serving.settings import ServingSettings
from storage.settings import StorageSettings
from tests.serving.apps import App, Parts
from tests.serving.versions import trained

EXAMPLE = catalogue()["churn"].schema.example
REQUESTS = [("predict", {"record": EXAMPLE}), ("explain", {"record": EXAMPLE}), ("batch", {"records": [EXAMPLE] * 3})]
WAYS = pytest.mark.parametrize("fast_path", [True, False], ids=["fast", "slow"])
OPERATIONS = pytest.mark.parametrize(("operation", "body"), REQUESTS, ids=[name for name, _ in REQUESTS])


def refusal(app: App, operation: str, body: Any) -> dict[str, Any]:
    """The 503 that the app answers with; its header and its body say the same about when to come back."""
    answer = app.post(f"/v1/models/churn/{operation}", body)
    assert answer.status_code == 503, answer.text
    problem: dict[str, Any] = answer.json()
    if problem["retry_after"] is not None:
        assert 0 <= int(answer.headers["retry-after"]) - problem["retry_after"] <= 1
    return problem


@pytest.fixture(scope="module", params=[True, False], ids=["fast", "slow"])
def hurried(settings: StorageSettings, request: pytest.FixtureRequest) -> Iterator[App]:
    """No model call can meet its deadline."""
    serving, hurry = ServingSettings(fast_path=request.param), RunnerSettings(deadline_ms=1e-6)
    with App(Parts(storage=settings, versions=dict(trained()), serving=serving, inference=hurry)) as app:
        yield app


@OPERATIONS
def test_a_request_whose_time_has_run_out_is_refused_as_a_whole(hurried: App, operation: str, body: Any) -> None:
    problem = refusal(hurried, operation, body)
    assert (problem["code"], problem["title"]) == ("overloaded", "Overloaded")
    assert problem["retry_after"] > 0


def test_a_batch_without_a_valid_record_needs_no_time(hurried: App) -> None:
    assert hurried.post("/v1/models/churn/batch", {"records": [{}]}).json()["summary"]["failed"] == 1


@WAYS
def test_without_versions_the_server_says_which_models_it_lacks(settings: StorageSettings, fast_path: bool) -> None:
    parts = Parts(storage=settings, versions={}, serving=ServingSettings(fast_path=fast_path))
    with App(parts) as app:
        started = time.monotonic()
        answer = app.get("/readyz")
        assert time.monotonic() - started < 2
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        for name in catalogue():
            assert f"model {name}: model '{name}' has no usable version" in answer.json()["detail"]
        assert app.get("/livez").status_code == 200
        for operation, body in REQUESTS:
            problem = refusal(app, operation, body)
            assert (problem["code"], problem["retry_after"]) == ("model_unavailable", 5.0)
            assert "train one with `tiffin train churn`" in problem["detail"]
        assert app.post("/v1/models/churn/predict", {"record": {}}).status_code == 422
        assert app.get("/v1/models/churn").json()["champion"] is None


def test_a_model_that_never_had_a_version_is_told_of_and_keeps_no_other_from_being_ready(
    settings: StorageSettings,
) -> None:
    parts = Parts(storage=settings, versions=dict(trained()), untrained=frozenset({"churn"}))
    with App(parts) as app:
        ready = app.get("/readyz")
        told = "model 'churn' has no version; train one with `tiffin train churn`, or delete models/churn.py"
        assert (ready.status_code, ready.text.splitlines()[0]) == (200, "ready")
        assert told in ready.text
        health = app.get("/v1/health").json()
        assert health["status"] == "degraded"
        assert any(told in reason for reason in health["reasons"])
        assert told in refusal(app, *REQUESTS[0])["detail"]


def test_a_model_whose_versions_do_not_serve_keeps_the_server_unready(settings: StorageSettings) -> None:
    versions = {name: version for name, version in trained().items() if name != "churn"}
    with App(Parts(storage=settings, versions=versions)) as app:
        assert app.get("/readyz").status_code == 503


def test_a_server_of_which_no_model_ever_had_a_version_is_not_ready(settings: StorageSettings) -> None:
    with App(Parts(storage=settings, versions={}, untrained=frozenset(catalogue()))) as app:
        answer = app.get("/readyz")
        assert answer.status_code == 503
        assert "model 'churn' has no version; train one with" in answer.json()["detail"]


def test_a_damaged_version_is_not_served_and_its_files_are_named_in_the_log_only(
    settings: StorageSettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    version = trained()["churn"]
    folder = Path(shutil.copytree(version.path, tmp_path / "damaged"))
    (folder / "model.onnx").unlink()
    parts = Parts(storage=settings, versions={**trained(), "churn": dataclasses.replace(version, path=folder)})
    with caplog.at_level(logging.WARNING), App(parts) as app:
        problem = refusal(app, *REQUESTS[0])
        reason = app.get("/v1/models/churn/health").json()["reason"]
        ready = app.get("/readyz").json()["detail"]
        assert app.post("/v1/models/fraud/predict", {"record": catalogue()["fraud"].schema.example}).status_code == 200
    assert problem["code"] == "model_unavailable"
    for said in (problem["detail"], reason, ready):
        assert f"version {version.tag} does not load" in said
        assert "model.onnx" not in said
        assert str(tmp_path) not in said
    assert "model.onnx" in caplog.text


@WAYS
def test_a_draining_server_is_not_ready_and_asks_its_clients_to_leave(
    settings: StorageSettings, fast_path: bool
) -> None:
    parts = Parts(storage=settings, versions=dict(trained()), serving=ServingSettings(fast_path=fast_path))
    with App(parts) as app:
        assert "connection" not in app.post("/v1/models/churn/predict", REQUESTS[0][1]).headers
        app.worker.drain()
        ready = app.get("/readyz")
        assert (ready.status_code, ready.json()["detail"]) == (503, "the server is shutting down")
        predicted = app.post("/v1/models/churn/predict", REQUESTS[0][1])
        assert predicted.status_code == 200
        for answer in (ready, predicted, app.get("/livez")):
            assert answer.headers["connection"] == "close"
