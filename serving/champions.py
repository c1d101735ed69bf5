"""Which versions answer now, for who has no worker: BentoML asks when it serves and when it builds a Bento."""

from __future__ import annotations

import contextlib
from pathlib import Path

from models import catalogue
from registry.champions import champion
from registry.errors import NoVersionError
from registry.releases import Release, load_releases
from storage.addresses import urls
from storage.database import open_engine
from storage.errors import StorageUnavailableError
from storage.settings import StorageSettings


def champions(storage: StorageSettings) -> list[str]:
    """Their tags; models without a version are left out."""
    releases = known_releases(storage)
    tags = []
    for definition in catalogue().values():
        with contextlib.suppress(NoVersionError):
            tags.append(champion(definition, releases).tag)
    return tags


def known_releases(storage: StorageSettings) -> dict[str, Release]:
    """The releases as the database says, or as they were when it last did."""
    engine = None
    with contextlib.suppress(StorageUnavailableError):
        engine = open_engine(urls(storage).database, storage)
    releases, _ = load_releases(engine, releases_file(storage))
    return releases


def releases_file(storage: StorageSettings) -> Path:
    """The local copy of the releases."""
    return storage.state_dir / "releases.json"
