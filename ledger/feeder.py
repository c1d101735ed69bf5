"""The thread that hands the spool's predictions to the feed, whether PostgreSQL takes them or not."""

from __future__ import annotations

import logging
import threading
import time

from ledger.errors import FrameError
from ledger.feed import Feed, announcements
from ledger.frame import decode
from ledger.segment import Piece
from ledger.tail import Tail

logger = logging.getLogger("tiffin.ledger")

PAUSE_SECONDS = 0.1
STUMBLE_SECONDS = 1.0
FRESH_SECONDS = 60.0
"""What is older is no news: after a long stop the stream begins with the present."""


class Feeder:
    """Reads the spool on its own and adds what is fresh to the feed. `start` and `stop` it once."""

    def __init__(self, tail: Tail, feed: Feed) -> None:
        self._tail = tail
        self._feed = feed
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
                moved = self.once()
                if not moved:
                    self._tail.forget_removed()
            except Exception:
                logger.exception("the feed stumbles; it goes on with what follows")
                moved = False
                self._stopping.wait(STUMBLE_SECONDS)
            if not moved and stopping:
                break
            if not moved:
                self._stopping.wait(PAUSE_SECONDS)
        self._feed.close()

    def once(self) -> bool:
        """Hand over what is new; whether there was anything."""
        readings = self._tail.read()
        self._tail.advance(readings)  # first: what goes wrong below is not tried again
        if readings and self._feed.is_listened_to():  # asked after reading: who comes now wants what follows
            since_ms = int((time.time() - FRESH_SECONDS) * 1000)
            pieces = [piece for reading in readings for piece in reading.pieces]
            self._feed.send([one for piece in pieces for one in _entries(piece, since_ms)])
        self._tail.positions.save()
        return any(reading.pieces for reading in readings)


def _entries(piece: Piece, since_ms: int) -> list[bytes]:
    if not piece.whole:
        return []
    try:
        return announcements(decode(piece.content), since_ms)
    except FrameError:  # the shipper keeps what does not read
        return []
