"""Clients that keep asking while something happens to the server."""

from __future__ import annotations

import threading
from collections import Counter
from types import TracebackType
from typing import Any, Self

import httpx

PAUSE_SECONDS = 0.01
"""Between two requests of a client: the server and whatever else is tested needs the machine too."""


class Load:
    """Threads that each send one request after another, with a short pause, and count the answers by status.

    With `keep_alive` a client keeps its connection as long as the server does. A connection that cannot be made counts
    as "refused", one that ends without an answer as "lost".
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
            while not self._stop.wait(PAUSE_SECONDS):
                try:
                    self.counts[client.post(self._url, json=self._body).status_code] += 1
                except httpx.ConnectError:
                    self.counts["refused"] += 1
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

    def stop(self) -> None:
        """Ask no more, as a load balancer does that sees the server not ready; what is asked is still waited for."""
        self._stop.set()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        for thread in self._threads:
            thread.join()
