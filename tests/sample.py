"""A database with sample data, for the models that learn from events: one for all of a test run."""

from __future__ import annotations

import atexit
import dataclasses
import functools
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from features.sample import SMALL, load_sample
from storage.database import open_engine
from storage.local import LocalServers
from storage.migrations import migrate
from storage.settings import StorageSettings
from tests.storage.servers import execute

ENDS_AT = datetime(2026, 3, 1, tzinfo=UTC)
SIZE = dataclasses.replace(SMALL, customers=500, users=500, days=600)
"""Enough that every side of a split has some churners; of the shop and the stores there is plenty in any case."""


@functools.cache
def storage() -> StorageSettings:
    """Where it is. The server starts with the first call and ends with the process."""
    folder = Path(tempfile.mkdtemp(prefix="tiffin-sample-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    url = LocalServers(folder, redis=False).start()["postgresql"]
    execute(url, "alter system set fsync = off")
    execute(url, "select pg_reload_conf()")
    migrate(url)
    settings = StorageSettings(state_dir=folder, database_url=SecretStr(url))
    engine = open_engine(url, settings)
    load_sample(engine, size=SIZE, end=ENDS_AT)
    engine.dispose()
    return settings
