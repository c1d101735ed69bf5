"""Events in the database: which sources hold any, what models lack, and the sample data of a first start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cli import console
from cli.progress import counted

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from models.definition import Definition
    from storage.settings import StorageSettings


@dataclass(frozen=True, slots=True)
class Events:
    """The sources that hold events, with the bytes of their tables."""

    sizes: Mapping[str, int] = field(default_factory=dict)

    def lacks(self, definition: Definition) -> tuple[str, ...]:
        """The sources of the view that the model learns from, when not one of them holds an event; else nothing."""
        sources = _sources(definition)
        return () if any(name in self.sizes for name in sources) else sources

    def stamp(self, definition: Definition) -> str:
        """What changes when many events have come into the view's sources since."""
        return " ".join(str(self.sizes.get(name, 0)) for name in _sources(definition))


NOTHING = Events()


def read_events(engine: Engine) -> Events:
    """One quick query. Raises StorageUnavailableError, and MigrationError before the tables are there."""
    from storage.database import transact
    from storage.tables import SOURCES

    each = [
        f"select '{name}', pg_relation_size('{name}') where exists (select 1 from {name})"  # noqa: S608 - our names
        for name in SOURCES
    ]
    found = transact(engine, lambda connection: connection.exec_driver_sql(" union all ".join(each)).all())
    return Events({str(row[0]): int(row[1]) for row in found})


def is_to_be_filled(settings: StorageSettings, events: Events | None, models: Iterable[Definition]) -> bool:
    """Whether a start brings sample data: into an embedded database without any event, where a model learns from such.

    An outside database is never written to unasked.
    """
    empty = events is not None and not events.sizes and settings.database_url is None
    return empty and any(definition.learns_from_view for definition in models)


def fill_sample(engine: Engine) -> None:
    """Write the sample data, with a bar. Raises StorageUnavailableError."""
    from features.sample import load_sample
    from storage.tables import SOURCES

    console.say("fill the empty database with synthetic sample data")
    with counted("sample data", len(SOURCES)) as advance:

        def hear(table: str, done: int, total: int) -> None:
            if done == total:
                advance(table)

        load_sample(engine, hear=hear)


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
