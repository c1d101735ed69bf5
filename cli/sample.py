"""`tiffin sample`: synthetic events for a first look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import AsJson

if TYPE_CHECKING:
    from features.sample import Loaded
    from storage.settings import StorageSettings

A_DAY = timedelta(days=1)


def sample(
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="All events lie before this day, UTC. Default: today."),
    ] = None,
    small: Annotated[bool, typer.Option("--small", help="A few hundred entities instead of 15 000.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also where the tables hold other rows.")] = False,
    renew: Annotated[
        bool, typer.Option("--renew", help="Make it anew where it ends before today; other rows stay.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fill the source tables with sample data: a bank, a learning service, a shop, stores.

    Two years of synthetic events, about 1.5 million, in half a minute; all of it or nothing. Where it is already,
    nothing happens. It ages: --renew takes it out and tells the same people's stories anew, up to today. None of it is
    real.

    \b
    Examples:
      tiffin sample
      tiffin sample --renew
      tiffin sample --small --until 2026-03-01 --json
    """
    import settings
    from cli.console import say, write_json
    from cli.errors import CommandError
    from features.errors import OtherRowsError

    try:
        loaded = _sample(settings.load().storage, until, small=small, force=force, renew=renew)
    except OtherRowsError as error:
        raise CommandError(str(error), hint="`tiffin sample --force` does it all the same") from error
    if as_json:
        write_json({"rows": loaded.rows, "until": loaded.ends_at.isoformat()})
    say(_words(loaded, datetime.now(UTC)))


def _words(loaded: Loaded, now: datetime) -> str:
    if loaded.rows:
        return f"{sum(loaded.rows.values()):,} events written, up to {loaded.ends_at:%Y-%m-%d}"
    ended = f"the sample data is there already, up to {loaded.ends_at:%Y-%m-%d}"
    return f"{ended}; `tiffin sample --renew` makes it anew, up to today" if now - loaded.ends_at > A_DAY else ended


def _sample(storage: StorageSettings, until: datetime | None, *, small: bool, force: bool, renew: bool) -> Loaded:
    from cli import champions
    from cli.progress import fraction
    from features.sample import FULL, SMALL, load_sample

    with champions.database(storage) as engine, fraction("sample data") as show:
        return load_sample(
            engine,
            size=SMALL if small else FULL,
            end=until and until.replace(tzinfo=UTC),
            among_others=force,
            renew=renew,
            hear=lambda table, done, total: show(done / total, table),
        )
