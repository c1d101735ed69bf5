"""Predictions and explanations of one loaded version."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from inference.loaded import LoadedModel
from models.definition import BinaryPolicy, Definition, Driver, Kind, Value
from serving.answers import items
from serving.answers.decision import Decision
from serving.answers.outside import Outside
from serving.answers.words import Scale, contribution
from serving.decoding import Values
from serving.identifiers import new_id, new_ids, timestamp
from serving.validation import Options

Answer = dict[str, Any]
Outputs = NDArray[np.float64]
Encoded = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Made:
    """What many predictions say, by column."""

    scores: list[float]
    labels: list[bool | str | None]
    levels: list[str | None]

    def __len__(self) -> int:
        return len(self.scores)


class Written(NamedTuple):
    """A batch's items as JSON, and what they say."""

    items: msgspec.Raw
    made: Made


class Decide(Protocol):
    """From outputs (without contributions), the records' values and their top drivers to what is said about them."""

    def one(self, outputs: list[float], values: Values, drivers: Sequence[Driver]) -> Decision: ...

    def all(self, outputs: Outputs, rows: Sequence[Values], drivers: Iterable[Sequence[Driver]]) -> Iterable[Decision]:
        """The same for many rows at once; `outputs` is (rows, width)."""


class Answerer(Protocol):
    """Builds the answers of one loaded version in one role. `outputs` are a record's: see `one` and `several`."""

    loaded: LoadedModel

    def prediction(self, outputs: Any, values: Values, options: Options, started: float) -> Answer:
        """One prediction. `started` is perf_counter() at arrival."""

    def predictions(
        self, outputs: Any, rows: Sequence[Values], options: Options, started: float, encoded: Encoded | None = None
    ) -> list[Answer]:
        """One prediction for each of `rows`; `outputs` has as many, and so has `encoded`, which spares some looking."""

    def written(
        self, outputs: Any, rows: Sequence[Values], options: Options, started: float, encoded: Encoded | None = None
    ) -> Written | None:
        """The same as the items of a batch, ranked, for half the time; None where it is not known how."""

    def explanation(self, outputs: Any, values: Values, top: int) -> Answer:
        """The exact SHAP values of one score: base_value + contributions + other = margin."""


class RowAnswerer:
    """Answers of models that look at one row for each record. What never changes between answers is found once.

    `decide_with(threshold)` gives the kind's decisions; None stands for the version's own threshold. `scale` is that of
    its margins.
    """

    def __init__(
        self, loaded: LoadedModel, role: str, decide_with: Callable[[float | None], Decide], scale: Scale
    ) -> None:
        self.loaded = loaded
        self._assemble = Assembly(loaded, role)
        self._width = loaded.scoring.width
        self._top = loaded.definition.drivers
        self._decide_with = decide_with
        self._decide = decide_with(None)
        self._scale = scale

    def prediction(self, outputs: Outputs, values: Values, options: Options, started: float) -> Answer:
        drivers = self.loaded.drivers(outputs, values, self._top) if self._top else ()
        decision = self._deciding(options).one(outputs[: self._width].tolist(), values, drivers)
        return self._assemble(new_id(), decision, values, options, timestamp(), milliseconds_since(started))

    def predictions(
        self, outputs: Outputs, rows: Sequence[Values], options: Options, started: float, encoded: Encoded | None = None
    ) -> list[Answer]:
        assemble = self._assemble
        looks = assemble.suspects(encoded, len(rows))
        created_at, latency_ms = timestamp(), milliseconds_since(started)
        decisions = self._decisions(outputs, rows, options)
        return [
            assemble(identity, decision, values, options, created_at, latency_ms, look)
            for identity, decision, values, look in zip(new_ids(len(rows)), decisions, rows, looks, strict=True)
        ]

    def written(
        self, outputs: Outputs, rows: Sequence[Values], options: Options, started: float, encoded: Encoded | None = None
    ) -> Written | None:
        if options.include:
            return None
        assemble = self._assemble
        decisions = list(self._decisions(outputs, rows, options))
        rank(self.loaded.definition, [decision.answer for decision in decisions])
        prototype = assemble("", decisions[0], rows[0], options, timestamp(), milliseconds_since(started), look=False)
        made = Made(
            [decision.score for decision in decisions],
            [decision.label for decision in decisions],
            [decision.level for decision in decisions],
        )
        columns = {
            "prediction_id": items.plain_texts(new_ids(len(rows))),
            "score": items.numbers(made.scores),
            "label": items.repeated(made.labels),
            "level": items.repeated(made.levels),
            "confidence": items.repeated([decision.confidence for decision in decisions]),
            "answer": items.each(decision.answer for decision in decisions),
            "warnings": items.each(assemble.warnings_of_all(decisions, rows, encoded)),
        }
        if "probabilities" in prototype:
            columns["probabilities"] = items.each(decision.probabilities for decision in decisions)
        return Written(items.items(prototype, columns, len(rows)), made)

    def explanation(self, outputs: Outputs, values: Values, top: int) -> Answer:
        drivers = self.loaded.drivers(outputs, values, top)
        total, base = float(outputs[self._width :].sum()), self.loaded.base_value(outputs)
        return explained(self.loaded.definition, drivers, total, base, self._scale)

    def _decisions(self, outputs: Outputs, rows: Sequence[Values], options: Options) -> Iterable[Decision]:
        drivers = self.loaded.drivers_of_all(outputs, rows, self._top) if self._top else repeat((), len(rows))
        return self._deciding(options).all(outputs[:, : self._width], rows, drivers)

    def _deciding(self, options: Options) -> Decide:
        return self._decide if options.threshold is None else self._decide_with(options.threshold)


