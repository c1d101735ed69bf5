"""Prediction ids and request ids: UUID version 7 (RFC 9562), so that they sort by time in the ledger's index."""

from __future__ import annotations

import os
from time import time_ns

_BATCH = 256
_random = b""
_at = 0


def new_id() -> str:
    """A fresh UUIDv7 as text: 48 bits of Unix milliseconds, 74 random bits."""
    global _random, _at  # noqa: PLW0603 - random bytes are fetched 256 ids at a time: 0.2 us an id instead of 0.7
    if _at >= len(_random):
        _random, _at = os.urandom(10 * _BATCH), 0
    bits = int.from_bytes(_random[_at : _at + 10])
    _at += 10
    value = (time_ns() // 1_000_000) << 80 | 0x7 << 76 | (bits >> 68) << 64 | 0x2 << 62 | bits & 0x3FFF_FFFF_FFFF_FFFF
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _forget() -> None:
    """A forked child must not hand out its parent's ids."""
    global _random  # noqa: PLW0603
    _random = b""


os.register_at_fork(after_in_child=_forget)
