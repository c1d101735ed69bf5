"""Fixtures of this room's tests: one database with sample data for all, empty ones for those that write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg2
import pytest
import redis
from psycopg2.extensions import connection as Connection
from sqlalchemy import Engine

from features.cache import FeatureCache
from features.reader import Query
from features.sample import SMALL, load_sample
from storage import urls
from storage.cache import open_client
from storage.database import open_engine
from storage.migrations import migrate
from storage.queries import Queries
from storage.settings import StorageSettings
from storage.tables import SOURCES
from tests.features.querying import engine_query
from tests.storage.servers import database_url, execute, fresh_database, settings, state_dir

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


@pytest.fixture
def queries(migrated_url: str) -> Iterator[Queries]:
    """Connections to the module's database, whose sources are empty."""
    execute(migrated_url, f"truncate {', '.join(SOURCES)}")
    queries = Queries(migrated_url)
    yield queries
    queries.close()


@pytest.fixture
def client(settings: StorageSettings) -> Iterator[redis.Redis]:
    """An empty Redis."""
    client = open_client(urls(settings).redis, settings)
    client.flushdb()
    yield client
    client.close()


@pytest.fixture
def cache(client: redis.Redis) -> FeatureCache:
    return FeatureCache(client)


@pytest.fixture
def connection(migrated_url: str) -> Iterator[Connection]:
    """A connection in UTC whose work is never committed."""
    connection = psycopg2.connect(migrated_url, options="-c timezone=UTC")
    yield connection
    connection.close()
