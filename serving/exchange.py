"""One request and its answer, whatever transport carries them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import msgspec

from serving.identifiers import new_id
from serving.problems import MEDIA_TYPE, Problem

JSON = b"application/json"
PROBLEM = MEDIA_TYPE.encode()
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}\Z")
Headers = Sequence[tuple[bytes, bytes]]
Send = Callable[[int, bytes, bytes, Headers], None]
encode = msgspec.json.Encoder().encode
"""A value as JSON in UTF-8."""


class Exchange:
    """A request that has arrived whole, and the way to answer it.

    `send(status, media type, body, headers)` is the transport's; `finished` is told of the status afterwards.
    `template` is the route's pattern, `started` is perf_counter() at arrival.
    """

    __slots__ = (
        "body", "content_encoding", "content_type", "finished", "host", "method", "origin", "path", "request_id",
        "send", "started", "template",
    )  # fmt: skip

    def __init__(
        self,
        method: str,
        path: str,
        request_id: str,
        send: Send,
        *,
        body: bytes = b"",
        content_type: bytes = b"",
        content_encoding: bytes = b"",
        origin: bytes = b"",
        host: bytes = b"",
    ) -> None:
        self.method = method
        self.path = path
        self.request_id = request_id
        self.send = send
        self.body = body
        self.content_type = content_type
        self.content_encoding = content_encoding
        self.origin = origin
        self.host = host
        self.template = path
        self.started = perf_counter()
        self.finished: Callable[[Exchange, int], None] | None = None

    def answer(self, encoded: bytes) -> None:
        """200 with this JSON."""
        self._respond(200, JSON, encoded, ())

    def refuse(self, problem: Problem) -> None:
        """The problem document, with its headers."""
        headers = [(name.encode(), value.encode()) for name, value in problem.headers]
        if problem.retry_after_seconds is not None:
            headers.append((b"retry-after", str(max(1, math.ceil(problem.retry_after_seconds))).encode()))
        document = problem.as_json(self.path, self.request_id)
        try:
            body = encode(document)
        except UnicodeEncodeError:  # it repeats half of a surrogate pair, which some parsers let through
            body = encode(_readable(document))
        self._respond(problem.status, PROBLEM, body, headers)

    def _respond(self, status: int, media_type: bytes, body: bytes, headers: Headers) -> None:
        self.send(status, media_type, body, headers)
        if self.finished is not None:
            self.finished(self, status)


def _readable(value: Any) -> Any:
    """The same with a question mark for what is no character."""
    match value:
        case str():
            return value.encode("utf-8", "replace").decode()
        case dict():
            return {_readable(key): _readable(one) for key, one in value.items()}
        case list():
            return [_readable(one) for one in value]
        case _:
            return value


def request_id(given: bytes | None) -> str:
    """The caller's own id when it is harmless (128 visible ASCII characters of a safe set), else a new one."""
    if given is not None and _REQUEST_ID.match(given):
        return given.decode("ascii")
    return new_id()
