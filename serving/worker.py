"""A serving worker's state: what it serves, whether it is ready, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import time
from collections.abc import Callable, Collection, Mapping
from types import FrameType
from typing import Protocol

from inference.errors import LoadFailedError
from inference.loaded import LoadedModel, load
from inference.pool import Pool
from inference.settings import RunnerSettings
from ledger.settings import LedgerSettings
from ledger.status import Status
from models.definition import Definition
from monitoring import metrics
from monitoring.access import AccessLog
from registry.errors import NeverStoredError, RegistryError
from registry.store import Version
from serving.allocator import keep_freed_memory
from serving.answers import rehearse
from serving.decoding import Decoder
from serving.endpoint import ModelEndpoint
from serving.entities import view_of
from serving.entity_access import EntityAccess
from serving.front_door import FrontDoor
from serving.ledger_reader import LedgerReader
from serving.listening import Listening
from serving.origins import Origins
from serving.recorder import Entries, Recorder
from serving.settings import ServingSettings
from serving.stream import Hub, StreamApp
from storage.health import DependencyHealth, StorageHealth

logger = logging.getLogger("tiffin.serving")
FLUSH_SECONDS = 0.5
"""How often buffered metrics are written to where the other workers see them."""
RETRY_SECONDS = 3.0
"""How often a worker looks for a version of a model that it cannot serve yet."""


class FindVersion(Protocol):
    """Which version of a model should be served. Raises RegistryError when there is none."""

    def __call__(self, definition: Definition) -> Version: ...


class Worker:
    """Everything one serving process holds. `start` and `stop` belong to its event loop."""

    def __init__(
        self,
        definitions: Mapping[str, Definition],
        find_version: FindVersion,
        health: StorageHealth,
        serving: ServingSettings,
        inference: RunnerSettings,
        access: AccessLog,
        broken: Collection[str] = (),
        listening: Listening | None = None,
        *,
        recorder: Recorder,
        ledger: LedgerSettings,
        entities: EntityAccess,
        hub: Hub,
        reader: LedgerReader,
        shipping: Callable[[], Status],
    ) -> None:
        """`broken` are models whose files do not load: they are not served, and `unready` names them."""
        self.definitions = definitions
        self.broken = broken
        self.settings = serving
        self.health = health
        self.started_at = time.time()
        self.draining = False
        self._find_version = find_version
        self._access = access
        self._listening = listening
        self._closing: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._untrained: frozenset[str] = frozenset()
        self._recorder = recorder
        self.ledger = ledger
        self.entities = entities
        self._hub = hub
        self.reader = reader
        self.shipping = shipping
        self.stream = StreamApp(hub, definitions, serving.max_listeners)
        self.pool = Pool(inference, ModelMeters())
        self.endpoints = {name: self._endpoint(definition) for name, definition in definitions.items()}
        self.door = FrontDoor(
            self.endpoints,
            max_body_bytes=serving.max_body_bytes,
            fast_path=serving.fast_path,
            access=access,
            origins=Origins(serving.allowed_origins),
        )

    def _endpoint(self, definition: Definition) -> ModelEndpoint:
        view, serving = view_of(definition), self.settings
        decoder = Decoder(definition, view, max_records=serving.max_batch_records, max_nesting=serving.max_nesting)
        endpoint = ModelEndpoint(definition, self.pool, decoder, Entries(definition, self._recorder, self.ledger))
        endpoint.entities = self.entities.endpoint(
            definition, endpoint, keeps_values=self.ledger.keeps_features(definition.name)
        )
        return endpoint

    async def start(self) -> None:
        """Load every model that has a version; the others are looked for again and again."""
        gc.enable()  # what was imported is behind us
        if self._listening is not None:
            self._listening.start()
        self.health.start()
        self.entities.start()
        await self._look()
        self._tasks = [asyncio.create_task(self._keep_loading()), asyncio.create_task(self._keep_flushing())]
        self._drain_on_sigterm()
        keep_freed_memory()
        gc.collect()
        gc.set_threshold(10_000)  # a batch makes thousands of objects that all die with it
        gc.freeze()  # what start-up made lives on: the collector need not look at it again and again

    def drain(self) -> None:
        """Say that this worker should get no more traffic, to probes and with every answer; go on answering."""
        self.draining = self.door.draining = True

    async def stop(self) -> None:
        """Finish what is in flight, then close everything in the reverse order of `start`."""
        self.drain()
        await self._hub.close()
        if self._closing is not None:
            await self._closing
        if self._listening is not None:
            self._listening.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(endpoint.close() for endpoint in self.endpoints.values()))
        await self.pool.close(self.settings.shutdown_seconds)
        await self.entities.close()
        await self._recorder.close()
        self.reader.close()
        self._access.flush()
        metrics.flush()
        self.health.stop()

    def unready(self) -> list[str]:
        """Why this worker should get no traffic; empty when it should."""
        if self.draining:
            return ["the server is shutting down"]
        reasons = []
        required = self.settings.ready_requires
        if "models" in required:
            spared = self._untrained if self.pool.hosted else ()
            lacking = [name for name in self.definitions if not self.serves(name) and name not in spared]
            reasons += [f"model {name}: {self.reason(name)}" for name in lacking]
            reasons += [f"model {name}: its file does not load; the server's log says why" for name in self.broken]
        return reasons + self._outages(lambda name: name in required)

    def impaired(self) -> list[str]:
        """What does not work though this worker can go without it."""
        return self.untrained() + self._outages(lambda name: name not in self.settings.ready_requires)

    def untrained(self) -> list[str]:
        """Models that have never had a version, while others answer: an experiment that failed stops nobody."""
        if not self.pool.hosted:
            return []
        return [self.reason(name) for name in sorted(self._untrained)]

    def _outages(self, concerns: Callable[[str], bool]) -> list[str]:
        states = ((NAMES[state.name], state) for state in self.health.snapshot().values())
        faults = ((name, _fault(state)) for name, state in states if concerns(name))
        return [f"{name}: {fault}" for name, fault in faults if fault]

    @property
    def predictions(self) -> int:
        """Predictions answered by this process."""
        return sum(endpoint.counter.total for endpoint in self.endpoints.values())

    def serves(self, name: str) -> bool:
        return name in self.pool.hosted

    def reason(self, name: str) -> str:
        """Why a model is not served."""
        return self.pool.reasons.get(name, "it is not loaded yet")

    async def _look(self) -> list[str]:
        """Find the versions of all models that are not served, then load them; the names of those served now.

        All are found before the first is loaded, so that readiness waits for every model that has a version.
        """
        found: dict[str, Version] = {}
        untrained: set[str] = set()
        for name, definition in self.definitions.items():
            if not self.serves(name):
                try:
                    found[name] = await asyncio.to_thread(self._find_version, definition)
                except Exception as error:  # as below
                    if isinstance(error, NeverStoredError):
                        untrained.add(name)
                    self._refuse(name, error)
        self._untrained = frozenset(untrained)
        for name, version in found.items():
            await self._load(self.definitions[name], version)
        return [name for name in found if self.serves(name)]

    async def _load(self, definition: Definition, version: Version) -> None:
        """Load, warm, then serve. Warming and reading happen off the event loop."""
        try:
            self.pool.install(await asyncio.to_thread(_ready, definition, version))
        except Exception as error:  # whatever keeps one model from being served must not end the others
            self._refuse(definition.name, error)
        else:
            metrics.model_up.labels(definition.name).set(True)

    def _refuse(self, name: str, error: Exception) -> None:
        """Callers see the reason; what a damaged file made a library say may name paths and is for the log."""
        if isinstance(error, RegistryError):
            reason = str(error)
        elif isinstance(error, LoadFailedError):
            reason = f"version {error.tag} does not load; the server's log says why"
        else:
            reason = "it could not be loaded; the server's log says why"
        if self.pool.reasons.get(name) != reason:
            logger.warning("model %s: %s", name, error, exc_info=None if isinstance(error, RegistryError) else error)
        self.pool.refuse(name, reason)
        metrics.model_up.labels(name).set(False)

    async def _keep_loading(self) -> None:
        """Warm the versions that nothing waits for, then look for missing versions again and again."""
        for hosted in list(self.pool.hosted.values()):
            await self._warm(hosted.loaded)
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            for name in await self._look():
                await self._warm(self.pool.hosted[name].loaded)

    async def _warm(self, loaded: LoadedModel) -> None:
        try:
            await asyncio.to_thread(loaded.warm)
        except Exception:  # what is not warm is slower, or says so when it is asked
            logger.exception("%s could not be warmed", loaded.tag)

    async def _keep_flushing(self) -> None:
        """Keep what other workers and /metrics see of this one fresh."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                for state in self.health.snapshot().values():
                    metrics.dependency_up.labels(state.name).set(state.ok)
                self._report_shipping()
                self._recorder.rest()
                metrics.flush()
            except OSError:
                logger.exception("metrics could not be written")

    def _report_shipping(self) -> None:
        """What waits in the spool, and what has become of the rest."""
        status = self.shipping()
        metrics.spool_bytes.labels("local").set(status.spool_bytes)
        metrics.spool_age.labels("local").set(status.oldest_unshipped_seconds)
        metrics.dependency_up.labels("shipper").set(status.running)
        for outcome in ("shipped", "rejected", "fed", "feed_skipped"):
            metrics.ledger_rows.labels(outcome).set(getattr(status, outcome))

    def _drain_on_sigterm(self) -> None:
        """On SIGTERM readiness goes at once; what uvicorn does then follows `drain_seconds` later."""
        before = signal.getsignal(signal.SIGTERM)
        if not callable(before):
            return
        loop = asyncio.get_running_loop()
        then: Callable[[int, FrameType | None], object] = before

        def stop_accepting() -> None:
            if self._listening is not None and self._closing is None:
                self._closing = loop.create_task(self._listening.stop())
            then(signal.SIGTERM, None)

        def drain(number: int, frame: FrameType | None) -> None:
            if self.draining:
                loop.call_soon_threadsafe(stop_accepting)
                return
            self.drain()
            loop.call_soon_threadsafe(self._hub.end)  # nothing else ends a stream, and the server waits for its answers
            loop.call_soon_threadsafe(loop.call_later, self.settings.drain_seconds, stop_accepting)

        with contextlib.suppress(ValueError):  # not the main thread: an in-process test has no signals to handle
            signal.signal(signal.SIGTERM, drain)


