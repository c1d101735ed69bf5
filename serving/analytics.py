"""What was predicted, over HTTP: history, statistics, the high-risk list, trends, comparisons, one prediction."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, TypeVar

from fastapi import FastAPI, Path, Query
from sqlalchemy import Engine

from features.entity import LONGEST, SEPARATOR
from ledger.comparison import Comparison, Period, comparison
from ledger.history import history
from ledger.page import Page
from ledger.prediction import FullPrediction, Prediction, prediction
from ledger.query import MAX_LIMIT, is_text
from ledger.stats import Stats, stats
from ledger.sums import is_counted
from ledger.top import LatestScore, top
from ledger.trends import Metric, Trend, Window, trends
from models.definition import Definition
from registry.errors import UnusableVersionError
from registry.store import get
from serving.answers import levels_of
from serving.parameters import invalid, unknown_value
from serving.problems import FieldError
from serving.versions import CHAMPION, definition_of
from serving.worker import Worker

T = TypeVar("T")
LONGEST_ENTITY = 4 * LONGEST
LONGEST_CURSOR = 4096
"""Of an id's character four bytes may stand in it, as base64."""
DEFAULT_PERIOD = timedelta(days=7)

ModelName = Annotated[str, Path(description="the model's name")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="entries of a page")]
After = Annotated[str | None, Query(max_length=LONGEST_CURSOR, description="`next_cursor` of the page before")]
Moment = datetime | None
Text = str | None
ABOUT_MOMENTS = "RFC 3339; without a zone it is UTC"
ABOUT_VERSIONS = "a version by its tag, the tag's end, or champion; all when left out"
EntityName = Annotated[
    str, Path(max_length=LONGEST_ENTITY, description=f"its id; several ids joined with {SEPARATOR!r}, as S001:K0042")
]


def add_analytics_routes(app: FastAPI, worker: Callable[[], Worker]) -> None:
    """The routes, on the management application. `worker` is asked at each request."""

    async def read(work: Callable[[Engine], T]) -> T:
        return await worker().reader.run(work)

    async def meant(model: str, version: str | None) -> str | None:
        """The tag of the version; None for all. Raises UnknownVersionError for one that there never was."""
        definition = definition_of(worker(), model)
        if version is None:
            return None
        if version == CHAMPION:
            return worker().pool.get(model).loaded.tag
        tag = version if ":" in version else f"{model}:{version}"
        await read(partial(_check_version, definition=definition, tag=tag))
        return tag

    @app.get("/v1/entities/{entity:path}/history", tags=["analytics"], summary="One entity's predictions, newest first")
    async def entity_history(
        entity: EntityName,
        model: Annotated[Text, Query(max_length=256, description="of this model only")] = None,
        days: Annotated[int | None, Query(ge=1, le=36_500, description="of so many last days only")] = None,
        limit: Limit = 50,
        cursor: After = None,
    ) -> Page[Prediction]:
        if model is not None:
            definition_of(worker(), model)
        return await read(partial(history, entity=entity, model=model, days=days, limit=limit, cursor=cursor))

    @app.get("/v1/models/{model}/stats", tags=["analytics"], summary="Latest scores in sum: levels, mean, last update")
    async def model_stats(model: ModelName) -> Stats:
        definition_of(worker(), model)
        return await read(partial(stats, model=model))

    @app.get("/v1/models/{model}/top", tags=["analytics"], summary="The entities with the highest latest scores")
    async def model_top(
        model: ModelName,
        level: Annotated[Text, Query(max_length=256, description="of this level only")] = None,
        limit: Limit = 50,
        cursor: After = None,
    ) -> Page[LatestScore]:
        known = levels_of(definition_of(worker(), model))
        if level is not None and level not in known:
            raise unknown_value("level", level, known)
        return await read(partial(top, model=model, level=level, limit=limit, cursor=cursor))

    @app.get("/v1/models/{model}/trends", tags=["analytics"], summary="A figure over time, as a chart draws it")
    async def model_trends(
        model: ModelName,
        metric: Metric = "volume",
        window: Window = "day",
        start: Annotated[Moment, Query(alias="from", description=ABOUT_MOMENTS)] = None,
        end: Annotated[Moment, Query(alias="to", description=f"{ABOUT_MOMENTS}; now when left out")] = None,
        version: Annotated[Text, Query(max_length=256, description=ABOUT_VERSIONS)] = None,
    ) -> Trend:
        """Quantiles are estimates from bins: at most 0.02 off for probabilities, 10 % for estimates and latencies."""
        version = await meant(model, version)
        question = partial(
            trends, model=model, metric=metric, window=window, start=_utc(start), end=_utc(end), version=version
        )
        return await read(question)

    @app.get("/v1/models/{model}/comparison", tags=["analytics"], summary="Two periods or two versions side by side")
    async def model_comparison(
        model: ModelName,
        a_from: Annotated[Moment, Query(alias="a.from", description=ABOUT_MOMENTS)] = None,
        a_to: Annotated[Moment, Query(alias="a.to", description=ABOUT_MOMENTS)] = None,
        a_version: Annotated[Text, Query(alias="a.version", max_length=256, description=ABOUT_VERSIONS)] = None,
        b_from: Annotated[Moment, Query(alias="b.from", description=ABOUT_MOMENTS)] = None,
        b_to: Annotated[Moment, Query(alias="b.to", description=ABOUT_MOMENTS)] = None,
        b_version: Annotated[Text, Query(alias="b.version", max_length=256, description=ABOUT_VERSIONS)] = None,
    ) -> Comparison:
        """Without times: two versions over the last seven days, or else the last seven days with the seven before."""
        a_version, b_version = await meant(model, a_version), await meant(model, b_version)
        now = _next_hour(datetime.now(UTC))
        before = timedelta(0) if a_version != b_version else DEFAULT_PERIOD
        one = _period("a", a_from, a_to, now - before, a_version)
        other = _period("b", b_from, b_to, now, b_version)
        hourly_days = worker().ledger.hourly_rollup_days
        return await read(partial(comparison, model=model, a=one, b=other, hourly_days=hourly_days))

    @app.get("/v1/predictions/{prediction_id}", tags=["analytics"], summary="One prediction, with its outcome")
    async def one_prediction(
        prediction_id: Annotated[str, Path(max_length=64, description="as its answer gave it")],
    ) -> FullPrediction:
        return await read(partial(prediction, prediction_id=prediction_id))


def _check_version(engine: Engine, definition: Definition, tag: str) -> None:
    """Raises UnknownVersionError. The ledger may know versions that the store has no more, or on other machines."""
    if not is_text(tag) or not is_counted(engine, definition.name, tag):
        with suppress(UnusableVersionError):
            get(tag, definition)


def _next_hour(moment: datetime) -> datetime:
    """Comparisons are by whole hours: periods up to it adjoin and do not overlap."""
    return moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def _utc(moment: datetime | None) -> datetime | None:
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)


def _period(side: str, start: datetime | None, end: datetime | None, until: datetime, version: str | None) -> Period:
    """One side of a comparison; without times the seven days before `until`."""
    if (start is None) != (end is None):
        lacking = f"query.{side}.{'from' if start is None else 'to'}"
        raise invalid([FieldError(lacking, "missing", "is required beside the other end of the period")])
    end = _utc(end) or until
    return Period(_utc(start) or end - DEFAULT_PERIOD, end, version)
