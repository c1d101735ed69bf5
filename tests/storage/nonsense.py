"""A server in Redis' place that is none: it answers everything with the same bytes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

ANSWERS = (
    b"+OK\r\n",
    b":12a\r\n",
    b":7\r\n",
    b"$abc\r\n",
    b"$-5\r\nxx",
    b"*1\r\n*1\r\n$2\r\nhi\r\n",
    b"*-7\r\n",
    b"*3\r\n:1\r\n:2\r\n:3\r\n",
    b"%1\r\n+a\r\n+b\r\n",
    b">1\r\n+a\r\n",
    b"-ERR no\r\n",
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    bytes(range(256)) * 4,
)


@contextmanager
def nonsense(answer: bytes) -> Iterator[str]:
    """The URL of such a server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, answer), daemon=True).start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


def _accept(listener: socket.socket, answer: bytes) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_answer, args=(client, answer), daemon=True).start()


def _answer(client: socket.socket, answer: bytes) -> None:
    with suppress(OSError), client:
        while client.recv(65536):
            client.sendall(answer)
