"""What the shipper last said of itself, for metrics and health: one small file, read by every worker."""

from __future__ import annotations

import contextlib
import logging
import time
from pathlib import Path

import msgspec

from ledger import folders
from ledger.positions import Positions
from ledger.segment import HEAD_BYTES, created_ms
from ledger.tail import Tail

logger = logging.getLogger("tiffin.ledger")

FILE = "status.json"
LOCK = "shipper.lock"
SHIPPED = "shipped.json"
"""How far the shipper has come."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Counts are since the shipper's start; `read` adds what can be seen from outside."""

    pid: int = 0
    started_at: float = 0.0
    """Unix seconds."""
    updated_at: float = 0.0
    """Unix seconds."""
    running: bool = False
    spool_bytes: int = 0
    oldest_unshipped_seconds: float = 0.0
    """How long the oldest prediction has been waiting in the spool, about; 0 when none does."""
    shipped: int = 0
    """Predictions written into PostgreSQL."""
    repeated: int = 0
    """Predictions that had been there already."""
    rejected: int = 0
    """Predictions or damaged pieces that were put aside in `spool/rejected/`."""
    fed: int = 0
    """Predictions added to the live stream."""
    feed_skipped: int = 0
    """Predictions that the live stream misses, as Redis did not take them."""
    error: str = ""
    """Why nothing can be shipped now; empty when all is well."""


def read(state_dir: Path) -> Status:
    """The status of the shipper of this folder; never raises. Takes some 50 us, so not for every request."""
    spool = folders.root(state_dir)
    try:
        said = msgspec.json.decode((spool / FILE).read_bytes(), type=Status)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        said = Status()
    running = _is_running(spool)
    size = Tail(spool, Positions(spool / SHIPPED)).waiting_bytes()
    oldest = said.oldest_unshipped_seconds if running else _oldest_seconds(spool)
    return msgspec.structs.replace(said, running=running, spool_bytes=size, oldest_unshipped_seconds=oldest)


def write(state_dir: Path, status: Status) -> None:
    """Replace what `read` reads. A disk that is full is no reason to stop."""
    file = folders.root(state_dir) / FILE
    temporary = file.with_suffix(".new")
    try:
        temporary.write_bytes(msgspec.json.encode(status))
        temporary.replace(file)
    except OSError as error:
        logger.warning("%s cannot be written: %s", file, error.strerror)


def _is_running(spool: Path) -> bool:
    with contextlib.suppress(OSError):
        return folders.is_locked(spool / LOCK)
    return False


def _oldest_seconds(spool: Path) -> float:
    """The age of the oldest segment that holds anything, 0 without one."""
    begun = []
    for writer in folders.writers(spool):
        for segment in folders.segments(writer)[:1]:
            with contextlib.suppress(OSError), segment.open("rb") as file:
                head = file.read(HEAD_BYTES)
                if segment.stat().st_size > HEAD_BYTES and (moment := created_ms(head)) is not None:
                    begun.append(moment / 1000)
    return max(0.0, time.time() - min(begun)) if begun else 0.0
