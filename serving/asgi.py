"""The front door as ASGI middleware around BentoML's application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from serving.exchange import Exchange, Headers, request_id
from serving.front_door import FrontDoor, Route
from serving.origins import READING
from serving.problems import MethodNotAllowed, NotFound, Problem
from serving.stream import StreamApp
from serving.stream.app import PATH as STREAM

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
LAST = (b"connection", b"close")


class FrontDoorApp:
    """Answers inference requests through the front door and passes everything else on.

    What is passed on gets a request id, a bound on its body and an entry in metrics and access log too.
    """

    def __init__(
        self, app: App, door: Callable[[], FrontDoor], stream: Callable[[], StreamApp], *, fast_path: bool
    ) -> None:
        self._app = app
        self._door = door
        self._find_stream = stream
        self._fast_path = fast_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        door = self._door()
        if scope["path"] == STREAM:
            await self._stream(door, scope, receive, send)
            return
        route = door.route(scope["path"])
        if route is not None and (self._fast_path or not door.leads_to_model(scope["path"])):
            await self._answer(door, route, scope, receive, send)
        else:
            await self._pass_on(door, route, scope, receive, send)

    async def _answer(self, door: FrontDoor, route: Route, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the whole body, let the front door answer, send what it says."""
        future: asyncio.Future[tuple[int, bytes, bytes, Headers]] = asyncio.get_running_loop().create_future()

        def respond(status: int, media_type: bytes, body: bytes, headers: Headers) -> None:
            if not future.done():
                future.set_result((status, media_type, body, headers))

        given = dict(scope["headers"])
        exchange = Exchange(
            scope["method"],
            scope["path"],
            request_id(given.get(b"x-request-id")),
            respond,
            content_type=given.get(b"content-type", b""),
            content_encoding=given.get(b"content-encoding", b""),
            origin=given.get(b"origin", b""),
            host=given.get(b"host", b""),
        )
        body = await _read(receive, door.max_body_bytes, _announced(given))
        if body is None:
            return
        exchange.body = body
        door.handle(route, exchange)
        status, media_type, answer, headers = await future
        fixed = [
            (b"content-type", media_type),
            (b"content-length", str(len(answer)).encode()),
            (b"x-request-id", exchange.request_id.encode()),
        ]
        if door.draining:
            fixed.append(LAST)
        await send({"type": "http.response.start", "status": status, "headers": [*fixed, *headers]})
        await send({"type": "http.response.body", "body": answer})

    async def _pass_on(self, door: FrontDoor, route: Route | None, scope: Scope, receive: Receive, send: Send) -> None:
        given = dict(scope["headers"])
        identity = request_id(given.get(b"x-request-id"))
        exchange = Exchange(scope["method"], scope["path"], identity, _nothing)
        foreign = None
        if scope["method"] not in READING:
            foreign = door.origins.unfit(given.get(b"origin", b""), given.get(b"host", b""))
        if foreign is not None:
            exchange.template = route.template if route is not None else "other"
            exchange.finished = door.finished
            await _send_refusal(exchange, foreign, send, [LAST])
            return
        head = scope["method"] == "HEAD"
        scope = {**scope, "state": {**scope.get("state", {}), "request_id": identity}}
        if head:  # routes know GET only; the same answer without its body is right everywhere
            scope["method"] = "GET"
        status, started = 500, False

        async def send_with_id(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                kept = [(name, value) for name, value in message.get("headers", ()) if name.lower() != b"x-request-id"]
                kept.append((b"x-request-id", identity.encode()))
                message = {**message, "headers": [*kept, LAST] if door.draining else kept}
            elif head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        size, announced = 0, _announced(given)
        gone = False

        async def receive_bounded() -> Message:
            nonlocal size, gone
            if announced > door.max_body_bytes:
                raise door.too_large()
            message = await receive()
            gone = message["type"] == "http.disconnect" and not started
            size += len(message.get("body", b""))
            if size > door.max_body_bytes:
                raise door.too_large()
            return message

        try:
            await self._app(scope, receive_bounded, send_with_id)
        finally:
            if not gone:  # nobody is there to be answered; the protocol counts what it ended itself
                exchange.template = route.template if route is not None else _template(scope)
                door.finished(exchange, status)

    async def _stream(self, door: FrontDoor, scope: Scope, receive: Receive, send: Send) -> None:
        """The live stream as server-sent events. It is counted when it ends; its time says how long it lasted."""
        identity = request_id(dict(scope["headers"]).get(b"x-request-id"))
        exchange = Exchange(scope["method"], STREAM, identity, _nothing)
        exchange.template = STREAM
        headers = [(b"x-request-id", identity.encode()), *([LAST] if door.draining else [])]
        stream = self._find_stream()
        try:
            if scope["method"] != "GET":
                raise MethodNotAllowed("this path does not take this method; use GET", headers=[("allow", "GET")])
            wants, after = stream.check(scope)
        except Problem as problem:
            exchange.finished = door.finished
            await _send_refusal(exchange, problem, send, headers[1:])
            return
        try:
            await stream.events(wants, after, receive, send, headers)
        finally:
            door.finished(exchange, 200)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The live stream; there is no other WebSocket."""
        identity = request_id(dict(scope["headers"]).get(b"x-request-id"))
        exchange = Exchange("GET", scope["path"], identity, _nothing)
        exchange.template = STREAM if scope["path"] == STREAM else "other"
        try:
            if scope["path"] != STREAM:
                raise NotFound("there is no WebSocket at this path; /v1/stream is one")
            given = dict(scope["headers"])
            foreign = self._door().origins.unfit(given.get(b"origin", b""), given.get(b"host", b""))
            if foreign is not None:
                raise foreign
            wants, after = self._find_stream().check(scope)
        except Problem as problem:
            await self._refuse_websocket(exchange, problem, scope, send)
            return
        try:
            await self._find_stream().websocket(wants, after, receive, send)
        finally:
            self._door().finished(exchange, 101)

    async def _refuse_websocket(self, exchange: Exchange, problem: Problem, scope: Scope, send: Send) -> None:
        """By the ASGI extension that uvicorn has, or else without a word."""
        if "websocket.http.response" not in scope.get("extensions", ()):
            await send({"type": "websocket.close"})
            return
        exchange.finished = self._door().finished
        status, media_type, body, headers = _refused(exchange, problem)
        fixed = [
            (b"content-type", media_type),
            (b"content-length", str(len(body)).encode()),
            (b"x-request-id", exchange.request_id.encode()),
        ]
        await send({"type": "websocket.http.response.start", "status": status, "headers": [*fixed, *headers, LAST]})
        await send({"type": "websocket.http.response.body", "body": body})


def _refused(exchange: Exchange, problem: Problem) -> tuple[int, bytes, bytes, Headers]:
    """The answer that tells the problem."""
    answers: list[tuple[int, bytes, bytes, Headers]] = []
    exchange.send = lambda *answer: answers.append(answer)
    exchange.refuse(problem)
    return answers[0]


async def _send_refusal(exchange: Exchange, problem: Problem, send: Send, more: list[tuple[bytes, bytes]]) -> None:
    """Answer with the problem, without the application."""
    status, media_type, body, headers = _refused(exchange, problem)
    fixed = [
        (b"content-type", media_type),
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", exchange.request_id.encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": [*fixed, *more, *headers]})
    await send({"type": "http.response.body", "body": body})


def _nothing(status: int, media_type: bytes, body: bytes, headers: Headers) -> None:
    """Requests that are passed on answer for themselves."""


def _announced(headers: dict[bytes, bytes]) -> int:
    """The Content-Length; 0 when there is none."""
    length = headers.get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


async def _read(receive: Receive, limit: int, announced: int) -> bytes | None:
    """The whole body, at most one chunk more than `limit` bytes of it; None when the client went away.

    Of a body that is announced as larger nothing is read: what comes back is as long and blank.
    """
    if announced > limit:
        return b" " * (limit + 1)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        chunks.append(chunk)
        size += len(chunk)
        if not message.get("more_body", False) or size > limit:
            return b"".join(chunks)


def _template(scope: Scope) -> str:
    """The pattern of the route that answered, so that no path a caller makes up becomes a metric's label."""
    route = scope.get("route")
    path = getattr(route, "path", None)
    if isinstance(path, str):
        return path.replace(":path}", "}")
    return scope["path"] if scope["path"] in KNOWN_PATHS else "other"


KNOWN_PATHS = frozenset({"/", "/livez", "/readyz", "/healthz", "/metrics", "/docs", "/openapi.json", "/docs.json"})
