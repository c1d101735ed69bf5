"""What the load generator is told, and what it tells."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to send. `scores[i]` are the scores that the answer to `bodies[i]` must hold; None checks only the JSON."""

    port: int
    path: str
    bodies: list[str]
    scores: list[list[float] | None]
    connections: int
    warmup_seconds: float
    seconds: float
    open_seconds: float = 10.0
    """Every connection gets one answer within this time before load begins. libuv, hence uvloop, accepts one connection
    in each turn of its loop: of 512 that begin at once the last would wait for seconds and be all that a p99 shows."""
    drain_seconds: float = 5.0
    host: str = "127.0.0.1"
    headers: dict[str, str] = field(default_factory=dict)
    sample_every: int = 31

    @property
    def longest_seconds(self) -> float:
        """How long the generator may take, without starting up."""
        return self.open_seconds + self.warmup_seconds + self.seconds + self.drain_seconds

    def requests(self) -> list[bytes]:
        """The complete bytes of every request."""
        return [self._request(body.encode()) for body in self.bodies]

    def _request(self, body: bytes) -> bytes:
        headers = {"Host": f"{self.host}:{self.port}", "Content-Type": "application/json", **self.headers}
        lines = [f"POST {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came back within the measured window. `latencies` are seconds, of answers with status 200 only."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    """Of every 200 sent or finished within the window, so that the slowest ones do not fall out at its end."""
    completed: int = 0
    """Answers with status 200 that were complete within the window."""
    statuses: dict[str, int] = field(default_factory=dict)
    errors: int = 0
    unanswered: int = 0
    reconnects: int = 0
    received_bytes: int = 0
    sampled: int = 0
    wrong: int = 0
    complaints: list[str] = field(default_factory=list)
    cpu_share: float = 0.0
    """Time this process ran over wall time."""
    delayed_share: float = 0.0
    """Time this process was ready but another had its core, over wall time. When both shares together come near 1,
    the generator and not the server is what was measured."""
