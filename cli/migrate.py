"""`tiffin migrate`: the tables brought up to date, by a role that may do so."""

from __future__ import annotations

from cli.options import AsJson


def migrate(as_json: AsJson = False) -> None:
    """Bring the database's tables up to date.

    `tiffin serve` and `bentoml serve` do so themselves at their start, and again until it works. This is for where they
    may not: run it with a DATABASE_URL whose role may make tables. Servers that wait for it go on within seconds.

    \b
    Examples:
      tiffin migrate
      DATABASE_URL=postgresql://owner@db.internal/tiffin tiffin migrate --json
    """
    import settings
    from cli.console import say, step, write_json
    from cli.local import servers_of
    from storage import urls
    from storage.migrations import migrate as bring_up_to_date

    loaded = settings.load().storage
    with servers_of(loaded), step("migrate the database"):
        revision = bring_up_to_date(urls(loaded).database)
    if as_json:
        write_json({"revision": revision})
    say(f"the database is at revision {revision}")
