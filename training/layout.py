"""How a text file is laid out: its separator, and the line that names the columns."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from training.errors import DataError

SEPARATORS = (",", ";", "\t", "|")
SAMPLE_RECORDS = 200
"""Records that the layout is judged by."""
MOST_ABOVE = 20
"""Lines that may stand above the header."""


@dataclass(frozen=True, slots=True)
class Layout:
    """`start` is where the rows begin in the text, `first_line` the line that is, counted from 1."""

    separator: str
    header: tuple[str, ...]
    start: int
    first_line: int
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Record:
    """`first` is the line it begins on, `after` the one below its last; counted from 1."""

    fields: tuple[str, ...]
    first: int
    after: int


def find_layout(text: str, origin: str) -> Layout:
    """The layout in which most records have the same number of fields, and the most fields of those.

    Raises DataError when the header has another number of columns than the rows below it.
    """
    declared = _declared(text)
    separators = (declared,) if declared else SEPARATORS
    judged = {separator: _records(text, separator) for separator in separators}
    separator = max(separators, key=lambda separator: _evenness(judged[separator]))
    records = judged[separator][1 if declared else 0 :]
    if not records:
        raise DataError(origin, ["it is empty"])
    width = _width(records)
    above = _above(records, width)
    header = records[above]
    _check_width(header, records[above + 1 :], width, origin)
    findings = (_skipped(header.first - 1),) if above else ()
    return Layout(separator, header.fields, _offset(text, header.after), header.after, findings)


def _skipped(lines: int) -> str:
    return "1 line above the header was skipped" if lines == 1 else f"{lines} lines above the header were skipped"


def _declared(text: str) -> str:
    """The separator that Excel's own first line "sep=;" names."""
    first = text[:8].splitlines()[0] if text else ""
    return first[4] if first.lower().startswith("sep=") and len(first) == 5 else ""


def _records(text: str, separator: str) -> list[_Record]:
    """The first records that are not blank."""
    csv.field_size_limit(2**31 - 1)
    return list(islice(_all_records(text, separator), SAMPLE_RECORDS))


def _all_records(text: str, separator: str) -> Iterator[_Record]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    before = 0
    for row in rows:
        if any(map(str.strip, row)):
            yield _Record(tuple(row), before + 1, rows.line_num + 1)
        before = rows.line_num


def _width(records: Sequence[_Record]) -> int:
    """The number of fields that most records have; of equally frequent ones the largest."""
    counts = Counter(len(record.fields) for record in records)
    return max(counts, key=lambda width: (counts[width], width))


def _evenness(records: Sequence[_Record]) -> tuple[bool, float, int, int]:
    """More is better. Decimal commas cut rows as evenly as separators do, but not the header: it then seems to be a
    title above the rows."""
    if not records:
        return False, 0.0, 0, 0
    width = _width(records)
    even = sum(len(record.fields) == width for record in records) / len(records)
    return width > 1, round(even, 1), -_above(records, width), width


def _above(records: Sequence[_Record], width: int) -> int:
    """How many records stand above the header: titles and notes that fill one field."""
    if width < 3:
        return 0
    for position, record in enumerate(records[:MOST_ABOVE]):
        filled = sum(bool(field.strip()) for field in record.fields)
        if filled > 1:
            return position
    return 0


def _check_width(header: _Record, rows: Sequence[_Record], width: int, origin: str) -> None:
    if not rows or len(header.fields) == width:
        return
    names, below = len(header.fields), f"the lines below it have {width} fields"
    if names == width - 1:
        remedy = "give the column of row names a name too, or take the separator at the end of every line away"
    else:
        remedy = "the first line must name every column once"
    raise DataError(origin, [f"line {header.first}: the header names {names} columns, but {below}: {remedy}"])


def _offset(text: str, line: int) -> int:
    """Where line `line`, counted from 1, begins."""
    lines = io.StringIO(text, newline="")
    return sum(len(next(lines, "")) for _ in range(line - 1))
