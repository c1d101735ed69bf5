"""What a request must be besides what llhttp checks: of limited size, and as RFC 9112 wants it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import httptools

from serving.problems import HeadersTooLarge, InternalError, MalformedRequest, Problem, UriTooLong

logger = logging.getLogger("tiffin.serving")
MAX_HEAD_BYTES = 64 * 1024
"""Of request line and headers."""
MAX_URL_BYTES = 8 * 1024


def check_size(url: bytes, headers: Sequence[tuple[bytes, bytes]], *, more: int = 0) -> None:
    """Raise UriTooLong or HeadersTooLarge for a head beyond the limits; `more` bytes of it are known to have come."""
    if len(url) > MAX_URL_BYTES:
        raise UriTooLong(f"the path and query are longer than {MAX_URL_BYTES} bytes")
    if max(more, len(url) + sum(len(name) + len(value) + 4 for name, value in headers)) > MAX_HEAD_BYTES:
        raise HeadersTooLarge(f"the request line and headers are longer than {MAX_HEAD_BYTES} bytes in all")


def check_fields(headers: list[tuple[bytes, bytes]], version: str) -> None:
    """Raise MalformedRequest for what llhttp lets pass and RFC 9112 does not (3.2, 6.1)."""
    hosts = 0
    for name, value in headers:
        if name == b"host":
            hosts += 1
        elif name == b"transfer-encoding":
            check_coding(value)
    check_hosts(hosts, version)


def check_coding(value: bytes) -> None:
    """Raise MalformedRequest for a Transfer-Encoding other than chunked."""
    if value.strip().lower() != b"chunked":
        raise MalformedRequest("the only Transfer-Encoding that is understood is chunked")


def check_hosts(count: int, version: str) -> None:
    """Raise MalformedRequest unless there is as many Host headers as the HTTP version wants."""
    if count != 1 and (count or version != "1.0"):
        raise MalformedRequest(f"HTTP/{version} wants one Host header, this request has {count}")


def problem_of(error: httptools.HttpParserError) -> Problem:
    """What a parser's error is to the client. What one of our own callbacks raised is its context."""
    cause = error.__context__
    if isinstance(cause, Problem):
        return cause
    if not isinstance(error, httptools.HttpParserCallbackError) or isinstance(cause, httptools.HttpParserError):
        return MalformedRequest(f"the request is not valid HTTP: {error}")
    logger.error("request failed", exc_info=cause)
    return InternalError()
