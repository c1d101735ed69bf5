"""One OpenAPI document for everything, and the page that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from models.definition import Definition
from serving import intake_document
from serving.bodies import REFERENCE
from serving.entities import view_of
from serving.purging import PurgeRequest
from serving.schema import BatchAnswer, ExplainedPrediction, Prediction, ProblemShape, shapes
from serving.versions import CHAMPION

PROBLEMS = {
    "400": "The request is not HTTP, or its body not one JSON object",
    "404": "Unknown model",
    "405": "Another method than POST",
    "408": "The request took too long to arrive",
    "413": "Body or batch too large",
    "415": "The body is not JSON",
    "422": "Values that do not fit, each field named",
    "500": "The server failed; its log says why under the request id",
    "503": "The model cannot answer now",
}
ANY_PROBLEM = "Any other answer: 404, 405, 408 when the request took too long to arrive, 422, 500, 503"
REQUEST_ID = "X-Request-ID"
HEADERS = {
    REQUEST_ID: {
        "description": "The id of the request in logs and problems: the caller's own when it sent a harmless one",
        "schema": {"type": "string", "maxLength": 128},
    },
    "Retry-After": {"description": "Seconds after which trying again makes sense", "schema": {"type": "integer"}},
    "Allow": {"description": "The methods that this path takes", "schema": {"type": "string"}},
}
OWN_HEADERS = {"405": "Allow", "503": "Retry-After"}
"""Headers of answers with that status, besides the request id that all have."""
DOCS_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tiffin API</title>
<link rel="stylesheet" href="/static_content/swagger-ui.css">
</head>
<body>
<div id="ui"></div>
<script src="/static_content/swagger-ui-bundle.js"></script>
<script>
SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#ui", deepLinking: true, tryItOutEnabled: true, defaultModelsExpandDepth: 0
});
</script>
</body>
</html>
"""


def openapi_document(
    definitions: Mapping[str, Definition], management: FastAPI, *, max_records: int, version: str
) -> dict[str, Any]:
    """The OpenAPI 3.1 document of inference, management and probes."""
    document = get_openapi(
        title="Tiffin",
        version=version,
        summary="Decision models on tabular data: predict, batch, explain",
        routes=management.routes,
    )
    classes: list[type[BaseModel]] = [Prediction, BatchAnswer, ExplainedPrediction, ProblemShape, PurgeRequest]
    paths: dict[str, Any] = {}
    for name, definition in definitions.items():
        typed = shapes(definition, view_of(definition), max_records=max_records)
        for operation, request, answer in (
            ("predict", typed.predict, Prediction),
            ("batch", typed.batch, BatchAnswer),
            ("explain", typed.explain, ExplainedPrediction),
        ):
            classes.append(request)
            paths[f"/v1/models/{name}/{operation}"] = {"post": _operation(definition, operation, request, answer)}
    _, schemas = models_json_schema([(kind, "validation") for kind in classes], ref_template=REFERENCE)
    components = document.setdefault("components", {}).setdefault("schemas", {})
    components.update(schemas["$defs"])
    components.update(intake_document.schemas())
    for item in document["paths"].values():
        for operation in item.values():
            operation["responses"].update({"default": _problem(ANY_PROBLEM)})
            operation["responses"].pop("422", None)
    _give_examples(document, next(iter(definitions), None))
    for unused in ("HTTPValidationError", "ValidationError"):
        components.pop(unused, None)
    document["paths"] = {**paths, **document["paths"], **_stream(), **_probes()}
    document["components"]["headers"] = HEADERS
    for item in document["paths"].values():
        for operation in item.values():
            for status, response in operation["responses"].items():
                names = [REQUEST_ID, *([OWN_HEADERS[status]] if status in OWN_HEADERS else [])]
                response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    return document


def _give_examples(document: dict[str, Any], model: str | None) -> None:
    """Values for the parameters of paths that work when sent."""
    examples = {"model": model, "version": CHAMPION, "entity": "C000123", "source": "payments"}
    for item in document["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path" and examples.get(parameter["name"]):
                    parameter["example"] = examples[parameter["name"]]


def _operation(
    definition: Definition, operation: str, request: type[BaseModel], answer: type[BaseModel]
) -> dict[str, Any]:
    one, several = ("record or entity", "records or entities") if definition.view else ("record", "records")
    what = {
        "predict": f"score one {one}",
        "batch": f"score many {several}; a bad one fails alone",
        "explain": f"score one {one} and explain the score by exact SHAP values",
    }[operation]
    return {
        "tags": [definition.name],
        "operationId": f"{definition.name}_{operation}",
        "summary": f"{definition.title}: {what}",
        "description": definition.purpose,
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": REFERENCE.format(model=request.__name__)},
                    "examples": {name: {"value": body} for name, body in examples(definition, operation).items()},
                }
            },
        },
        "responses": {
            "200": {
                "description": "The answer",
                "content": {"application/json": {"schema": {"$ref": REFERENCE.format(model=answer.__name__)}}},
            },
            **{status: _problem(text) for status, text in PROBLEMS.items()},
        },
    }


def examples(definition: Definition, operation: str) -> dict[str, dict[str, Any]]:
    """Request bodies by what they are about; those about a record work when sent, others once the entity is known."""
    view = view_of(definition)
    subjects: dict[str, tuple[str, str, Any]] = {"record": ("record", "records", definition.schema.example)}
    if view is not None:
        subjects["entity"] = ("entity", "entities", view.example)
    more = {"top": 5} if operation == "explain" else {}
    return {
        name: {several: [value, value]} if operation == "batch" else {one: value, **more}
        for name, (one, several, value) in subjects.items()
    }


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": REFERENCE.format(model=ProblemShape.__name__)}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}


def _stream() -> dict[str, Any]:
    texts = {
        "model": "only predictions of these models; several between commas",
        "level": "only predictions of these levels; several between commas",
        "last_id": "go on after this event, as far as events are kept; the header Last-Event-ID does the same",
    }
    parameters = [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}, "description": text}
        for name, text in texts.items()
    ]
    events = {"text/event-stream": {"schema": {"type": "string"}}}
    return {
        "/v1/stream": {
            "get": {
                "tags": ["analytics"],
                "operationId": "stream",
                "summary": "Predictions as they happen, on any worker: server-sent events, or a WebSocket",
                "description": "Events are `prediction` (its data as JSON), `skipped` with a count, `paused`, `resumed`"
                " and `closed`. Over a WebSocket each is one JSON text with its `type`, and a `heartbeat` says that the"
                " stream is alive, where server-sent events have a comment.",
                "parameters": parameters,
                "responses": {
                    "200": {"description": "Events without end", "content": events},
                    "default": _problem("Unknown models or levels, too many listeners"),
                },
            }
        }
    }


def _probes() -> dict[str, Any]:
    texts = {
        "/livez": "The process is alive",
        "/readyz": "The server should get traffic; 503 says why not",
        "/healthz": "As /livez",
        "/metrics": "Prometheus metrics",
    }
    plain = {"text/plain": {"schema": {"type": "string"}}}
    return {
        path: {
            "get": {
                "tags": ["operation"],
                "operationId": path.strip("/"),
                "summary": text,
                "responses": {
                    "200": {"description": text, "content": plain},
                    "default": _problem("Not now"),
                },
            }
        }
        for path, text in texts.items()
    }