class Assembly:
    """Puts a decision into the shape that all predictions share."""

    def __init__(self, loaded: LoadedModel, role: str) -> None:
        self._model = loaded.definition.name
        self._version = loaded.tag
        self._role = role
        self._is_binary = loaded.definition.kind is Kind.BINARY
        self._names = loaded.definition.schema.names
        self._starts = list(loaded.encoding.starts)
        self._outside = Outside(loaded.reference, loaded.definition.inputs, self._names)
        places = {name: place for place, name in enumerate(self._names)}
        self._open_levels = [
            (places[name], name, levels) for _, name, levels in loaded.encoding.open_levels if name in places
        ]

    def suspects(self, encoded: Encoded | None, count: int) -> list[bool]:
        """Which rows may hold a number that training has not seen the like of: 1.5 ms less for a batch of 1 000."""
        if encoded is None:
            return [True] * count
        suspects: list[bool] = self._outside.suspects(encoded[:, self._starts]).tolist()
        return suspects

    def warnings(self, decision: Decision, values: Values, look: bool = True) -> Sequence[str]:
        """What the caller should know; without a `look` at the numbers when they are known to be usual."""
        outside = self._outside(values) if look else ()
        if self._open_levels or decision.warnings or outside:
            return [*decision.warnings, *outside, *self._unseen(values)]
        return ()

    def warnings_of_all(
        self, decisions: Sequence[Decision], rows: Sequence[Values], encoded: Encoded | None
    ) -> Iterable[Sequence[str]]:
        """The same for many records."""
        suspects = self.suspects(encoded, len(rows))
        if self._open_levels or any(suspects) or any(decision.warnings for decision in decisions):
            return map(self.warnings, decisions, rows, suspects)
        return repeat((), len(rows))

    def __call__(
        self,
        identity: str,
        decision: Decision,
        values: Values,
        options: Options,
        created_at: str,
        latency_ms: float,
        look: bool = True,
    ) -> Answer:
        answer: Answer = {
            "prediction_id": identity,
            "model": self._model,
            "version": self._version,
            "role": self._role,
            "score": decision.score,
            "label": decision.label,
            "level": decision.level,
            "threshold": decision.threshold,
            "confidence": decision.confidence,
            "answer": decision.answer,
            "cached": False,
            "stale": False,
            "warnings": self.warnings(decision, values, look) or [],
            "created_at": created_at,
            "latency_ms": latency_ms,
        }
        if decision.probabilities is not None:
            answer["probabilities"] = decision.probabilities
        if options.include:
            self._include(answer, values, options.include)
        return answer

    def _include(self, answer: Answer, values: Values, wanted: Collection[str]) -> None:
        if "probabilities" in wanted and self._is_binary:
            answer["probabilities"] = {"false": 1.0 - answer["score"], "true": answer["score"]}
        if "features" in wanted:
            answer["features"] = dict(zip(self._names, values, strict=True))

    def _unseen(self, values: Values) -> list[str]:
        """What the caller should know about this record: levels that training never saw count as missing."""
        return [
            f"{name}: the level {values[place]!r} was not seen in training and counts as missing"
            for place, name, levels in self._open_levels
            if values[place] is not None and values[place] not in levels
        ]


def rank(definition: Definition, particulars: Sequence[Answer]) -> None:
    """Gives each of a batch's particular answers its rank, from 1, where the policy names what ranks them."""
    policy = definition.policy
    if isinstance(policy, BinaryPolicy) and policy.rank_by:
        falling = sorted(particulars, key=lambda one: -one[policy.rank_by])
        for place, one in enumerate(falling, start=1):
            one["rank"] = place


def explained(
    definition: Definition,
    drivers: Sequence[Driver],
    total: float,
    base: float,
    scale: Scale,
    varying: Collection[str] = (),
) -> Answer:
    """The shape of an explanation; `drivers` are the strongest, or all. `varying` features have no single value.

    The margin is the sum of the base value and of all contributions, whose `total` is given: exact, where the model's
    own sum in float32 is some 1e-6 of it away.
    """
    features = definition.inputs
    shown = sum(driver.contribution for driver in drivers)
    answer: Answer = {
        "base_value": base,
        "margin": base + total,
        "scale": scale.name,
        "contributions": [
            contribution(features[driver.feature], driver, scale, varies=driver.feature in varying)
            for driver in drivers
        ],
        "other": 0.0 if len(drivers) == len(features) else total - shown,
    }
    return answer


def driver_list(drivers: Sequence[Driver]) -> list[dict[str, Value]]:
    """Drivers as an answer carries them."""
    return [
        {"feature": driver.feature, "value": driver.value, "contribution": driver.contribution} for driver in drivers
    ]


def record_of(definition: Definition, values: Values) -> Mapping[str, Value]:
    """The record that the values came from."""
    return dict(zip(definition.schema.names, values, strict=True))


def milliseconds_since(started: float) -> float:
    return round((perf_counter() - started) * 1000, 3)
