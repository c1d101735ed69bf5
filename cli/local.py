"""Local servers for as long as a command needs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cli import console

if TYPE_CHECKING:
    from storage.settings import StorageSettings


@contextmanager
def servers_of(settings: StorageSettings) -> Iterator[None]:
    """The local servers that the settings ask for, started or joined; the last user's end stops them.

    Raises LocalServerError.
    """
    from storage.local import LocalServers

    servers = LocalServers.for_settings(settings)
    if settings.database_url is None or settings.redis_url is None:
        with console.step("local PostgreSQL and Redis"):
            servers.start()
    try:
        yield
    finally:
        servers.stop()
