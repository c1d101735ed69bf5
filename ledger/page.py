"""A page of a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from storage.cursors import Cursor

T = TypeVar("T")
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some entries, and where the next ones begin; `next_cursor` is None on the last page."""

    items: tuple[T, ...]
    next_cursor: str | None


def page(
    rows: Sequence[Row],
    limit: int,
    shown: Callable[[Row], T],
    sorted_by: Callable[[Row], tuple[str, ...]],
    of: tuple[str | None, ...],
) -> Page[T]:
    """A page of at most `limit` of the rows, of which one more was read to know whether there is a next one.

    `of` is the list, as cursors name it.
    """
    more = len(rows) > limit
    kept = rows[:limit]
    return Page(tuple(shown(row) for row in kept), Cursor(of, sorted_by(kept[-1])).written if more else None)
