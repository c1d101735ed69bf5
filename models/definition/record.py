"""A record's values and what moved its score: what the functions of a model file work from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from models.definition.feature import Schema, Value


class Driver(NamedTuple):
    """One feature's exact SHAP contribution to one score, on the model's margin scale."""

    feature: str
    value: Value
    contribution: float


class Record(Mapping[str, Value]):
    """A record's values by feature name, as a view: making it costs nothing for policies that do not look."""

    __slots__ = ("_schema", "values_in_order")

    def __init__(self, schema: Schema, values: Sequence[Value]) -> None:
        self._schema = schema
        self.values_in_order = values

    def __getitem__(self, name: str) -> Value:
        return self.values_in_order[self._schema.names.index(name)] if name in self._schema.names else _missing(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._schema.names)

    def __len__(self) -> int:
        return len(self._schema)


def _missing(name: str) -> Value:
    raise KeyError(name)


class InvalidRecordError(ValueError):
    """The record's `field` does not go together with its other fields; `message` says what it must be."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message
