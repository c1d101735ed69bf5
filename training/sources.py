"""Where rows come from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import pandas as pd

from models.definition import Definition
from storage.settings import StorageSettings
from training.check import MIN_ROWS, check
from training.errors import DataError
from training.generators import generators
from training.observed import Observed
from training.progress import Progress, silent, stage
from training.query import read_query, shortened
from training.reading import read
from training.table import Table

ROOT = Path(__file__).resolve().parent.parent
"""The project's folder, from which a recipe's path counts."""


class Source(Protocol):
    """Rows for one training."""

    def is_synthetic(self, table: Table) -> bool:
        """Whether these rows, or some of them, were made up."""

    def arguments(self, table: Table) -> tuple[str, ...]:
        """What `tiffin train NAME` is given to read these rows from here again."""

    def describe(self, table: Table) -> str:
        """Where these rows came from, in words: shown with the version."""

    def table(self, definition: Definition, rows: int | None, progress: Progress = silent) -> Table:
        """Checked rows: all of them, or a seeded sample of `rows`. Tells `progress` of the stage "read".

        Raises DataError when the rows cannot be read or do not fit the definition.
        """


@dataclass(frozen=True, slots=True)
class Synthetic:
    """The generator of a model that ships, seeded with the recipe's seed. `rows` is the recipe's unless given.

    Raises DataError when the model has no generator.
    """

    model: str

    def is_synthetic(self, table: Table) -> bool:
        return True

    def arguments(self, table: Table) -> tuple[str, ...]:
        return ()

    def describe(self, table: Table) -> str:
        return f"synthetic: training/generators/{self.model}.py, {len(table):,} rows"

    def table(self, definition: Definition, rows: int | None, progress: Progress = silent) -> Table:
        if self.model not in generators:
            raise DataError(f"model {self.model!r}", ["it has no synthetic data; train it from a file"])
        wanted = definition.recipe.sample_rows if rows is None else rows
        if wanted < MIN_ROWS:
            raise DataError(f"synthetic {self.model} rows", [f"{wanted} are too few: at least {MIN_ROWS} are needed"])
        with stage(progress, "read"):
            frame = generators[self.model](wanted, definition.recipe.seed)
            return check(frame, definition, f"synthetic {self.model} rows")


@dataclass(frozen=True, slots=True)
class File:
    """A CSV or Parquet file; see `training.reading`."""

    path: Path

    def is_synthetic(self, table: Table) -> bool:
        return False

    def arguments(self, table: Table) -> tuple[str, ...]:
        return ("--data", str(self.path))

    def describe(self, table: Table) -> str:
        return f"file {self.path.name}, {len(table):,} rows"

    def table(self, definition: Definition, rows: int | None, progress: Progress = silent) -> Table:
        with stage(progress, "read"):
            return check(_sampled(read(self.path), definition, rows), definition, str(self.path))


@dataclass(frozen=True, slots=True)
class Sql:
    """A query against the database that `storage` names; see `training.query`."""

    query: str
    storage: StorageSettings

    def is_synthetic(self, table: Table) -> bool:
        return False

    def arguments(self, table: Table) -> tuple[str, ...]:
        return ("--query", self.query)

    def describe(self, table: Table) -> str:
        return f"query {shortened(self.query)!r}, {len(table):,} rows"

    def table(self, definition: Definition, rows: int | None, progress: Progress = silent) -> Table:
        with stage(progress, "read"):
            frame = _sampled(read_query(self.query, self.storage), definition, rows)
            return check(frame, definition, f"the query {shortened(self.query)!r}")


def source_of(
    definition: Definition,
    storage: StorageSettings,
    *,
    data: Path | None = None,
    query: str | None = None,
    until: datetime | None = None,
) -> Source:
    """Where `definition` gets its rows: the file or query that is given, else its recipe's, else its view, else its
    generator. `until` is for views.

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
    if query is not None:
        return Sql(query, storage)
    return Observed(storage, until) if definition.learns_from_view else Synthetic(definition.name)


def _sampled(frame: pd.DataFrame, definition: Definition, rows: int | None) -> pd.DataFrame:
    """A seeded sample of `rows` in their old order; all of them when there are no more."""
    if rows is None or rows >= len(frame):
        return frame
    return frame.sample(rows, random_state=definition.recipe.seed).sort_index().reset_index(drop=True)
