"""The features of a record: what each one means and which values it may have.

A feature is part of the public interface: its unit, range, levels and example appear in the OpenAPI document,
in error messages and in the console, and serving refuses values outside them by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

MAX_WHOLE = 2**53
Value = float | int | str | bool | Sequence[float] | None
"""One feature value as JSON carries it. None means missing."""
Part = Literal["days", "day_of_year", "weekday", "hour"]
"""What a model sees of a moment: days since 1970, day of the year from 1, weekday from 0 (Monday), hour of the day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A quantity. `minimum` and `maximum` are inclusive; `whole` admits integers only."""

    name: str
    description: str
    unit: str
    minimum: float
    maximum: float
    example: float
    whole: bool = False
    missing: bool = False
    """Whether the value may be null or left out; the model then decides without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One of a list of levels. `unseen` says what happens to any other text: refused, or treated as missing."""

    name: str
    description: str
    levels: tuple[str, ...]
    example: str
    unseen: Literal["refuse", "missing"] = "refuse"
    missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """True or false. Callers may also send 1 or 0."""

    name: str
    description: str
    example: bool
    missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A date, or a date and a time, as ISO 8601 text; without an offset it counts as UTC. Models see its `parts`."""

    name: str
    description: str
    example: str
    parts: tuple[Part, ...] = ("days", "day_of_year", "weekday")
    missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Quantities in order, the latest last: what an expansion computes an estimator's inputs from."""

    name: str
    description: str
    unit: str
    minimum: float
    maximum: float
    min_length: int
    max_length: int
    example: tuple[float, ...]
    missing: bool = False


Feature = Number | Category | Flag | Moment | Series


@dataclass(frozen=True, slots=True)
class Schema:
    """The features of a model in their fixed order: position i of every encoded row is feature i.

    Raises ValueError when two features share a name, two levels of a category do, or an example lies outside its range.
    """

    features: tuple[Feature, ...]
    names: tuple[str, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        names = tuple(feature.name for feature in self.features)
        object.__setattr__(self, "names", names)
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(f"feature names stand twice: {', '.join(doubled)}")
        for feature in self.features:
            _check_example(feature)

    @property
    def example(self) -> dict[str, Value]:
        """A complete record, as JSON carries it: the example value of every feature."""
        return {feature.name: _plain(feature.example) for feature in self.features}

    def __getitem__(self, name: str) -> Feature:
        for feature in self.features:
            if feature.name == name:
                return feature
        raise KeyError(name)

    def __len__(self) -> int:
        return len(self.features)

    def describe(self) -> list[dict[str, object]]:
        """The schema as JSON-ready rows: stored with every version and shown by the API."""
        return [describe(feature) for feature in self.features]


def describe(feature: Feature) -> dict[str, object]:
    """One feature as a JSON-ready mapping, its type first."""
    fields: Mapping[str, object] = {name: getattr(feature, name) for name in feature.__dataclass_fields__}
    return {"type": type(feature).__name__.lower(), **{name: _plain(value) for name, value in fields.items()}}


def read_moment(text: str) -> datetime:
    """The moment that ISO 8601 text names, in UTC. Raises ValueError.

    >>> read_moment("2026-03-01T12:00:00+02:00").isoformat()
    '2026-03-01T10:00:00+00:00'
    """
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _check_example(feature: Feature) -> None:
    match feature:
        case Number() if feature.whole and max(abs(feature.minimum), abs(feature.maximum)) > MAX_WHOLE:
            raise ValueError(f"{feature.name}: whole numbers beyond 2^53 are not exact; narrow its range")
        case Number() if not feature.minimum <= feature.example <= feature.maximum:
            raise ValueError(f"{feature.name}: the example {feature.example} lies outside its range")
        case Number() if feature.whole and feature.example != int(feature.example):
            raise ValueError(f"{feature.name}: the example {feature.example} is not a whole number")
        case Category() if len(set(feature.levels)) < len(feature.levels):
            raise ValueError(f"{feature.name}: a level stands twice")
        case Category() if feature.example not in feature.levels:
            raise ValueError(f"{feature.name}: the example {feature.example!r} is not one of its levels")
        case Moment():
            try:
                read_moment(feature.example)
            except ValueError as error:
                raise ValueError(f"{feature.name}: the example {feature.example!r} is not ISO 8601: {error}") from error
        case Series() if not feature.min_length <= len(feature.example) <= feature.max_length:
            raise ValueError(f"{feature.name}: the example's length {len(feature.example)} lies outside its range")
        case Series() if not all(feature.minimum <= value <= feature.maximum for value in feature.example):
            raise ValueError(f"{feature.name}: the example holds values outside its range")
        case _:
            return
