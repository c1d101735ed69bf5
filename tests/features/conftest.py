"""Fixtures of this room's tests: one database with sample data for all, empty ones for those that write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from features.queries import engine_query
from features.reader import Query
from features.sample import SMALL, load_sample
from storage.database import open_engine
from storage.migrations import migrate
from storage.settings import StorageSettings
from tests.storage.servers import database_url, fresh_database, settings, state_dir

__all__ = ["database_url", "settings", "state_dir"]

ENDS_AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def sample_url(settings: StorageSettings) -> Iterator[str]:
    """A database with the small sample data, which nobody changes."""
    with fresh_database(settings) as url:
        migrate(url)
        engine = open_engine(url, settings)
        load_sample(engine, size=SMALL, end=ENDS_AT)
        engine.dispose()
        yield url


@pytest.fixture(scope="session")
def sample(sample_url: str, settings: StorageSettings) -> Iterator[Engine]:
    engine = open_engine(sample_url, settings)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def query(sample: Engine) -> Query:
    return engine_query(sample)


@pytest.fixture(scope="module")
def migrated_url(settings: StorageSettings) -> Iterator[str]:
    """A database of the module's own, with empty tables."""
    with fresh_database(settings) as url:
        migrate(url)
        yield url
