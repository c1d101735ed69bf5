"""Clients that keep asking for predictions and remember every id that they were given."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from tests.storage.servers import wait_for

TIMEOUT_SECONDS = 30.0


class Clients:
    """Threads that send the requests in turn, each on a connection of its own, and keep the ids in the answers.

    `acknowledged` are the ids of predictions in answers that arrived whole; `slowest` is the longest any answer took.
    """

    def __init__(self, port: int, requests: Sequence[tuple[str, Any]], *, clients: int) -> None:
        self.acknowledged: list[str] = []
        self.counts: Counter[int | str] = Counter()
        self.slowest = 0.0
        self._port = port
        self._requests = [(path, json.dumps(body).encode()) for path, body in requests]
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(first,)) for first in range(clients)]

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

    def more(self, *, seconds: float) -> None:
        """Return when further predictions have been acknowledged. Fails when none is in that time."""
        before = len(self.acknowledged)
        wait_for(lambda: len(self.acknowledged) > before, seconds=seconds)

    def _ask(self, turn: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_SECONDS)
        while not self._stop.is_set():
            path, body = self._requests[turn % len(self._requests)]
            turn += 1
            begun = time.monotonic()
            try:
                connection.request("POST", path, body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.counts["hung" if isinstance(error, TimeoutError) else "lost"] += 1
                connection.close()  # the next request opens it again
                self._stop.wait(0.02)
            else:
                self.counts[answer.status] += 1
                self.slowest = max(self.slowest, time.monotonic() - begun)
                if answer.status == 200:
                    self.acknowledged.extend(ids(json.loads(content)))
        connection.close()


def ids(answer: dict[str, Any]) -> list[str]:
    """The ids of all predictions in an answer."""
    if "items" in answer:
        return [item["prediction"]["prediction_id"] for item in answer["items"] if "prediction" in item]
    return [answer["prediction_id"]]
