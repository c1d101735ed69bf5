"""How far a reader of the spool has come, kept on disk now and then: after a crash it repeats little."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import msgspec

logger = logging.getLogger("tiffin.ledger")


class Positions:
    """The offset that each segment was read to. What is on disk may lag behind: reading anew does no harm."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offsets = _load(file)
        self._changed = False

    def get(self, segment: Path) -> int:
        return self._offsets.get(_name(segment), 0)

    def set(self, segment: Path, offset: int) -> None:
        self._offsets[_name(segment)] = offset
        self._changed = True

    def forget(self, segment: Path) -> None:
        self._changed |= self._offsets.pop(_name(segment), None) is not None

    def keep(self, segments: Iterable[Path]) -> None:
        """Forget all others."""
        names = {_name(segment) for segment in segments}
        self._changed |= not names.issuperset(self._offsets)
        self._offsets = {name: offset for name, offset in self._offsets.items() if name in names}

    def save(self) -> None:
        """Write what has changed since the last time. A disk that is full only makes a later start repeat more."""
        if not self._changed:
            return
        temporary = self._file.with_suffix(".new")
        try:
            temporary.write_bytes(msgspec.json.encode(self._offsets))
            temporary.replace(self._file)  # without a sync: after a power cut an older one is as good
        except OSError as error:
            logger.warning("%s cannot be written: %s", self._file, error.strerror)
        else:
            self._changed = False


def _load(file: Path) -> dict[str, int]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, int])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return {}


def _name(segment: Path) -> str:
    return f"{segment.parent.name}/{segment.name}"
