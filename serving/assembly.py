"""What a serving worker is made of. The supervisor imports none of it, and is a second faster."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from features.cache import FeatureCache
from features.events import Events
from features.online import OnlineFeatures
from features.settings import FeatureSettings
from inference.settings import RunnerSettings
from ledger import status
from ledger.remembered import KEPT_SECONDS
from ledger.settings import LedgerSettings
from models import broken, catalogue
from models.definition import Definition
from monitoring.access import AccessLog
from registry.champions import champion
from registry.releases import load_releases
from registry.store import Version
from serving.champions import releases_file
from serving.entity_access import WRITERS, EntityAccess, count_failure, count_lookups
from serving.ledger_reader import LedgerReader
from serving.listening import Listening
from serving.recent import Recent
from serving.recorder import recorder
from serving.remembered import Remembered
from serving.settings import ServingSettings
from serving.stream import Feed, Hub
from serving.worker import Worker
from storage.addresses import urls
from storage.cache import open_async_client, open_client
from storage.database import open_engine
from storage.health import StorageHealth
from storage.queries import Queries
from storage.settings import StorageSettings

ANALYTICS_SECONDS = 10.0
"""How long a question to the ledger may take."""
RELEASES_SECONDS = 2.0
"""One look at the releases is for all models that are looked for: a database that does not answer takes its time."""


def assemble(
    *,
    serving: ServingSettings,
    inference: RunnerSettings,
    features: FeatureSettings,
    ledger: LedgerSettings,
    storage: StorageSettings,
    pinned: Sequence[str],
    accepting: Path,
) -> Worker:
    """A worker that is not started yet.

    `pinned` are the tags that the Bento holds, none outside of one; in the folder `accepting` the workers of a server
    tell each other who takes connections.
    """
    found = urls(storage)
    engine = open_engine(found.database, storage)
    releases = Recent(lambda: load_releases(engine, releases_file(storage))[0], RELEASES_SECONDS)

    def find(definition: Definition) -> Version:
        return champion(definition, releases(), pinned)

    client = partial(open_async_client, found.redis, storage)
    cache = None
    if features.cache:
        cache = FeatureCache(open_client(found.redis, storage), hear=partial(count_failure, "features"))
    reading = Queries(found.database, connections=features.connections)
    writing = Queries(found.database, connections=WRITERS)
    return Worker(
        definitions=catalogue(),
        find_version=find,
        health=StorageHealth(found, storage),
        serving=serving,
        inference=inference,
        access=AccessLog(),
        broken=tuple(broken()),
        listening=Listening(accepting),
        recorder=recorder(found, storage.state_dir, ledger),
        ledger=ledger,
        entities=EntityAccess(
            OnlineFeatures(reading, cache, hear=count_lookups),
            Events(writing, cache, ahead=timedelta(seconds=features.ahead_seconds)),
            Remembered(client(), KEPT_SECONDS, hear=partial(count_failure, "predictions")),
            features.deadline_seconds,
        ),
        hub=Hub(Feed(client())),
        reader=LedgerReader(engine, ANALYTICS_SECONDS),
        shipping=partial(status.read, storage.state_dir),
    )
