"""What comes in besides requests for predictions: events for the source tables, outcomes of predictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Path, Request
from pydantic import Field

from features.entity import parse_entity
from features.errors import InvalidEntityError
from features.events import Written
from features.sources import sources
from ledger.outcomes import OutcomeResult, record
from serving.entities import view_of
from serving.front_door import is_json
from serving.parsing import parse_items
from serving.problems import FieldError, InvalidFeatures, NotFound, TooLarge, UnsupportedMediaType
from serving.schema import Described, FieldErrorShape
from serving.suggestions import hint
from serving.validation import SHOWN_BATCH_ERRORS
from serving.worker import Worker

MOST_ITEMS = 10_000
"""Events or outcomes of one request; `tiffin load` takes files of any size."""


class RejectedEvent(Described):
    index: int = Field(description="position in the request, from 0")
    event_id: str | None
    errors: list[FieldErrorShape]


class EventsAnswer(Described):
    source: str
    accepted: int = Field(description="events that were new")
    duplicates: int = Field(description="events whose id was known already: nothing has changed")
    rejected: int
    errors: list[RejectedEvent] = Field(description="why events were rejected; the first of them when there are many")


class OutcomeAnswer(Described):
    index: int
    status: Literal["recorded", "corrected", "duplicate", "unmatched", "rejected"]
    prediction_id: str | None = Field(description="the prediction that it belongs to")
    outcome: Any = Field(description="as the ledger keeps it")
    previous: Any = Field(description="what was recorded before, where this corrects it")
    reason: str | None = Field(description="why it was rejected")


class OutcomesAnswer(Described):
    items: list[OutcomeAnswer] = Field(description="one for each outcome, in order")
    summary: dict[str, int] = Field(description="how many of each status")


def add_intake_routes(app: FastAPI, worker: Callable[[], Worker]) -> None:
    """The routes, on the management application. `worker` is asked at each request."""

    @app.post(
        "/v1/events/{source}",
        tags=["events"],
        summary="One event or many into a source table; each counts once",
        openapi_extra=_body("An event, or an array of events, with the columns of the source", EVENT),
    )
    async def events(
        source: Annotated[str, Path(max_length=256, description="a source table, such as transactions")],
        request: Request,
    ) -> EventsAnswer:
        serving = worker()
        items = await _items(request, serving)
        if source not in sources():
            known = f"known sources: {', '.join(sources())}{hint(source, sources())}"
            raise NotFound(f"there is no source {source[:80]!r}; {known}")
        written = await serving.entities.write(source, items)
        if len(items) == 1 and written.rejected:
            raise InvalidFeatures(
                f"the event does not fit the source {source}", errors=_errors(written.rejected[0].problems, "event")
            )
        return _events_answer(source, written)

    @app.post(
        "/v1/outcomes",
        tags=["outcomes"],
        summary="What turned out to be true: one outcome or many, by prediction, or by entity and time",
        openapi_extra=_body("An outcome, or an array of outcomes", OUTCOME),
    )
    async def outcomes(request: Request) -> OutcomesAnswer:
        serving = worker()
        items = [_with_entity(serving, item) for item in await _items(request, serving)]
        results = await serving.reader.run(partial(record, definitions=serving.definitions, items=items))
        if len(results) == 1 and results[0].reason:
            raise InvalidFeatures(f"the outcome is not valid: {results[0].reason}")
        return OutcomesAnswer(
            items=[OutcomeAnswer(**_plain(result)) for result in results],
            summary=Counter(result.status for result in results),
        )


EVENT = {
    "event_id": "pay-2026-000123",
    "customer_id": "C000123",
    "instalment_id": "C000123-L1-07",
    "paid_at": "2026-03-01T09:30:00Z",
    "amount": 180.0,
}
OUTCOME = {"prediction_id": "01a1ff41-bb42-7001-8cdc-faa5cecfc329", "outcome": True}


async def _items(request: Request, worker: Worker) -> list[Any]:
    if not is_json(request.headers.get("content-type", "").encode("latin-1")):
        raise UnsupportedMediaType("send the body as JSON in UTF-8 with the header 'Content-Type: application/json'")
    items = parse_items(await request.body(), max_nesting=worker.settings.max_nesting)
    if not items:
        raise InvalidFeatures("the array is empty; send at least one entry")
    if len(items) > MOST_ITEMS:
        raise TooLarge(f"a request may hold {MOST_ITEMS} entries, this one has {len(items)}; send several")
    return items


def _events_answer(source: str, written: Written) -> EventsAnswer:
    return EventsAnswer(
        source=source,
        accepted=written.accepted,
        duplicates=written.duplicates,
        rejected=len(written.rejected),
        errors=[
            RejectedEvent(
                index=one.index,
                event_id=one.event_id,
                errors=[
                    FieldErrorShape.model_validate(error.as_json()) for error in _errors(one.problems, f"{one.index}")
                ],
            )
            for one in written.rejected[:SHOWN_BATCH_ERRORS]
        ],
    )


def _errors(problems: Any, path: str) -> list[FieldError]:
    return [
        FieldError(f"{path}.{problem.field}" if problem.field else path, problem.code, problem.message, problem.given)
        for problem in problems
    ]


def _with_entity(worker: Worker, item: Any) -> Any:
    """The outcome with its entity in one line, where its ids were given as an object."""
    if not isinstance(item, Mapping) or not isinstance(item.get("entity"), Mapping):
        return item
    definition = worker.definitions.get(str(item.get("model")))
    view = view_of(definition) if definition is not None else None
    if view is None:
        return item
    try:
        return {**item, "entity": parse_entity(view, item["entity"]).text}
    except InvalidEntityError:
        return item  # the ledger says what is wrong with it


def _plain(result: OutcomeResult) -> dict[str, Any]:
    return {name: getattr(result, name) for name in OutcomeAnswer.model_fields}


def _body(description: str, example: dict[str, Any]) -> dict[str, Any]:
    one = {"type": "object"}
    schema = {"oneOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": MOST_ITEMS}]}
    content = {"application/json": {"schema": schema, "examples": {"one": {"value": example}}}}
    return {"requestBody": {"required": True, "description": description, "content": content}}
