"""A record's values and what moved its score: what the functions of a model file work from."""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from models.definition.feature import Schema, Value


class Driver(NamedTuple):
    """One feature's exact SHAP contribution to one score, on the model's margin scale."""

    feature: str
    value: Value
    contribution: float


class _MappingStruct(type(msgspec.Struct), ABCMeta):  # type: ignore[misc]
    """For a struct, which is made in half the time of an object of Python, that is a mapping."""


class Record(msgspec.Struct, Mapping[str, Value], metaclass=_MappingStruct, gc=False, eq=False):
    """A record's values by feature name, as a view: making it costs nothing for policies that do not look."""

    schema: Schema
    values_in_order: Sequence[Value]

    def __getitem__(self, name: str) -> Value:
        return self.values_in_order[self.schema.names.index(name)] if name in self.schema.names else _missing(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.schema.names)

    def __len__(self) -> int:
        return len(self.schema)

    __eq__ = Mapping.__eq__
    __hash__ = None  # type: ignore[assignment]


def _missing(name: str) -> Value:
    raise KeyError(name)


class InvalidRecordError(ValueError):
    """The record's `field` does not go together with its other fields; `message` says what it must be."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message
