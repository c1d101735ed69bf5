"""The rows of a file, as `tiffin new` and every training see them."""

from __future__ import annotations

import csv
import io
import logging
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from training.errors import DataError
from training.headings import headings
from training.layout import Layout, find_layout
from training.unpack import PARQUET, decoded, unpacked

logger = logging.getLogger("tiffin.training")

SHOWN_LINES = 5
"""Ragged lines that an error names."""
_CHUNK_BYTES = 1 << 20
_MAX_CHUNK_BYTES = 1 << 30


def read(path: Path) -> pd.DataFrame:
    """All rows of a CSV or Parquet file, columns by name.

    A CSV file's columns are text; what it means is decided per column, see `training.columns`. An empty field is
    missing. Separated by commas, semicolons, tabs or pipes; UTF-8, UTF-16 or Windows-1252; packed by gzip, zip, bz2 or
    xz; lines above the header are skipped and columns that share a name are numbered, and a warning says so.

    Raises DataError, naming the line where there is one, when the file does not read.
    """
    content = unpacked(path)
    if content.startswith(PARQUET):
        return _parquet(path, content)
    text = decoded(path, content)
    if not text.strip():
        raise DataError(str(path), ["it is empty"])
    layout = find_layout(text, str(path))
    for finding in layout.findings:
        logger.warning("%s: %s", path, finding)
    names, renamed = headings(layout.header)
    for finding in renamed:
        logger.warning("%s: %s", path, finding)
    return _table(path, text[layout.start :], layout, names)


def _table(path: Path, text: str, layout: Layout, names: list[str]) -> pd.DataFrame:
    """The rows below the header. The fast reader gives up at the first odd line; a slow one then finds all of them."""
    if "\0" in text:
        raise DataError(str(path), [f"line {_line_of(text, layout)}: it holds a zero byte: it is damaged"])
    if not text.strip():
        raise DataError(str(path), ["it holds a header and no rows"])
    try:
        rows = _parsed(text.encode("utf-8", "replace"), layout.separator, names)
    except pa.ArrowInvalid as error:
        raise DataError(str(path), _ragged(text, layout) or [f"it is malformed: {error}"]) from error
    frame: pd.DataFrame = rows.to_pandas()
    return frame


def _line_of(text: str, layout: Layout) -> int:
    return layout.first_line + text.count("\n", 0, text.index("\0"))


def _parsed(content: bytes, separator: str, names: list[str]) -> pa.Table:
    """All columns as text. A record must fit into one block of the reader, so blocks grow until the longest does."""
    options = {
        "parse_options": pa.csv.ParseOptions(delimiter=separator, newlines_in_values=True),
        "convert_options": pa.csv.ConvertOptions(
            column_types={name: pa.string() for name in names}, null_values=[""], strings_can_be_null=True
        ),
    }
    block = _CHUNK_BYTES
    while True:
        reading = pa.csv.ReadOptions(column_names=names, block_size=block)
        try:
            return pa.csv.read_csv(io.BytesIO(content), read_options=reading, **options)
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error) or block >= _MAX_CHUNK_BYTES:
                raise
            block *= 8


def _ragged(text: str, layout: Layout) -> list[str]:
    """One sentence per line that has more or fewer fields than the header, the first ones."""
    wanted, more = len(layout.header), 0
    found: list[str] = []
    csv.field_size_limit(2**31 - 1)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=layout.separator)
    began = 0
    for row in rows:
        if row and len(row) != wanted and len(found) < SHOWN_LINES:
            found.append(f"line {layout.first_line + began}: {len(row)} fields, but the header names {wanted} columns")
        elif row and len(row) != wanted:
            more += 1
        began = rows.line_num
    if more:
        found.append(f"and {more:,} more such lines")
    if found:
        found.append(f"a field that holds {_named(layout.separator)} must stand in double quotes")
    return found


def _named(separator: str) -> str:
    return {"\t": "a tab"}.get(separator, f"{separator!r}")


def _parquet(path: Path, content: bytes) -> pd.DataFrame:
    try:
        table = pa.parquet.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(str(path), [f"it is a damaged Parquet file: {error}"]) from error
    if not table.num_rows:
        raise DataError(str(path), ["it holds no rows"])
    names, renamed = headings(table.column_names)
    for finding in renamed:
        logger.warning("%s: %s", path, finding)
    frame: pd.DataFrame = table.rename_columns(names).to_pandas(ignore_metadata=True)
    return frame
