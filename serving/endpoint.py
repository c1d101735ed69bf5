"""Predict, batch and explain of one model: from a body's bytes to the answer, without HTTP's wrapping."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from time import perf_counter
from typing import Any

from inference.errors import RowFailedError
from inference.pool import Hosted, Pool
from inference.runner import Runner, Work
from ledger.frame import Operation
from models.definition import Definition, Kind
from monitoring import metrics
from serving.answers import Answer, Answerer, Made, answerer, batch_answer, milliseconds_since, written_batch
from serving.decoding import Decoder, Values
from serving.entities import EntitiesRequest, EntityRequest
from serving.entity_endpoint import EntityEndpoint, Scored
from serving.exchange import Exchange, encode
from serving.problems import problem_for
from serving.recorder import Done, Entries
from serving.records import Asked, Checked, Records, records
from serving.validation import Options

logger = logging.getLogger("tiffin.serving")
ROLE = "champion"
Entities = EntityRequest | EntitiesRequest


class ModelEndpoint:
    """The three inference operations of one model.

    `predict`, `batch` and `explain` take an exchange and answer it, now or when the model has run; they never raise.
    The `answer_*` coroutines do the same for what was decoded elsewhere, and raise. All answers are recorded before
    they are given.
    """

    def __init__(self, definition: Definition, pool: Pool, decoder: Decoder, entries: Entries) -> None:
        self.definition = definition
        self.decoder = decoder
        self.records: Records = records(definition)
        self.entities: EntityEndpoint | None = None
        """Answers about entities, where the model has a view."""
        self._pool = pool
        self._entries = entries
        self._tasks: set[asyncio.Task[None]] = set()
        self.counter = PredictionCounter(definition)
        self._kept: Answerer | None = None

    # --- answering an exchange -------------------------------------------------------------------------------------

    def predict(self, exchange: Exchange) -> None:
        try:
            asked, options = self.decoder.predict(exchange.body)
            if isinstance(asked, EntityRequest):
                self._begin(exchange, "predict", asked, options)
                return
            values = asked
            hosted = self._pool.get(self.definition.name)
            runner = _runner(hosted)

            def done(work: Work) -> None:
                self._conclude(
                    exchange, "predict", lambda: self._prediction(hosted, work, values, options, exchange.started)
                )

            runner.submit(self.records.one(hosted.loaded, values), done)
        except Exception as error:
            refuse(exchange, error)

    def explain(self, exchange: Exchange) -> None:
        try:
            asked, options = self.decoder.explain(exchange.body)
            if isinstance(asked, EntityRequest):
                self._begin(exchange, "explain", asked, options)
                return
            values = asked
            hosted = self._pool.get(self.definition.name)

            def done(work: Work) -> None:
                self._conclude(
                    exchange, "explain", lambda: self._explanation(hosted, work, values, options, exchange.started)
                )

            hosted.explaining.submit(self.records.one(hosted.loaded, values), done)
        except Exception as error:
            refuse(exchange, error)

    def batch(self, exchange: Exchange) -> None:
        try:
            rows, options = self.decoder.batch(exchange.body)
            if isinstance(rows, EntitiesRequest):
                self._begin(exchange, "batch", rows, options)
                return
            hosted = self._pool.get(self.definition.name)
            where = (exchange.started, exchange.path, exchange.request_id)
            asked = self.records.several(hosted.loaded, rows)

            def done(work: Work) -> None:
                self._conclude(exchange, "batch", lambda: self._batch(hosted, work, asked, options, where, write=True))

            _runner(hosted).submit(asked.encoded, done)
        except Exception as error:
            refuse(exchange, error)

    def _conclude(self, exchange: Exchange, operation: Operation, build: Callable[[], Answer]) -> None:
        """Build the answer, record it, send it."""
        try:
            encoded = encode(build())
            self._entries.of_records(operation, encoded, exchange.body, exchange.request_id, _sender(exchange, encoded))
        except Exception as error:
            refuse(exchange, error)

    def _begin(self, exchange: Exchange, operation: Operation, asked: Entities, options: Options) -> None:
        task = asyncio.create_task(self._see_through(exchange, operation, asked, options))
        self._tasks.add(task)  # the loop holds tasks weakly
        task.add_done_callback(self._tasks.discard)

    async def _see_through(self, exchange: Exchange, operation: Operation, asked: Entities, options: Options) -> None:
        try:
            scored = await self._scored(operation, asked, options, exchange.started, exchange.request_id)
            encoded = encode(scored.answer)
            done = self._remembering(operation, scored, _sender(exchange, encoded))
            self._entries.of_entities(operation, asked, scored, encoded, exchange.request_id, done)
        except Exception as error:
            refuse(exchange, error)

    async def _scored(
        self,
        operation: Operation,
        asked: Entities,
        options: Options,
        started: float,
        request_id: str,
    ) -> Scored:
        assert self.entities is not None, "only a model with a view reads requests of entities"
        if isinstance(asked, EntitiesRequest):
            return await self.entities.batch(asked, options, started, request_id)
        answer = self.entities.predict if operation == "predict" else self.entities.explain
        return await answer(asked, options, started)

    def _remembering(self, operation: Operation, scored: Scored, done: Done) -> Done:
        """Remembers the answer once it is recorded: one that was refused must not be given later."""

        def recorded(error: Exception | None) -> None:
            if error is None and self.entities is not None:
                self.entities.remember(operation, scored)
            done(error)

        return recorded

    # --- answering a coroutine -------------------------------------------------------------------------------------

    async def answer(
        self, operation: Operation, asked: Values | Checked | Entities, options: Options, body: bytes, request_id: str
    ) -> Answer:
        """The answer to what was decoded from `body`, recorded. Raises problems and errors of the rooms."""
        started = perf_counter()
        safe: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done(error: Exception | None) -> None:
            if not safe.done():
                safe.set_result(None) if error is None else safe.set_exception(error)

        if isinstance(asked, EntityRequest | EntitiesRequest):
            scored = await self._scored(operation, asked, options, started, request_id)
            answer = scored.answer
            recorded = self._remembering(operation, scored, done)
            self._entries.of_entities(operation, asked, scored, encode(answer), request_id, recorded)
        else:
            answer = await self._of_values(operation, asked, options, started, request_id)
            self._entries.of_records(operation, encode(answer), body, request_id, done)
        await safe
        return answer

    async def _of_values(
        self, operation: Operation, asked: Any, options: Options, started: float, request_id: str
    ) -> Answer:
        match operation:
            case "predict":
                return await self.score(asked, options, started)
            case "explain":
                return await self.explain_values(asked, options, started)
            case "batch":
                return await self.score_all(asked, options, started, request_id)

    async def close(self) -> None:
        """Wait for what is under way outside of the runners."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def score(self, values: Values, options: Options, started: float) -> Answer:
        hosted = self._pool.get(self.definition.name)
        work = await _runner(hosted).run(self.records.one(hosted.loaded, values))
        return self._prediction(hosted, work, values, options, started)

    async def explain_values(self, values: Values, options: Options, started: float) -> Answer:
        hosted = self._pool.get(self.definition.name)
        work = await hosted.explaining.run(self.records.one(hosted.loaded, values))
        return self._explanation(hosted, work, values, options, started)

    async def score_all(self, rows: Checked, options: Options, started: float, request_id: str) -> Answer:
        hosted = self._pool.get(self.definition.name)
        asked = self.records.several(hosted.loaded, rows)
        work = await _runner(hosted).run(asked.encoded)
        where = (started, f"/v1/models/{self.definition.name}/batch", request_id)
        return self._batch(hosted, work, asked, options, where)

    # --- from outputs to answers -----------------------------------------------------------------------------------

    def _prediction(self, hosted: Hosted, work: Work, values: Values, options: Options, started: float) -> Answer:
        answer = self._answerer(hosted).prediction(self.records.outputs(work), values, options, started)
        self.counter.count(answer)
        return answer

    def _explanation(self, hosted: Hosted, work: Work, values: Values, options: Options, started: float) -> Answer:
        outputs, answerer = self.records.outputs(work), self._answerer(hosted)
        answer = answerer.prediction(outputs, values, options, started)
        answer["explanation"] = answerer.explanation(outputs, values, options.top)
        answer["latency_ms"] = milliseconds_since(started)
        self.counter.count(answer)
        return answer

    def _batch(
        self,
        hosted: Hosted,
        work: Work,
        asked: Asked,
        options: Options,
        where: tuple[float, str, str],
        *,
        write: bool = False,
    ) -> Answer:
        """The answer; its items may be JSON if it is only to `write` it."""
        _raise_whole_failure(work)
        given = (self._answerer(hosted), asked.results(work), asked.records, options)
        written = written_batch(*given, where[0]) if write else None
        answer, made = written or batch_answer(*given, *where)
        self.counter.count_all(hosted.loaded.tag, ROLE, made)
        return answer

    def _answerer(self, hosted: Hosted) -> Answerer:
        """The answerer of a version; kept until another version answers."""
        kept = self._kept
        if kept is None or kept.loaded is not hosted.loaded:
            kept = self._kept = answerer(hosted.loaded, ROLE)
        return kept


