"""The thread that hands the spool's predictions to the feed, whether PostgreSQL takes them or not."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from ledger.errors import FrameError
from ledger.feed import Feed, announcements
from ledger.frame import decode
from ledger.segment import Piece
from ledger.tail import Tail

logger = logging.getLogger("tiffin.ledger")

PAUSE_SECONDS = 0.1
GATHER_SECONDS = 0.02
"""A look at the spool costs 1 ms, whatever is new."""
MUCH_BYTES = 100_000
SAVE_SECONDS = 1.0
STUMBLE_SECONDS = 1.0
FRESH_SECONDS = 60.0
"""What is older is no news: after a long stop the stream begins with the present."""


class Feeder:
    """Reads the spool while somebody listens, and adds what is fresh to the feed. `start` and `stop` it once."""

    def __init__(self, tail: Tail, feed: Feed) -> None:
        self._tail = tail
        self._feed = feed
        self._unheard: dict[Path, int] = {}
        """How far the spool had been written when nobody listened."""
        self._done: dict[Path, int] = {}
        """How far it had been written when there was nothing left to do."""
        self._save_at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tiffin-feeder", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Let it come to the end of what is there, for at most so long."""
        self._stopping.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            stopping = self._stopping.is_set()
            try:
                amount = self.once()
            except Exception:
                logger.exception("the feed stumbles; it goes on with what follows")
                amount = 0
                self._stopping.wait(STUMBLE_SECONDS)
            if not amount and stopping:
                break
            if amount < MUCH_BYTES:
                self._stopping.wait(GATHER_SECONDS if amount else PAUSE_SECONDS)
        self._pass_over()
        self._tail.positions.save()
        self._feed.close()

    def once(self) -> int:
        """Hand over what is new, if anybody listens; how many bytes of the spool that was."""
        ends = self._tail.ends()
        if ends == self._done:
            return 0
        if not self._feed.is_listened_to():  # asked after looking: who comes now wants what follows
            self._unheard = self._done = ends
            return 0
        self._pass_over()
        readings = self._tail.read()
        self._tail.advance(readings)  # first: what goes wrong below is not tried again
        since_ms = int((time.time() - FRESH_SECONDS) * 1000)
        pieces = [piece for reading in readings for piece in reading.pieces]
        self._feed.send([one for piece in pieces for one in _entries(piece, since_ms)])
        if time.monotonic() >= self._save_at:
            self._tail.forget_removed()
            self._tail.positions.save()
            self._save_at = time.monotonic() + SAVE_SECONDS
        amount = sum(reading.end - reading.start for reading in readings)
        if not amount:
            self._done = ends
        return amount

    def _pass_over(self) -> None:
        if self._unheard:
            self._tail.pass_over(self._unheard)
            self._unheard = {}


def _entries(piece: Piece, since_ms: int) -> list[bytes]:
    if not piece.whole:
        return []
    try:
        return announcements(decode(piece.content), since_ms)
    except FrameError:  # the shipper keeps what does not read
        return []
