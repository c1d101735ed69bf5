"""An HTTP load generator: keep-alive connections in a closed loop, on raw sockets and epoll, in a process of its own.

    python -m benchmarks.load JOB.json RESULT.json

Every connection sends its next request as soon as the answer to the last one is complete. Requests are built before
the clock starts; an answer is parsed just far enough to know its status and where it ends. Some answers are kept and
their scores checked after the clock has stopped, so that checking costs the measurement nothing.
"""

from __future__ import annotations

import gc
import json
import math
import select
import socket
import sys
import time
from array import array
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from benchmarks.answers import body_of, complaint, parse_head
from benchmarks.job import Job, Outcome

RECEIVE_BYTES = 65_536
LONG_RECEIVE_BYTES = 1 << 20
SAMPLES = 400
"""How many answers of one run are checked at most."""
MAX_ERRORS = 2_000
"""So many broken connections mean that the server is gone."""
OK = 200


class ServerGoneError(RuntimeError):
    """Connections break or cannot be opened any more."""


class Connection:
    """One keep-alive connection with at most one request in flight."""

    __slots__ = ("buffer", "busy", "fresh", "index", "rest", "sent_at", "socket", "status", "total")

    def __init__(self, address: tuple[str, int], index: int) -> None:
        self.index = index
        self.open(address)

    def open(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.buffer = bytearray()
        self.rest: memoryview | None = None
        self.total = 0
        self.status = 0
        self.sent_at = 0.0
        self.busy = False
        self.fresh = True


class Generator:
    """Runs one job. Times are of `time.perf_counter`."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.address = (job.host, job.port)
        self.requests = job.requests()
        self.poller = select.epoll()
        self.connections: dict[int, Connection] = {}
        self.outcome = Outcome()
        self.latencies = array("d")
        self.statuses: Counter[int] = Counter()
        self.samples: list[tuple[int, bytes]] = []
        self.refusals: list[bytes] = []
        self.begin, self.end = math.inf, 0.0
        self.seen = 0
        self.in_flight = 0

    def run(self) -> Outcome:
        """Open the connections, warm up, measure, drain. Raises ServerGoneError when the server stops answering."""
        try:
            self._open_all()
            self._drive()
        finally:
            for connection in self.connections.values():
                connection.socket.close()
            self.poller.close()
        return self._finish()

    def _drive(self) -> None:
        self._send_all()
        self._loop(time.perf_counter() + self.job.open_seconds)
        self.begin = time.perf_counter() + self.job.warmup_seconds
        self.end = self.begin + self.job.seconds
        self._send_all()
        self._loop(self.begin)
        self.outcome.received_bytes = 0
        (ran, delayed), wall = schedule_seconds(), time.perf_counter()
        self._loop(self.end)
        (ran_later, delayed_later), elapsed = schedule_seconds(), time.perf_counter() - wall
        self.outcome.cpu_share = (ran_later - ran) / elapsed
        self.outcome.delayed_share = (delayed_later - delayed) / elapsed
        self._loop(self.end + self.job.drain_seconds)

    def _open_all(self) -> None:
        for number in range(self.job.connections):
            index = number * len(self.requests) // self.job.connections
            connection = Connection(self.address, index)
            self.connections[connection.socket.fileno()] = connection
            self.poller.register(connection.socket, select.EPOLLIN)

    def _send_all(self) -> None:
        for connection in list(self.connections.values()):
            if not connection.busy:
                self._send(connection)

    def _loop(self, until: float) -> None:
        poll, connections, clock = self.poller.poll, self.connections, time.perf_counter
        while self.in_flight and (left := until - clock()) > 0:
            for descriptor, event in poll(left):
                connection = connections[descriptor]
                if event & select.EPOLLOUT and connection.rest is not None:
                    self._send_rest(connection)
                if event & ~select.EPOLLOUT:
                    self._receive(connection)

    def _send(self, connection: Connection) -> None:
        request = self.requests[connection.index]
        connection.sent_at = time.perf_counter()
        connection.busy = True
        self.in_flight += 1
        try:
            sent = connection.socket.send(request)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._broken(connection)
            return
        if sent < len(request):
            connection.rest = memoryview(request)[sent:]
            self.poller.modify(connection.socket, select.EPOLLIN | select.EPOLLOUT)

    def _send_rest(self, connection: Connection) -> None:
        assert connection.rest is not None
        try:
            sent = connection.socket.send(connection.rest)
        except BlockingIOError:
            return
        except OSError:
            self._broken(connection)
            return
        connection.rest = connection.rest[sent:]
        if not connection.rest:
            connection.rest = None
            self.poller.modify(connection.socket, select.EPOLLIN)

    def _receive(self, connection: Connection) -> None:
        try:
            data = connection.socket.recv(LONG_RECEIVE_BYTES if connection.buffer else RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._broken(connection)
            return
        now = time.perf_counter()
        self.outcome.received_bytes += len(data)
        answer: bytes | bytearray = data
        if connection.buffer:
            connection.buffer += data
            answer = connection.buffer
        if not connection.total:
            head = parse_head(answer)
            if head is None:
                connection.buffer = bytearray(answer)
                return
            connection.status, connection.total = head
        if len(answer) >= connection.total if connection.total > 0 else answer.endswith(b"0\r\n\r\n"):
            self._complete(connection, answer, now)
        elif not connection.buffer:
            connection.buffer = bytearray(answer)

    def _complete(self, connection: Connection, answer: bytes | bytearray, now: float) -> None:
        self.in_flight -= 1
        connection.busy = False
        if now >= self.begin and connection.sent_at < self.end:
            self._count(connection, answer, now)
        if connection.buffer:
            connection.buffer = bytearray()
        connection.total = 0
        connection.fresh = False
        connection.index = (connection.index + 1) % len(self.requests)
        if now < self.end:
            self._send(connection)

    def _count(self, connection: Connection, answer: bytes | bytearray, now: float) -> None:
        self.statuses[connection.status] += 1
        sampled = self.seen % self.job.sample_every == 0
        self.seen += 1
        if connection.status != OK:
            if len(self.refusals) < 3:
                self.refusals.append(bytes(answer[:2_000]))
            return
        self.latencies.append(now - connection.sent_at)
        if now <= self.end:
            self.outcome.completed += 1
        if sampled and len(self.samples) < SAMPLES:
            self.samples.append((connection.index, bytes(answer)))

    def _broken(self, connection: Connection) -> None:
        """The server closed the connection. A request it had not begun to answer is sent again, once."""
        if not connection.busy:  # all that were asked for has come; the server tidies up while others finish
            self.poller.unregister(connection.socket)
            return
        self.in_flight -= 1
        if connection.fresh or connection.buffer:
            self.outcome.errors += 1
        else:
            self.outcome.reconnects += 1
        if self.outcome.errors > MAX_ERRORS:
            raise ServerGoneError(f"{self.outcome.errors} connections were broken by {self.address}")
        del self.connections[connection.socket.fileno()]
        connection.socket.close()
        try:
            connection.open(self.address)
        except OSError as error:
            raise ServerGoneError(f"cannot connect to {self.address}: {error}") from error
        self.connections[connection.socket.fileno()] = connection
        self.poller.register(connection.socket, select.EPOLLIN)
        if time.perf_counter() < self.end:
            self._send(connection)

    def _finish(self) -> Outcome:
        outcome = self.outcome
        outcome.seconds = self.job.seconds
        outcome.latencies = self.latencies.tolist()
        outcome.statuses = {str(status): count for status, count in sorted(self.statuses.items())}
        outcome.unanswered = self.in_flight
        outcome.sampled = len(self.samples)
        for index, answer in self.samples:
            wrong = complaint(body_of(answer), self.job.scores[index])
            if wrong:
                outcome.wrong += 1
                outcome.complaints.append(wrong)
        outcome.complaints.extend(body_of(refusal)[:300].decode(errors="replace") for refusal in self.refusals)
        del outcome.complaints[5:]
        return outcome


def schedule_seconds() -> tuple[float, float]:
    """Seconds this process has run, and seconds it was ready but waited for a core."""
    ran, delayed, _ = Path("/proc/self/schedstat").read_text().split()
    return int(ran) / 1e9, int(delayed) / 1e9


def main(job_file: str, result_file: str) -> None:
    """Run the job in `job_file` and write its outcome to `result_file`, both JSON."""
    gc.disable()
    job = Job(**json.loads(Path(job_file).read_text()))
    Path(result_file).write_text(json.dumps(asdict(Generator(job).run())))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
