"""The whole application in this process: real versions, BentoML, PostgreSQL and Redis; no socket of its own."""

from __future__ import annotations

import asyncio
import signal
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Self

import bentoml
import httpx
from fastapi import FastAPI

import storage
from features.cache import FeatureCache
from features.events import Events
from features.online import OnlineFeatures
from inference.settings import RunnerSettings
from ledger import status
from ledger.settings import LedgerSettings
from models import catalogue
from models.definition import Definition
from monitoring.access import AccessLog
from registry.errors import NeverStoredError, NoVersionError
from registry.store import Version
from serving.apis import add_apis
from serving.bento import TiffinService
from serving.documents import openapi_document
from serving.entity_access import WRITERS, EntityAccess, count_failure, count_lookups
from serving.ledger_reader import LedgerReader
from serving.management import management_app
from serving.recorder import recorder
from serving.remembered import Remembered
from serving.settings import ServingSettings
from serving.stream import Feed, Hub
from serving.worker import Worker
from storage.cache import open_async_client, open_client
from storage.database import open_engine
from storage.errors import StorageUnavailableError
from storage.health import StorageHealth
from storage.migrations import migrate
from storage.queries import Queries
from storage.settings import StorageSettings
from tests.serving.quiet_imports import quiet

HANGS_SECONDS = 20.0


@dataclass(kw_only=True)
class Parts:
    """What an application is made of. A version that is added to `versions` is found at the next look.

    Of the models in `untrained` the model store has nothing at all.
    """

    storage: StorageSettings
    versions: dict[str, Version]
    definitions: Mapping[str, Definition] = field(default_factory=catalogue)
    serving: ServingSettings = field(default_factory=ServingSettings)
    inference: RunnerSettings = field(default_factory=RunnerSettings)
    ledger: LedgerSettings = field(default_factory=LedgerSettings)
    untrained: frozenset[str] = frozenset()

    def worker(self) -> Worker:
        urls = storage.urls(self.storage)

        def find(definition: Definition) -> Version:
            if definition.name in self.untrained:
                raise NeverStoredError(definition.name)
            if definition.name not in self.versions:
                raise NoVersionError(definition.name)
            return self.versions[definition.name]

        database = Queries(urls.database)
        features = FeatureCache(open_client(urls.redis, self.storage), hear=partial(count_failure, "features"))
        return Worker(
            definitions=self.definitions,
            find_version=find,
            health=StorageHealth(urls, self.storage),
            serving=self.serving,
            inference=self.inference,
            access=AccessLog(),
            recorder=recorder(urls, self.storage.state_dir, self.ledger),
            ledger=self.ledger,
            entities=EntityAccess(
                OnlineFeatures(database, features, hear=count_lookups),
                Events(Queries(urls.database, connections=WRITERS), features),
                Remembered(open_async_client(urls.redis, self.storage), 60, hear=partial(count_failure, "predictions")),
                self.inference.deadline_ms / 1000,
            ),
            hub=Hub(Feed(open_async_client(urls.redis, self.storage))),
            reader=LedgerReader(open_engine(urls.database, self.storage), 10.0),
            shipping=partial(status.read, self.storage.state_dir),
        )


class App:
    """The application that `service.py` makes, from parts of the test's choice; started in the `with`.

    It runs while a request is waited for, on an event loop of its own.
    """

    def __init__(self, parts: Parts) -> None:
        with suppress(StorageUnavailableError):
            migrate(storage.urls(parts.storage).database)
        with quiet():
            self._asgi, self._worker = _build(parts)
        self._runner = asyncio.Runner()

    @property
    def worker(self) -> Worker:
        return self._worker()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*'model_fields' attribute on the instance")  # BentoML's
            return self._runner.run(self._request(method, path, **options))

    def get(self, path: str) -> httpx.Response:
        return self.request("GET", path)

    def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """POST a body: bytes as they are, anything else as JSON. The media type is JSON unless `headers` say more."""
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        return self.request("POST", path, **content, headers={"Content-Type": "application/json", **(headers or {})})

    async def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self._asgi)
        async with (
            asyncio.timeout(HANGS_SECONDS),
            httpx.AsyncClient(transport=transport, base_url="http://tiffin") as client,
        ):
            return await client.request(method, path, **options)

    def __enter__(self) -> Self:
        before = signal.getsignal(signal.SIGTERM)
        self._runner.run(self._start())
        signal.signal(signal.SIGTERM, before)  # a worker that drains is a process that ends; this one is the tests'
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self._stop())
        self._runner.close()

    async def _start(self) -> None:
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        self._lifespan = asyncio.create_task(self._asgi(scope, self._messages.get, self._said.put))
        await self._tell("lifespan.startup")

    async def _stop(self) -> None:
        await self._tell("lifespan.shutdown")
        await self._lifespan

    async def _tell(self, what: str) -> None:
        await self._messages.put({"type": what})
        async with asyncio.timeout(HANGS_SECONDS):
            answer = await self._said.get()
        assert answer["type"] == f"{what}.complete", answer


def _build(parts: Parts) -> tuple[Any, Callable[[], Worker]]:
    """The ASGI application and the way to its worker, which is there once it has started."""

    class Tiffin:
        settings = parts.serving
        worker: Worker

        @bentoml.on_startup
        async def start(self) -> None:
            self.worker = parts.worker()
            workers.append(self.worker)
            await self.worker.start()

        @bentoml.on_shutdown
        async def stop(self) -> None:
            await self.worker.stop()

        @staticmethod
        def champions() -> list[str]:
            return []

        @staticmethod
        def management() -> FastAPI:
            def document() -> dict[str, Any]:
                most = parts.serving.max_batch_records
                return openapi_document(parts.definitions, application, max_records=most, version="test")

            application = management_app(lambda: workers[-1], document)
            return application

    workers: list[Worker] = []
    add_apis(Tiffin, parts.definitions, parts.serving)
    service = bentoml.service(
        name="tiffin",
        service_class=TiffinService,
        traffic={"timeout": 60},
        metrics={"enabled": True},
        logging={"access": {"enabled": False}},
        tracing={"excluded_urls": ".*"},
        endpoints={"livez": "/livez", "readyz": "/readyz"},
    )(Tiffin)
    return service.to_asgi(), lambda: workers[-1]
