"""Observations read from the database: who is observed when, what came of it, and what was known of it then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from features.duration import write_duration
from features.entity import Entity
from features.reader import FeatureRow, Pair, Query, array, read
from features.sampled import PREFIX
from features.sources import source
from features.views import View
from models.definition import Definition, Forecast
from registry.details import FromView
from training.check import MIN_ROWS
from training.dealing import Dealt
from training.draw import Moments, draw
from training.errors import DataError, NoEventsError
from training.observations import Observations, statement
from training.outcomes import checked
from training.progress import Progress, stage
from training.query import STATEMENT_SECONDS

CHUNK_PAIRS = 1_000
"""Pairs of one query: half a second's work, so that progress is seen."""
PER_ROW = 20
"""Observations that are looked at for each that is used: where there are more, a part of the entities, drawn by lot."""
PILOT = 1 / 64
"""The portion of the entities that tells how many observations all of them have."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read, one entry per observation: who and when, what came of it, and the view's row."""

    pairs: Sequence[Pair]
    outcomes: Sequence[Any]
    rows: Sequence[FeatureRow]
    facts: FromView
    dealt: Dealt | None = None
    """The side of the split that each was drawn for."""
    findings: tuple[str, ...] = ()
    """What was left out, in words."""


def observe(
    connection: Connection,
    asked: Observations,
    view: View,
    definition: Definition,
    wanted: int,
    until: datetime | None,
    progress: Progress,
) -> Seen:
    """At most `wanted` observations, drawn by the recipe's seed, as of one moment of the database whatever arrives
    meanwhile; only events before `until` count.

    Tells `progress` of the stages "read" and "features". Raises NoEventsError where the sources are empty, DataError
    where too little can be observed, what is observed is not what it must be, or the database refuses the text of the
    observations or of the view.
    """
    query = _query(connection)
    with stage(progress, "read"):
        newest = _newest(query, view, until, definition.name)
        pairs, outcomes, dealt, findings = _observed(query, asked, view, definition, newest, wanted)
    with stage(progress, "features"):
        with _refused(f"features/views/{view.name}.sql"):
            rows = _features(query, view, pairs, progress)
        facts = _facts(query, view, asked, pairs, newest)
    return Seen(pairs, outcomes, rows, facts, dealt, findings)


@contextmanager
def _refused(file: str) -> Iterator[None]:
    """Turns what the database says against a file's text into a DataError; that it does not answer passes."""
    try:
        yield
    except DBAPIError as error:
        if error.connection_invalidated or getattr(error.orig, "pgcode", None) is None:
            raise
        raise DataError(file, [f"the database refuses it: {str(error.orig).strip()}"]) from error


