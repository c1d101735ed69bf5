"""HTTP as bytes on a socket: what a client library would never send, and exactly what comes back."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

SECONDS = 5.0


@dataclass(frozen=True)
class Response:
    """One answer. `headers` have lowercase names; of a doubled one the last counts."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def request(
    path: str, body: object = None, *, method: str = "POST", headers: Sequence[str] = (), version: str = "1.1"
) -> bytes:
    """The bytes of a request; `body` is JSON unless it is bytes."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/{version}", "Host: tiffin", *headers]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


class Connection:
    """A connection to the loopback address. Every wait ends after `SECONDS` with TimeoutError."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""

    def send(self, *pieces: bytes) -> None:
        """Every piece as a packet of its own."""
        for piece in pieces:
            self.socket.sendall(piece)

    def receive(self, *, head_only: bool = False) -> Response:
        """The next response; with `head_only` it has no body, whatever its headers say."""
        head = self.receive_until(b"\r\n\r\n").decode("latin-1")
        first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        version, status, *_ = first.split(" ")
        assert version == "HTTP/1.1", first
        body = b""
        if headers.get("transfer-encoding") == "chunked" and not head_only:
            while size := int(self.receive_until(b"\r\n"), 16):
                body += self.receive_exactly(size + 2)[:-2]
            self.receive_exactly(2)
        elif not head_only and int(status) >= 200:
            body = self.receive_exactly(int(headers["content-length"]))
        return Response(int(status), headers, body)

    def ask(self, path: str, body: object = None, **options: Any) -> Response:
        """Send a request and receive its answer."""
        self.send(request(path, body, **options))
        return self.receive()

    def receive_until(self, end: bytes) -> bytes:
        while end not in self._received:
            self._receive_more()
        at = self._received.index(end) + len(end)
        taken, self._received = self._received[:at], self._received[at:]
        return taken

    def receive_exactly(self, size: int) -> bytes:
        while len(self._received) < size:
            self._receive_more()
        taken, self._received = self._received[:size], self._received[size:]
        return taken

    def ended(self) -> bool:
        """Whether the server ends the connection without another byte; waits for it to do one or the other."""
        try:
            return not self._received and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def _receive_more(self) -> None:
        received = self.socket.recv(1 << 16)
        assert received, f"the server closed the connection after {self._received!r}"
        self._received += received

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
