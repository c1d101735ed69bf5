"""Predict, batch and explain of one model: from a body's bytes to the answer, without HTTP's wrapping."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence

from inference.errors import RowFailedError
from inference.pool import Hosted, Pool
from inference.runner import Runner, Work
from models.definition import Definition, Kind
from monitoring import metrics
from serving.answers import Answer, Answerer, answerer, batch_answer, milliseconds_since
from serving.decoding import Decoder, Values
from serving.exchange import Exchange
from serving.problems import FieldError, problem_for
from serving.records import Asked, Records, records
from serving.validation import Options

logger = logging.getLogger("tiffin.serving")
ROLE = "champion"


class ModelEndpoint:
    """The three inference operations of one model.

    `predict`, `batch` and `explain` take an exchange and answer it, now or when the model has run; they never raise.
    The `answer_*` coroutines do the same for values that were decoded elsewhere, and raise.
    """

    def __init__(self, definition: Definition, pool: Pool, decoder: Decoder) -> None:
        self.definition = definition
        self.decoder = decoder
        self.records: Records = records(definition)
        self._pool = pool
        self.counter = PredictionCounter(definition)
        self._kept: Answerer | None = None

    # --- answering an exchange -------------------------------------------------------------------------------------

    def predict(self, exchange: Exchange) -> None:
        try:
            values, options = self.decoder.predict(exchange.body)
            hosted = self._pool.get(self.definition.name)
            runner = _runner(hosted)

            def done(work: Work) -> None:
                self._conclude(exchange, lambda: self._prediction(hosted, work, values, options, exchange.started))

            runner.submit(self.records.one(hosted.loaded, values), done)
        except Exception as error:
            refuse(exchange, error)

    def explain(self, exchange: Exchange) -> None:
        try:
            values, options = self.decoder.explain(exchange.body)
            hosted = self._pool.get(self.definition.name)

            def done(work: Work) -> None:
                self._conclude(exchange, lambda: self._explanation(hosted, work, values, options, exchange.started))

            hosted.explaining.submit(self.records.one(hosted.loaded, values), done)
        except Exception as error:
            refuse(exchange, error)

    def batch(self, exchange: Exchange) -> None:
        try:
            rows, options = self.decoder.batch(exchange.body)
            hosted = self._pool.get(self.definition.name)
            where = (exchange.started, exchange.path, exchange.request_id)
            asked = self.records.several(hosted.loaded, rows)

            def done(work: Work) -> None:
                self._conclude(exchange, lambda: self._batch(hosted, work, asked, options, where))

            _runner(hosted).submit(asked.encoded, done)
        except Exception as error:
            refuse(exchange, error)

    # --- answering a coroutine -------------------------------------------------------------------------------------

    async def answer_predict(self, values: Values, options: Options, started: float) -> Answer:
        hosted = self._pool.get(self.definition.name)
        work = await _runner(hosted).run(self.records.one(hosted.loaded, values))
        return self._prediction(hosted, work, values, options, started)

    async def answer_explain(self, values: Values, options: Options, started: float) -> Answer:
        hosted = self._pool.get(self.definition.name)
        work = await hosted.explaining.run(self.records.one(hosted.loaded, values))
        return self._explanation(hosted, work, values, options, started)

    async def answer_batch(
        self, rows: Sequence[Values | list[FieldError]], options: Options, started: float, request_id: str
    ) -> Answer:
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
    ) -> Answer:
        _raise_whole_failure(work)
        answer, answered = batch_answer(self._answerer(hosted), asked.results(work), asked.records, options, *where)
        self.counter.count_all(answered)
        return answer

    def _answerer(self, hosted: Hosted) -> Answerer:
        """The answerer of a version; kept until another version answers."""
        kept = self._kept
        if kept is None or kept.loaded is not hosted.loaded:
            kept = self._kept = answerer(hosted.loaded, ROLE)
        return kept

    def _conclude(self, exchange: Exchange, build: Callable[[], Answer]) -> None:
        try:
            exchange.answer(build())
        except Exception as error:
            refuse(exchange, error)


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

    def count_all(self, answered: Sequence[Answer]) -> None:
        """The answered predictions of one batch, all of one version and role."""
        self.total += len(answered)
        for level, count in Counter(answer["level"] for answer in answered).items():
            self._child(answered[0]["version"], answered[0]["role"], level).inc(count)
        if self._scores is not None:
            self._scores.observe_all([answer["score"] for answer in answered])

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


def _runner(hosted: Hosted) -> Runner:
    """Predictions that carry drivers need the explaining call."""
    return hosted.explaining if hosted.loaded.definition.drivers else hosted.scoring


def _raise_whole_failure(work: Work) -> None:
    """Raises what ended all rows at once: out of time, or shutting down. A row's own error stays its own."""
    error = work.failed.get(0)
    if error is not None and not isinstance(error, RowFailedError):
        raise error
