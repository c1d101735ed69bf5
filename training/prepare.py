"""A table split, cleared of copies, encoded and searched for traps: ready to be learned from."""

from __future__ import annotations

from dataclasses import dataclass

from models.definition import Definition
from registry.encoding import Encoding
from training import traps
from training.encode import Matrix, encode, fit_encoding
from training.split import split
from training.table import Labels, Table


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the split: its rows, and the same encoded, shape (rows, features)."""

    table: Table
    matrix: Matrix

    @property
    def labels(self) -> Labels:
        return self.table.labels


@dataclass(frozen=True, slots=True)
class Prepared:
    """The three sides. `findings` are what is odd about the data, `split_words` how the rows were split."""

    encoding: Encoding
    train: Side
    validation: Side
    test: Side
    split_words: str
    findings: tuple[str, ...]


def prepare(definition: Definition, table: Table) -> Prepared:
    """The sides of `table`. The encoding is learned from the training side alone.

    Raises SplitError and TrapError.
    """
    parts, copies = traps.without_copies(table, split(table, definition.recipe))
    encoding = fit_encoding(definition.schema, table.take(parts.train))
    train, validation, test = (
        Side(side, encode(encoding, side.features))
        for side in map(table.take, (parts.train, parts.validation, parts.test))
    )
    traps.refuse_answers(definition.schema, train.matrix, train.labels)
    return Prepared(
        encoding=encoding,
        train=train,
        validation=validation,
        test=test,
        split_words=parts.words,
        findings=(*copies, *traps.constant_columns(definition.schema, train.matrix)),
    )
