"""Runs a view for pairs of an entity and a moment: online for one, in batches for a thousand, for training sets.

It is the same text each time, put around the same way; only the number of pairs differs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from features.entity import Entity
from features.views import View

Query = Callable[[str, Sequence[str]], Sequence[Sequence[Any]]]
"""Runs a statement with %s for each text parameter, in a session in UTC, and returns its rows."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Of whom, and as of when: what happened at that moment or later is not known."""

    entity: Entity
    as_of: datetime


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """A pair's values in the order of the view's columns, and since when the entity is known.

    Of an unknown entity `since` is None and there are no values.
    """

    values: tuple[Any, ...]
    since: datetime | None

    def is_thin(self, view: View, as_of: datetime) -> bool:
        """Whether the entity is known for less than the view's least history."""
        return self.since is not None and as_of - self.since < view.least_history


UNKNOWN = FeatureRow((), None)


def read(view: View, pairs: Sequence[Pair], query: Query) -> list[FeatureRow]:
    """One row for each pair, in their order; the same pair twice gives the same row twice.

    Moments must have a time zone. Raises what `query` raises.
    """
    rows = [UNKNOWN] * len(pairs)
    if pairs:
        for position, since, *values in query(statement(view), parameters(view, pairs)):
            if since is not None:
                rows[position - 1] = FeatureRow(tuple(values), since)
    return rows


@cache
def statement(view: View) -> str:
    """The view's text with its spine: parameters are the ids of each key, then the moments, all as arrays."""
    keys = view.key_names
    arrays = ", ".join(["%s::text[]"] * len(keys) + ["%s::timestamptz[]"])
    columns = ", ".join((*keys, "as_of", "position"))
    wanted = ", ".join(f'feature."{name}"' for name in view.columns)
    text = view.sql.replace("%", "%%")
    return (  # the view's own text and names; all values are parameters
        f"with spine as (select * from unnest({arrays}) with ordinality as pair ({columns})), "  # noqa: S608
        f"feature as ({text}) select feature.position, feature.since, {wanted} from feature"
    )


def parameters(view: View, pairs: Sequence[Pair]) -> list[str]:
    """The spine's arrays as PostgreSQL writes them: parsed once, where a list of literals is an expression each."""
    ids = [array([pair.entity.ids[place] for pair in pairs]) for place in range(len(view.keys))]
    return [*ids, array([pair.as_of.isoformat() for pair in pairs])]


def array(texts: Sequence[str]) -> str:
    r"""A PostgreSQL array of texts as text.

    >>> array(["a", 'b"\\c'])
    '{"a","b\\"\\\\c"}'
    """
    escaped = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in escaped) + "}"
