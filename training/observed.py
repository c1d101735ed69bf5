"""Rows from the database: entities observed at moments of the past, with the features that serving computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from features.duration import write_duration
from features.views import View, view
from models.definition import Definition, Forecast
from registry.details import FromView
from storage.addresses import urls
from storage.database import open_engine, transact
from storage.errors import StorageUnavailableError
from storage.settings import StorageSettings
from training import windows
from training.check import MIN_ROWS, check
from training.errors import DataError, NoDatabaseError
from training.observations import observations_of
from training.observing import Seen, groups_of, moments_of, observe, remedy_of
from training.progress import Progress, silent
from training.table import Table


@dataclass(frozen=True, slots=True)
class Observed:
    """Entities as `training/observations/<model>.sql` observes them, through the definition's view.

    Only events before `until` count; None: all there are.
    """

    storage: StorageSettings
    until: datetime | None = None

    def is_synthetic(self, table: Table) -> bool:
        return table.view is not None and table.view.sample_events > 0

    def arguments(self, table: Table) -> tuple[str, ...]:
        return () if table.view is None else ("--until", table.view.until.isoformat())

    def describe(self, table: Table) -> str:
        facts = table.view
        assert facts is not None
        seen = f"{facts.observations:,} observations of {facts.entities:,} entities"
        when = f"from {facts.first:%Y-%m-%d} to {facts.last:%Y-%m-%d}"
        return f"view {facts.name} (fingerprint {facts.fingerprint}), {seen} {when}{_made_up(facts)}"

    def table(self, definition: Definition, rows: int | None, progress: Progress = silent) -> Table:
        """Raises DataError, NoEventsError where there is nothing to observe, NoDatabaseError and MigrationError."""
        assert definition.view is not None
        found, asked = view(definition.view), observations_of(definition.name)
        wanted = definition.recipe.sample_rows if rows is None else rows
        seen = self._transact(
            lambda connection: observe(connection, asked, found, definition, wanted, self.until, progress), definition
        )
        made = _table(_known(seen, found, definition), found, definition)
        return replace(made, findings=(*seen.findings, *made.findings))

    def _transact(self, work: Callable[[Connection], Seen], definition: Definition) -> Seen:
        given = self.storage.database_url
        try:
            url = urls(self.storage).database if given is None else given.get_secret_value()
            engine = open_engine(url, self.storage, application="tiffin train")
            try:
                return transact(engine, work)
            finally:
                engine.dispose()
        except StorageUnavailableError as error:
            raise NoDatabaseError(definition.name, str(definition.view), str(error)) from error


def _made_up(facts: FromView) -> str:
    """Whether it is sample data, in words."""
    if facts.sample_events == 0:
        return ""
    if facts.sample_events == facts.events:
        return "; synthetic: all events behind them are sample data"
    share = f"{facts.sample_events / facts.events:.1%}"
    return f"; partly synthetic: {share} of the {facts.events:,} events behind them are sample data"


def _known(seen: Seen, view: View, definition: Definition) -> Seen:
    """Without entities of which nothing was known, and thin ones where the definition refuses them."""
    kept = [
        at
        for at, (pair, row) in enumerate(zip(seen.pairs, seen.rows, strict=True))
        if row.since is not None and not (definition.thin == "refuse" and row.is_thin(view, pair.as_of))
    ]
    fewest = 1 if isinstance(definition.policy, Forecast) else MIN_ROWS
    if len(kept) < fewest:
        words = _unknown(len(kept), len(seen.pairs), fewest, view, definition)
        raise DataError(f"view {view.name}", [words, remedy_of(view)])
    pairs, rows = [seen.pairs[at] for at in kept], [seen.rows[at] for at in kept]
    facts = seen.facts.model_copy(update={"observations": len(kept), "entities": len({pair.entity for pair in pairs})})
    dealt = None if seen.dealt is None else seen.dealt.take(np.array(kept, np.intp))
    return Seen(pairs, [seen.outcomes[at] for at in kept], rows, facts, dealt)


def _unknown(kept: int, observed: int, fewest: int, view: View, definition: Definition) -> str:
    known = f"an entity is known {view.known}"
    if definition.thin == "refuse":
        known += f", and for {write_duration(view.least_history)}, which {definition.file} asks for by thin='refuse'"
    return (
        f"of {observed:,} observations {kept:,} are of entities of which enough was known then, at least {fewest} are "
        f"needed ({known})"
    )


def _table(seen: Seen, view: View, definition: Definition) -> Table:
    origin = f"view {view.name}"
    records = pd.DataFrame([row.values for row in seen.rows], columns=list(view.columns))
    if isinstance(definition.policy, Forecast):
        made = windows.seen(records, seen.outcomes, definition.policy.window, origin)
        return replace(made, view=seen.facts)
    assert definition.target is not None
    ids = {name: [pair.entity.ids[at] for pair in seen.pairs] for at, name in enumerate(view.key_names)}
    moments = moments_of(seen.pairs)
    frame = records.assign(**{**ids, definition.target.column: seen.outcomes})
    if definition.recipe.time_column is not None:
        frame[definition.recipe.time_column] = moments
    table = check(frame, definition, origin)
    groups = groups_of(seen.pairs, view, definition)
    return replace(table, times=moments, groups=groups, view=seen.facts, dealt=seen.dealt)
