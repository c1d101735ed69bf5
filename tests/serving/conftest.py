"""Fixtures of this room's tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

import storage
import tests.serving.quiet_imports  # noqa: F401
from features.sample import SMALL, load_sample
from models import catalogue
from models.definition import Definition
from registry.store import Version
from serving.settings import ServingSettings
from storage.database import open_engine
from storage.migrations import migrate
from storage.settings import StorageSettings
from tests.serving.apps import App, Parts
from tests.serving.versions import trained
from tests.storage.servers import fresh_database, settings
from tests.training import kinds

__all__ = ["settings"]

END = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
"""Of the sample data."""
LIMITS = {"max_body_bytes": 300_000, "max_batch_records": 20}


@pytest.fixture(scope="module")
def sampled(settings: StorageSettings) -> Iterator[StorageSettings]:
    """Settings with a database that holds a little sample data."""
    with fresh_database(settings) as url:
        migrate(url)
        engine = open_engine(url, settings)
        load_sample(engine, size=SMALL, end=END)
        engine.dispose()
        yield StorageSettings.model_validate(
            {"state_dir": settings.state_dir, "database_url": url, "redis_url": storage.urls(settings).redis}
        )


@pytest.fixture(scope="session")
def apps(settings: StorageSettings) -> Iterator[Mapping[str, App]]:
    """One application that answers inference in its front door ("fast"), one that leaves it to BentoML ("slow")."""
    migrate(storage.urls(settings).database)
    with both_ways(settings, trained(), catalogue()) as apps:
        yield apps


@pytest.fixture(scope="session")
def apps_of_kinds(settings: StorageSettings) -> Iterator[Mapping[str, App]]:
    """The same for small models of every kind, which need not be in the catalogue."""
    versions = {name: kinds.version(name) for name in kinds.DEFINITIONS}
    with both_ways(settings, versions, kinds.DEFINITIONS) as apps:
        yield apps


@contextmanager
def both_ways(
    settings: StorageSettings, versions: Mapping[str, Version], definitions: Mapping[str, Definition]
) -> Iterator[Mapping[str, App]]:
    def parts(*, fast_path: bool) -> Parts:
        serving = ServingSettings.model_validate({**LIMITS, "fast_path": fast_path})
        return Parts(storage=settings, versions=dict(versions), serving=serving, definitions=definitions)

    with App(parts(fast_path=True)) as fast, App(parts(fast_path=False)) as slow:
        yield {"fast": fast, "slow": slow}


@pytest.fixture(params=["fast", "slow"])
def app_of_kinds(apps_of_kinds: Mapping[str, App], request: pytest.FixtureRequest) -> App:
    """Each of those two applications in turn."""
    return apps_of_kinds[request.param]


@pytest.fixture(params=["fast", "slow"])
def app(apps: Mapping[str, App], request: pytest.FixtureRequest) -> App:
    """Each of the two applications in turn."""
    return apps[request.param]
