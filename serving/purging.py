"""Removal of what the ledger holds, over HTTP: asked for here, done by the shipper."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Request
from pydantic import Field

from ledger.page import Page
from ledger.purge import LONGEST_TEXT, Purge, faults, purge, purges, request_purge
from ledger.query import MAX_LIMIT
from serving.bodies import described, object_of
from serving.problems import FieldError
from serving.schema import Described
from serving.validation import invalid
from serving.versions import definition_of
from serving.worker import Worker

BY = "HTTP"


class PurgeRequest(Described):
    """What is to be removed: predictions of a model, of an entity, or both; or all that are older."""

    model: str | None = Field(default=None, description="of this model; of all when left out", examples=["churn"])
    entity: str | None = Field(
        default=None,
        min_length=1,
        max_length=LONGEST_TEXT,
        description="of this entity, as its history names it",
        examples=["C000123"],
    )
    before: datetime | None = Field(
        default=None, description="made before this moment; now when left out. Needed without model and entity"
    )
    reason: str = Field(
        default="", max_length=LONGEST_TEXT, description="is kept with the purge", examples=["a request"]
    )


def add_purge_routes(app: FastAPI, worker: Callable[[], Worker]) -> None:
    """The routes, on the management application. `worker` is asked at each request."""

    @app.post(
        "/v1/admin/purge",
        tags=["admin"],
        status_code=202,
        summary="Remove predictions and their outcomes",
        openapi_extra=described(PurgeRequest, "What is to be removed", entity={"entity": "C000123", "reason": "asked"}),
    )
    async def start(request: Request) -> Purge:
        """Answers at once; the purge begins within seconds, and its progress can be read."""
        serving = worker()
        wanted = await object_of(request, PurgeRequest, max_nesting=serving.settings.max_nesting)
        given: dict[str, Any] = wanted.model_dump()
        wrong = faults(**given)
        if wrong:
            raise invalid([FieldError(one.parameter, "invalid", one.message) for one in wrong])
        if wanted.model is not None:
            definition_of(serving, wanted.model)
        return await serving.reader.run(partial(request_purge, by=BY, **given))

    @app.get("/v1/admin/purge", tags=["admin"], summary="All purges, newest first")
    async def listed(
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="entries of a page")] = 50,
        cursor: Annotated[str | None, Query(max_length=1024, description="`next_cursor` of the page before")] = None,
    ) -> Page[Purge]:
        return await worker().reader.run(partial(purges, limit=limit, cursor=cursor))

    @app.get("/v1/admin/purge/{purge_id}", tags=["admin"], summary="One purge and how far it has come")
    async def one(purge_id: Annotated[str, Path(max_length=64, description="as its request answered it")]) -> Purge:
        return await worker().reader.run(partial(purge, purge_id=purge_id))
