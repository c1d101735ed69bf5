"""What was purged, as the shipper must know it: a prediction may still wait in a spool when its purge is over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from ledger.copying import clean_text
from ledger.rows import Row


@dataclass(frozen=True, slots=True)
class Purged:
    """All purges: model or None for all, SHA-256 of the entity or None for all, Unix milliseconds before which."""

    purges: tuple[tuple[str | None, bytes | None, int], ...]

    @classmethod
    def of(cls, rows: Iterable[tuple[str | None, memoryview | None, int]]) -> Self:
        """From the table's rows."""
        return cls(tuple((model, None if entity is None else bytes(entity), before) for model, entity, before in rows))

    def __bool__(self) -> bool:
        return bool(self.purges)

    def covers(self, row: Row) -> bool:
        """Whether somebody wanted this prediction removed after it was made."""
        entity = None if row.entity is None else hashed(row.entity)
        return any(
            row.made_ms < before and model in {None, row.model} and (who is None or who == entity)
            for model, who, before in self.purges
        )


def hashed(entity: str) -> bytes:
    """How an entity is known after it was forgotten."""
    return sha256(clean_text(entity).encode()).digest()
