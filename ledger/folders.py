"""The folders of a spool: `<state_dir>/spool/<writer>/<number>.spool`, one folder for each process that writes."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ledger.segment import SUFFIX

LOCK = "lock"
REJECTED = "rejected"


def root(state_dir: Path) -> Path:
    """The folder that holds the writers' folders."""
    return state_dir / "spool"


def total_bytes(spool: Path) -> int:
    """What all segments of all writers take, in bytes."""
    total = 0
    for writer in writers(spool):
        with contextlib.suppress(FileNotFoundError), os.scandir(writer) as entries:  # the shipper removes
            for entry in entries:
                if entry.name.endswith(SUFFIX):
                    with contextlib.suppress(FileNotFoundError):
                        total += entry.stat().st_size
    return total


def writers(spool: Path) -> list[Path]:
    """The folders of all writers, living and dead."""
    try:
        with os.scandir(spool) as entries:
            names = [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()]
    except FileNotFoundError:
        return []
    return [spool / name for name in sorted(names) if name != REJECTED]


def segments(writer: Path) -> list[Path]:
    """A writer's segments, oldest first."""
    try:
        return sorted(path for path in writer.iterdir() if path.suffix == SUFFIX)
    except FileNotFoundError:
        return []