def _query(connection: Connection) -> Query:
    """For all reads of a training: of one moment, whatever arrives meanwhile."""
    connection.exec_driver_sql("set transaction isolation level repeatable read, read only")
    connection.exec_driver_sql("set local jit = off")
    connection.exec_driver_sql(f"set local statement_timeout = {round(STATEMENT_SECONDS * 1000)}")

    def run(text: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        return connection.exec_driver_sql(text, tuple(parameters)).fetchall()

    return run


def _newest(query: Query, view: View, given: datetime | None, model: str) -> datetime:
    """The moment of the newest event in any of the view's sources, or `given` where that is earlier.

    What is dated later than now is an error of somebody's clock: it would make all that is between an outcome of none.
    """
    each = " union all ".join(f"select max({time}) as at from {table}" for table, time in view.sources.items())  # noqa: S608
    text = f"select max(newest.at), now() from ({each}) as newest"  # noqa: S608 - names from the view's file
    ((newest, now),) = query(text, ())
    if newest is None:
        raise NoEventsError(model, view.name, tuple(view.sources))
    moment: datetime = min(newest, now if given is None else given)
    return moment


def _observed(
    query: Query, asked: Observations, view: View, definition: Definition, until: datetime, wanted: int
) -> tuple[list[Pair], list[Any], Dealt | None, tuple[str, ...]]:
    """The observations that are used, their outcomes and their sides, and what was left out."""
    recipe, text = definition.recipe, statement(asked, view)
    latest = (until - asked.horizon).isoformat()

    def portion(share: float) -> Sequence[Sequence[Any]]:
        return query(text, (latest, str(recipe.seed), f"{share:.9f}"))

    with _refused(asked.file):
        there = len(portion(PILOT)) / PILOT
        given = portion(min(1.0, PER_ROW * wanted / max(1.0, there)))
    found, findings = checked(given, asked, view, definition)
    if len(found) < MIN_ROWS:
        problems = [_too_few(len(found), asked, until), *_empty(query, view), remedy_of(view)]
        raise DataError(f"view {view.name}", problems)
    pairs = [Pair(Entity(tuple(ids)), as_of) for *ids, as_of, _ in found]
    chosen, dealt = draw(moments_of(pairs), groups_of(pairs, view, definition), recipe, wanted, asked.horizon)
    return [pairs[at] for at in chosen], [found[at][-1] for at in chosen], dealt, findings


def _empty(query: Query, view: View) -> list[str]:
    """The sources that hold nothing, in words."""
    empty = [name for name in view.sources if not query(f"select 1 from {name} limit 1", ())]  # noqa: S608 - our names
    return [f"nothing has come into {', '.join(empty)}"] if empty else []


def remedy_of(view: View) -> str:
    """How events come in."""
    return (
        f"load what happened, from long enough ago, for each of {', '.join(view.sources)}: `tiffin load SOURCE FILE`; "
        "or look at it with synthetic events, in a database of their own: `tiffin sample`"
    )


def _too_few(found: int, asked: Observations, until: datetime) -> str:
    needs = f"at least {MIN_ROWS} are needed, each with its {write_duration(asked.horizon)} of outcome"
    moment = until.isoformat(timespec="seconds")
    return f"it gives {found:,} observations ({asked.who}): {needs} before {moment}, as far as events are known"


def moments_of(pairs: Sequence[Pair]) -> Moments:
    return np.array([pair.as_of.replace(tzinfo=None) for pair in pairs], "datetime64[us]")


def groups_of(pairs: Sequence[Pair], view: View, definition: Definition) -> NDArray[np.int64] | None:
    """What must stand on one side: the key that the recipe names, else the entity. A forecast's series go on."""
    if isinstance(definition.policy, Forecast):
        return None
    name = definition.recipe.group_column
    if name in view.key_names:
        place = view.key_names.index(name)
        return pd.factorize(np.array([pair.entity.ids[place] for pair in pairs], object))[0]
    return pd.factorize(np.array([pair.entity.text for pair in pairs], object))[0]


def _features(query: Query, view: View, pairs: list[Pair], progress: Progress) -> list[FeatureRow]:
    rows: list[FeatureRow] = []
    for begins in range(0, len(pairs), CHUNK_PAIRS):
        rows += read(view, pairs[begins : begins + CHUNK_PAIRS], query)
        progress("features", len(rows), len(pairs))
    return rows


def _facts(query: Query, view: View, asked: Observations, pairs: list[Pair], newest: datetime) -> FromView:
    events, samples = _events(query, view, pairs, newest)
    return FromView(
        name=view.name,
        fingerprint=view.fingerprint,
        observations_fingerprint=asked.fingerprint,
        observations=len(pairs),
        entities=len({pair.entity for pair in pairs}),
        first=min(pair.as_of for pair in pairs),
        last=max(pair.as_of for pair in pairs),
        until=newest,
        events=events,
        sample_events=samples,
    )


def _events(query: Query, view: View, pairs: list[Pair], newest: datetime) -> tuple[int, int]:
    """How many events there are of the entities that were observed, and how many of them are sample data.

    Of a source that is not about any of the view's keys, all events count.
    """
    counts = []
    for table, time in view.sources.items():
        text = (
            f"select count(*), count(*) filter (where starts_with(event_id, %s)) from {table} "  # noqa: S608
            f"where {time} <= %s::timestamptz"
        )
        parameters = [f"{PREFIX}-", newest.isoformat()]
        for place, key in enumerate(view.key_names):
            if key in source(table).entities:
                text += f" and {key} = any (%s::text[])"
                parameters.append(array(sorted({pair.entity.ids[place] for pair in pairs})))
        counts.append(query(text, parameters)[0])
    return sum(count for count, _ in counts), sum(samples for _, samples in counts)
