"""Reading a spool while it is written: what is new in the segments of all writers."""

from __future__ import annotations

import contextlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from ledger import folders
from ledger.positions import Positions
from ledger.segment import HEAD_BYTES, Piece, created_ms, next_entry, pieces

logger = logging.getLogger("tiffin.ledger")

READ_BYTES = 1_000_000
"""As much is read at a time, or one frame if that is larger: memory stays bounded."""


@dataclass(frozen=True, slots=True)
class Reading:
    """New pieces of one segment, from `start` to `end` of the file. Nothing can follow when it is `finished`."""

    segment: Path
    start: int
    end: int
    finished: bool
    pieces: tuple[Piece, ...]


class Tail:
    """One reader's way through the spool; for one thread.

    A segment is closed when its writer has begun another or is dead; what lies beyond the last whole entry of an open
    one may still be in the middle of its write and is read later.
    """

    def __init__(self, spool: Path, positions: Positions) -> None:
        self._spool = spool
        self.positions = positions
        self._turn = 0
        self._unreadable: set[Path] = set()

    def read(self, size: int = READ_BYTES) -> list[Reading]:
        """What is new, about `size` bytes at most, beginning with another writer each time so that none starves."""
        writers = folders.writers(self._spool)
        self._turn += 1
        first = self._turn % max(1, len(writers))
        found: list[Reading] = []
        for writer in [*writers[first:], *writers[:first]]:
            left = size - sum(reading.end - reading.start for reading in found)
            if left <= 0:
                break
            found += self._read_writer(writer, left)
        return found

    def ends(self) -> dict[Path, int]:
        """How large each segment is now, in bytes."""
        found = {}
        for writer in folders.writers(self._spool):
            for segment in folders.segments(writer):
                with contextlib.suppress(OSError):  # removed meanwhile, or it does not read: `read` says so
                    found[segment] = segment.stat().st_size
        return found

    def waiting_bytes(self) -> int:
        """How much of all segments was not dealt with yet, in bytes."""
        return sum(max(0, end - max(self.positions.get(segment), HEAD_BYTES)) for segment, end in self.ends().items())

    def pass_over(self, ends: dict[Path, int]) -> None:
        """Take all that had begun when `ends` was true for dealt with, unread."""
        for segment, end in ends.items():
            with contextlib.suppress(OSError), segment.open("rb") as file:
                self.positions.set(segment, next_entry(file.fileno(), self.positions.get(segment), end))

    def advance(self, readings: list[Reading]) -> None:
        """These have been dealt with; the next `read` goes on behind them."""
        for reading in readings:
            self.positions.set(reading.segment, reading.end)

    def clear(self, readings: list[Reading]) -> None:
        """Remove the segments that are finished, and folders of dead writers that are empty then."""
        for reading in readings:
            if reading.finished:
                reading.segment.unlink(missing_ok=True)
                self.positions.forget(reading.segment)
                folders.remove_if_left(reading.segment.parent)

    def forget_removed(self) -> None:
        """Forget the positions in segments that another reader has removed."""
        writers = folders.writers(self._spool)
        self.positions.keep(segment for writer in writers for segment in folders.segments(writer))

    def _read_writer(self, writer: Path, size: int) -> list[Reading]:
        dead = folders.is_dead(writer)  # before its segments are listed: a living writer may begin another one
        segments = folders.segments(writer)
        if dead and not segments:
            folders.remove_if_left(writer)
        found: list[Reading] = []
        for segment in segments:
            reading = self._read_segment(segment, size, final=dead or segment is not segments[-1])
            if reading is None:
                break
            found.append(reading)
            size -= reading.end - reading.start
            if size <= 0 or not reading.finished:
                break
        return found

    def _read_segment(self, segment: Path, size: int, *, final: bool) -> Reading | None:
        start = self.positions.get(segment)
        try:
            if segment.stat().st_size <= start and not final:
                return None
            with segment.open("rb") as file:
                return _read(file.fileno(), segment, start, size, final=final)
        except FileNotFoundError:  # removed by the other reader, who has shipped it
            return None
        except OSError as error:  # others are not to wait for a file that the disk does not give
            if segment not in self._unreadable:
                logger.error("%s does not read: %s", segment, error.strerror)
                self._unreadable.add(segment)
            return None


def _read(file: int, segment: Path, start: int, size: int, *, final: bool) -> Reading | None:
    """What is new in the segment; None when that is not even one whole entry and more can follow."""
    length = os.fstat(file).st_size
    while True:
        content = os.pread(file, size, start)
        whole = start + len(content) >= length
        begin = HEAD_BYTES if start == 0 and created_ms(content) is not None else 0
        if start == 0 and begin == 0 and not (final and whole):
            found: tuple[Piece, ...] = ()  # its head is not there yet, or damaged
        else:
            found = tuple(pieces(memoryview(content)[begin:], final=final and whole))
        if found or whole:
            break
        size = min(2 * size, length)
    end = start + begin + (found[-1].end if found else 0)
    finished = final and end >= length
    return Reading(segment, start, end, finished, found) if found or finished else None
