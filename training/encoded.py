"""A table as folds of encoded rows, with category codes that a row's own target has no part in."""

from __future__ import annotations

from models.definition import Category, Schema
from registry.encoding import Encoding
from training.encode import Floats, Matrix, cross_fitted, encode, fit_encoding, is_wide
from training.learners import Fold
from training.partition import Partition
from training.table import Indices, Table, Target


class Encoded:
    """`encoding` is what the version will serve with, learned from the partition's fitted rows alone."""

    def __init__(self, schema: Schema, table: Table, ranked_by: Floats, partition: Partition, seed: int) -> None:
        self._table = table
        self._ranked_by = ranked_by
        self._seed = seed
        self._wide = [f.name for f in schema.features if isinstance(f, Category) and is_wide(f)]
        fitted = partition.fitted if partition.crossed else partition.folds[0][0]
        self.encoding = fit_encoding(schema, table.features.iloc[fitted], ranked_by[fitted])
        self.matrix: Matrix = encode(self.encoding, table.features)
        """All rows, as serving encodes them."""

    @property
    def tables(self) -> frozenset[int]:
        """Columns that hold the codes of narrow categories: a linear model learns one value for each."""
        schema = self.encoding.schema
        return frozenset(
            start
            for start, feature in zip(self.encoding.starts, schema.features, strict=True)
            if isinstance(feature, Category) and not is_wide(feature)
        )

    def fold(self, fitted: Indices, held: Indices, target: Target | None = None) -> Fold:
        """Rows to fit on, wide categories coded by other rows' targets, and rows held out from them; with another
        `target` (rows,) than the table's if one is given."""
        target = self._table.target if target is None else target
        weights = self._table.weights
        weighed = (None, None) if weights is None else (weights[fitted], weights[held])
        if not self._wide:
            return Fold(self.matrix[fitted], target[fitted], self.matrix[held], target[held], *weighed)
        encoding = self._encoding_of(fitted)
        matrix = cross_fitted(encoding, self._table.features.iloc[fitted], self._ranked_by[fitted], self._seed)
        return Fold(matrix, target[fitted], encode(encoding, self._table.features.iloc[held]), target[held], *weighed)

    def _encoding_of(self, fitted: Indices) -> Encoding:
        """Wide categories coded from these rows; narrow ones as everywhere: a rank must not change its meaning."""
        own = fit_encoding(self.encoding.schema, self._table.features.iloc[fitted], self._ranked_by[fitted])
        return Encoding(self.encoding.schema, {**self.encoding.codes, **{name: own.codes[name] for name in self._wide}})
