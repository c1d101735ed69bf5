"""Fixtures of this room's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from storage.database import open_engine
from storage.migrations import migrate
from storage.settings import StorageSettings
from tests.storage.servers import database_url, settings, state_dir

__all__ = ["database_url", "ledger_url", "settings", "state_dir"]


@pytest.fixture
def ledger_url(database_url: str) -> str:
    """A migrated database of the test's own."""
    migrate(database_url)
    return database_url


@pytest.fixture
def engine(ledger_url: str, settings: StorageSettings) -> Iterator[Engine]:
    engine = open_engine(ledger_url, settings)
    yield engine
    engine.dispose()
