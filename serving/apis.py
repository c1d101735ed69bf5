"""The BentoML APIs of every model, generated from its definition.

They give the schema, BentoML's own documents and `bentoml.SyncHTTPClient` their methods: `{model}_predict`,
`{model}_batch` and `{model}_explain`. Over HTTP the front door answers the same routes first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

import bentoml
from _bentoml_sdk.io_models import IODescriptor
from pydantic import BaseModel, create_model
from starlette.requests import Request
from starlette.responses import Response

from ledger.frame import Operation
from models.definition import Definition
from serving.entities import view_of
from serving.exchange import encode
from serving.identifiers import new_id
from serving.parsing import parse_object
from serving.requests import check_batch, check_predict
from serving.schema import BatchAnswer, ExplainedPrediction, Prediction, shapes
from serving.settings import ServingSettings
from serving.validation import Options, check_records

if TYPE_CHECKING:  # the supervisor has no worker
    from serving.worker import Worker

Checked = tuple[Any, Options]
Check = Callable[[Mapping[str, Any]], Checked]


class JsonInput(IODescriptor):
    """An input that is read and checked as carefully as the front door does, with the same problems."""

    check: ClassVar[Check]

    @classmethod
    async def from_http_request(cls, request: Request, serde: object) -> Self:
        """Raises MalformedBody, TooLarge or InvalidFeatures."""
        settings: ServingSettings = request.app.state.serving
        content = await request.body()
        request.state.body = content
        body = parse_object(content, max_nesting=settings.max_nesting)
        cls.check(body)
        checked: Self = cls.model_construct(None, **body)
        return checked


class JsonOutput(IODescriptor):
    """An output that holds the fields that were set, as the front door's answers do, and no nulls for the others."""

    @classmethod
    async def to_http_response(cls, answer: BaseModel, serde: object) -> Response:
        return Response(answer.model_dump_json(exclude_unset=True), media_type="application/json")


def add_apis(inner: type, definitions: Mapping[str, Definition], settings: ServingSettings) -> None:
    """Give the service class `inner` three API methods for each definition. Its instances have a `worker`."""
    for definition in definitions.values():
        for name, method in _methods(definition, settings).items():
            setattr(inner, f"{definition.name}_{name}", method)


def _methods(definition: Definition, settings: ServingSettings) -> dict[str, Any]:
    name = definition.name
    view = view_of(definition)
    typed = shapes(definition, view, max_records=settings.max_batch_records)
    several = "records or entities" if view else "records"

    def check_one(body: Mapping[str, Any]) -> Checked:
        return check_predict(definition, view, body, explain=False)

    def check_explained(body: Mapping[str, Any]) -> Checked:
        return check_predict(definition, view, body, explain=True)

    def check_many(body: Mapping[str, Any]) -> Checked:
        return check_batch(definition, view, body, max_records=settings.max_batch_records)

    async def answer(service: Any, operation: Operation, body: Mapping[str, Any], check: Check) -> Any:
        worker: Worker = service.worker
        plain = _plain(body)
        asked, options = check(plain)
        if operation == "batch" and isinstance(asked, list):
            asked = check_records(definition.schema, asked)
        identity, content = _request(service)
        return await worker.endpoints[name].answer(operation, asked, options, content or encode(plain), identity)

    async def predict(self: Any, **body: Any) -> Any:
        return await answer(self, "predict", body, check_one)

    async def explain(self: Any, **body: Any) -> Any:
        return await answer(self, "explain", body, check_explained)

    async def batch(self: Any, **body: Any) -> Any:
        return await answer(self, "batch", body, check_many)

    one = "record or entity" if view else "record"
    predict.__doc__ = f"{definition.title}: score one {one}. {definition.purpose}"
    batch.__doc__ = f"{definition.title}: score up to {settings.max_batch_records} {several}; a bad one fails alone."
    explain.__doc__ = f"{definition.title}: score one {one} and explain it by exact SHAP values."
    return {
        "predict": _api(f"{name}_predict", predict, check_one, typed.predict, Prediction),
        "batch": _api(f"{name}_batch", batch, check_many, typed.batch, BatchAnswer),
        "explain": _api(f"{name}_explain", explain, check_explained, typed.explain, ExplainedPrediction),
    }


def _api(name: str, method: Any, check: Check, request: type[BaseModel], answer: type[BaseModel]) -> Any:
    source = create_model(request.__name__, __base__=(JsonInput, request))
    setattr(source, "check", staticmethod(check))  # noqa: B010 - created classes have no such attribute for mypy
    target = _output(answer)

    async def answered(self: Any, **body: Any) -> Any:
        return target.model_validate(await method(self, **body))

    answered.__name__ = answered.__qualname__ = name
    answered.__doc__ = method.__doc__
    model, _, operation = name.rpartition("_")
    return bentoml.api(answered, route=f"/v1/models/{model}/{operation}", input_spec=source, output_spec=target)


@cache
def _output(answer: type[BaseModel]) -> type[BaseModel]:
    """The answer as BentoML wants it; all models share it."""
    return create_model(answer.__name__, __base__=(JsonOutput, answer))


def _request(service: Any) -> tuple[str, bytes]:
    """Id and body of the request that BentoML is answering; a new id and nothing for calls inside the process."""
    try:
        request: Request = service.bento_service.context.request
        return str(request.state.request_id), bytes(request.state.body)
    except (AttributeError, LookupError):
        return new_id(), b""


def _plain(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that were given, with classes turned back into plain values."""
    return {key: _value(value) for key, value in body.items() if value is not None}


def _value(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(by_alias=True, exclude_unset=True)
    if isinstance(value, list):
        return [_value(item) for item in value]
    return value
