"""No answer without its entry: predictions are in the ledger's spool, or in PostgreSQL, before they are sent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import msgspec

from features.entity import Entity
from ledger.commit import Committer
from ledger.errors import LedgerError
from ledger.frame import Frame, Operation
from ledger.privacy import stripped
from ledger.settings import LedgerSettings
from ledger.spool import Spool
from models.definition import Definition
from serving.decoding import Values
from serving.entities import EntitiesRequest, EntityRequest, view_of
from serving.entity_endpoint import Scored
from serving.problems import Problem
from storage import Urls

logger = logging.getLogger("tiffin.serving")

Done = Callable[[Exception | None], None]
"""Told, once, that the entry is safe, or why it is not."""
_encode = msgspec.json.Encoder().encode


class Recorder(Protocol):
    """Keeps the entries of answered requests."""

    def record(self, frame: Frame, done: Done) -> None:
        """Keep the frame and tell `done`, now or soon, in the loop's thread."""

    def rest(self) -> None:
        """Called now and then, also while nothing is recorded."""

    async def close(self) -> None:
        """Keep what is still to be kept; nothing is recorded afterwards."""


class SpoolRecorder:
    """Writes to the local spool, once for everything that ends in the same turn of the event loop.

    The spool is opened at the first entry, and again after it could not be opened: until then answers are refused.
    """

    def __init__(self, state_dir: Path, settings: LedgerSettings) -> None:
        self._state_dir = state_dir
        self._settings = settings
        self._spool: Spool | None = None
        self._waiting: list[Done] = []
        self._failing = False

    def record(self, frame: Frame, done: Done) -> None:
        try:
            spool = self._spool
            if spool is None:
                spool = self._spool = Spool.open(self._state_dir, self._settings)
        except LedgerError as error:
            self._note(error)
            done(error)
            return
        spool.add(frame)
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.append(done)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        error: Exception | None = None
        try:
            if self._spool is not None:
                self._spool.flush()
        except LedgerError as failure:
            error = failure
        self._note(error)
        for done in waiting:
            try:
                done(error)
            except Exception:  # one caller's connection is no reason to leave the others without an answer
                logger.exception("an answer could not be sent")

    def rest(self) -> None:
        if self._spool is not None:
            with suppress(OSError):  # as soon as something is to be written, it is said what is wrong
                self._spool.rest()

    def _note(self, error: Exception | None) -> None:
        """Log the first failure, and the end of failing."""
        if error is not None and not self._failing:
            logger.error("predictions are refused, as they cannot be recorded: %s", error)
        elif error is None and self._failing:
            logger.info("predictions can be recorded again")
        self._failing = error is not None

    async def close(self) -> None:
        self._flush()
        if self._spool is not None:
            spool, self._spool = self._spool, None
            spool.close()


class CommitRecorder:
    """Lets answers wait until PostgreSQL has committed their entries."""

    def __init__(self, committer: Committer) -> None:
        self._committer = committer
        committer.start()

    def record(self, frame: Frame, done: Done) -> None:
        loop = asyncio.get_running_loop()

        def committed(error: Exception | None) -> None:
            loop.call_soon_threadsafe(done, error)

        self._committer.submit([frame], committed)

    def rest(self) -> None:
        """There is nothing to do."""

    async def close(self) -> None:
        await asyncio.to_thread(self._committer.close)


def recorder(urls: Urls, state_dir: Path, settings: LedgerSettings) -> Recorder:
    """The recorder of a worker, as `ledger.durability` wants it."""
    if settings.durability == "commit":
        return CommitRecorder(Committer(urls.database, urls.redis, state_dir, settings.commit_deadline_seconds))
    return SpoolRecorder(state_dir, settings)


class Entries:
    """Makes the entries of one model's answers: of what is sent, and of what it came from."""

    def __init__(self, definition: Definition, recorder: Recorder, settings: LedgerSettings) -> None:
        self._model = definition.name
        self._names = definition.schema.names
        view = view_of(definition)
        self._columns = frozenset(view.columns if view is not None else ())
        self._recorder = recorder
        self._whole = settings.keeps_features(definition.name)

    def of_records(self, operation: Operation, encoded: bytes, body: bytes, request_id: str, done: Done) -> None:
        """Record the answer to a request whose `body` holds its records; `encoded` is what will be sent."""
        frame = Frame(
            model=self._model,
            operation=operation,
            answer=self._kept(encoded),
            body=body if self._whole else b"",
            request_id=request_id,
        )
        self._recorder.record(frame, done)

    def of_entities(
        self,
        operation: Operation,
        asked: EntityRequest | EntitiesRequest,
        scored: Scored,
        encoded: bytes,
        request_id: str,
        done: Done,
    ) -> None:
        """Record the answer about entities. One that was only remembered is in the ledger already."""
        if scored.features is None:
            done(None)
            return
        one = isinstance(asked, EntityRequest)
        encoded = encoded if scored.made is None else _encode(scored.made)
        frame = Frame(
            model=self._model,
            operation=operation,
            answer=self._kept(encoded),
            features=self._features(scored.features, one=one) if self._whole else b"",
            entity=asked.entity.text if isinstance(asked, EntityRequest) else None,
            entities=b"" if isinstance(asked, EntityRequest) else _encode(list(map(_text, asked.entities))),
            as_of=asked.as_of.isoformat() if asked.as_of is not None else None,
            request_id=request_id,
            supposed=not self._columns.isdisjoint(asked.given),
        )
        self._recorder.record(frame, done)

    def _kept(self, encoded: bytes) -> bytes:
        return encoded if self._whole else _encode(stripped(msgspec.json.decode(encoded)))

    def _features(self, rows: Sequence[Values | None], *, one: bool) -> bytes:
        named = [None if row is None else dict(zip(self._names, row, strict=True)) for row in rows]
        return _encode(named[0] if one else named)


def _text(entity: Entity | Problem) -> str | None:
    return None if isinstance(entity, Problem) else entity.text