def _ready(definition: Definition, version: Version) -> LoadedModel:
    """The version, loaded, warm as far as its answers need it, and tried."""
    loaded = load(definition, version)
    if definition.drivers:
        loaded.warm()
    rehearse(loaded)
    return loaded


def _fault(state: DependencyHealth) -> str:
    """What is wrong with a server; empty when nothing is."""
    return state.lacking if state.ok else f"not available since {state.since:%Y-%m-%dT%H:%M:%SZ}"


SILENT = "does not answer"
NAMES = {"postgresql": "database", "redis": "redis"}
"""What `ready_requires` calls each dependency."""


class ModelMeters:
    """The metrics of model calls, their labelled children found once."""

    def __init__(self) -> None:
        self._children: dict[tuple[str, str], tuple[metrics.Observations, metrics.Observations, metrics.Observations]]
        self._children = {}

    def __call__(self, model: str, stage: str, rows: int, waited: float, took: float) -> None:
        children = self._children.get((model, stage))
        if children is None:
            children = self._children[model, stage] = (
                metrics.Observations(metrics.stage.labels(model, f"queue_{stage}")),
                metrics.Observations(metrics.stage.labels(model, stage)),
                metrics.Observations(metrics.batch_rows.labels(model, stage)),
            )
        queue, call, batch = children
        queue.observe(waited)
        call.observe(took)
        batch.observe(rows)
