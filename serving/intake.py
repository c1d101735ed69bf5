"""What comes in besides requests for predictions: events for the source tables, outcomes of predictions."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Path, Request, Response
from pydantic import Field

from features.entity import parse_entity
from features.errors import InvalidEntityError
from features.events import Events, Written
from features.sources import sources
from ledger.outcomes import OutcomeResult, record
from ledger.reports import FIELDS, UNKNOWN, Fault
from serving.bodies import body_of
from serving.entities import view_of
from serving.intake_document import events_body, outcomes_body
from serving.parsing import parse_items
from serving.problems import FieldError, InvalidFeatures, NotFound, TooLarge
from serving.schema import Described, FieldErrorShape
from serving.suggestions import Suggestions, hint
from serving.validation import SHOWN_BATCH_ERRORS, shown
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
    errors: list[FieldErrorShape] = Field(description="why it was rejected, by field")


class OutcomesAnswer(Described):
    items: list[OutcomeAnswer] = Field(description="one for each outcome, in order")
    summary: dict[str, int] = Field(description="how many of each status")


def add_intake_routes(app: FastAPI, worker: Callable[[], Worker]) -> None:
    """The routes, on the management application. `worker` is asked at each request."""

    @app.post(
        "/v1/events/{source}",
        tags=["events"],
        summary="One event or many into a source table; each counts once",
        response_model=EventsAnswer,
        openapi_extra=events_body(MOST_ITEMS),
    )
    async def events(
        source: Annotated[str, Path(description="a source table", json_schema_extra={"enum": list(sources())})],
        request: Request,
    ) -> Response:
        serving = worker()
        body, nesting = await body_of(request), serving.settings.max_nesting
        return await serving.entities.write(lambda events: _write_events(events, source, body, nesting))

    @app.post(
        "/v1/outcomes",
        tags=["outcomes"],
        summary="What turned out to be true: one outcome or many, by prediction, or by entity and time",
        response_model=OutcomesAnswer,
        openapi_extra=outcomes_body(MOST_ITEMS),
    )
    async def outcomes(request: Request) -> Response:
        serving = worker()
        items, several = await asyncio.to_thread(_outcomes, serving, await body_of(request))
        work = partial(record, definitions=serving.definitions, items=items, ahead=serving.entities.ahead)
        results = await serving.reader.run(work)
        if not several and results[0].errors:
            errors = _faults(results[0], "", Suggestions())
            raise InvalidFeatures(f"the outcome is not valid: {results[0].reason}", errors=errors)
        return await asyncio.to_thread(_outcomes_answer, results)


def _items(body: bytes, max_nesting: int) -> tuple[list[Any], bool]:
    """What was sent, and whether it was an array: an entry of one fails alone."""
    items, several = parse_items(body, max_nesting=max_nesting)
    if not items:
        raise InvalidFeatures("the array is empty; send at least one entry")
    if len(items) > MOST_ITEMS:
        raise TooLarge(f"a request may hold {MOST_ITEMS} entries, this one has {len(items)}; send several")
    return items, several


def _write_events(events: Events, source: str, body: bytes, max_nesting: int) -> Response:
    """All that takes its time with many events, for a thread."""
    items, several = _items(body, max_nesting)
    if source not in sources():
        known = f"known sources: {', '.join(sources())}{hint(source, sources())}"
        raise NotFound(f"there is no source {source[:80]!r}; {known}")
    written = events.write(source, items)
    if not several and written.rejected:
        raise InvalidFeatures(
            f"the event does not fit the source {source}", errors=_errors(written.rejected[0].problems, "event")
        )
    return _encoded(_events_answer(source, written))


def _outcomes(worker: Worker, body: bytes) -> tuple[list[Any], bool]:
    items, several = _items(body, worker.settings.max_nesting)
    return [_with_entity(worker, item) for item in items], several


def _outcomes_answer(results: Sequence[OutcomeResult]) -> Response:
    suggestions = Suggestions()
    refused = [result.index for result in results if result.errors]
    last = refused[min(len(refused), SHOWN_BATCH_ERRORS) - 1] if refused else -1
    items = [OutcomeAnswer(**_plain(result, suggestions, tell=result.index <= last)) for result in results]
    return _encoded(OutcomesAnswer(items=items, summary=Counter(result.status for result in results)))


def _encoded(answer: Described) -> Response:
    """The answer as it is: FastAPI would check it once more, on the event loop."""
    return Response(answer.model_dump_json(by_alias=True), media_type="application/json")


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
    if getattr(item, "keys_twice", ()) or getattr(item["entity"], "keys_twice", ()):
        return item  # a copy would not say so
    definition = worker.definitions.get(str(item.get("model")))
    view = view_of(definition) if definition is not None else None
    if view is None:
        return item
    try:
        return {**item, "entity": parse_entity(view, item["entity"]).text}
    except InvalidEntityError:
        return item  # the ledger says what is wrong with it


def _plain(result: OutcomeResult, suggestions: Suggestions, *, tell: bool) -> dict[str, Any]:
    """Its fields; without the errors, of which the reason names the first, unless it is to `tell` them."""
    told = _faults(result, f"{result.index}", suggestions) if tell else []
    plain = {name: getattr(result, name) for name in OutcomeAnswer.model_fields}
    return {**plain, "errors": [FieldErrorShape.model_validate(error.as_json()) for error in told]}


def _faults(result: OutcomeResult, path: str, suggestions: Suggestions) -> list[FieldError]:
    """What is wrong with a rejected outcome, as the field errors of all answers."""
    return [_fault(fault, path, suggestions) for fault in result.errors]


def _fault(fault: Fault, path: str, suggestions: Suggestions) -> FieldError:
    near = suggestions.hint(fault.field, FIELDS) if fault.code == UNKNOWN else ""
    field = ".".join(filter(None, (path, fault.field)))
    return FieldError(field, fault.code, f"{fault.message}{near}", shown(fault.given))
