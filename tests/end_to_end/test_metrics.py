"""What Prometheus sees of a server with two workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from models import catalogue
from models.definition import Kind
from tests.end_to_end.connection import Connection, request
from tests.end_to_end.server import Server
from tests.serving.versions import trained
from tests.storage.servers import wait_for

MODELS = set(catalogue())
ESTIMATES = (Kind.REGRESSION, Kind.FORECAST, Kind.OPTIMISER)
WITH_SCORES = [name for name, definition in catalogue().items() if definition.kind not in ESTIMATES]
"""Of the others no scores are observed."""
ROUTES = {
    *(f"/v1/models/{{model}}/{operation}" for operation in ("predict", "batch", "explain")),
    *("/v1/models", "/v1/models/{model}", "/v1/models/{model}/health", "/v1/health"),
    *("/livez", "/readyz", "/healthz", "/metrics", "/docs", "/docs.json", "/schema.json", "/openapi.json"),
    *(
        "/static_content",
        "other",
        "/v1/stream",
        "/v1/events/{source}",
        "/v1/outcomes",
        "/v1/predictions/{prediction_id}",
    ),
    *(f"/v1/models/{{model}}/{question}" for question in ("stats", "top", "trends", "comparison")),
    "/v1/entities/{entity}/history",
}
DOCUMENTED = {
    "tiffin_requests_total": {"route", "method", "status"},
    "tiffin_request_duration_seconds_count": {"route"},
    "tiffin_stage_duration_seconds_count": {"model", "stage"},
    "tiffin_batch_rows_count": {"model", "stage"},
    "tiffin_predictions_total": {"model", "version", "role", "level"},
    "tiffin_score_count": {"model"},
    "tiffin_connections_ended_total": {"reason"},
    "tiffin_connections": {"state"},
    "tiffin_model_up": {"model"},
    "tiffin_dependency_up": {"dependency"},
    "tiffin_spool_bytes": {"spool"},
    "tiffin_spool_oldest_seconds": {"spool"},
    "tiffin_ledger_rows": {"outcome"},
    "tiffin_feature_lookups_total": {"view", "outcome"},
    "tiffin_cache_failures_total": {"use"},
    "tiffin_stream_listeners": {"transport"},
}


def samples(server: Server) -> list[Sample]:
    answer = server.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]


def total(server: Server, name: str, **labels: str) -> float:
    return sum(
        sample.value for sample in samples(server) if sample.name == name and labels.items() <= sample.labels.items()
    )


@pytest.fixture(scope="module", autouse=True)
def traffic(server: Server) -> None:
    """Every operation of every model, answered at least once."""
    for name, definition in catalogue().items():
        record = definition.schema.example
        server.post(f"/v1/models/{name}/predict", {"record": record})
        server.post(f"/v1/models/{name}/explain", {"record": record})
        server.post(f"/v1/models/{name}/batch", {"records": [record] * 3})
    server.post("/v1/models/churn/predict", {"entity": {"user_id": "nobody"}})
    with httpx.stream("GET", f"{server.url}/v1/stream") as events:
        next(events.iter_raw())


def test_every_documented_metric_is_there_with_its_labels(server: Server) -> None:
    wait_for(lambda: total(server, "tiffin_score_count") >= 5 * len(WITH_SCORES))
    seen: dict[str, set[str]] = {}
    for sample in samples(server):
        seen.setdefault(sample.name, set()).update(sample.labels)
    assert {name: seen.get(name) for name in DOCUMENTED} == DOCUMENTED


def counts_of(server: Server) -> Iterator[tuple[str, Callable[[], float], float]]:
    """What grows by how much with one batch of four of the fraud model."""
    version = trained()["fraud"].tag
    yield "predictions", lambda: total(server, "tiffin_predictions_total", model="fraud", version=version), 4
    yield "scores", lambda: total(server, "tiffin_score_count", model="fraud"), 4
    yield "rows", lambda: total(server, "tiffin_batch_rows_sum", model="fraud"), 4
    route = "/v1/models/{model}/batch"
    yield "requests", lambda: total(server, "tiffin_requests_total", route=route, status="200", method="POST"), 1
    yield "latency", lambda: total(server, "tiffin_request_duration_seconds_count", route=route), 1


def test_all_workers_count_into_one_sum(server: Server) -> None:
    asked = 20
    before = {name: count() for name, count, _ in counts_of(server)}
    body = {"records": [catalogue()["fraud"].schema.example] * 4}
    for _ in range(asked):
        assert server.post("/v1/models/fraud/batch", body).status_code == 200
    for name, count, growth in counts_of(server):
        expected = before[name] + asked * growth
        wait_for(lambda count=count, expected=expected: count() >= expected)  # type: ignore[misc]
        assert count() == expected, name


def test_nothing_that_a_caller_makes_up_becomes_a_label(server: Server) -> None:
    body = {"record": catalogue()["fraud"].schema.example}
    evil = "evil1234"
    for path in (
        f"/{evil}",
        f"/v1/models/{evil}",
        f"/v1/models/{evil}/predict",
        f"/v1/models/{evil}/predict?{evil}={evil}",
        f"/v1/models/fraud/{evil}",
        f"/v1/models/fraud/predict/{evil}",
        f"/v1/models/fraud/predict?{evil}",
        f"/static_content/{evil}",
        f"/docs?{evil}",
    ):
        for method in ("GET", "POST", "PUT", "PROPFIND"):
            server.request(method, path, json=body, headers={"X-Request-ID": evil, "User-Agent": evil})
    with Connection(server.port) as connection:
        assert connection.ask("/v1/models/fraud/predict", body, method="MKCOL").status == 405
        connection.send(request(f"/v1/models/fraud/{evil}predict", body))
        connection.receive()
    server.post("/v1/models/churn/predict", {"record": {**catalogue()["churn"].schema.example, "country": evil}})
    now = samples(server)
    assert not [sample for sample in now if evil in " ".join([*sample.labels, *sample.labels.values()])]
    routes = {sample.labels["route"] for sample in now if "route" in sample.labels}
    assert routes <= ROUTES
    methods = {sample.labels["method"] for sample in now if "method" in sample.labels}
    assert methods <= {"GET", "POST", "PUT", "HEAD", "DELETE", "other"}


def test_every_metric_is_one_of_ours(server: Server) -> None:
    assert {sample.name.split("_")[0] for sample in samples(server)} == {"tiffin"}
