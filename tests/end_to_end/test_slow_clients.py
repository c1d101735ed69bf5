"""Clients that are slow, silent or too many: none of them holds a connection for long, and nobody else is cut off."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from models import catalogue
from tests.end_to_end.connection import Connection, request
from tests.end_to_end.server import Server
from tests.end_to_end.test_metrics import total
from tests.serving.versions import store, trained
from tests.storage.servers import wait_for

PREDICT = "/v1/models/purchase/predict"
BODY = {"record": catalogue()["purchase"].schema.example}
WHOLE = request(PREDICT, BODY, headers=["X-Request-ID: slow"])
HEAD_END = WHOLE.index(b"\r\n\r\n") + 4
CHUNKED = request(PREDICT, headers=["Transfer-Encoding: chunked", "Content-Type: application/json"])
MOST = 40
LIMIT_SECONDS = 2.0
LATEST_SECONDS = LIMIT_SECONDS + 3.0
"""The timer looks once a second, and this machine may be busy."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One worker with little patience."""
    trained()
    settings = {
        "TIFFIN_SERVING__HEADER_SECONDS": str(LIMIT_SECONDS),
        "TIFFIN_SERVING__BODY_SECONDS": str(LIMIT_SECONDS),
        "TIFFIN_SERVING__MAX_CONNECTIONS": str(MOST),
    }
    with Server(tmp_path_factory.mktemp("server"), home=store(), settings=settings) as server:
        server.wait_until_ready()
        yield server


