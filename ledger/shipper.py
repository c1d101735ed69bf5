"""The thread that moves the spool into PostgreSQL, in order, each prediction once, until told to stop."""

from __future__ import annotations

import logging
import threading
import time

from ledger.courtesy import Courtesy
from ledger.errors import FrameError
from ledger.frame import decode
from ledger.rejected import Rejected
from ledger.rows import Row, rows_of
from ledger.segment import Piece
from ledger.sink import Sink
from ledger.tail import Reading, Tail
from storage.errors import StorageUnavailableError

logger = logging.getLogger("tiffin.ledger")

PAUSE_SECONDS = 0.1
"""Between two looks when there is nothing new."""
GATHER_SECONDS = 0.25
"""A transaction costs 10 ms, whatever is in it; so little is left to gather for so long after the one before."""
MUCH_BYTES = 500_000
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 2.0


class Shipper:
    """Reads the spool and writes rows. Its public attributes are read by other threads, never changed by them."""

    def __init__(self, tail: Tail, sink: Sink, rejected: Rejected, courtesy: Courtesy) -> None:
        self._tail = tail
        self._sink = sink
        self._rejected = rejected
        self._courtesy = courtesy
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tiffin-shipper", daemon=True)
        self.shipped = 0
        """Predictions that were new in the table."""
        self.repeated = 0
        """Predictions that had been shipped before."""
        self.error = ""
        """Why nothing can be shipped now; empty when all is well."""
        self._moved_at = time.monotonic()
        """When the spool was last seen without anything left in it, or something was shipped. Not by the clock on the
        wall, which somebody may set."""
        self.waiting = False
        """Whether there is something that was not shipped yet."""

    @property
    def waiting_seconds(self) -> float:
        """How long the oldest prediction has been waiting, about; 0 when none does."""
        return time.monotonic() - self._moved_at if self.waiting else 0.0

    @property
    def is_alive(self) -> bool:
        """Whether it works; when it does not, this process is of no use any more."""
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float) -> bool:
        """Ship what is there, for at most so long, and end; whether it has ended."""
        self._stopping.set()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        failures = 0
        while True:
            stopping = self._stopping.is_set()
            if not stopping and self._holds_back():
                self._stopping.wait(GATHER_SECONDS)
                continue
            amount = self._attempt()
            self._courtesy.worked()
            failures = failures + 1 if amount is None else 0
            if stopping and amount == 0:
                break
            self._pause(amount, failures, stopping=stopping)
        self._sink.close()

    def _holds_back(self) -> bool:
        """Whether others need the processors more than this. Not after a failure: what waits has waited already."""
        if self.error:
            return False
        try:
            waiting_bytes = self._tail.waiting_bytes()
        except OSError:  # the attempt says what is wrong
            return False
        self.waiting = waiting_bytes > 0
        return self.waiting and self._courtesy.holds_back(self.waiting_seconds, waiting_bytes)

    def _attempt(self) -> int | None:
        """As `once`; None when it failed."""
        try:
            amount = self.once()
        except (StorageUnavailableError, OSError) as error:
            self._complain(str(error))
            return None
        except Exception as error:
            logger.exception("shipping predictions stumbles; it tries again")
            self._complain(repr(error))
            return None
        self._complain("")
        return amount

    def _pause(self, amount: int | None, failures: int, *, stopping: bool) -> None:
        if amount is None:
            seconds = min(FIRST_WAIT_SECONDS * 2 ** min(failures, 10), LONGEST_WAIT_SECONDS)
            if stopping:  # whoever stops it waits for so long only
                time.sleep(min(seconds, PAUSE_SECONDS))
        elif amount >= MUCH_BYTES:
            seconds = self._courtesy.look_seconds
        else:
            self._courtesy.caught_up()
            seconds = GATHER_SECONDS if amount else PAUSE_SECONDS
        self._stopping.wait(seconds)

    def once(self) -> int:
        """Ship what is new, up to some megabytes, and return how many bytes of the spool that was.

        Raises StorageUnavailableError when PostgreSQL does not take it, OSError when the spool does not read or what is
        rejected cannot be kept; the next call begins with the same.
        """
        readings = self._tail.read()
        self.waiting = bool(readings)
        if readings:
            rows = [row for reading in readings for row in self._rows(reading)]
            added = self._sink.write(rows)
            self.shipped += added
            self.repeated += len(rows) - added
            self._tail.advance(readings)
            self._tail.clear(readings)
            self._tail.positions.save()
        self._moved_at = time.monotonic()
        return sum(reading.end - reading.start for reading in readings)

    def _rows(self, reading: Reading) -> list[Row]:
        found: list[Row] = []
        for piece in reading.pieces:
            if piece.whole:
                found += self._rows_of(piece, reading)
            elif piece.is_torn:
                logger.info("%s ends in %d bytes of a write that was cut off", reading.segment, len(piece.content))
            else:
                self._rejected.bytes(bytes(piece.content), "damaged", reading.segment)
        return found

    def _rows_of(self, piece: Piece, reading: Reading) -> list[Row]:
        try:
            return rows_of(decode(piece.content))
        except FrameError as error:
            self._rejected.bytes(bytes(piece.content), str(error), reading.segment)
            return []

    def _complain(self, reason: str) -> None:
        """Say once what is wrong, and once that it is well again."""
        if reason and reason != self.error:
            logger.warning("predictions wait in the spool: %s", reason)
        elif self.error and not reason:
            logger.info("predictions are shipped again")
        self.error = reason
