"""Where rows come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from models.definition import Definition
from storage.settings import StorageSettings
from training.check import MIN_ROWS, check
from training.errors import DataError
from training.generators import generators
from training.query import read_query, shortened
from training.reading import read
from training.table import Table

ROOT = Path(__file__).resolve().parent.parent
"""The project's folder, from which a recipe's path counts."""


class Source(Protocol):
    """Rows for one training."""

    @property
    def synthetic(self) -> bool:
        """Whether the rows were made up."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """What `tiffin train NAME` is given to read from here again."""

    def describe(self, table: Table) -> str:
        """Where these rows came from, in words: shown with the version."""

    def table(self, definition: Definition, rows: int | None) -> Table:
        """Checked rows: all of them, or a seeded sample of `rows`.

        Raises DataError when the rows cannot be read or do not fit the definition.
        """


@dataclass(frozen=True, slots=True)
class Synthetic:
    """The generator of a model that ships, seeded with the recipe's seed. `rows` is the recipe's unless given.

    Raises DataError when the model has no generator.
    """

    model: str

    @property
    def synthetic(self) -> bool:
        return True

    @property
    def arguments(self) -> tuple[str, ...]:
        return ()

    def describe(self, table: Table) -> str:
        return f"synthetic: training/generators/{self.model}.py, {len(table):,} rows"

    def table(self, definition: Definition, rows: int | None) -> Table:
        if self.model not in generators:
            raise DataError(f"model {self.model!r}", ["it has no synthetic data; train it from a file"])
        wanted = definition.recipe.sample_rows if rows is None else rows
        if wanted < MIN_ROWS:
            raise DataError(f"synthetic {self.model} rows", [f"{wanted} are too few: at least {MIN_ROWS} are needed"])
        frame = generators[self.model](wanted, definition.recipe.seed)
        return check(frame, definition, f"synthetic {self.model} rows")


@dataclass(frozen=True, slots=True)
class File:
    """A CSV or Parquet file; see `training.reading`."""

    path: Path

    @property
    def synthetic(self) -> bool:
        return False

    @property
    def arguments(self) -> tuple[str, ...]:
        return ("--data", str(self.path))

    def describe(self, table: Table) -> str:
        return f"file {self.path.name}, {len(table):,} rows"

    def table(self, definition: Definition, rows: int | None) -> Table:
        return check(_sampled(read(self.path), definition, rows), definition, str(self.path))


@dataclass(frozen=True, slots=True)
class Sql:
    """A query against the database that `storage` names; see `training.query`."""

    query: str
    storage: StorageSettings

    @property
    def synthetic(self) -> bool:
        return False

    @property
    def arguments(self) -> tuple[str, ...]:
        return ("--query", self.query)

    def describe(self, table: Table) -> str:
        return f"query {shortened(self.query)!r}, {len(table):,} rows"

    def table(self, definition: Definition, rows: int | None) -> Table:
        frame = _sampled(read_query(self.query, self.storage), definition, rows)
        return check(frame, definition, f"the query {shortened(self.query)!r}")


def source_of(
    definition: Definition, storage: StorageSettings, *, data: Path | None = None, query: str | None = None
) -> Source:
    """Where `definition` gets its rows: the file or query that is given, else its recipe's, else its generator.

    Raises DataError when both a file and a query are given, or the recipe names both.
    """
    recipe = definition.recipe
    if data is None and query is None:
        data = None if recipe.data is None else ROOT / recipe.data
        query = recipe.query
    if data is not None and query is not None:
        raise DataError(f"model {definition.name!r}", ["rows come from a file or from a query: give one of the two"])
    if data is not None:
        return File(data)
    return Synthetic(definition.name) if query is None else Sql(query, storage)


def _sampled(frame: pd.DataFrame, definition: Definition, rows: int | None) -> pd.DataFrame:
    """A seeded sample of `rows` in their old order; all of them when there are no more."""
    if rows is None or rows >= len(frame):
        return frame
    return frame.sample(rows, random_state=definition.recipe.seed).sort_index().reset_index(drop=True)
