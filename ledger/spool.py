"""The spool: where a worker's frames wait on local disk until the shipper has written them into PostgreSQL."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import secrets
from pathlib import Path
from time import monotonic, time_ns
from typing import Self

from ledger import folders
from ledger.errors import SpoolError, SpoolFullError
from ledger.frame import Frame, encode
from ledger.segment import HEAD_BYTES, SUFFIX, entry_head, head
from ledger.settings import LedgerSettings

logger = logging.getLogger("tiffin.ledger")

SEGMENT_BYTES = 8_000_000
SEGMENT_SECONDS = 60.0
LOOK_SECONDS = 2.0
LARGE_BYTES = 50_000
_MOST_PARTS = os.sysconf("SC_IOV_MAX")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Spool:
    """Append-only files of one writing process below `<state_dir>/spool/<writer>/`, for one thread.

        spool = Spool.open(state_dir, settings.ledger)
        spool.add(frame)        # for every answer that is ready; takes a microsecond, writes nothing, never fails
        spool.flush()           # once per turn of the loop, before any of these answers is sent
        spool.close()           # at the end, after the last flush

    What `flush` has written survives `kill -9` of this and every other process; a power cut only with `ledger.fsync`.
    The folder is locked while the process lives, so the shipper knows whose files are still written to.
    """

    def __init__(self, folder: Path, lock: int, settings: LedgerSettings) -> None:
        self._folder = folder
        self._lock = lock
        self._settings = settings
        self._parts: list[bytes] = []
        self._file = -1
        self._number = 0
        self._written = 0
        self._opened = 0.0
        self._looked = 0.0
        self._total = 0

    @classmethod
    def open(cls, state_dir: Path, settings: LedgerSettings) -> Self:
        """A spool of this process, with a folder of its own. Raises SpoolError when that cannot be made."""
        root = folders.root(state_dir)
        try:
            folder, lock = _make_folder(root)
        except OSError as error:
            raise SpoolError(root, 0, os.strerror(error.errno or 0)) from error
        return cls(folder, lock, settings)

    @property
    def frames(self) -> int:
        """How many frames the next `flush` writes."""
        return len(self._parts) // 2

    def add(self, frame: Frame) -> None:
        """Collect a frame for the next `flush`."""
        payload = encode(frame)
        self._parts.append(entry_head(payload))
        self._parts.append(payload)

    def flush(self) -> None:
        """Write all that was collected, with one system call; then their answers may be sent.

        Raises SpoolFullError or SpoolError: nothing of what was collected is kept then, so none of these answers may
        be sent as a success. The spool stays usable, and the next flush tries anew.
        """
        parts = self._parts
        if not parts:
            return
        self._parts = []
        frames = len(parts) // 2
        size = sum(map(len, parts))
        now = monotonic()
        try:
            self._prepare(now, size, frames)
            self._write(parts, size)
        except OSError as error:
            self._abandon()
            kind = SpoolFullError if error.errno in _FULL else SpoolError
            raise kind(self._folder, frames, os.strerror(error.errno or 0)) from error

    def rest(self) -> None:
        """Begin another segment when the present one is old, so that it can be shipped and removed while nothing comes.

        Raises OSError when that cannot be done now.
        """
        now = monotonic()
        if self._file >= 0 and self._written > HEAD_BYTES and now - self._opened >= SEGMENT_SECONDS:
            self._leave_segment()
            self._open_segment(now)

    def close(self) -> None:
        """Write what was collected and hand the files over to the shipper. Raises as `flush`; closed in any case."""
        try:
            self.flush()
        finally:
            self._leave_segment()
            if self._lock >= 0:
                os.close(self._lock)
                self._lock = -1

    def _prepare(self, now: float, size: int, frames: int) -> None:
        """Have a segment open that takes `size` more bytes within all limits."""
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._total = folders.total_bytes(self._folder.parent)
            if self._file >= 0 and not self._path.exists():  # somebody removed the folder: the file has no name left
                self._leave_segment()
        if self._total + size > self._settings.spool_max_bytes:
            limit = self._settings.spool_max_bytes
            raise SpoolFullError(
                self._folder, frames, f"it has reached its limit of {limit} bytes, ledger.spool_max_bytes"
            )
        if self._file >= 0 and (self._written >= SEGMENT_BYTES or now - self._opened >= SEGMENT_SECONDS):
            self._leave_segment()
        if self._file < 0:
            self._open_segment(now)

    def _write(self, parts: list[bytes], size: int) -> None:
        """Raises OSError when not all of it could be written. Large parts are not copied together before."""
        large = size > LARGE_BYTES * len(parts) and len(parts) <= _MOST_PARTS
        written = os.writev(self._file, parts) if large else os.write(self._file, b"".join(parts))
        if written != size:
            raise OSError(errno.ENOSPC, "the disk took only a part")
        if self._settings.fsync:
            os.fdatasync(self._file)
        self._written += written
        self._total += written

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._number:012d}{SUFFIX}"

    def _open_segment(self, now: float) -> None:
        self._number += 1
        try:
            self._file = self._create()
        except FileNotFoundError:
            self._move()
            self._file = self._create()
        self._opened, self._written = now, 0
        self._write([begin := head(time_ns() // 1_000_000)], len(begin))
        if self._settings.fsync:  # else the file has its bytes after a power cut, but no name
            root = self._folder.parent
            for folder in (self._folder, root, root.parent):
                _sync(folder)

    def _create(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def _move(self) -> None:
        """Go on in a new folder: somebody has removed this one."""
        removed = self._folder
        self._folder, lock = _make_folder(removed.parent)
        logger.warning("%s was removed with what was in it; predictions are kept in %s now", removed, self._folder)
        os.close(self._lock)
        self._lock = lock

    def _abandon(self) -> None:
        """Cut off what a failed write left and end the segment: a reader may have seen more of it than was kept."""
        if self._file < 0:
            return
        try:
            os.ftruncate(self._file, self._written)
        except OSError:
            logger.warning("%s: what a failed write left stays; the shipper leaves it out", self._path)
        if self._written < HEAD_BYTES:
            self._path.unlink(missing_ok=True)
        self._leave_segment()

    def _leave_segment(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _make_folder(root: Path) -> tuple[Path, int]:
    """A folder of this process, and the file that locks it. Raises OSError."""
    name = f"{os.getpid()}-{secrets.token_hex(4)}"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    hidden = root / f".{name}"
    hidden.mkdir(mode=0o700)
    lock = os.open(hidden / folders.LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        hidden.rename(root / name)  # a folder that the shipper sees is always locked while its writer lives
    except OSError:
        os.close(lock)
        raise
    return root / name, lock


def _sync(folder: Path) -> None:
    """Force the names in a folder to the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
