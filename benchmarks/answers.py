"""Reading HTTP answers: where one ends, what its body is, and whether the scores in it are right."""

from __future__ import annotations

import json
import math
import re
from typing import Any

CHUNKED = -1
"""The total of an answer whose length its head does not tell."""
TOLERANCE = 1e-4
"""How far a served score may lie from the reference score (float32 margins summed in another order)."""

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.IGNORECASE)


class MalformedAnswerError(ValueError):
    """The bytes are not an HTTP answer, or not one whose end can be known."""


def parse_head(data: bytes | bytearray) -> tuple[int, int] | None:
    """(status, total bytes of the answer or `CHUNKED`), or None while the head is incomplete.

    >>> parse_head(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\n{}")
    (200, 40)
    """
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    status = int(data[9:12])
    at = data.find(b"\r\ncontent-length:", 0, end)
    if at >= 0:
        return status, end + 4 + int(data[at + 17 : data.find(b"\r", at + 17)])
    if match := _LENGTH.search(data, 0, end):
        return status, end + 4 + int(match[1])
    if _CHUNKED.search(data, 0, end):
        return status, CHUNKED
    raise MalformedAnswerError(f"neither length nor chunks: {bytes(data[:end])!r}")


def body_of(answer: bytes) -> bytes:
    """The body of a complete answer, its chunks joined."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if not _CHUNKED.search(head):
        return body
    parts = []
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        parts.append(body[:length])
        body = body[length + 2 :]
    return b"".join(parts)


def complaint(body: bytes, expected: list[float] | None) -> str | None:
    """What is wrong with an answer's body, or None when nothing is."""
    try:
        document = json.loads(body)
    except ValueError as error:
        return f"not JSON: {error}"
    if expected is None:
        return None
    given = scores_in(document)
    if len(given) != len(expected):
        return f"{len(given)} scores instead of {len(expected)}: {body[:200].decode(errors='replace')}"
    for position, (score, right) in enumerate(zip(given, expected, strict=True)):
        if not isinstance(score, int | float) or not math.isfinite(score) or abs(score - right) > TOLERANCE:
            return f"score {position} is {score}, not {right}"
    return None


def scores_in(document: Any) -> list[Any]:
    """The values of every key "score" in a JSON document, in order.

    >>> scores_in({"items": [{"prediction": {"score": 0.1}}, {"prediction": {"score": 0.2}}]})
    [0.1, 0.2]
    """
    if isinstance(document, list):
        return [score for item in document for score in scores_in(item)]
    if isinstance(document, dict):
        own = [document["score"]] if "score" in document else []
        return own + [score for value in document.values() for score in scores_in(value)]
    return []
