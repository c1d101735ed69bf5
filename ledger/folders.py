"""The folders of a spool: `<state_dir>/spool/<writer>/<number>.spool`, one folder for each process that writes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

from ledger.segment import SUFFIX

LOCK = "lock"
REJECTED = "rejected"
_HALF_MADE_SECONDS = 60.0


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


def is_dead(writer: Path) -> bool:
    """Whether the process that this folder belongs to has ended: the kernel has given its lock back."""
    return not is_locked(writer / LOCK)


def is_locked(file: Path) -> bool:
    """Whether a process holds the exclusive lock of this file. Raises OSError for one that cannot be opened."""
    try:
        lock = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def remove_if_left(writer: Path) -> None:
    """Remove the folder of a dead writer that has no segments any more; otherwise nothing."""
    if not segments(writer) and is_dead(writer):
        (writer / LOCK).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # something else is in it: it is not ours to remove
            writer.rmdir()


def remove_half_made(spool: Path) -> None:
    """Remove what writers left that were killed before they had a folder."""
    for folder in spool.glob(".*-*"):
        with contextlib.suppress(FileNotFoundError):
            old = time.time() - folder.stat().st_mtime > _HALF_MADE_SECONDS
            if old and folder.is_dir() and is_dead(folder):
                remove_if_left(folder)
