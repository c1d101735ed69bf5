# ruff: noqa: E402 - the environment must be set before prometheus_client and bentoml are imported
"""The BentoML service: wiring only. `bentoml serve` and `bentoml build` find it through `bentofile.yaml`."""

from __future__ import annotations

import gc
import os

gc.disable()  # nothing of what is imported is garbage: to look for some took a ninth of the time, 0.35 s
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # from 1.29 on ONNX Runtime reports models to Microsoft

import settings as configuration
from serving.orphans import SUPERVISOR, end_with_supervisor, orphans

settings = configuration.load()
METRICS = settings.storage.state_dir / "metrics"
"""A folder for each running server of this checkout: its supervisor's process id, which its workers inherit."""
METRICS_DIR = METRICS / os.environ.setdefault(SUPERVISOR, str(os.getpid()))
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(METRICS_DIR)  # read when prometheus_client is imported

import atexit
import contextlib
import logging
import shutil
from datetime import timedelta
from functools import partial
from typing import Any

import bentoml
import psutil

import storage
from features.cache import FeatureCache
from features.events import Events
from features.expiries import expiries
from features.online import OnlineFeatures
from ledger import status
from ledger.remembered import KEPT_SECONDS
from models import broken, catalogue
from models.definition import Definition
from monitoring import logs
from monitoring.access import AccessLog
from registry.champions import champion
from registry.errors import NoVersionError
from registry.releases import Release, load_releases
from registry.store import Version
from serving.apis import add_apis
from serving.bento import TiffinService
from serving.documents import openapi_document
from serving.entity_access import WRITERS, EntityAccess, count_failure, count_lookups
from serving.ledger_reader import LedgerReader
from serving.listening import Listening
from serving.management import management_app
from serving.recent import Recent
from serving.recorder import recorder
from serving.remembered import Remembered
from serving.stream import Feed, Hub
from serving.worker import Worker
from storage.cache import open_async_client, open_client
from storage.database import open_engine
from storage.errors import StorageUnavailableError
from storage.health import StorageHealth
from storage.queries import Queries

logger = logging.getLogger("tiffin.serving")
ANALYTICS_SECONDS = 10.0
"""How long a question to the ledger may take."""
RELEASES_SECONDS = 2.0
"""One look at the releases is for all models that are looked for: a database that does not answer takes its time."""
RELEASES_FILE = settings.storage.state_dir / "releases.json"
worker: Worker | None = None


