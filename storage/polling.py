"""Waiting for an asynchronous connection of psycopg2, by a deadline.

libpq's blocking calls wait for ever on a server that hangs.
"""

from __future__ import annotations

import select
import time

import psycopg2.extensions

_EVENTS = {psycopg2.extensions.POLL_READ: select.POLLIN, psycopg2.extensions.POLL_WRITE: select.POLLOUT}


def wait(connection: psycopg2.extensions.connection, deadline: float) -> None:
    """Return when the connection has finished what it does. Raises TimeoutError at `deadline` (monotonic seconds)."""
    while (state := connection.poll()) != psycopg2.extensions.POLL_OK:
        remaining = deadline - time.monotonic()
        poller = select.poll()
        poller.register(connection.fileno(), _EVENTS[state])
        if remaining <= 0 or not poller.poll(remaining * 1000):
            raise TimeoutError("no answer in time")
