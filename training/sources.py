"""Where rows come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from models.definition import Category, Definition
from training.check import MIN_ROWS, check
from training.errors import DataError
from training.generators import generators
from training.table import Table

PARQUET_ENDINGS = (".parquet", ".pq")


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
    """A CSV file (UTF-8, comma separated, with a header; may be compressed as its ending says) or a Parquet file."""

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
        read = _read_parquet if self.path.suffix.lower() in PARQUET_ENDINGS else _read_csv
        frame = _reading(read, self.path, definition)
        if rows is not None and rows < len(frame):
            frame = frame.sample(rows, random_state=definition.recipe.seed).sort_index()
        return check(frame.reset_index(drop=True), definition, str(self.path))


def _reading(read: Callable[[Path, Definition], pd.DataFrame], path: Path, definition: Definition) -> pd.DataFrame:
    """What `read` gives, with everything that a bad file raises turned into a DataError that names it."""
    try:
        return read(path, definition)
    except FileNotFoundError as error:
        raise DataError(str(path), ["there is no such file"]) from error
    except OSError as error:
        raise DataError(str(path), [f"it cannot be read: {error.strerror or error}"]) from error
    except UnicodeDecodeError as error:
        raise DataError(str(path), ["it is not UTF-8 text"]) from error
    except (ValueError, EOFError) as error:  # what pandas and pyarrow raise for malformed files derives from these
        raise DataError(str(path), [f"it is malformed: {error}"]) from error


def _read_csv(path: Path, definition: Definition) -> pd.DataFrame:
    """All columns by name. A category keeps its text as written: only an empty field is missing, "NA" is a level."""
    categories = {feature.name for feature in definition.schema.features if isinstance(feature, Category)}
    header = pd.read_csv(path, nrows=0, encoding="utf-8-sig").columns
    return pd.read_csv(
        path,
        encoding="utf-8-sig",
        low_memory=False,
        dtype={name: "str" for name in header if name in categories},
        keep_default_na=False,
        na_values={name: [""] if name in categories else ["", "NA", "NaN", "nan", "null", "NULL"] for name in header},
    )


def _read_parquet(path: Path, definition: Definition) -> pd.DataFrame:
    return pd.read_parquet(path)
