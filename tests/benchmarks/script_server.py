"""A server that plays a script: every request gets what a function makes of its body."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

Answer = Callable[[bytes], bytes | None]
"""From a request's body to the bytes of the answer; None closes the connection without one."""


class ScriptServer:
    """Serves `answer` on a free port, one thread a connection. `piece` > 0 sends answers in pieces of that size."""

    def __init__(self, answer: Answer, piece: int = 0) -> None:
        class Handler(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                while (body := _body(self.rfile.readline, self.rfile.read)) is not None:
                    whole = answer(body)
                    if whole is None:
                        return
                    _send(self.request, whole, piece or len(whole))

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()  # waits for the connections' threads, which end when the client has gone


def _body(readline: Callable[[], bytes], read: Callable[[int], bytes]) -> bytes | None:
    length = None
    try:
        while line := readline():
            if line == b"\r\n":
                assert length is not None
                return read(length)
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
    except ConnectionError:
        pass
    return None


def _send(connection: socket.socket, whole: bytes, piece: int) -> None:
    try:
        for start in range(0, len(whole), piece):
            connection.sendall(whole[start : start + piece])
    except ConnectionError:
        pass


def answer(body: bytes, status: int = 200) -> bytes:
    """An answer with a Content-Length."""
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body


def chunked(*parts: bytes) -> bytes:
    """An answer in chunks."""
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
