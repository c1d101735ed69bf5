"""From a record to the row of numbers that a booster sees: position i is feature i, NaN is missing.

Numbers and flags stand for themselves. The levels of a category become their rank by the target's mean in the training
rows, so that one threshold on the rank separates risky levels from safe ones (Fisher 1958: for a binary target some
split of that order is the best of all splits of the levels).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.definition import Category, Schema, Value

NAN = float("nan")


@dataclass(frozen=True)
class Encoding:
    """The codes of every category of `schema`: feature name -> level -> code."""

    schema: Schema
    codes: Mapping[str, Mapping[str, float]]
    open_levels: tuple[tuple[int, str, frozenset[str]], ...] = field(init=False, repr=False, compare=False)
    """Position, name and known levels of the categories whose other texts count as missing."""
    _pack: Callable[..., bytes] = field(init=False, repr=False, compare=False)
    _tables: tuple[tuple[int, Mapping[Value, float]], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        categories = [(i, f) for i, f in enumerate(self.schema.features) if isinstance(f, Category)]
        lacking = [f.name for _, f in categories if f.name not in self.codes]
        if lacking:
            raise ValueError(f"no codes for {', '.join(lacking)}")
        tables = tuple((i, dict[Value, float](self.codes[f.name])) for i, f in categories)
        open_levels = tuple((i, f.name, frozenset(self.codes[f.name])) for i, f in categories if f.unseen == "missing")
        object.__setattr__(self, "_tables", tables)
        object.__setattr__(self, "_pack", struct.Struct(f"={len(self.schema)}f").pack)
        object.__setattr__(self, "open_levels", open_levels)

    def row(self, values: Sequence[Value]) -> list[float]:
        """One encoded row from the values of a valid record in schema order."""
        row: list[float] = list(values)  # type: ignore[arg-type]
        for position, table in self._tables:
            row[position] = table.get(values[position], NAN)
        if None in row:
            row = [NAN if value is None else value for value in row]
        return row

    def encode(self, rows: Sequence[Sequence[Value]]) -> NDArray[np.float32]:
        """Encoded rows (rows, features) from the values of valid records in schema order."""
        if self._tables:
            rows = [self.row(row) for row in rows]
        shape = len(rows), len(self.schema)
        try:  # packing takes a quarter of the time that numpy takes to look at every value's type
            packed = bytearray().join([self._pack(*row) for row in rows])
        except (struct.error, OverflowError):
            return np.array(rows, np.float32).reshape(shape)  # makes None NaN and what is too large infinite
        return np.frombuffer(packed, np.float32).reshape(shape)

    def matrix(self, records: Iterable[Mapping[str, Value]]) -> NDArray[np.float32]:
        """Encoded records, shape (records, features). A feature that a record lacks counts as missing."""
        names = self.schema.names
        return self.encode([[record.get(name) for name in names] for record in records])
