"""One request and its answer, whatever transport carries them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

import msgspec

from serving.identifiers import new_id
from serving.problems import MEDIA_TYPE, Problem

JSON = b"application/json"
PROBLEM = MEDIA_TYPE.encode()
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}\Z")
Headers = Sequence[tuple[bytes, bytes]]


@dataclass(slots=True)
class Exchange:
    """A request that has arrived whole. `respond(status, media type, body, headers)` must be called exactly once."""

    method: str
    path: str
    body: bytes
    request_id: str
    respond: Callable[[int, bytes, bytes, Headers], None]
    started: float
    content_type: bytes = JSON
    content_encoding: bytes = b""

    def answer(self, value: object) -> None:
        """200 with `value` as JSON."""
        self.respond(200, JSON, msgspec.json.encode(value), ())

    def refuse(self, problem: Problem) -> None:
        """The problem document, with its headers."""
        headers = [(name.encode(), value.encode()) for name, value in problem.headers]
        if problem.retry_after_seconds is not None:
            headers.append((b"retry-after", str(max(1, round(problem.retry_after_seconds + 0.5))).encode()))
        body = msgspec.json.encode(problem.as_json(self.path, self.request_id))
        self.respond(problem.status, PROBLEM, body, headers)


def request_id(given: bytes | None) -> str:
    """The caller's own id when it is harmless (128 visible ASCII characters of a safe set), else a new one."""
    if given is not None and _REQUEST_ID.match(given):
        return given.decode("ascii")
    return new_id()


def now() -> float:
    """The clock that latencies are measured with, in seconds."""
    return perf_counter()