SLOW = {
    "half a request line": (b"POST /v1/mod", b"", "-"),
    "half the headers": (WHOLE[: HEAD_END - 30], b"", "slow"),
    "dripping headers": (b"POST /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"x", ""),
    "half a body": (WHOLE[:-10], b"", "slow"),
    "half a body for BentoML": (WHOLE.replace(b" HTTP/", b"?x HTTP/", 1)[:-10], b"", "slow"),
    "a dripping body": (WHOLE[:HEAD_END].replace(b"Content-Length: ", b"Content-Length: 1"), b" ", "slow"),
    "a dripping body for an unknown path": (request("/nowhere", b"x" * 1000)[:-900], b" ", ""),
    "dripping chunks": (CHUNKED, b"1\r\n \r\n", ""),
    "a body that is refused already": (request(PREDICT, b"x" * 1000, method="PUT")[:-900], b" ", ""),
}


@pytest.mark.parametrize(("sent", "drip", "identity"), SLOW.values(), ids=SLOW.keys())
def test_a_request_that_takes_too_long_to_arrive_is_refused(
    server: Server, sent: bytes, drip: bytes, identity: str
) -> None:
    with Connection(server.port) as connection, dripping(connection, drip):
        started = time.monotonic()
        connection.send(sent)
        answer = connection.receive()
        if sent.startswith(b"POST /nowhere"):
            assert answer.status == 404  # which needs no body: the connection ends without another word
        else:
            assert time.monotonic() - started + 0.1 >= LIMIT_SECONDS
            assert (answer.status, answer.headers["content-type"]) == (408, "application/problem+json")
            assert answer.json()["code"] == "request_timeout"
            assert answer.headers["connection"] == "close"
            assert answer.json()["request_id"] == answer.headers["x-request-id"]
            assert not identity.strip("-") or answer.headers["x-request-id"] == identity
        assert connection.ended()
        assert time.monotonic() - started < LATEST_SECONDS


@contextlib.contextmanager
def dripping(connection: Connection, drop: bytes) -> Iterator[None]:
    """Send `drop` ten times a second."""
    done = threading.Event()

    def drip() -> None:
        with contextlib.suppress(OSError):
            while drop and not done.wait(0.1):
                connection.send(drop)

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_a_client_that_waits_for_100_continue_and_then_sends_nothing_is_refused(server: Server) -> None:
    with Connection(server.port) as connection:
        connection.send(WHOLE[:HEAD_END].replace(b"\r\n", b"\r\nExpect: 100-continue\r\n", 1))
        assert connection.receive().status == 100
        assert connection.receive().status == 408
        assert connection.ended()


@pytest.mark.parametrize("sent", [b"", b"\r\n"])
def test_a_silent_connection_is_closed_without_a_word(server: Server, sent: bytes) -> None:
    with Connection(server.port) as connection:
        started = time.monotonic()
        connection.send(sent)
        assert connection.ended()
        assert LIMIT_SECONDS <= time.monotonic() - started < LATEST_SECONDS


def test_a_client_may_rest_between_two_requests_for_longer(server: Server) -> None:
    with Connection(server.port) as connection:
        for _ in range(2):
            assert connection.ask(PREDICT, BODY).status == 200
            time.sleep(LIMIT_SECONDS + 2)
        assert connection.ask("/livez", method="GET").status == 200


def test_a_client_that_drips_may_go_on_in_its_next_request(server: Server) -> None:
    with Connection(server.port) as connection:
        for _ in range(4):
            connection.send(WHOLE[:20])
            time.sleep(LIMIT_SECONDS / 3)
            connection.send(WHOLE[20:-10])
            time.sleep(LIMIT_SECONDS / 3)
            connection.send(WHOLE[-10:])
            assert connection.receive().status == 200


def test_a_client_that_never_reads_its_answers_is_given_up(server: Server) -> None:
    many = {"records": [catalogue()["fraud"].schema.example] * 1000, "include": ["features"]}
    with Connection(server.port) as connection:
        before = total(server, "tiffin_connections_ended_total", reason="reading")
        connection.send(request("/v1/models/fraud/batch", many) * 10)
        wait_for(lambda: total(server, "tiffin_connections_ended_total", reason="reading") > before, seconds=15)


def test_too_many_connections_are_refused_until_the_silent_ones_are_gone(server: Server) -> None:
    before = total(server, "tiffin_connections_ended_total", reason="silent")
    with contextlib.ExitStack() as stack:
        for _ in range(MOST + 5):
            silent = stack.enter_context(Connection(server.port))
        answer = silent.receive()
        assert (answer.status, answer.json()["code"]) == (503, "overloaded")
        assert answer.headers["retry-after"] == "1"
        assert silent.ended()
        server.wait_for_status("/readyz", 200, seconds=LATEST_SECONDS)
        wait_for(lambda: total(server, "tiffin_connections_ended_total", reason="silent") >= before + MOST / 2)
        assert total(server, "tiffin_connections_ended_total", reason="refused") >= 5
        assert total(server, "tiffin_connections", state="open") <= MOST
    wait_for(lambda: "refused because there were too many" in server.log.read_text(), seconds=15)


def test_what_was_refused_is_in_the_log_and_in_the_metrics(server: Server) -> None:
    with Connection(server.port) as connection:
        connection.send(request(PREDICT, BODY, headers=["X-Request-ID: logged-408"])[:-10])
        assert connection.receive().status == 408
    wait_for(lambda: "logged-408" in server.log.read_text())
    (line,) = [line for line in server.log.read_text().splitlines() if "logged-408" in line]
    assert {"method": "POST", "path": PREDICT, "status": 408}.items() <= json.loads(line).items()
    route = "/v1/models/{model}/predict"
    assert total(server, "tiffin_requests_total", route=route, status="408", method="POST") >= 1


def test_no_more_connections_are_taken_than_there_are_files(tmp_path: Path) -> None:
    """Checked at the start, where it is logged: the limit itself is the machine's."""
    import resource

    trained()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        server = Server(tmp_path, home=store())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with server, contextlib.ExitStack() as stack:
        server.wait_until_ready()
        assert "the limit of open files, 256, leaves room for 156 connections of 1000" in server.log.read_text()
        for _ in range(200):
            last = stack.enter_context(Connection(server.port))
        assert last.receive().status == 503
