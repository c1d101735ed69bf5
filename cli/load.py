"""`tiffin load`: events from a file into the tables that features are computed from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import AsJson

if TYPE_CHECKING:
    from features.loading import Loaded
    from settings import Settings


def load(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The table that the events go into.")],
    file: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, metavar="FILE", help="Events as .csv, .tsv, .jsonl (.ndjson) or .parquet."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Load events from a file; features see them at once.

    Every row needs an `event_id` of its own and times with their zone. A row that is there already is not written
    again, so a load that was ended can be run again. Rows that are not right are listed, by line and with what is
    wrong, in FILE.rejected.csv; the others are loaded, and the exit code is 1.

    \b
    Sources:
      bank      customers accounts transactions instalments payments
      learning  users activity subscriptions payment_attempts
      shop      items item_prices ratings shop_events
      stores    articles shelf_prices sales

    \b
    Examples:
      tiffin load transactions bookings.csv
      tiffin load activity sessions.parquet --json
    """
    import settings as configuration
    from cli.console import write_json

    loaded = _load(source, file, configuration.load())
    if as_json:
        write_json(_document(source, file, loaded))
    _report(source, loaded)
    if loaded.rejected:
        raise typer.Exit(1)


def _load(source: str, file: Path, settings: Settings) -> Loaded:
    from datetime import timedelta

    from cli.local import servers_of
    from cli.progress import fraction
    from features.cache import FeatureCache
    from features.events import Events
    from features.loading import load
    from storage import urls
    from storage.cache import open_client
    from storage.migrations import migrate
    from storage.queries import Queries

    with servers_of(settings.storage):
        found = urls(settings.storage)
        migrate(found.database)
        queries, client = Queries(found.database), open_client(found.redis, settings.storage)
        events = Events(queries, FeatureCache(client), ahead=timedelta(seconds=settings.features.ahead_seconds))
        try:
            with fraction(f"load {source}") as show:
                return load(events, source, file, hear=lambda done, loaded: show(done, f"{loaded.rows:,} rows"))
        finally:
            queries.close()
            client.close()


def _document(source: str, file: Path, loaded: Loaded) -> dict[str, object]:
    return {
        "source": source,
        "file": str(file),
        "rows": loaded.rows,
        "accepted": loaded.accepted,
        "duplicates": loaded.duplicates,
        "rejected": loaded.rejected,
        "rejects": None if loaded.rejects is None else str(loaded.rejects),
    }


def _report(source: str, loaded: Loaded) -> None:
    from cli.console import say, warn

    say(f"{source}: {loaded.accepted:,} rows loaded, {loaded.duplicates:,} were there already")
    if loaded.rejects is not None:
        warn(f"{loaded.rejected:,} rows are not right; {loaded.rejects} says what is wrong with each")
