"""The front door as an HTTP protocol of uvicorn: inference requests are answered without an ASGI task, scope or send.

HTTP itself (parsing by llhttp, keep-alive, pipelining, flow control, graceful shutdown) stays uvicorn's: a request for
an inference route only gets another object in the place of uvicorn's request-response cycle. All other requests take
uvicorn's usual way to the ASGI application.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import httptools
import uvicorn.config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from serving.exchange import Exchange, Headers, request_id
from serving.front_door import FrontDoor, Route
from serving.identifiers import new_id
from serving.problems import MalformedBody

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LINGER_SECONDS = 1.0
MAX_HEAD_BYTES = 512 * 1024
"""Of request line and headers; what a client sends in one go may be counted to the next request."""
CHUNKED_OVERHEAD = 16
"""A body in chunks of one byte is six times as long on the wire."""
UPGRADE_HEADERS = (b"connection", b"upgrade", b"http2-settings")


class FrontDoorProtocol(HttpToolsProtocol):
    """One connection. `find_door` and `shutdown_seconds` are set by `install`."""

    find_door: ClassVar[Callable[[], FrontDoor]]
    shutdown_seconds: ClassVar[float]
    _received = 0
    _allowed = MAX_HEAD_BYTES

    def data_received(self, data: bytes) -> None:
        """As uvicorn does, but for upgrades that this server does not offer: the request is served without."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.logger.info("a request is not valid HTTP")
            self.send_400_response("")
        except httptools.HttpParserUpgrade as upgrade:
            if super()._should_upgrade():
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
            self.send_400_response("")
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
        self._received = 0
        self._allowed = MAX_HEAD_BYTES

    def on_headers_complete(self) -> None:
        """Take the request if it is an inference request, else let uvicorn have it."""
        door = type(self).find_door()
        self._allowed = MAX_HEAD_BYTES + CHUNKED_OVERHEAD * door.max_body_bytes
        route = door.by_url.get(self.url)
        if route is None or self.parser.should_upgrade():
            self._hand_over()
            return
        existing = self.cycle
        keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive() and not door.draining
        cycle = Cycle(self, door, route, keep_alive)
        self.cycle = cycle  # type: ignore[assignment]
        if existing is None or existing.response_complete:
            cycle.begin()
        else:  # pipelined: uvicorn starts it by `run_asgi` when the answer before it is out
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))  # type: ignore[arg-type]

    def shutdown(self) -> None:
        """As uvicorn does, which waits for the answer; but no client holds the process by not ending its request."""
        super().shutdown()
        self.loop.call_later(self.shutdown_seconds, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        """What does not read as HTTP is refused as a problem too, and the connection ends."""
        exchange = Exchange("", "*", new_id(), self._end_with)
        exchange.refuse(MalformedBody("the request is not valid HTTP"))

    def _end_endless_request(self) -> None:
        """A head, chunks or trailers without an end are not collected for ever."""
        if self._allowed == MAX_HEAD_BYTES:
            self.send_400_response("")
        else:
            self.transport.abort()

    def _end_with(self, status: int, media_type: bytes, body: bytes, _: Headers) -> None:
        fields = b"content-type: %s\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (media_type, len(body))
        self.transport.write(STATUS_LINE[status] + self.default_headers() + fields + body)
        self.transport.close()

    def _hand_over(self) -> None:
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


class Cycle:
    """A request that the front door answers, with the attributes that uvicorn's protocol uses of its own cycle."""

    __slots__ = (
        "_begun",
        "_door",
        "_exchange",
        "_protocol",
        "_route",
        "_unread",
        "body",
        "disconnected",
        "keep_alive",
        "more_body",
        "response_complete",
    )

    def __init__(self, protocol: FrontDoorProtocol, door: FrontDoor, route: Route, keep_alive: bool) -> None:
        self._protocol = protocol
        self._door = door
        self._route = route
        self._begun = False
        self.keep_alive = keep_alive
        self.body = bytearray()
        self.more_body = True
        self.disconnected = False
        self.response_complete = False
        self._unread = False
        self._exchange = self._read_headers(protocol)

    @property
    def message_event(self) -> Cycle:
        """Where uvicorn announces, by `set`, that something has arrived."""
        return self

    def _read_headers(self, protocol: FrontDoorProtocol) -> Exchange:
        content_type = content_encoding = b""
        identity: bytes | None = None
        size = 0
        for name, value in protocol.headers:
            if name == b"content-type":
                content_type = value
            elif name == b"content-length":
                size = int(value)  # llhttp has checked that it is a number
            elif name == b"x-request-id":
                identity = value
            elif name == b"content-encoding":
                content_encoding = value
        exchange = Exchange(
            protocol.parser.get_method().decode("ascii"),
            protocol.url.decode("ascii"),
            request_id(identity),
            self._respond,
            content_type=content_type,
            content_encoding=content_encoding,
        )
        if size > self._door.max_body_bytes:
            self._give_up()
            exchange.body = b" " * (self._door.max_body_bytes + 1)
        return exchange

    def begin(self) -> None:
        """This request's turn to be answered has come."""
        self._begun = True
        if not self.more_body:
            self._answer()
            return
        self._protocol.resume_reading()  # its beginning may have arrived, and stopped it, before its turn
        if self._protocol.expect_100_continue:
            self._protocol.transport.write(CONTINUE)

    async def run_asgi(self, app: object) -> None:
        """How uvicorn starts a pipelined request."""
        self.begin()

    def set(self) -> None:
        """More of the body has arrived, or the connection is lost."""
        if self.response_complete or self.disconnected:
            return
        if len(self.body) > self._door.max_body_bytes:
            self._give_up()
        if not self._begun:
            return
        if self.more_body:
            self._protocol.resume_reading()  # uvicorn stops reading at 64 KiB until someone takes them
        else:
            self._answer()

    def _give_up(self) -> None:
        """Answer without reading the rest of the body, and end the connection."""
        self.more_body = False
        self.keep_alive = False
        self._unread = True

    def _answer(self) -> None:
        self._begun = False
        if not self._exchange.body:
            self._exchange.body = bytes(self.body)
        self.body = bytearray()
        self._door.handle(self._route, self._exchange)

    def _respond(self, status: int, media_type: bytes, body: bytes, headers: Headers) -> None:
        protocol = self._protocol
        self.response_complete = True
        if self.disconnected or protocol.transport.is_closing():
            del self._exchange
            return
        head = [
            STATUS_LINE[status],
            protocol.default_headers(),
            b"content-type: ",
            media_type,
            b"\r\ncontent-length: ",
            str(len(body)).encode(),
            b"\r\nx-request-id: ",
            self._exchange.request_id.encode(),
            b"\r\n",
        ]
        for name, value in headers:
            head += (name, b": ", value, b"\r\n")
        head.append(b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n")
        if self._exchange.method != "HEAD":
            head.append(body)
        del self._exchange  # which refers to this object: without the circle, no garbage is left for the collector
        protocol.transport.write(b"".join(head))
        if self._unread:
            # Closing at once would reset the connection while the client still sends, and lose the answer.
            protocol.loop.call_later(LINGER_SECONDS, protocol.transport.close)
        elif not self.keep_alive:
            protocol.transport.close()
        protocol.on_response_complete()
        if protocol.flow.write_paused:
            protocol.flow.pause_reading()


def install(find_door: Callable[[], FrontDoor], *, shutdown_seconds: float) -> None:
    """Make uvicorn use this protocol where it would choose httptools by itself.

    Connections still open `shutdown_seconds` after uvicorn began to shut down are given up.
    """
    FrontDoorProtocol.find_door = staticmethod(find_door)
    FrontDoorProtocol.shutdown_seconds = shutdown_seconds
    uvicorn.config.HTTP_PROTOCOLS["auto"] = f"{__name__}:{FrontDoorProtocol.__name__}"
