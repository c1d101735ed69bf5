"""Fixtures of this room's tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

import tests.serving.quiet_imports  # noqa: F401
from serving.settings import ServingSettings
from storage.settings import StorageSettings
from tests.serving.apps import App, Parts
from tests.serving.versions import trained
from tests.storage.servers import settings

__all__ = ["settings"]

LIMITS = {"max_body_bytes": 300_000, "max_batch_records": 20}


@pytest.fixture(scope="session")
def apps(settings: StorageSettings) -> Iterator[Mapping[str, App]]:
    """One application that answers inference in its front door ("fast"), one that leaves it to BentoML ("slow")."""

    def parts(*, fast_path: bool) -> Parts:
        serving = ServingSettings.model_validate({**LIMITS, "fast_path": fast_path})
        return Parts(storage=settings, versions=dict(trained()), serving=serving)

    with App(parts(fast_path=True)) as fast, App(parts(fast_path=False)) as slow:
        yield {"fast": fast, "slow": slow}


@pytest.fixture(params=["fast", "slow"])
def app(apps: Mapping[str, App], request: pytest.FixtureRequest) -> App:
    """Each of the two applications in turn."""
    return apps[request.param]
