"""Tiffin's shipper, seen from outside: its work for one run is neither hidden nor left to the next."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.errors import ShippingTooSlowError
from ledger import folders, status
from ledger.positions import Positions
from ledger.tail import Tail

LONGEST_SECONDS = 300.0
_POLL_SECONDS = 0.05


def wait_until_shipped(state_dir: Path) -> float:
    """Wait until PostgreSQL has every prediction, and return the seconds that took. Raises ShippingTooSlowError."""
    spool = folders.root(state_dir)
    begin = time.perf_counter()
    while Tail(spool, Positions(spool / status.SHIPPED)).waiting_bytes():
        if time.perf_counter() - begin > LONGEST_SECONDS:
            raise ShippingTooSlowError(status.read(state_dir))
        time.sleep(_POLL_SECONDS)
    return time.perf_counter() - begin


def shipped(state_dir: Path) -> int:
    """Predictions that the shipper has written since its start, by its next word."""
    asked_at = time.time()
    while (said := status.read(state_dir)).updated_at <= asked_at:
        if time.time() - asked_at > LONGEST_SECONDS:
            raise ShippingTooSlowError(said)
        time.sleep(_POLL_SECONDS)
    return said.shipped
