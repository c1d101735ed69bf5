"""The format of a spool's files, its segments: a head, then frames, each with its length and checksum.

    segment  =  "TFNSPOOL" version:u32 reserved:u32 created_ms:u64, then entries
    entry    =  "TFNe" length:u32 crc32(payload):u32 payload

All numbers are little-endian. The checksum recognises what a `kill -9` in the middle of a write or a failing disk left
behind; the four letters let a reader find the next whole entry after a damaged one.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

SUFFIX = ".spool"
_HEAD = struct.Struct("<8sIIQ")
HEAD_BYTES = _HEAD.size
_SIGNATURE = b"TFNSPOOL"
_VERSION = 1
ENTRY = struct.Struct("<4sII")
MARK = b"TFNe"
LARGEST_BYTES = 1 << 30
"""No frame is larger: a length beyond is damage."""


def head(created_ms: int) -> bytes:
    """The beginning of a segment. `created_ms` is Unix time."""
    return _HEAD.pack(_SIGNATURE, _VERSION, 0, created_ms)


def created_ms(content: bytes) -> int | None:
    """When the segment that begins with `content` was opened; None when that is not the beginning of one."""
    if len(content) < HEAD_BYTES:
        return None
    signature, version, _, created = _HEAD.unpack_from(content)
    return created if signature == _SIGNATURE and version == _VERSION else None


def entry_head(payload: bytes) -> bytes:
    """What stands before a payload."""
    return ENTRY.pack(MARK, len(payload), crc32(payload))


class Piece(NamedTuple):
    """What lies at `start` to `end`: the payload of a whole entry, or something damaged as it is."""

    start: int
    end: int
    content: memoryview
    whole: bool

    @property
    def is_torn(self) -> bool:
        """Whether it is the beginning of an entry whose writer was killed, so that nobody was told that it is kept."""
        if self.whole:
            return False
        if len(self.content) < ENTRY.size:
            return bytes(self.content[: len(MARK)]) == MARK[: len(self.content)]
        mark, length, _ = ENTRY.unpack_from(self.content)
        return bool(mark == MARK and ENTRY.size + length > len(self.content))


def pieces(content: memoryview, *, final: bool) -> Iterator[Piece]:
    """The entries of `content` in order, which begins where an entry does.

    What follows the last whole entry may still be in the middle of its write, and is left; of a segment that is `final`
    it is damage, as is everything between two whole entries that is none.
    """
    at, size = 0, len(content)
    while at < size:
        piece = _entry(content, at)
        if piece is None:
            if not final:
                return
            end = _next(content, at + 1)
            piece = Piece(at, end, content[at:end], whole=False)
        yield piece
        at = piece.end


def next_entry(file: int, start: int, end: int) -> int:
    """Where the first entry at or behind `end` begins, going by the lengths of those from `start` on, unread.

    `start` is where an entry begins, or 0. Ends before something that is no entry.
    """
    at = max(start, HEAD_BYTES)
    while at < end:
        begin = os.pread(file, ENTRY.size, at)
        if len(begin) < ENTRY.size:
            break
        mark, length, _ = ENTRY.unpack(begin)
        if mark != MARK or length > LARGEST_BYTES:
            break
        at += ENTRY.size + length
    return at


def _entry(content: memoryview, at: int) -> Piece | None:
    """The whole and undamaged entry that begins at `at`."""
    begin = at + ENTRY.size
    if begin > len(content):
        return None
    mark, length, checksum = ENTRY.unpack_from(content, at)
    end = begin + length
    if mark != MARK or length > LARGEST_BYTES or end > len(content):
        return None
    payload = content[begin:end]
    return Piece(at, end, payload, whole=True) if crc32(payload) == checksum else None


def _next(content: memoryview, at: int) -> int:
    """Where the next whole entry begins; the end of the content when there is none."""
    whole = bytes(content)
    while (found := whole.find(MARK, at)) >= 0:
        if _entry(content, found) is not None:
            return found
        at = found + 1
    return len(whole)
