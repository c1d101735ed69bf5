"""The management API: what models there are, and how this server does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import psutil
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import Field

from ledger.status import Status
from models.definition import BinaryPolicy, Definition, Expansion, Kind
from serving import documents
from serving.analytics import add_analytics_routes
from serving.application import add_problems, answer_exception
from serving.entities import view_of
from serving.intake import add_intake_routes
from serving.parameters import in_words, refuse_unknown
from serving.purging import add_purge_routes
from serving.schema import Described
from serving.versions import add_version_routes, definition_of
from serving.worker import NAMES, SILENT, Worker
from storage.health import DependencyHealth

BEHIND_SECONDS = 10.0
WAITING = "the database does not take predictions now; they wait on local disk"


class ModelSummary(Described):
    name: str
    title: str
    kind: str
    purpose: str
    status: Literal["ready", "unavailable"]
    champion: str | None = Field(description="the version that answers; null when none does")
    reason: str | None = Field(description="why the model is unavailable")
    metrics: dict[str, float] = Field(description="the champion's test metrics")
    threshold: float | None


class ModelList(Described):
    items: list[ModelSummary]
    next_cursor: str | None = None


class ModelDetail(ModelSummary):
    features: list[dict[str, Any]] = Field(
        alias="schema", description="every feature with unit, range, levels, example"
    )
    target: str | None
    unit: str | None = Field(description="of the score, where it is a quantity")
    levels: list[dict[str, Any]] = Field(description="the bands of a probability, by the score that each begins at")
    example: dict[str, Any] = Field(description="a request body for predict that works when sent")
    view: dict[str, Any] | None = Field(
        description="how an entity's features are computed: keys, sources, columns; null for a model of records only"
    )
    limits: list[str]


class Dependency(Described):
    name: str
    status: Literal["up", "down"]
    latency_ms: float | None
    error: str | None
    since: str


class Ledger(Described):
    status: Literal["up", "behind", "down"] = Field(
        description="behind: predictions have waited in the spool for more than 10 s; down: nobody ships them"
    )
    spool_bytes: int = Field(description="predictions on local disk that PostgreSQL does not have yet")
    oldest_unshipped_seconds: float
    shipped: int = Field(description="predictions written since the shipper's start")
    rejected: int = Field(description="predictions that could not be written and were put aside")
    error: str | None = Field(description="why nothing can be shipped now")


class Health(Described):
    status: Literal["ok", "degraded", "down"]
    reasons: list[str]
    dependencies: list[Dependency]
    ledger: Ledger
    models: list[ModelSummary]
    uptime_seconds: float
    resources: dict[str, float] = Field(description="of this worker and its machine")
    totals: dict[str, float] = Field(description="of this worker since its start")


def management_app(worker: Callable[[], Worker], openapi: Callable[[], dict[str, Any]]) -> FastAPI:
    """The FastAPI application that BentoML mounts. `worker` is asked at each request."""
    app = FastAPI(
        title="Tiffin",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        dependencies=[Depends(refuse_unknown)],
    )
    add_problems(app)
    app.add_exception_handler(RequestValidationError, _invalid)  # type: ignore[arg-type]

    @app.get("/v1/models", tags=["models"], summary="All models")
    def models() -> ModelList:
        serving = worker()
        return ModelList(items=[ModelSummary(**_summary(serving, item)) for item in serving.definitions.values()])

    @app.get("/v1/models/{model}", tags=["models"], summary="One model: schema, champion, thresholds, example")
    def model(model: str) -> ModelDetail:
        serving = worker()
        return ModelDetail(**_detail(serving, definition_of(serving, model)))

    @app.get("/v1/models/{model}/health", tags=["models"], summary="Whether one model answers")
    def model_health(model: str) -> ModelSummary:
        serving = worker()
        return ModelSummary(**_summary(serving, definition_of(serving, model)))

    add_version_routes(app, worker)
    add_analytics_routes(app, worker)
    add_intake_routes(app, worker)
    add_purge_routes(app, worker)

    @app.get("/v1/health", tags=["operation"], summary="Health in detail")
    def health() -> Health:
        return _health(worker())

    @app.get("/openapi.json", include_in_schema=False)
    def document() -> Response:
        return JSONResponse(openapi())

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(documents.DOCS_PAGE)

    return app


def _summary(worker: Worker, definition: Definition) -> dict[str, Any]:
    hosted = worker.pool.hosted.get(definition.name)
    details = hosted.loaded.details if hosted else None
    return {
        "name": definition.name,
        "title": definition.title,
        "kind": definition.kind.value,
        "purpose": definition.purpose,
        "status": "ready" if hosted else "unavailable",
        "champion": hosted.loaded.tag if hosted else None,
        "reason": None if hosted else worker.reason(definition.name),
        "metrics": {metric.name: metric.value for metric in details.metrics} if details else {},
        "threshold": details.threshold if details else None,
    }


def _detail(worker: Worker, definition: Definition) -> dict[str, Any]:
    view = view_of(definition)
    return {
        **_summary(worker, definition),
        "schema": definition.schema.describe(),
        "target": definition.target.column if definition.target else None,
        "unit": _unit(definition),
        "levels": _levels(definition),
        "example": {"record": definition.schema.example},
        "view": view.describe() if view is not None else None,
        "limits": list(definition.limits),
    }


def _levels(definition: Definition) -> list[dict[str, Any]]:
    policy = definition.policy
    if not isinstance(policy, BinaryPolicy):
        return []
    return [{"name": level.name, "from_score": level.from_score} for level in policy.levels]


def _unit(definition: Definition) -> str | None:
    if isinstance(definition.policy, Expansion):
        return definition.policy.unit
    return definition.target.unit if definition.kind is Kind.REGRESSION and definition.target else None


def _health(worker: Worker) -> Health:
    reasons = worker.unready()
    served = [name for name in worker.definitions if worker.serves(name)]
    status: Literal["ok", "degraded", "down"] = "ok" if not reasons else "degraded" if served else "down"
    ledger = _ledger(worker.shipping(), worker.ledger.patience_seconds)
    impaired = worker.impaired() + _behind(ledger)
    if status == "ok" and impaired:
        status = "degraded"
    states = worker.health.snapshot().values()
    return Health(
        status=status,
        reasons=reasons + impaired,
        dependencies=[_dependency(state) for state in states],
        ledger=ledger,
        models=[ModelSummary(**_summary(worker, definition)) for definition in worker.definitions.values()],
        uptime_seconds=round(time.time() - worker.started_at, 1),
        resources=_resources(),
        totals={"requests": worker.door.answered, "predictions": worker.predictions},
    )


def _ledger(status: Status, patience_seconds: float) -> Ledger:
    usual = 0.0 if status.error else patience_seconds
    behind = status.oldest_unshipped_seconds > usual + BEHIND_SECONDS
    return Ledger(
        status="down" if not status.running else "behind" if behind else "up",
        spool_bytes=status.spool_bytes,
        oldest_unshipped_seconds=round(status.oldest_unshipped_seconds, 3),
        shipped=status.shipped,
        rejected=status.rejected,
        error=WAITING if status.error else None,  # the server's own words are in the log
    )


def _behind(ledger: Ledger) -> list[str]:
    """What is wrong with the ledger, though the database may answer: it may be full, read-only, or refuse its role."""
    if ledger.status == "up":
        return []
    why = "nobody ships them" if ledger.status == "down" else "they are not taken" if ledger.error else "too many come"
    return [
        f"ledger: {ledger.spool_bytes} bytes of predictions wait on local disk, {why}; the log of the shipper says more"
    ]


def _dependency(state: DependencyHealth) -> Dependency:
    return Dependency(
        name=NAMES[state.name],
        status="up" if state.ok else "down",
        latency_ms=state.latency_ms,
        error=(state.lacking or None) if state.ok else SILENT,  # the driver's own words, with paths, are in the log
        since=state.since.isoformat(timespec="seconds").replace("+00:00", "Z"),
    )


def _resources() -> dict[str, float]:
    process = psutil.Process()
    disk = psutil.disk_usage(str(Path.cwd()))
    return {
        "process_memory_mb": round(process.memory_info().rss / 2**20, 1),
        "process_cpu_seconds": round(sum(process.cpu_times()[:2]), 2),
        "machine_cpus": float(os.cpu_count() or 1),
        "machine_memory_available_mb": round(psutil.virtual_memory().available / 2**20, 1),
        "disk_free_mb": round(disk.free / 2**20, 1),
    }


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    """Path and query parameters of the management API that do not fit."""
    return await answer_exception(request, in_words(error))
