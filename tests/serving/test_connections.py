"""The watch over connections: what counts as one wait, and how many there may be."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from serving import connections
from serving.connections import Awaited, Wait, Watch, at_most

FAST_SECONDS = 0.01
LIMIT_SECONDS = 0.1
LONG_SECONDS = 0.5


class Client:
    """A connection of which a test says what it waits for."""

    def __init__(self, awaited: Callable[[], tuple[Awaited, object] | None]) -> None:
        self.wait: Wait | None = None
        self.awaited = awaited
        self.expired: list[Awaited] = []

    def expire(self, awaited: Awaited) -> None:
        self.expired.append(awaited)


def watched(monkeypatch: pytest.MonkeyPatch, *clients: Client) -> None:
    """Watch them for `LONG_SECONDS`."""
    monkeypatch.setattr(connections, "SWEEP_SECONDS", FAST_SECONDS)

    async def watch() -> None:
        watch = Watch(header_seconds=LIMIT_SECONDS, body_seconds=LIMIT_SECONDS, max_connections=10)
        assert all(watch.add(client) for client in clients)
        await asyncio.sleep(LONG_SECONDS)
        for client in clients:
            watch.discard(client)
        await asyncio.sleep(5 * FAST_SECONDS)

    asyncio.run(watch())


@pytest.mark.parametrize("awaited", Awaited)
def test_a_wait_that_goes_on_ends(monkeypatch: pytest.MonkeyPatch, awaited: Awaited) -> None:
    request: list[object] = []
    client = Client(lambda: (awaited, request))
    watched(monkeypatch, client)
    assert client.expired[0] is awaited


def test_nobody_is_cut_off_who_waits_for_the_server_or_makes_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    unread = iter(range(10**6, 0, -1))
    turns = iter(range(10**6))
    clients = [
        Client(lambda: None),
        Client(lambda: (Awaited.BODY, [])),  # another request each time, though its headers are equal
        Client(lambda: (Awaited.READING, next(unread))),
        Client(lambda: (Awaited.BODY, clients) if next(turns) % 5 else None),
    ]
    watched(monkeypatch, *clients)
    assert [client.expired for client in clients] == [[], [], [], []]


def test_unread_bytes_of_the_same_number_are_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(lambda: (Awaited.READING, int("100000")))
    watched(monkeypatch, client)
    assert client.expired[0] is Awaited.READING


def test_what_was_ended_is_logged_once_in_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        watched(monkeypatch, *(Client(lambda: (Awaited.HEAD, None)) for _ in range(10)))
    (record,) = caplog.records
    assert record.getMessage() == "connections ended: 10 with slow headers; open: 10 of 10"


def test_there_is_room_for_as_many_connections_as_the_open_files_allow() -> None:
    assert at_most(1000, lambda: 20_000) == 1000
    assert at_most(1000, lambda: 1024) == 924
    assert at_most(1000, lambda: 50) == 1
