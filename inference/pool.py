"""The models that this process serves: each with its runners, swapped as a whole."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal
from weakref import WeakSet

from inference.errors import NotLoadedError
from inference.loaded import LoadedModel
from inference.runner import Runner
from inference.settings import RunnerSettings

logger = logging.getLogger("tiffin.inference")

Stage = Literal["score", "explain"]
Observe = Callable[[str, Stage, int, float, float], None]
"""Told of every model call: model, stage, rows, seconds the oldest row waited, seconds the call took."""


@dataclass(frozen=True, slots=True)
class Hosted:
    """A loaded version with a runner for each of its two calls."""

    loaded: LoadedModel
    scoring: Runner
    explaining: Runner


class Pool:
    """All hosted models by name. Belongs to the event loop's thread; model calls may run in its threads."""

    def __init__(self, settings: RunnerSettings, observe: Observe | None = None) -> None:
        self._settings = settings
        self._observe = observe
        self._executor = ThreadPoolExecutor(settings.threads, thread_name_prefix="inference")
        self._hosted: dict[str, Hosted] = {}
        self._reasons: dict[str, str] = {}
        self._runners: WeakSet[Runner] = WeakSet()
        """Those of hosted versions, and of replaced ones as long as their work lasts."""

    @property
    def hosted(self) -> Mapping[str, Hosted]:
        return MappingProxyType(self._hosted)

    @property
    def reasons(self) -> Mapping[str, str]:
        """Why a model is not served, by model name."""
        return MappingProxyType(self._reasons)

    def install(self, loaded: LoadedModel) -> None:
        """Serve this version from now on; work in flight finishes on the one before."""
        name = loaded.definition.name
        self._hosted[name] = Hosted(loaded, self._runner(name, "score", loaded), self._runner(name, "explain", loaded))
        self._reasons.pop(name, None)
        logger.info("serving %s", loaded.tag)

    def refuse(self, name: str, reason: str) -> None:
        """Say why `name` is not served. A version that is already installed goes on serving."""
        self._reasons[name] = reason

    def get(self, name: str) -> Hosted:
        """Raises NotLoadedError with the reason."""
        hosted = self._hosted.get(name)
        if hosted is None:
            raise NotLoadedError(name, self._reasons.get(name, "it is not loaded yet"))
        return hosted

    async def close(self, timeout_seconds: float) -> None:
        """Take no new work, answer what is queued, end the threads. Work beyond the timeout ends unanswered."""
        runners = list(self._runners)
        try:
            async with asyncio.timeout(timeout_seconds):
                await asyncio.gather(*(runner.drain() for runner in runners))
        except TimeoutError:
            logger.warning("some model calls did not finish within %g s", timeout_seconds)
            for runner in runners:
                runner.abandon()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _runner(self, name: str, stage: Stage, loaded: LoadedModel) -> Runner:
        call = loaded.score if stage == "score" else loaded.explain
        observe = self._observe
        told = None if observe is None else (lambda rows, waited, took: observe(name, stage, rows, waited, took))
        runner = Runner(f"model {name}", call, self._settings, self._executor, told)
        self._runners.add(runner)
        return runner
