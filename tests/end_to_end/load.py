"""Clients that keep asking while something happens to the server."""

from __future__ import annotations

import threading
from collections import Counter
from types import TracebackType
from typing import Any, Self

import httpx


class Load:
    """Threads that each send one request after another, and count the answers by status.

    What a client may not see is a request that was accepted and then not answered. A refused connection is counted as
    "refused": the server said in time that it takes no more. With `keep_alive` a client keeps its connection as long as
    the server does.
    """

    def __init__(self, url: str, path: str, body: Any, *, clients: int = 8, keep_alive: bool = True) -> None:
        self.counts: Counter[int | str] = Counter()
        self._url = url + path
        self._body = body
        self._headers = {} if keep_alive else {"Connection": "close"}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def _ask(self) -> None:
        with httpx.Client(timeout=10, headers=self._headers) as client:
            while not self._stop.is_set():
                try:
                    self.counts[client.post(self._url, json=self._body).status_code] += 1
                except httpx.ConnectError:
                    self.counts["refused"] += 1
                    self._stop.wait(0.02)
                except httpx.TransportError as error:
                    self.counts[f"lost: {error!r}"] += 1

    @property
    def answered(self) -> int:
        """Requests answered with 200 so far."""
        return self.counts[200]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
