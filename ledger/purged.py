"""What was purged, as the shipper must know it: a prediction may still wait in a spool when its purge is over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from ledger.copying import clean_text
from ledger.rows import Row

Whom = tuple[str | None, bytes | None]
"""Model or None for all, SHA-256 of the entity or None for all."""


@dataclass(frozen=True, slots=True)
class Purged:
    """Purges by whom they are of, each with the Unix milliseconds before which."""

    purges: Mapping[Whom, int]
    of_entities: bool

    @classmethod
    def of(cls, rows: Iterable[tuple[str | None, memoryview | None, int]]) -> Self:
        """From the table's rows."""
        purges: dict[Whom, int] = {}
        for model, entity, before in rows:
            whom = (model, None if entity is None else bytes(entity))
            purges[whom] = max(before, purges.get(whom, before))
        return cls(purges, any(entity is not None for _, entity in purges))

    def __bool__(self) -> bool:
        return bool(self.purges)

    def covers(self, row: Row) -> bool:
        """Whether somebody wanted this prediction removed after it was made."""
        whoms: list[Whom] = [(None, None), (row.model, None)]
        if self.of_entities and row.entity is not None:
            entity = hashed(row.entity)
            whoms += [(None, entity), (row.model, entity)]
        return any(row.made_ms < self.purges.get(whom, row.made_ms) for whom in whoms)


def hashed(entity: str) -> bytes:
    """How an entity is known after it was forgotten."""
    return sha256(clean_text(entity).encode()).digest()
