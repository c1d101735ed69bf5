"""`tiffin serve`: everything that is missing, then BentoML in this process."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import AsJson


def serve(
    port: Annotated[int, typer.Option(min=1, max=65535, metavar="PORT", help="Port to listen on.")] = 3000,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="IP address to listen on; 0.0.0.0 for all.")
    ] = "127.0.0.1",
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=256, metavar="N", help="Worker processes. Not given: serving.workers of the settings."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Set up what is missing, then serve until Ctrl-C or SIGTERM.

    Starts PostgreSQL and Redis unless DATABASE_URL and REDIS_URL are set, brings the tables up to date, trains every
    model that has no version (not again where that was refused and nothing has changed), makes first versions
    champions, and runs BentoML.

    \b
    Examples:
      tiffin serve
      tiffin serve --port 8080 --host 0.0.0.0 --workers 4
    """
    from cli.address import address, check_free, end_orphans
    from cli.console import write_json
    from cli.installation import set_up
    from cli.running import run

    where = address(host, port)
    end_orphans(where)
    check_free(where)
    with set_up(workers, as_json=as_json) as done:
        check_free(where)  # training takes minutes, in which somebody else may have taken it
        if as_json:
            write_json({"url": where.url, **done.as_json()})
        run(where, quiet=as_json)
