"""Fixtures of the end-to-end tests: real servers, each with PostgreSQL and Redis of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import tests.serving.quiet_imports  # noqa: F401
from tests.end_to_end.connection import Connection
from tests.end_to_end.server import Server
from tests.serving.versions import store, trained


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two workers that serve all models. Who stops a part of it starts that part again."""
    trained()
    folder = tmp_path_factory.mktemp("server")
    with Server(folder, home=store(), settings={"TIFFIN_SERVING__WORKERS": "2"}) as server:
        server.wait_until_ready()
        yield server


@pytest.fixture
def connection(server: Server) -> Iterator[Connection]:
    """A connection to one of its workers."""
    with Connection(server.port) as connection:
        yield connection
