"""Migrations of the PostgreSQL tables with Alembic, run from code: `migrate(url)`.

A new one: change `storage/tables/`, then write `versions/NNNN_name.py` after the last; a test compares the two.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from storage.addresses import redact
from storage.errors import MigrationError, NewerDatabaseError, StorageUnavailableError

logger = logging.getLogger("tiffin.storage")

LOCK_KEY = 0x74_69_66_66_69_6E  # "tiffin"; PostgreSQL advisory locks are named by a number
LOCK_TIMEOUT_SECONDS = 120
CONNECT_TIMEOUT_SECONDS = 5


def migrate(url: str) -> str:
    """Bring the database to `head()` and return that revision. Does nothing when it is there already.

    Replicas may call it at the same time: an advisory lock lets one work, the others wait (up to 120 s) and find it
    done. All pending migrations run in one transaction, so a failure leaves the database as it was.

    Raises StorageUnavailableError when PostgreSQL does not answer, NewerDatabaseError when the database was migrated by
    a newer Tiffin, MigrationError when a migration fails.
    """
    with _errors(url), _connection(url) as connection:
        connection.execute(text(f"set local lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'"))
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
        connection.execute(text("set local lock_timeout = 0"))
        before = MigrationContext.configure(connection).get_current_revision()
        command.upgrade(_config(connection), "head")
        if before != head():
            logger.info("migrated the database from revision %s to %s", before or "nothing", head())
    return head()


def current(url: str) -> str | None:
    """The revision the database is at; None when it was never migrated. Raises StorageUnavailableError."""
    with _errors(url), _connection(url) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The revision that this code needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None
    return revision


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


@contextmanager
def _connection(url: str) -> Iterator[Connection]:
    """A connection in a transaction, without a statement timeout: building an index may take long."""
    engine = create_engine(
        url.replace("postgresql:", "postgresql+psycopg2:", 1),
        poolclass=NullPool,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS, "application_name": "tiffin migrate"},
    )
    with engine.begin() as connection:
        yield connection


@contextmanager
def _errors(url: str) -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise StorageUnavailableError("postgresql", redact(str(error.orig).strip(), url)) from error
    except CommandError as error:
        raise NewerDatabaseError(f"{error}; was this database migrated by a newer version of Tiffin?") from error
    except SQLAlchemyError as error:
        raise MigrationError(f"the migration failed and was rolled back: {redact(str(error), url)}") from error
