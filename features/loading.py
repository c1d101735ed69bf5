"""A file of events into its source: what is right is written, what is not is listed in a file beside it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.errors import Problem
from features.events import Events, Written
from features.files import Line, Part, parts
from features.sources import source

HEADER = ("line", "event_id", "problem", "row")
LONGEST_ROW = 2_000
"""Characters of a rejected row that the list shows."""
PART_SECONDS = 60.0


@dataclass(slots=True)
class Loaded:
    """What became of a file's rows; `rejects` is the file that lists those that were rejected, if any were."""

    rows: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    rejects: Path | None = None


def load(events: Events, name: str, path: Path, *, hear: Callable[[float, Loaded], None]) -> Loaded:
    """Write the rows of a file into source `name`. Run again, it changes nothing: rows count once.

    `hear` is told how much has been read, 0 to 1, and what became of it so far.

    Raises UnknownSourceError, UnreadableFileError, StorageUnavailableError and OSError; what was written until then
    stays.
    """
    target, loaded = source(name), Loaded()
    rejects = path.with_name(f"{path.name}.rejected.csv")
    rejects.unlink(missing_ok=True)
    with ExitStack() as stack:
        writer: Any = None
        for part in parts(path, target):
            for line, problems in _write(events, name, part, loaded):
                if writer is None:
                    loaded.rejects = rejects
                    writer = csv.writer(stack.enter_context(rejects.open("w", encoding="utf-8", newline="")))
                    writer.writerow(HEADER)
                writer.writerow(_listed(line, problems))
            hear(part.done, loaded)
    return loaded


def _write(events: Events, name: str, part: Part, loaded: Loaded) -> Iterable[tuple[Line, Sequence[Problem]]]:
    """Write one part; returns its rejected rows in the file's order."""
    rows = [line for line in part.lines if line.fault is None]
    written = events.write(name, [line.row for line in rows], seconds=PART_SECONDS, as_text=part.as_text)
    rejected = [(rows[one.index], one.problems) for one in written.rejected]
    rejected += [(line, (line.fault,)) for line in part.lines if line.fault is not None]
    _count(loaded, part, written, len(rejected))
    return sorted(rejected, key=lambda found: found[0].number)


def _count(loaded: Loaded, part: Part, written: Written, rejected: int) -> None:
    loaded.rows += len(part.lines)
    loaded.accepted += written.accepted
    loaded.duplicates += written.duplicates
    loaded.rejected += rejected


def _listed(line: Line, problems: Sequence[Problem]) -> tuple[object, ...]:
    said = "; ".join(f"{problem.field}: {problem.message}".removeprefix(": ") for problem in problems)
    event_id = line.row.get("event_id") if isinstance(line.row, dict) else None
    row = json.dumps(line.row, default=str)[:LONGEST_ROW]
    return line.number, "" if event_id is None else json.dumps(event_id, default=str)[1:-1], said, row
