"""From a record to the row of numbers that an estimator sees; NaN is missing.

Numbers and flags stand for themselves. The levels of a category become a number that rises with the target's mean in
the training rows, so that one threshold separates risky levels from safe ones (Fisher 1958: for a binary target some
split of that order is the best of all splits of the levels). A moment becomes one column for each of its parts; every
other feature is one column.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from models.definition import Category, Moment, Part, Schema, Value, read_moment

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
    _moments: tuple[tuple[int, tuple[Part, ...]], ...] = field(init=False, repr=False, compare=False)
    starts: tuple[int, ...] = field(init=False, repr=False, compare=False)
    """The first column of every feature."""
    width: int = field(init=False, repr=False, compare=False)
    """How many columns a row has."""

    def __post_init__(self) -> None:
        categories = [(i, f) for i, f in enumerate(self.schema.features) if isinstance(f, Category)]
        lacking = [f.name for _, f in categories if f.name not in self.codes]
        if lacking:
            raise ValueError(f"no codes for {', '.join(lacking)}")
        tables = tuple((i, dict[Value, float](self.codes[f.name])) for i, f in categories)
        open_levels = tuple((i, f.name, frozenset(self.codes[f.name])) for i, f in categories if f.unseen == "missing")
        object.__setattr__(self, "_tables", tables)
        moments = [(i, f.parts) for i, f in enumerate(self.schema.features) if isinstance(f, Moment)]
        widths = [len(f.parts) if isinstance(f, Moment) else 1 for f in self.schema.features]
        object.__setattr__(self, "_moments", tuple(reversed(moments)))
        object.__setattr__(self, "starts", tuple(accumulate(widths[:-1], initial=0)))
        object.__setattr__(self, "width", sum(widths))
        object.__setattr__(self, "_pack", struct.Struct(f"={self.width}f").pack)
        object.__setattr__(self, "open_levels", open_levels)

    def row(self, values: Sequence[Value]) -> list[float]:
        """One encoded row from the values of a valid record in schema order."""
        row: list[float] = list(values)  # type: ignore[arg-type]
        for position, table in self._tables:
            row[position] = table.get(values[position], NAN)
        for position, parts in self._moments:  # from the last on: the earlier positions stay what they are
            row[position : position + 1] = moment_parts(values[position], parts)
        if None in row:
            row = [NAN if value is None else value for value in row]
        return row

    def encode(self, rows: Sequence[Sequence[Value]]) -> NDArray[np.float32]:
        """Encoded rows (rows, features) from the values of valid records in schema order."""
        if self._tables or self._moments:
            rows = [self.row(row) for row in rows]
        shape = len(rows), self.width
        try:  # packing takes a quarter of the time that numpy takes to look at every value's type
            packed = bytearray().join([self._pack(*row) for row in rows])
        except (struct.error, OverflowError):
            return np.array(rows, np.float32).reshape(shape)  # makes None NaN and what is too large infinite
        return np.frombuffer(packed, np.float32).reshape(shape)

    def by_feature(self, columns: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sums over the columns of each feature: (n, columns) -> (n, features)."""
        if not self._moments:
            return columns
        return np.add.reduceat(columns, self.starts, axis=1)

    def matrix(self, records: Iterable[Mapping[str, Value]]) -> NDArray[np.float32]:
        """Encoded records, shape (records, features). A feature that a record lacks counts as missing."""
        names = self.schema.names
        return self.encode([[record.get(name) for name in names] for record in records])


def moment_parts(value: Value, parts: Sequence[Part]) -> list[float]:
    """What an estimator sees of a moment given as ISO 8601 text, to the second."""
    if value is None:
        return [NAN] * len(parts)
    moment = read_moment(str(value)).replace(microsecond=0)
    hour = moment.hour + moment.minute / 60 + moment.second / 3600
    known: dict[Part, float] = {
        "days": moment.timestamp() / 86_400,
        "day_of_year": float(moment.timetuple().tm_yday),
        "weekday": float(moment.weekday()),
        "hour": hour,
    }
    return [known[part] for part in parts]
