"""PostgreSQL, Redis, and the port."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from cli.address import Address, occupied, orphans_at
from cli.champions import connected
from cli.checks.finding import Check, Finding, failure, ok, warning

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import SecretStr

    from storage.settings import StorageSettings

STARTS = "a local server, not running; `tiffin serve` starts it"
TIMEOUT_SECONDS = 1.0


def checks(settings: StorageSettings) -> list[tuple[str, Check]]:
    """All checks that need the settings, by name."""
    return [
        ("local servers", partial(stale, settings.state_dir)),
        ("PostgreSQL", partial(postgres, settings)),
        ("Redis", partial(redis, settings)),
    ]


def postgres(settings: StorageSettings) -> Iterator[Finding]:
    """Whether it answers, its version, and whether its tables are those of this code."""
    from storage.errors import LocalServerError
    from storage.local.postgres import Postgres, binaries

    if settings.database_url is None:
        try:
            Postgres(settings.state_dir / "servers" / "postgres", None).check_data()
        except LocalServerError as error:
            yield failure("PostgreSQL", str(error), "what it holds is lost with it; `tiffin serve` makes it anew")
            return
    url = _url("PostgreSQL", "postgresql", settings.database_url, settings.state_dir, binaries)
    if isinstance(url, Finding):
        yield url
    else:
        yield from _postgres(url, settings)


def _postgres(url: str, settings: StorageSettings) -> Iterator[Finding]:
    from sqlalchemy import text

    from storage.addresses import redact
    from storage.database import transact
    from storage.errors import StorageError
    from storage.migrations import current, head

    remedy = _remedy("DATABASE_URL", settings.database_url is not None)
    try:
        with connected(url, settings) as engine:
            version = transact(engine, lambda connection: connection.execute(text("show server_version")).scalar_one())
        where = "as configured" if settings.database_url is not None else f"local, {redact(url, url)}"
        yield ok("PostgreSQL", f"version {version}, {where}")
        found, wanted = current(url), head()
    except StorageError as error:
        yield failure("PostgreSQL", str(error), remedy)
        return
    if found == wanted:
        yield ok("migrations", f"at revision {found}")
    else:
        at = f"revision {found}" if found else "none"
        yield failure(
            "migrations",
            f"{at}, this code needs {wanted}",
            "`tiffin migrate` or `tiffin serve` migrates; a newer database needs newer code",
        )


def redis(settings: StorageSettings) -> Iterator[Finding]:
    """Whether it answers, and its version."""
    from redis.exceptions import RedisError

    from storage.addresses import redact
    from storage.cache import open_client
    from storage.local.redis_server import binary

    given = settings.redis_url is not None
    url = _url("Redis", "redis", settings.redis_url, settings.state_dir, binary)
    if isinstance(url, Finding):
        yield url
        return
    try:
        with open_client(url, settings) as client:
            information = client.info("server")
        assert isinstance(information, dict)  # the client's type admits the asynchronous one's answer too
        yield ok("Redis", f"version {information['redis_version']}, {'as configured' if given else 'local'}")
    except RedisError as error:
        yield failure("Redis", redact(f"does not answer: {error}", url), _remedy("REDIS_URL", given))


def _url(check: str, key: str, given: SecretStr | None, state_dir: Path, program: Callable[[], Path]) -> str | Finding:
    """The server's URL, or what there is to say about a local server that does not run. `program` finds its binary."""
    from storage.addresses import read_servers
    from storage.errors import StorageError

    if given is not None:
        return given.get_secret_value()
    try:
        program()
        return read_servers(state_dir).get(key) or ok(check, STARTS)
    except StorageError as error:
        return failure(check, str(error), "`make setup` installs local servers; `tiffin serve` replaces a damaged file")


def _remedy(variable: str, given: bool) -> str:
    if given:
        return f"start that server, or correct {variable}"
    return "a running `tiffin serve` starts it again within seconds; otherwise run one"


def stale(state_dir: Path) -> Iterator[Finding]:
    """Whether local servers run that nobody uses: their user was killed."""
    from storage.local.lock import UsersLock
    from storage.local.postgres import Postgres
    from storage.local.redis_server import Redis

    home = state_dir / "servers"
    servers = (Postgres(home / "postgres", None), Redis(home / "redis", None))
    running = {server.key: process.pid for server in servers if (process := server.running())}
    if not running:
        yield ok("local servers", "none run")
        return
    lock = UsersLock(state_dir)
    with lock.change():
        unused = lock.alone()
        lock.release()
    found = ", ".join(f"{key} is process {pid}" for key, pid in running.items())
    if unused:
        yield warning(
            "local servers",
            f"left running by a killed process: {found}",
            f"the next `tiffin serve` or `tiffin train` replaces them; `{_interrupt(running.values())}` ends them now",
        )
    else:
        yield ok("local servers", f"{found}, in use")


def _interrupt(pids: Iterable[int]) -> str:
    """The command that makes both shut down in order; PostgreSQL would wait for its clients after SIGTERM."""
    return f"kill -INT {' '.join(map(str, pids))}"


def port(number: int) -> Iterator[Finding]:
    """Whether the port is free, or Tiffin's already."""
    fault = occupied(Address("127.0.0.1", number))
    if not fault:
        yield ok("port", f"{number} is free")
    elif orphans := orphans_at(number):
        found = ", ".join(str(orphan.process.pid) for orphan in orphans)
        yield warning(
            "port",
            f"{number} is held by a worker whose server was killed: process {found}",
            "it ends by itself within seconds; `tiffin serve` ends it first",
        )
    elif _is_tiffin(number):
        yield ok("port", f"{number} is served by Tiffin")
    else:
        yield warning("port", fault, "end that process, or `tiffin serve --port` with another")


def _is_tiffin(number: int) -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", number, timeout=TIMEOUT_SECONDS)) as connection:
        try:
            connection.request("GET", "/livez")
            return connection.getresponse().read(64) == b"alive\n"
        except (OSError, http.client.HTTPException):
            return False
