"""Files of events, a part at a time: CSV, TSV, JSON lines, Parquet. Memory does not grow with the file."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import Problem, UnreadableFileError, nearest
from features.sources import Source

ROWS = 5_000
"""Rows of a part."""
LONGEST_LINE = 1_000_000
"""Bytes of a line of JSON; a longer one is no row."""
_SEPARATORS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Line:
    """A row by its place in the file, from 1 as editors count (a Parquet file's rows count from 1, too).

    `fault` says why it is no row, where it is none. `as_text`: its values are texts.
    """

    number: int
    row: object
    fault: Problem | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows, and how much of the file has been read, 0 to 1. `as_text`: values are texts, or types of Parquet."""

    lines: Sequence[Line]
    done: float
    as_text: bool


def parts(path: Path, source: Source) -> Iterator[Part]:
    """The rows of a file, whose ending says what it is: .csv, .tsv, .jsonl or .ndjson, .parquet.

    Raises UnreadableFileError when it does not read, or its columns are not the source's; OSError.
    """
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise UnreadableFileError(f"{path.name} does not end in {', '.join(_READERS)}: what it is cannot be told")
    yield from read(path, source)


def _csv(path: Path, source: Source) -> Iterator[Part]:
    with path.open("rb") as raw:
        # Bytes that are no UTF-8 become surrogates, which no text column takes: the row is told, the file goes on.
        text = io.TextIOWrapper(raw, "utf-8-sig", errors="surrogateescape", newline="")
        separator = "\t" if path.suffix.lower() == ".tsv" else _separator(text.readline(LONGEST_LINE), source)
        text.seek(0)
        reader = csv.reader(text, delimiter=separator)
        header = [name.strip() for name in next(reader, [])]
        _check_header(path, header, source)
        yield from _in_parts(_csv_lines(reader, header), _progress(raw), as_text=True)


def _csv_lines(reader: Iterator[list[str]], header: Sequence[str]) -> Iterator[Line]:
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Line(_line(reader), {}, Problem("", "malformed", f"does not read: {error}"))
            continue
        if len(cells) == len(header):
            yield Line(_line(reader), dict(zip(header, cells, strict=True)))
        elif cells:  # a blank line is no row
            fault = Problem("", "malformed", f"has {len(cells)} cells where the header has {len(header)}")
            yield Line(_line(reader), dict(zip(header, cells, strict=False)), fault)


def _line(reader: object) -> int:
    return int(getattr(reader, "line_num", 0))


def _separator(line: str, source: Source) -> str:
    """The separator that finds most of the source's columns in the header."""
    return max(_SEPARATORS, key=lambda one: sum(name.strip().strip('"') in source.checks for name in line.split(one)))


def _json_lines(path: Path, _: Source) -> Iterator[Part]:
    with path.open("rb") as file:
        yield from _in_parts(_decoded(file), _progress(file), as_text=False)


def _decoded(file: BinaryIO) -> Iterator[Line]:
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            while (rest := file.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
            yield Line(number, _shown(line), Problem("", "malformed", f"is longer than {LONGEST_LINE} bytes"))
        elif line.strip():
            try:
                yield Line(number, msgspec.json.decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                yield Line(number, _shown(line), Problem("", "malformed", f"is not JSON: {error}"))


def _shown(line: bytes) -> str:
    """A line that is no row as it stands."""
    return line.decode("utf-8", "replace").rstrip("\r\n")


def _parquet(path: Path, source: Source) -> Iterator[Part]:
    try:
        with pq.ParquetFile(path) as file:
            _check_header(path, file.schema_arrow.names, source)
            total, number = max(file.metadata.num_rows, 1), 0
            for batch in file.iter_batches(ROWS):
                rows = _in_microseconds(pa.Table.from_batches([batch])).to_pylist()
                yield Part([Line(number + place, row) for place, row in enumerate(rows, 1)], number / total, True)
                number += len(rows)
    except pa.ArrowException as error:
        raise UnreadableFileError(f"{path.name} does not read as Parquet: {error}") from error


def _in_microseconds(rows: pa.Table) -> pa.Table:
    """Times as PostgreSQL keeps them; finer ones would not become datetimes."""
    for place, kind in enumerate(rows.schema):
        if pa.types.is_timestamp(kind.type) and kind.type.unit == "ns":
            column = rows.column(place).cast(pa.timestamp("us", kind.type.tz), safe=False)
            rows = rows.set_column(place, kind.name, column)
    return rows


def _in_parts(lines: Iterator[Line], done: Callable[[], float], *, as_text: bool) -> Iterator[Part]:
    while part := list(islice(lines, ROWS)):
        yield Part(part, done(), as_text)


def _progress(file: BinaryIO) -> Callable[[], float]:
    """How much of the file has been read."""
    size = max(os.fstat(file.fileno()).st_size, 1)
    return lambda: min(os.lseek(file.fileno(), 0, os.SEEK_CUR) / size, 1.0)


def _check_header(path: Path, names: Sequence[str], source: Source) -> None:
    """Refuse a file of which every row would be refused."""
    if not names:
        raise UnreadableFileError(f"{path.name} is empty: it has no line with the names of its columns")
    lacking = [name for name in source.columns if name not in names and name not in source.nullable]
    strange = [f"{name[:64]!r}{nearest(name, source.columns)}" for name in names if name not in source.checks]
    doubled = sorted({name for name in names if names.count(name) > 1})
    said = [f"lack {', '.join(lacking)}"] if lacking else []
    said += [f"hold what {source.name} has not: {', '.join(strange[:5])}"] if strange else []
    said += [f"hold {', '.join(doubled)} twice"] if doubled else []
    if said:
        raise UnreadableFileError(f"the columns of {path.name} {', and '.join(said)}")


_READERS: dict[str, Callable[[Path, Source], Iterator[Part]]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".parquet": _parquet,
}
