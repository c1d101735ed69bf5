"""Fixtures of this room's tests: the sample data for all, an empty database for those that write."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

from storage.migrations import migrate
from storage.settings import StorageSettings
from tests import sample
from tests.storage.servers import database_url, fresh_database, settings

__all__ = ["database_url", "settings"]


@pytest.fixture(scope="session")
def sample_storage() -> StorageSettings:
    """Where there is sample data that nobody changes."""
    return sample.storage()


@pytest.fixture
def sample_connection(sample_storage: StorageSettings) -> Iterator[Connection]:
    """A connection to the sample data, in UTC."""
    assert sample_storage.database_url is not None
    connection = psycopg2.connect(sample_storage.database_url.get_secret_value(), options="-c timezone=UTC")
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def migrated_url(settings: StorageSettings) -> Iterator[str]:
    """A database of the module's own, with empty tables."""
    with fresh_database(settings) as url:
        migrate(url)
        yield url
