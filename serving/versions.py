"""The stored versions of a model over HTTP: their list, one of them, its card, what matters to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Header, Path, Query, Response
from fastapi.responses import HTMLResponse
from pydantic import Field

from models.definition import Definition
from registry import store
from registry.card import CONTENT_POLICY, About, page
from registry.details import VersionDetails
from registry.errors import UnknownModelError, UnknownVersionError
from registry.store import Version
from serving.media import prefers_json
from serving.pages import MAX_LIMIT, counted, cut
from serving.problems import NotFound
from serving.schema import Described
from serving.suggestions import hint
from serving.worker import Worker
from storage.cursors import Cursor

CHAMPION = "champion"
"""In place of a tag: the version that answers now."""
PAGE_HEADERS = {
    "Content-Security-Policy": f"{CONTENT_POLICY}; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
    "Vary": "Accept",
}
"""The page runs nothing and asks for nothing; a browser is to hold it to that."""


class VersionSummary(Described):
    model: str
    version: str = Field(description="tag in the BentoML model store")
    role: Literal["champion"] | None = Field(description="champion when it answers; null otherwise")
    created_at: str = Field(description="RFC 3339, UTC")
    metrics: dict[str, float] = Field(description="on the test rows")
    threshold: float | None
    gates_passed: bool
    forced: bool = Field(description="stored although it misses a gate or a baseline")
    synthetic: bool = Field(description="trained on made-up rows")
    source: str = Field(description="where its rows came from")


class VersionList(Described):
    """Newest first."""

    items: list[VersionSummary]
    next_cursor: str | None = Field(description="for the next page; null on the last")


class VersionDetail(VersionSummary):
    details: VersionDetails = Field(
        description="all that is known of it: intervals and baselines, gates, calibration, thresholds, data, "
        "subgroups, importance, limits, findings, how to train it again"
    )


class Card(VersionDetail):
    """The model card for programs: what the page shows."""

    title: str
    purpose: str
    target: str | None
    features: list[dict[str, Any]] = Field(alias="schema", description="what a caller sends, feature by feature")


class FeatureImportance(Described):
    feature: str
    mean_absolute_contribution: float = Field(description="mean |SHAP| over training rows, on the explanation's scale")
    share: float = Field(description="of all features' sum", ge=0, le=1)


class ImportanceList(Described):
    """Most important first."""

    model: str
    version: str
    items: list[FeatureImportance]
    next_cursor: str | None = Field(description="for the next page, of the same version; null on the last")


ModelName = Annotated[str, Path(description="the model's name")]
VersionName = Annotated[str, Path(description=f"its tag, the tag's end, or `{CHAMPION}`: the one that answers now")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="entries of a page")]
From = Annotated[str | None, Query(max_length=256, description="`next_cursor` of the page before")]
Accept = Annotated[str, Header(include_in_schema=False)]
HTML_OR_JSON: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The page, or as JSON when `Accept` prefers that",
        "content": {"text/html": {"schema": {"type": "string"}}},
    }
}


def add_version_routes(app: FastAPI, worker: Callable[[], Worker]) -> None:
    """The routes, on the management application. `worker` is asked at each request."""

    @app.get("/v1/models/{model}/versions", tags=["models"], summary="A model's usable versions, newest first")
    def versions(model: ModelName, limit: Limit = 50, cursor: From = None) -> VersionList:
        serving = worker()
        found = store.versions(definition_of(serving, model))
        newest_first = sorted(found, key=_place, reverse=True)
        of = ("versions", model)
        if cursor is not None:
            after = tuple(Cursor.read(cursor, of, 2).parts)
            newest_first = [version for version in newest_first if _place(version) < after]
        shown, more = cut(newest_first, limit)
        return VersionList(
            items=[VersionSummary(**_summary(serving, version)) for version in shown],
            next_cursor=Cursor(of, _place(shown[-1])).written if more else None,
        )

    @app.get("/v1/models/{model}/versions/{version}", tags=["models"], summary="One version with all its figures")
    def version(model: ModelName, version: VersionName) -> VersionDetail:
        serving = worker()
        found = _version(serving, definition_of(serving, model), version)
        return VersionDetail(**_summary(serving, found), details=found.details)

    @app.get(
        "/v1/models/{model}/versions/{version}/card",
        tags=["models"],
        summary="One version's model card",
        response_model=Card,
        responses=HTML_OR_JSON,
    )
    def version_card(model: ModelName, version: VersionName, accept: Accept = "*/*") -> Response:
        return _card(worker(), model, version, accept)

    @app.get(
        "/v1/models/{model}/card",
        tags=["models"],
        summary="The champion's model card",
        response_model=Card,
        responses=HTML_OR_JSON,
    )
    def card(model: ModelName, accept: Accept = "*/*") -> Response:
        return _card(worker(), model, CHAMPION, accept)

    @app.get("/v1/models/{model}/importance", tags=["models"], summary="What moves the champion's scores")
    def importance(model: ModelName, limit: Limit = 50, cursor: From = None) -> ImportanceList:
        serving = worker()
        definition = definition_of(serving, model)
        of = ("importance", model)
        tag, begin = (CHAMPION, 0) if cursor is None else counted(cursor, of)
        found = _version(serving, definition, tag)
        entries = _importance(found.details)
        shown, more = cut(entries[begin:], limit)
        return ImportanceList(
            model=definition.name,
            version=found.tag,
            items=shown,
            next_cursor=Cursor(of, (found.tag, str(begin + limit))).written if more else None,
        )


def definition_of(worker: Worker, name: str) -> Definition:
    """Raises UnknownModelError."""
    definition = worker.definitions.get(name)
    if definition is None:
        raise UnknownModelError(name[:80], tuple(worker.definitions))
    return definition


def _version(worker: Worker, definition: Definition, wanted: str) -> Version:
    """Raises NotLoadedError when no champion answers, NotFound with the nearest tag when there is no such version."""
    name = definition.name
    if wanted == CHAMPION:
        return store.get(worker.pool.get(name).loaded.tag, definition)
    tag = wanted if ":" in wanted else f"{name}:{wanted}"
    try:
        return store.get(tag, definition)
    except UnknownVersionError:
        known = (one.tag for one in store.versions(definition))
        near = hint(tag, known)
        raise NotFound(f"model {name!r} has no version {wanted[:80]!r}{near}") from None


def _card(worker: Worker, model: str, version: str, accept: str) -> Response:
    definition = definition_of(worker, model)
    found = _version(worker, definition, version)
    if prefers_json(accept):
        about: dict[str, Any] = {
            "title": definition.title,
            "purpose": definition.purpose,
            "target": definition.target.column if definition.target else None,
            "schema": definition.schema.describe(),
        }
        shown = Card(**_summary(worker, found), **about, details=found.details)
        return Response(shown.model_dump_json(by_alias=True), media_type="application/json", headers=PAGE_HEADERS)
    drawn = found.card()
    if drawn is None:  # stored by older code
        drawn = page(found.details, About.of(definition, found.tag, found.reference()))
    return HTMLResponse(drawn, headers=PAGE_HEADERS)


def _summary(worker: Worker, version: Version) -> dict[str, Any]:
    details = version.details
    hosted = worker.pool.hosted.get(details.model)
    return {
        "model": details.model,
        "version": version.tag,
        "role": CHAMPION if hosted is not None and hosted.loaded.tag == version.tag else None,
        "created_at": _written(details.created_at),
        "metrics": {metric.name: metric.value for metric in details.metrics},
        "threshold": details.threshold,
        "gates_passed": all(gate.passed for gate in details.gates),
        "forced": bool(details.forced),
        "synthetic": details.data.synthetic,
        "source": details.data.source,
    }


def _importance(details: VersionDetails) -> list[FeatureImportance]:
    total = _sum(one.mean_absolute_contribution for one in details.importance)
    return [
        FeatureImportance(
            feature=one.feature,
            mean_absolute_contribution=one.mean_absolute_contribution,
            share=one.mean_absolute_contribution / total,
        )
        for one in details.importance
    ]


def _sum(contributions: Iterable[float]) -> float:
    """Never 0: a model without any contribution has shares of 0."""
    return sum(contributions) or 1.0


def _place(version: Version) -> tuple[str, str]:
    """Where a version stands in the list; of two made at once the tags decide."""
    return _written(version.details.created_at), version.tag


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
