# ruff: noqa: E402 - the environment must be set before prometheus_client and bentoml are imported
"""The BentoML service: wiring only. `bentoml serve` and `bentoml build` find it through `bentofile.yaml`.

The supervisor and each worker import this file. What only one of them needs is imported where it begins.
"""

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
import logging
import shutil
from functools import partial
from typing import TYPE_CHECKING, Any

import bentoml
import psutil

import storage
from models import broken, catalogue
from monitoring import logs
from serving.apis import add_apis
from serving.bento import TiffinService
from storage.errors import StorageUnavailableError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from serving.worker import Worker

logger = logging.getLogger("tiffin.serving")
worker: Worker | None = None


class Tiffin:
    """Decision models on tabular data: predict, batch and explain."""

    settings = settings.serving
    worker: Worker

    @staticmethod
    def champions() -> list[str]:
        """The tags that answer now, for the Bento. Models without a version are left out."""
        from serving.champions import champions

        return champions(settings.storage)

    @staticmethod
    def management() -> FastAPI:
        """The application of everything but inference, which only workers have."""
        from serving.documents import openapi_document
        from serving.management import management_app

        def document() -> dict[str, Any]:
            most = settings.serving.max_batch_records
            return openapi_document(catalogue(), application, max_records=most, version=configuration.VERSION)

        application = management_app(current_worker, document)
        return application

    @bentoml.on_deployment  # makes it static
    def prepare() -> None:
        """Once, in the supervisor, before the workers: local servers, tables, an empty folder for metrics."""
        from features.expiries import expiries
        from ledger.keeper import Keeper
        from ledger.keeper import configuration as configuration_of
        from serving import arbiter
        from storage.local import LocalServers
        from storage.migrator import Migrator, bring_up_to_date

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
            Migrator(partial(bring_up_to_date, urls.database)).start()
        except StorageUnavailableError as error:
            logger.warning("starting without the database: %s", error)

    def __init__(self) -> None:
        logs.configure(settings.logs)

    @bentoml.on_startup
    async def start(self) -> None:
        """Once in every worker."""
        from serving.assembly import assemble

        global worker  # noqa: PLW0603 - the mounted management application has no other way to its worker
        bento = self.bento_service.bento  # type: ignore[attr-defined]
        self.worker = worker = assemble(
            serving=settings.serving,
            inference=settings.inference,
            features=settings.features,
            ledger=settings.ledger,
            storage=settings.storage,
            pinned=[str(model.tag) for model in bento.info.all_models] if bento is not None else [],
            accepting=METRICS_DIR / "accepting",
        )
        await worker.start()
        end_with_supervisor()

    @bentoml.on_shutdown
    async def stop(self) -> None:
        """Once in every worker: nothing in flight is lost."""
        await self.worker.stop()


def current_worker() -> Worker:
    """This process's worker; requests come only after it has started."""
    assert worker is not None
    return worker


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
gc.freeze()
gc.enable()
