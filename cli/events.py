"""Events in the database: which sources hold any, what models lack, and the sample data of a first start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cli import console
from cli.progress import counted

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from models.definition import Definition
    from storage.settings import StorageSettings

RENEWED_AFTER = timedelta(days=3)
"""Sample data that ended longer ago is made anew at a start."""


@dataclass(frozen=True, slots=True)
class Events:
    """The sources that hold events, with the bytes of their tables."""

    sizes: Mapping[str, int] = field(default_factory=dict)
    old_sample: datetime | None = None
    """Until when there is sample data, where it is old and there is nothing else."""

    def lacks(self, definition: Definition) -> tuple[str, ...]:
        """The sources of the view that the model learns from, when not one of them holds an event; else nothing."""
        sources = _sources(definition)
        return () if any(name in self.sizes for name in sources) else sources

    def stamp(self, definition: Definition) -> str:
        """What changes when many events have come into the view's sources since."""
        return " ".join(str(self.sizes.get(name, 0)) for name in _sources(definition))


NOTHING = Events()


def read_events(engine: Engine, *, embedded: bool) -> Events:
    """A quick query, and of an `embedded` database another one. Raises StorageUnavailableError, and MigrationError
    before the tables are there."""
    from storage.database import transact
    from storage.tables import SOURCES

    each = [
        f"select '{name}', pg_relation_size('{name}') where exists (select 1 from {name})"  # noqa: S608 - our names
        for name in SOURCES
    ]

    def work(connection: Connection) -> Events:
        found = connection.exec_driver_sql(" union all ".join(each)).all()
        sizes = {str(row[0]): int(row[1]) for row in found}
        return Events(sizes, _old_sample(connection) if embedded else None)

    return transact(engine, work)


def _old_sample(connection: Connection) -> datetime | None:
    from features.sampled import last_sale, others

    last = last_sale(connection)
    return last if last and datetime.now(UTC) - last > RENEWED_AFTER and not others(connection) else None


def is_to_be_filled(settings: StorageSettings, events: Events | None, models: Iterable[Definition]) -> bool:
    """Whether a start brings sample data: into an embedded database without any event, or with nothing but sample data
    that has become old, where a model learns from such.

    An outside database is never written to unasked, nor one that holds an event of the user's own.
    """
    if events is None or settings.database_url is not None:
        return False
    due = not events.sizes or events.old_sample is not None
    return due and any(definition.learns_from_view for definition in models)


def fill_sample(engine: Engine, events: Events) -> None:
    """Write the sample data, anew where there are `events`, with a bar. Raises StorageUnavailableError."""
    from features.sample import load_sample
    from storage.tables import SOURCES

    if events.old_sample is None:
        console.say("fill the empty database with synthetic sample data")
    else:
        console.say(f"the synthetic sample data ends on {events.old_sample:%Y-%m-%d}: make it anew, up to today")
    with counted("sample data", len(SOURCES)) as advance:

        def hear(table: str, done: int, total: int) -> None:
            if done == total:
                advance(table)

        load_sample(engine, renew=True, hear=hear)


def _sources(definition: Definition) -> tuple[str, ...]:
    """Those of the view that it learns from; none of a view that is not there, which its training will say."""
    from features.errors import UnknownViewError
    from features.views import view

    if definition.view is None or not definition.learns_from_view:
        return ()
    try:
        return tuple(view(definition.view).sources)
    except UnknownViewError:
        return ()
