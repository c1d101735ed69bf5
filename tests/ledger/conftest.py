"""Fixtures of this room's tests."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from storage.database import open_engine
from storage.migrations import migrate
from storage.settings import StorageSettings
from tests.storage.servers import database_url, execute, fresh_database, settings, state_dir

__all__ = ["database_url", "engine", "ledger_url", "settings", "state_dir", "template"]


@pytest.fixture(scope="session")
def template(settings: StorageSettings) -> Iterator[str]:
    """A migrated database that others are copied from: ten times as fast as migrating each."""
    with fresh_database(settings) as url:
        migrate(url)
        yield url


@pytest.fixture
def ledger_url(template: str) -> Iterator[str]:
    """A migrated database of the test's own."""
    pattern = template.partition("?")[0].rpartition("/")[2]
    name = f"test_{uuid.uuid4().hex}"
    server = template.replace(f"/{pattern}?", "/tiffin?")
    execute(server, f"create database {name} template {pattern} strategy file_copy")
    try:
        yield template.replace(f"/{pattern}?", f"/{name}?")
    finally:
        execute(server, f"drop database {name} with (force)")


@pytest.fixture
def engine(ledger_url: str, settings: StorageSettings) -> Iterator[Engine]:
    engine = open_engine(ledger_url, settings)
    yield engine
    engine.dispose()
