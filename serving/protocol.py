"""The front door as an HTTP protocol of uvicorn: inference requests are answered without an ASGI task, scope or send.

HTTP itself (parsing by llhttp, keep-alive, pipelining, flow control, graceful shutdown) stays uvicorn's: a request for
an inference route only gets another object in the place of uvicorn's request-response cycle. All other requests take
uvicorn's usual way to the ASGI application.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import httptools
import uvicorn.config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from serving.conformance import MAX_HEAD_BYTES, MAX_URL_BYTES, check_fields, check_size, problem_of
from serving.connections import Awaited, Wait, Watch
from serving.cycle import LINGER_SECONDS, Cycle
from serving.exchange import Exchange, Headers, request_id
from serving.front_door import FrontDoor
from serving.problems import MalformedRequest, Overloaded, Problem, RequestTimeout
from serving.settings import ServingSettings

LAST_CALL_SECONDS = 5.0
"""For a request that is still arriving when the server shuts down."""
ABORT_SECONDS = 0.1
"""After the time for a shutdown: what is refused at its end still gets its answer."""
CHUNKED_OVERHEAD = 16
"""A body in chunks of one byte is six times as long on the wire."""
UPGRADE_HEADERS = (b"connection", b"upgrade", b"http2-settings")


class FrontDoorProtocol(HttpToolsProtocol):
    """One connection. The class variables are set by `install`."""

    find_door: ClassVar[Callable[[], FrontDoor]]
    watch: ClassVar[Watch]
    settings: ClassVar[ServingSettings]
    wait: Wait | None = None
    url = b""
    _arrived = 0
    """Bytes of what is being parsed now."""
    _begun_in = 0
    """Bytes of what the request began in; some of them may belong to the one before."""
    _received = 0
    _allowed = MAX_HEAD_BYTES

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if not self.watch.add(self):
            self._refuse(Overloaded("too many connections; try again", retry_after_seconds=1.0), counted=False)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.watch.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """As uvicorn does, but for upgrades that this server does not offer: the request is served without."""
        self._unset_keepalive_if_required()
        self._arrived = len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._refuse_and_linger(problem_of(error))
        except httptools.HttpParserUpgrade as upgrade:
            if super()._should_upgrade():
                self.watch.discard(self)
                self.handle_websocket_upgrade()
            else:
                self._serve_without_upgrade(data[upgrade.args[0] :])
        self._received += len(data)
        if self._received > self._allowed and not self.transport.is_closing():
            self._end_endless_request()

    def resume_writing(self) -> None:
        """The client reads its answers again, so it is read again."""
        super().resume_writing()
        self.flow.resume_reading()

    def resume_reading(self) -> None:
        """Read on, unless the client leaves its answers lying: they would fill the memory."""
        if not self.flow.write_paused:
            self.flow.resume_reading()

    def _should_upgrade(self) -> bool:
        """Whether uvicorn should let go of a request that asks for an upgrade: always, `data_received` sees to it."""
        return True

    def _serve_without_upgrade(self, body: bytes) -> None:
        """Read the request again as if it had not asked (RFC 9110 7.8). The parser has given up on its body.

        Java's HttpClient and `curl --http2` ask for "h2c" with every first request.
        """
        if self.scope["method"] == "CONNECT":
            self._refuse_and_linger(MalformedRequest("this server is no proxy"))
            return
        lines = [b"%s %s HTTP/1.1" % (self.scope["method"].encode(), self.url)]
        lines += [b"%s: %s" % header for header in self.headers if header[0] not in UPGRADE_HEADERS]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn sets it
        self.data_received(b"\r\n".join([*lines, b"", body]))

    def on_message_begin(self) -> None:
        """What uvicorn does here, less the scope, which inference requests do without."""
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self._begun_in = self._arrived
        self._received = 0
        self._allowed = MAX_HEAD_BYTES

    def on_headers_complete(self) -> None:
        """Take the request if it is an inference request, else let uvicorn have it."""
        if self._received + self._arrived > MAX_HEAD_BYTES:
            check_size(self.url, self.headers)
        door = type(self).find_door()
        route = door.by_url.get(self.url)
        if route is None or self.parser.should_upgrade():
            self._hand_over()
            self._allowed = MAX_HEAD_BYTES + CHUNKED_OVERHEAD * door.max_body_bytes
            return
        existing = self.cycle
        version = self.parser.get_http_version()
        keep_alive = version != "1.0" and self.parser.should_keep_alive() and not door.draining
        cycle = Cycle(self, door, route, keep_alive, version)
        self._allowed = MAX_HEAD_BYTES + CHUNKED_OVERHEAD * door.max_body_bytes
        self.cycle = cycle  # type: ignore[assignment]
        if existing is None or existing.response_complete:
            cycle.begin()
        else:  # pipelined: uvicorn starts it by `run_asgi` when the answer before it is out
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))  # type: ignore[arg-type]

    def shutdown(self) -> None:
        """As uvicorn does, which waits for the answer; but no client holds the process by not ending its request."""
        super().shutdown()
        self.loop.call_later(self.settings.shutdown_seconds + ABORT_SECONDS, self.transport.abort)
        if self._waits_for_body():
            self.loop.call_later(min(LAST_CALL_SECONDS, self.settings.shutdown_seconds), self._last_call, self.headers)

    def awaited(self) -> tuple[Awaited, object] | None:
        """What the connection waits for from its client, and of which request; None when it is the client who waits."""
        cycle = self.cycle
        if self.flow.write_paused or self.transport.is_closing():
            return Awaited.READING, self.transport.get_write_buffer_size()
        if self.pipeline or self.timeout_keep_alive_task is not None:
            return None
        if cycle is None or cycle.response_complete:
            return Awaited.HEAD if self._in_head() else Awaited.REQUEST, self.headers
        return (Awaited.BODY, self.headers) if cycle.more_body and not cycle.response_started else None

    def expire(self, awaited: Awaited) -> None:
        """The client has taken too long. One that has not begun a request would not understand an answer."""
        match awaited:
            case Awaited.REQUEST:
                self.transport.close()
            case Awaited.READING:
                self.transport.abort()
            case Awaited.HEAD:
                seconds = self.settings.header_seconds
                self._refuse(RequestTimeout(f"the request's headers took longer than {seconds:g} s to arrive"))
                self.transport.close()
            case Awaited.BODY if not self.flow.read_paused:
                seconds = self.settings.body_seconds
                self._refuse(RequestTimeout(f"the request's body took longer than {seconds:g} s to arrive"))
                self.transport.close()

    def _last_call(self, headers: object) -> None:
        """Refuse a request that is still the one that was arriving when the shutdown began."""
        if self.headers is headers and self._waits_for_body():
            self._refuse(Overloaded("the server is shutting down; another replica may answer", retry_after_seconds=1.0))
            self.transport.close()

    def _waits_for_body(self) -> bool:
        found = self.awaited()
        return found is not None and found[0] is Awaited.BODY

    def _in_head(self) -> bool:
        """Whether a request has begun and its headers have not ended."""
        return self.headers is not None and self._allowed == MAX_HEAD_BYTES

    def _end_endless_request(self) -> None:
        """A head, chunks or trailers without an end are not collected for ever."""
        if self._allowed != MAX_HEAD_BYTES:
            self.transport.abort()
            return
        try:
            check_size(self.url, self.headers or [], more=self._received - self._begun_in)
        except Problem as problem:
            self._refuse_and_linger(problem)

    def _refuse_and_linger(self, problem: Problem) -> None:
        """Refuse what is no request. The client may still be sending: closing at once would lose the answer."""
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete and (cycle.response_started or not cycle.more_body):
            cycle.keep_alive = False  # an answer to an earlier request is due: this connection ends with it
        else:
            self._refuse(problem)
            if self.transport.can_write_eof():
                self.transport.write_eof()
            self.loop.call_later(LINGER_SECONDS, self.transport.close)
        self.parser = Deaf()  # type: ignore[assignment]
        self._allowed = sys.maxsize

    def _refuse(self, problem: Problem, *, counted: bool = True) -> None:
        """Answer outside of any route's handler, in the place of the request's own answer if it has begun."""
        cycle = self.cycle
        is_arriving = cycle is not None and not cycle.response_complete
        begun = is_arriving or self._in_head()
        url = self.url.decode("ascii", "replace").partition("?")[0] if begun else ""
        identity = request_id(dict(self.headers).get(b"x-request-id") if begun else None)
        method = self.parser.get_method().decode("ascii") if url else "-"
        exchange = Exchange(method, url[:MAX_URL_BYTES] or "*", identity, partial(self._end_with, identity))
        if counted:
            door = type(self).find_door()
            route = door.route(exchange.path)
            exchange.template = route.template if route is not None else "other"
            exchange.finished = door.finished
        if is_arriving:
            cycle.disconnected = True
            cycle.message_event.set()
        exchange.refuse(problem)

    def _end_with(self, identity: str, status: int, media_type: bytes, body: bytes, headers: Headers) -> None:
        fields = [
            (b"content-type", media_type),
            (b"content-length", str(len(body)).encode()),
            (b"x-request-id", identity.encode()),
            *headers,
            (b"connection", b"close"),
        ]
        head = b"".join(b"%s: %s\r\n" % field for field in fields)
        self.transport.write(STATUS_LINE[status] + self.default_headers() + head + b"\r\n" + body)

    def _hand_over(self) -> None:
        check_fields(self.headers, self.parser.get_http_version())
        check_size(self.url, self.headers)
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.headers, self.expect_100_continue = url, headers, expects
        self.scope["headers"] = headers
        super().on_headers_complete()

    def default_headers(self) -> bytes:
        """uvicorn's own headers (it makes a new list of them every second) as bytes."""
        given = self.server_state.default_headers
        state = _rendered
        if state[0] is not given:
            state[0] = given
            state[1] = b"".join(name + b": " + value + b"\r\n" for name, value in given)
        rendered: bytes = state[1]
        return rendered


_rendered: list[Any] = [None, b""]


class Deaf:
    """The parser of a connection that is not listened to any more."""

    def feed_data(self, data: bytes) -> None:
        """Nothing is made of it."""


def install(find_door: Callable[[], FrontDoor], settings: ServingSettings) -> None:
    """Make uvicorn use this protocol where it would choose httptools by itself.

    Connections still open `shutdown_seconds` after uvicorn began to shut down are given up.
    """
    FrontDoorProtocol.find_door = staticmethod(find_door)
    FrontDoorProtocol.settings = settings
    FrontDoorProtocol.watch = Watch(
        header_seconds=settings.header_seconds,
        body_seconds=settings.body_seconds,
        max_connections=settings.max_connections,
    )
    uvicorn.config.HTTP_PROTOCOLS["auto"] = f"{__name__}:{FrontDoorProtocol.__name__}"
