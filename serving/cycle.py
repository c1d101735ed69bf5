"""A request that the front door answers, in the place of uvicorn's request-response cycle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from serving.conformance import check_coding, check_hosts
from serving.exchange import Exchange, Headers, request_id
from serving.front_door import FrontDoor, Route

if TYPE_CHECKING:
    from serving.protocol import FrontDoorProtocol

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LINGER_SECONDS = 1.0


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
    response_started = False
    """uvicorn's cycles answer in parts; this one whole."""

    def __init__(
        self, protocol: FrontDoorProtocol, door: FrontDoor, route: Route, keep_alive: bool, version: str
    ) -> None:
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
        self._exchange = self._read_headers(protocol, version)

    @property
    def message_event(self) -> Cycle:
        """Where uvicorn announces, by `set`, that something has arrived."""
        return self

    def _read_headers(self, protocol: FrontDoorProtocol, version: str) -> Exchange:
        content_type = content_encoding = origin = host = b""
        identity: bytes | None = None
        size = hosts = 0
        for name, value in protocol.headers:
            if name == b"host":
                hosts += 1
                host = value
            elif name == b"content-type":
                content_type = value
            elif name == b"content-length":
                size = int(value)  # llhttp has checked that it is a number
            elif name == b"x-request-id":
                identity = value
            elif name == b"content-encoding":
                content_encoding = value
            elif name == b"origin":
                origin = value
            elif name == b"transfer-encoding":
                check_coding(value)
        if hosts != 1:
            check_hosts(hosts, version)
        exchange = Exchange(
            protocol.parser.get_method().decode("ascii"),
            protocol.url.decode("ascii"),
            request_id(identity),
            self._respond,
            content_type=content_type,
            content_encoding=content_encoding,
            origin=origin,
            host=host,
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
