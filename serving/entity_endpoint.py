"""Predict, batch and explain of one model for entities: features first, then the same way as records."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from features.duration import write_duration
from features.entity import Entity
from features.online import Answer, Features
from features.views import View
from inference.errors import InferenceError
from ledger.privacy import stripped
from models.definition import Definition, Feature, Series, Value
from serving.answers import Answer as JsonAnswer
from serving.answers import by_column, milliseconds_since
from serving.answers.batch import summary
from serving.decoding import Values
from serving.entities import EntitiesRequest, EntityRequest
from serving.lookup import Lookup
from serving.problems import FieldError, InvalidFeatures, Problem, problem_for
from serving.records import Checked
from serving.remembered import Remembered
from serving.validation import DEFAULT_TOP, Options
from storage.errors import StorageUnavailableError

Score = Callable[[Values, Options, float], Awaitable[JsonAnswer]]


class Scorer(Protocol):
    """What scores values, wherever they come from."""

    async def score(self, values: Values, options: Options, started: float) -> JsonAnswer: ...

    async def explain_values(self, values: Values, options: Options, started: float) -> JsonAnswer: ...

    async def score_all(self, rows: Checked, options: Options, started: float, request_id: str) -> JsonAnswer: ...


class Scored(NamedTuple):
    """An answer, and the features that it came from by the place of its item; None for one that was remembered.

    `made` is the answer without what was only remembered, where some of it was. `lasting` are the entities and what may
    be remembered of them, once it is recorded.
    """

    answer: JsonAnswer
    features: Sequence[Values | None] | None
    made: JsonAnswer | None = None
    lasting: Sequence[tuple[str, JsonAnswer]] = ()


class EntityEndpoint:
    """The three operations of a model with a view. Raises problems and errors of the rooms."""

    def __init__(
        self,
        definition: Definition,
        view: View,
        scorer: Scorer,
        lookup: Lookup,
        remembered: Remembered,
        *,
        keeps_values: bool = True,
    ) -> None:
        """`keeps_values`: what is remembered may tell values of features."""
        self._definition = definition
        self._keeps_values = keeps_values
        self._view = view
        self._scorer = scorer
        self._lookup = lookup
        self._remembered = remembered
        places = {name: place for place, name in enumerate(view.columns)}
        self._features = [(feature, places.get(feature.name)) for feature in definition.schema.features]

    async def predict(self, asked: EntityRequest, options: Options, started: float) -> Scored:
        """One prediction; the last one about the entity, marked as stale, when the model or the database fails."""
        return await self._one_or_last("predict", self._scorer.score, asked, options, started)

    async def explain(self, asked: EntityRequest, options: Options, started: float) -> Scored:
        """The same with an explanation."""
        return await self._one_or_last("explain", self._scorer.explain_values, asked, options, started)

    async def batch(self, asked: EntitiesRequest, options: Options, started: float, request_id: str) -> Scored:
        """A prediction or an error for each entity, in order; the last predictions where none can be made now."""
        where = f"/v1/models/{self._definition.name}/batch", request_id
        try:
            scored = await self._several(asked, options, started, request_id)
        except (InferenceError, StorageUnavailableError) as error:
            refused = [one if isinstance(one, Problem) else problem_for(error) for one in asked.entities]
            items = [{"index": index, "error": one.as_json(*where)} for index, one in enumerate(refused)]
            nothing = {"model": self._definition.name, "version": "", "items": items}
            answer = await self._completed(nothing, asked, options)
            if answer is nothing:
                raise
            versions = (item["prediction"]["version"] for item in answer["items"] if "prediction" in item)
            return Scored({**answer, "version": next(versions), "latency_ms": milliseconds_since(started)}, None)
        answer = await self._completed(scored.answer, asked, options)
        return scored if answer is scored.answer else scored._replace(answer=answer, made=scored.answer)

    def remember(self, operation: str, scored: Scored) -> None:
        """Keep what may be kept of an answer, now that it is recorded."""
        for entity, answer in scored.lasting:
            self._remembered.keep(self._definition.name, entity, answer, operation)

    async def _one_or_last(
        self, operation: str, score: Score, asked: EntityRequest, options: Options, started: float
    ) -> Scored:
        try:
            scored = await self._one(score, asked, options, started)
        except (InferenceError, StorageUnavailableError):
            if not _may_last(asked, options) or options.include:
                raise
            (answer,) = await self._remembered.recall(self._definition.name, [asked.entity.text], operation)
            if answer is None:
                raise
            return Scored(_as_last(answer), None)
        if _may_last(asked, options) and (self._keeps_values or operation == "predict"):
            return scored._replace(lasting=[(asked.entity.text, self._lasting(scored.answer))])
        return scored

    async def _several(self, asked: EntitiesRequest, options: Options, started: float, request_id: str) -> Scored:
        """All that can be answered now."""
        valid = [entity for entity in asked.entities if isinstance(entity, Entity)]
        answers = iter(await self._lookup.find(valid, asked.as_of) if valid else ())
        found = [entity if isinstance(entity, Problem) else next(answers) for entity in asked.entities]
        rows = [self._row_or_problem(one, asked.given) for one in found]
        answer = await self._scorer.score_all(rows, options, started, request_id)
        lasting = []
        for item, one in zip(answer["items"], found, strict=True):
            if "prediction" in item and isinstance(one, Features):
                self._tell(item["prediction"], one, options)
                if _may_last(asked, options):
                    lasting.append((one.entity.text, self._lasting(item["prediction"])))
        return Scored(answer, [None if isinstance(row, Problem) else row for row in rows], lasting=lasting)

    async def _completed(self, answer: JsonAnswer, asked: EntitiesRequest, options: Options) -> JsonAnswer:
        """The batch with the last predictions where none could be made; itself when there are none of them."""
        if not _may_last(asked, options) or options.include:
            return answer
        lacking = {
            item["index"]: entity.text
            for item, entity in zip(answer["items"], asked.entities, strict=True)
            if isinstance(entity, Entity) and "error" in item and item["error"]["status"] == UNAVAILABLE
        }
        last = await self._remembered.recall(self._definition.name, list(lacking.values()))
        recalled = {index: _as_last(one) for index, one in zip(lacking, last, strict=True) if one is not None}
        if not recalled:
            return answer
        items: list[JsonAnswer] = [
            {"index": index, "prediction": recalled[index]} if index in recalled else item
            for index, item in enumerate(answer["items"])
        ]
        made = by_column([item["prediction"] for item in items if "prediction" in item])
        return {**answer, "items": items, "summary": summary(len(items), made, decides=self._definition.decides)}

    def _lasting(self, answer: JsonAnswer) -> JsonAnswer:
        """What may be said again later: no rank among others, and values only of a model whose values are kept."""
        kept = {name: value for name, value in answer.items() if name not in ON_REQUEST}
        kept["answer"] = {name: value for name, value in answer["answer"].items() if name != "rank"}
        return kept if self._keeps_values else {**stripped(kept), "warnings": []}

    async def _one(self, score: Score, asked: EntityRequest, options: Options, started: float) -> Scored:
        (found,) = await self._lookup.find([asked.entity], asked.as_of)
        if not isinstance(found, Features):
            raise found
        row = self._row(found, asked.given)
        answer = await score(row, options, started)
        self._tell(answer, found, options)
        return Scored(answer, [row])

    def _row_or_problem(self, found: Answer | Problem, given: Mapping[str, Value]) -> Values | Problem:
        if not isinstance(found, Features):
            return problem_for(found)
        try:
            return self._row(found, given)
        except Problem as problem:
            return problem

    def _row(self, found: Features, given: Mapping[str, Value]) -> Values:
        """The values in schema order. Raises InvalidFeatures for an entity with too little history to be scored."""
        if found.thin and self._definition.thin == "refuse":
            raise self._thin(found, self._since(found))
        values = found.values
        row = tuple(
            given[feature.name] if feature.name in given else None if place is None else values[place]
            for feature, place in self._features
        )
        for (feature, _), value in zip(self._features, row, strict=True):
            short = _short(feature, value)
            if short:
                raise self._thin(found, short)
        return row

    def _thin(self, found: Features, reason: str) -> Problem:
        detail = f"{self._shown(found.entity)} has too little history to be scored: {reason}"
        return InvalidFeatures(detail, errors=[FieldError("entity", "thin_history", reason)])

    def _since(self, found: Features) -> str:
        wanted = write_duration(self._view.least_history)
        return f"it is known since {_rfc3339(found.since)}, and a score wants {wanted} of history"

    def _shown(self, entity: Entity) -> str:
        keys = self._view.key_names
        return ", ".join(f"{key} {identity!r}" for key, identity in zip(keys, entity.ids, strict=True))

    def _tell(self, answer: JsonAnswer, found: Features, options: Options) -> None:
        """What an answer about an entity says besides the prediction."""
        answer["entity"] = dict(zip(self._view.key_names, found.entity.ids, strict=True))
        answer["as_of"] = _rfc3339(found.as_of)
        answer["cached"] = found.cached
        answer["stale"] = found.stale
        answer["warnings"] = [*answer["warnings"], *self._warnings(found)]
        if "features" in options.include:
            age = (datetime.now(UTC) - found.as_of).total_seconds()
            answer["features_age_seconds"] = round(max(0.0, age), 3)

    def _warnings(self, found: Features) -> list[str]:
        warnings = [f"little history: {self._since(found)}"] if found.thin else []
        if found.stale:
            warnings.append(f"the features are of {_rfc3339(found.as_of)}, as the database does not answer")
        return warnings + [
            f"{feature.name} is not known of this entity and counts as missing"
            for feature, place in self._features
            if place is not None and not feature.missing and found.values[place] is None
        ]


ON_REQUEST = ("features", "features_age_seconds", "probabilities")
"""Fields that an answer has only when asked for."""


UNAVAILABLE = 503


def _may_last(asked: EntityRequest | EntitiesRequest, options: Options) -> bool:
    """Whether the answer is what everybody gets who asks about the entity."""
    plain = options.threshold is None and options.top == DEFAULT_TOP
    return asked.as_of is None and not asked.given and plain


def _as_last(answer: JsonAnswer) -> JsonAnswer:
    """A recalled answer that says what it is."""
    said = f"this is the prediction of {answer['created_at']}: no new one can be made now"
    return {**answer, "warnings": [*answer["warnings"], said]}


def _short(feature: Feature, value: Value) -> str:
    """Why a series cannot be used; empty when it can, and for all other features."""
    if not isinstance(feature, Series):
        return ""
    length = len(value) if isinstance(value, Sequence) else 0
    if length >= feature.min_length:
        return ""
    return f"{feature.name} has {length} values, and the model needs at least {feature.min_length}"


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