class Tiffin:
    """Decision models on tabular data: predict, batch and explain."""

    settings = settings.serving
    worker: Worker

    @staticmethod
    def champions() -> list[str]:
        """The tags that answer now, for the Bento. Models without a version are left out."""
        releases = known_releases()
        tags = []
        for definition in catalogue().values():
            with contextlib.suppress(NoVersionError):
                tags.append(champion(definition, releases).tag)
        return tags

    @bentoml.on_deployment  # makes it static
    def prepare() -> None:
        """Once, in the supervisor, before the workers: local servers, tables, an empty folder for metrics."""
        from ledger.keeper import Keeper
        from ledger.keeper import configuration as configuration_of
        from serving import arbiter
        from storage.local import LocalServers
        from storage.migrations import migrate
        from storage.migrations.migrator import Migrator

        logs.configure(settings.logs)
        arbiter.install()
        for name, fault in broken().items():
            logger.error("model %s is left out: %s", name, fault)
        for orphan in orphans():
            if (METRICS / orphan.supervisor).is_dir():  # of a server of this checkout
                logger.warning("ending worker process %d, whose server was killed", orphan.process.pid)
                orphan.end()
        for folder in METRICS.glob("*"):
            if folder == METRICS_DIR or not (folder.name.isdecimal() and psutil.pid_exists(int(folder.name))):
                shutil.rmtree(folder, ignore_errors=True)
        METRICS_DIR.mkdir(parents=True)
        servers = LocalServers.for_settings(settings.storage)
        servers.start()
        servers.watch()
        try:
            urls = storage.urls(settings.storage)
            level, as_json = settings.logs.level_of("ledger"), not settings.logs.as_text
            told = configuration_of(
                settings.storage,
                settings.ledger,
                urls,
                log_level=level,
                log_json=as_json,
                events=expiries(settings.features),
            )
            keeper = Keeper(told)
            keeper.start()
            atexit.register(keeper.stop)  # runs before that of the local servers, which are registered earlier
            Migrator(partial(migrate, urls.database)).start()
        except StorageUnavailableError as error:
            logger.warning("starting without the database: %s", error)

    def __init__(self) -> None:
        logs.configure(settings.logs)

    @bentoml.on_startup
    async def start(self) -> None:
        """Once in every worker."""
        global worker  # noqa: PLW0603 - the mounted management application has no other way to its worker
        urls = storage.urls(settings.storage)
        engine = open_engine(urls.database, settings.storage)
        bento = self.bento_service.bento  # type: ignore[attr-defined]
        pinned = [str(model.tag) for model in bento.info.all_models] if bento is not None else []

        releases = Recent(lambda: load_releases(engine, RELEASES_FILE)[0], RELEASES_SECONDS)

        def find(definition: Definition) -> Version:
            return champion(definition, releases(), pinned)

        cache = partial(open_async_client, urls.redis, settings.storage)
        wanted = settings.features
        database = Queries(urls.database, connections=wanted.connections)
        client = open_client(urls.redis, settings.storage)
        features = FeatureCache(client, hear=partial(count_failure, "features")) if wanted.cache else None
        writing = Queries(urls.database, connections=WRITERS)
        self.worker = worker = Worker(
            definitions=catalogue(),
            find_version=find,
            health=StorageHealth(urls, settings.storage),
            serving=settings.serving,
            inference=settings.inference,
            access=AccessLog(),
            broken=tuple(broken()),
            listening=Listening(METRICS_DIR / "accepting"),
            recorder=recorder(urls, settings.storage.state_dir, settings.ledger),
            ledger=settings.ledger,
            entities=EntityAccess(
                OnlineFeatures(database, features, hear=count_lookups),
                Events(writing, features, ahead=timedelta(seconds=wanted.ahead_seconds)),
                Remembered(cache(), KEPT_SECONDS, hear=partial(count_failure, "predictions")),
                wanted.deadline_seconds,
            ),
            hub=Hub(Feed(cache())),
            reader=LedgerReader(engine, ANALYTICS_SECONDS),
            shipping=partial(status.read, settings.storage.state_dir),
        )
        await worker.start()
        end_with_supervisor()

    @bentoml.on_shutdown
    async def stop(self) -> None:
        """Once in every worker: nothing in flight is lost."""
        await self.worker.stop()


def known_releases() -> dict[str, Release]:
    """The releases as the database says, or as they were when it last did."""
    engine = None
    with contextlib.suppress(StorageUnavailableError):
        engine = open_engine(storage.urls(settings.storage).database, settings.storage)
    releases, _ = load_releases(engine, RELEASES_FILE)
    return releases


def current_worker() -> Worker:
    """This process's worker; requests come only after it has started."""
    assert worker is not None
    return worker


def document() -> dict[str, Any]:
    """The OpenAPI document."""
    return openapi_document(
        catalogue(), management, max_records=settings.serving.max_batch_records, version=configuration.VERSION
    )


management = management_app(current_worker, document)
add_apis(Tiffin, catalogue(), settings.serving)
service = bentoml.service(
    name="tiffin",
    service_class=TiffinService,
    workers=settings.serving.workers,
    traffic={"timeout": 60},
    metrics={"enabled": True},
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*"},
    endpoints={"livez": "/livez", "readyz": "/readyz"},
)(Tiffin)
service.mount_asgi_app(management, path="/", name="management")
gc.freeze()
gc.enable()
