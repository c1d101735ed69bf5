"""What cannot become a prediction in the table: kept on disk with the reason, for a person to look at."""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from ledger import folders
from ledger.copying import escaped
from ledger.removal import Removal
from ledger.rows import COLUMNS, Row
from storage.files import write_atomically

logger = logging.getLogger("tiffin.ledger")

FILE_BYTES = 5_000_000
FILES = 20
_PREDICTION_ID, _MODEL, _ENTITY = map(COLUMNS.index, ("prediction_id", "model", "entity"))
_SHOWN = 1_000_000
"""Bytes of a damaged piece that are kept."""
_BYTES = re.compile(rb'"bytes": "([A-Za-z0-9+/]*)')


class Rejected:
    """Files of JSON lines below `<spool>/rejected/`, 100 MB at most; then the oldest go. `count` is since the start."""

    def __init__(self, spool: Path) -> None:
        self._folder = spool / folders.REJECTED
        self._lock = threading.Lock()
        self.count = 0

    def row(self, row: Row, reason: str) -> None:
        """Keep a row that PostgreSQL refused. Raises OSError when it could not be kept."""
        logger.error("a prediction was refused by PostgreSQL and is kept in %s: %s", self._folder, reason)
        self._keep({"reason": reason, "row": row.line})

    def bytes(self, content: bytes, reason: str, source: Path) -> None:
        """Keep a frame that does not read, or what lies between two that do. Raises OSError."""
        logger.error("%d bytes of %s are no prediction, see %s: %s", len(content), source, self._folder, reason)
        shown = base64.b64encode(content[:_SHOWN]).decode()
        self._keep({"reason": reason, "source": f"{source.parent.name}/{source.name}", "bytes": shown})

    def forget(self, removal: Removal) -> None:
        """Remove these rows, and damaged pieces and unreadable lines in which the entity's id stands."""
        with self._lock:
            for file in self._folder.glob("*.jsonl"):
                lines = file.read_bytes().splitlines(keepends=True)
                kept = [line for line in lines if not _is_of(line, removal)]
                if len(kept) < len(lines):
                    write_atomically(file, b"".join(kept))

    def _keep(self, entry: dict[str, str]) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        with self._lock, self._file().open("a+b") as file:
            cut_off = _ends_within_a_line(file)  # a full disk or a kill: the next entry is not to be lost with it
            line = json.dumps({"at": time.time(), **entry}).encode()
            file.write(b"\n" * cut_off + line + b"\n")
        self.count += 1

    def _file(self) -> Path:
        files = sorted(self._folder.glob("*.jsonl"))
        if not files or files[-1].stat().st_size >= FILE_BYTES:
            number = int(files[-1].stem) + 1 if files else 1
            files.append(self._folder / f"{number:08d}.jsonl")
        for old in files[:-FILES]:
            logger.warning("%s is removed, as there are newer rejected predictions", old)
            old.unlink(missing_ok=True)
        return files[-1]


def _ends_within_a_line(file: BinaryIO) -> bool:
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def _is_of(line: bytes, removal: Removal) -> bool:
    entity = removal.entity
    try:
        entry = json.loads(line)
        if "row" in entry:
            return _is_row_of(entry["row"].split("\t"), removal)
        return entity is not None and _id(entity) in base64.b64decode(entry["bytes"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return _names(line, entity)


def _is_row_of(fields: Sequence[str], removal: Removal) -> bool:
    entity = None if removal.entity is None else escaped(removal.entity)
    model = None if removal.model is None else escaped(removal.model)
    written = replace(removal, model=model, entity=entity)
    return written.concerns(fields[_PREDICTION_ID], fields[_MODEL], fields[_ENTITY])


def _names(line: bytes, entity: str | None) -> bool:
    """Whether the id stands in what is left of a line, in one of the ways in which it may have been written."""
    if entity is None:
        return False
    shown = b"".join(base64.b64decode(found[: len(found) // 4 * 4]) for found in _BYTES.findall(line))
    ways = (_id(entity), *(json.dumps(text)[1:-1].encode() for text in (entity, escaped(entity))))
    return _id(entity) in shown or any(way in line for way in ways)


def _id(entity: str) -> bytes:
    return entity.encode("utf-8", "replace")
