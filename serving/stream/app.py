"""`/v1/stream` as an ASGI application: a WebSocket, or server-sent events."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

from models.definition import Definition
from monitoring import metrics
from registry.errors import UnknownModelError
from serving.answers import levels_of
from serving.parameters import invalid
from serving.problems import FieldError, Overloaded, problem_for
from serving.stream.event import Event, Filter, Notice
from serving.stream.hub import Hub
from serving.stream.listener import Listener
from serving.suggestions import hint

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PATH = "/v1/stream"
HEARTBEAT_SECONDS = 15.0
RETRY_MILLISECONDS = 2000
"""When a client of server-sent events should come back after its connection ended."""
TRY_AGAIN_LATER = 1013
_PLACE = re.compile(r"\d{1,15}(-\d{1,15})?\Z")
_PARAMETERS = ("model", "level", "last_id")


class StreamApp:
    """Listens to the hub for each connection. `most` is how many may listen to this worker."""

    def __init__(self, hub: Hub, definitions: Mapping[str, Definition], most: int) -> None:
        self._hub = hub
        self._levels = {name: levels_of(definition) for name, definition in definitions.items()}
        self._most = most

    def check(self, scope: Scope) -> tuple[Filter, str | None]:
        """What a request asks for. Raises the problem when it cannot have it."""
        wants, after = self._read(scope)
        if self._hub.closed:
            raise Overloaded("the server is shutting down; another replica may answer", retry_after_seconds=1.0)
        if self._hub.listeners >= self._most:
            raise Overloaded("too many listeners; try again later", retry_after_seconds=10.0)
        return wants, after

    async def events(self, wants: Filter, after: str | None, receive: Receive, send: Send, headers: Any) -> None:
        """Server-sent events (WHATWG HTML, 9.2) until the client goes away or the server shuts down."""
        fixed = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]

        async def begin() -> None:
            await send({"type": "http.response.start", "status": 200, "headers": [*fixed, *headers]})
            retry = f"retry: {RETRY_MILLISECONDS}\n\n".encode()
            await send({"type": "http.response.body", "body": retry, "more_body": True})

        async def write(notices: list[Notice], events: list[Event]) -> None:
            blocks = [*map(_notice_event, notices), *(event.block for event in events)]
            content = b"".join(blocks) or b": heartbeat\n\n"
            await send({"type": "http.response.body", "body": content, "more_body": True})

        await self._serve(wants, after, receive, begin, write, "http.disconnect", "events")
        with suppress(OSError):
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def websocket(self, wants: Filter, after: str | None, receive: Receive, send: Send) -> None:
        """One JSON text for each event; what a client sends is ignored."""

        async def begin() -> None:
            await send({"type": "websocket.accept"})

        async def write(notices: list[Notice], events: list[Event]) -> None:
            texts = [*map(_notice_text, notices), *(event.text for event in events)] or ['{"type":"heartbeat"}']
            for text in texts:
                await send({"type": "websocket.send", "text": text})

        await self._serve(wants, after, receive, begin, write, "websocket.disconnect", "websocket")
        with suppress(OSError, RuntimeError):
            await send({"type": "websocket.close", "code": TRY_AGAIN_LATER, "reason": "the server is shutting down"})

    async def _serve(
        self,
        wants: Filter,
        after: str | None,
        receive: Receive,
        begin: Callable[[], Awaitable[None]],
        write: Callable[[list[Notice], list[Event]], Awaitable[None]],
        gone: str,
        transport: str,
    ) -> None:
        """Begin when nothing is missed any more; write until the client is gone or the hub ends the stream."""
        listener = Listener(wants)
        leaving = asyncio.create_task(_until(receive, gone))
        gauge = metrics.listeners.labels(transport)
        gauge.inc()
        try:
            await self._hub.join(listener, after)
            await begin()
            writing = asyncio.create_task(_write(listener, write))
            try:
                await asyncio.wait((leaving, writing), return_when=asyncio.FIRST_COMPLETED)
            finally:
                writing.cancel()
                with suppress(asyncio.CancelledError, OSError, RuntimeError):
                    await writing
        finally:
            gauge.dec()
            self._hub.leave(listener)
            leaving.cancel()

    def _read(self, scope: Scope) -> tuple[Filter, str | None]:
        given = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        errors = [
            FieldError(f"query.{name[:64]}", "unknown_field", f"is not a known parameter{hint(name, _PARAMETERS)}")
            for name, _ in given
            if name not in _PARAMETERS
        ]
        models = _listed(given, "model")
        for model in models:
            if model not in self._levels:
                raise problem_for(UnknownModelError(model[:80], tuple(self._levels)))
        levels = _listed(given, "level")
        errors += self._level_errors(models, levels)
        after = dict(scope["headers"]).get(b"last-event-id", b"").decode("latin-1") or dict(given).get("last_id")
        if after is not None and not _PLACE.match(after):
            message = "must be the id of an event, such as 1767225600000-0"
            errors.append(FieldError("query.last_id", "invalid", message, after[:64]))
        if errors:
            raise invalid(errors)
        return Filter(frozenset(models), frozenset(levels)), after

    def _level_errors(self, models: list[str], levels: list[str]) -> list[FieldError]:
        known = sorted({level for model in models or self._levels for level in self._levels[model]})
        return [
            FieldError(
                "query.level", "unknown_value", f"must be one of {', '.join(known)}{hint(level, known)}", level[:64]
            )
            for level in levels
            if level not in known
        ]


async def _write(listener: Listener, write: Callable[[list[Notice], list[Event]], Awaitable[None]]) -> None:
    while True:
        await write(*await listener.next(HEARTBEAT_SECONDS))
        if listener.ended:
            return


async def _until(receive: Receive, kind: str) -> None:
    while (await receive())["type"] != kind:
        pass


def _listed(given: list[tuple[str, str]], name: str) -> list[str]:
    """All values of a parameter, which may stand several times or hold several between commas."""
    return [value for key, text in given if key == name for value in text.split(",") if value]


def _notice_event(notice: Notice) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (notice.kind.encode(), notice.as_json())


def _notice_text(notice: Notice) -> str:
    return f'{{"type":"{notice.kind}","notice":{notice.as_json().decode()}}}'