class PredictionCounter:
    """Counts a model's predictions by version, role and level; keeps the labelled children, which cost 2 us to find.

    Scores are observed where they lie between 0 and 1.
    """

    def __init__(self, definition: Definition) -> None:
        self._model = definition.name
        estimates = definition.kind in (Kind.REGRESSION, Kind.FORECAST, Kind.OPTIMISER)
        self._scores = None if estimates else metrics.Observations(metrics.scores.labels(definition.name))
        self._children: dict[tuple[str, str, str | None], metrics.Tally] = {}
        self.total = 0

    def count(self, answer: Answer) -> None:
        """One answered prediction."""
        self.total += 1
        self._child(answer["version"], answer["role"], answer["level"]).inc()
        if self._scores is not None:
            self._scores.observe(answer["score"])

    def count_all(self, version: str, role: str, made: Made) -> None:
        """The answered predictions of one batch."""
        self.total += len(made)
        for level, count in Counter(made.levels).items():
            self._child(version, role, level).inc(count)
        if self._scores is not None:
            self._scores.observe_all(made.scores)

    def _child(self, version: str, role: str, level: str | None) -> metrics.Tally:
        key = (version, role, level)
        child = self._children.get(key)
        if child is None:
            labels = (self._model, version, role, level or "")
            child = self._children[key] = metrics.Tally(metrics.predictions.labels(*labels))
        return child


def refuse(exchange: Exchange, error: Exception) -> None:
    """Answer with the problem that `error` is; what is nobody's fault but ours is logged whole."""
    problem = problem_for(error)
    if problem.status == 500:
        logger.error("request failed", exc_info=error, extra={"request_id": exchange.request_id, "path": exchange.path})
    exchange.refuse(problem)


def _sender(exchange: Exchange, encoded: bytes) -> Done:
    """Sends the answer once it is recorded."""

    def done(error: Exception | None) -> None:
        if error is None:
            exchange.answer(encoded)
        else:
            refuse(exchange, error)

    return done


def _runner(hosted: Hosted) -> Runner:
    """Predictions that carry drivers need the explaining call."""
    return hosted.explaining if hosted.loaded.definition.drivers else hosted.scoring


def _raise_whole_failure(work: Work) -> None:
    """Raises what ended all rows at once: out of time, or shutting down. A row's own error stays its own."""
    error = work.failed.get(0)
    if error is not None and not isinstance(error, RowFailedError):
        raise error
