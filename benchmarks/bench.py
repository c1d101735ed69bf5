"""What the single numbers measure with: servers that run or are suspended, load runs, in-process calls, progress."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil

from benchmarks.errors import LibraryFailedError
from benchmarks.generator import generate
from benchmarks.job import Job
from benchmarks.options import Options
from benchmarks.payloads import Sample, body, sample
from benchmarks.pinning import Cores, pinned
from benchmarks.progress import Display
from benchmarks.servers import TIFFIN, Endpoint, Server
from benchmarks.servers.process import ONE_THREAD, ServerProcess, end_all, free_port
from benchmarks.servers.scoring import VERSION_VARIABLE
from benchmarks.shipping import shipped, wait_until_shipped
from benchmarks.summary import Run, Series, summarize
from benchmarks.versions import ROOT, Home

SINGLE_RECORDS = 256
BATCH_RECORDS = 1_000
DISTINCT_BATCHES = 4


class Bench:
    """Everything a number needs. Servers are started at first use and suspended whenever another one is measured."""

    def __init__(self, options: Options, cores: Cores, home: Home, folder: Path, display: Display) -> None:
        self.options, self.cores, self.home, self.folder, self.display = options, cores, home, folder, display
        self._running: dict[str, ServerProcess] = {}

    @cached_property
    def singles(self) -> Sample:
        """Distinct records for requests of one."""
        return sample(self.home.fraud, SINGLE_RECORDS)

    @cached_property
    def many(self) -> Sample:
        """Distinct records for batch requests."""
        return sample(self.home.fraud, BATCH_RECORDS * DISTINCT_BATCHES, seed=99)

    def servers(self, *wanted: Server) -> tuple[Server, ...]:
        """Those of `wanted` that this run measures."""
        return tuple(server for server in wanted if self.options.tiffin or server is not TIFFIN)

    def start(self, server: Server) -> ServerProcess:
        """The server's process, started now if it was not."""
        if server.key not in self._running:
            self.display.say(f"starting {server.title}")
            port = free_port()
            self._running[server.key] = ServerProcess(
                server.title,
                server.command(port),
                port=port,
                ready_path=server.ready_path,
                environment={**self.home.environment, VERSION_VARIABLE: str(self.home.fraud)},
                folder=ROOT,
                log=self.folder / f"{server.key}.log",
                core=self.cores.server,
            )
        return self._running[server.key]

    def stop(self, server: Server) -> None:
        """End the server's process; the next use starts a new one."""
        if process := self._running.pop(server.key, None):
            process.stop()

    @contextmanager
    def only(self, server: Server) -> Iterator[ServerProcess]:
        """`server` runs, all others are suspended."""
        process = self.start(server)
        process.resume()
        try:
            yield process
        finally:
            process.suspend()

    def rounds(
        self, servers: Sequence[tuple[Server, Endpoint]], situation: str, *, connections: int, rows: int = 1
    ) -> dict[str, Series]:
        """Load every server in turn, then all again, `options.rounds` times. Keys are the servers' keys."""
        runs: dict[str, list[Run]] = {server.key: [] for server, _ in servers}
        for server, _ in servers:
            with self.only(server):
                pass
        for number in range(1, self.options.rounds + 1):
            for server, endpoint in servers:
                self.display.step(f"round {number}: {server.title}, {situation}")
                runs[server.key].append(self.load(server, endpoint, connections=connections, rows=rows))
        return {server.key: Series(server.title, situation, tuple(runs[server.key])) for server, _ in servers}

    def load(
        self, server: Server, endpoint: Endpoint, *, connections: int, rows: int = 1, seconds: float | None = None
    ) -> Run:
        """One load run. `rows` above 1 sends batches."""
        with self.only(server) as process:
            job = self._job(process.port, endpoint, connections, rows, seconds or self.options.seconds)
            own, busy, begin = process.cpu_seconds(), self._busy_seconds(), time.perf_counter()
            outcome = generate(job, self.cores.generator)
            elapsed = time.perf_counter() - begin
            own, busy = process.cpu_seconds() - own, self._busy_seconds() - busy
            if server is TIFFIN:
                wait_until_shipped(self.home.state_dir)
        return summarize(outcome, None if self.cores.server is None else max(0.0, busy - own) / elapsed)

    def until_shipped(self, endpoint: Endpoint, *, connections: int, seconds: float) -> float:
        """Predictions per second of a load on Tiffin, from its first request until the ledger has the last one."""
        with self.only(TIFFIN) as process:
            before = shipped(self.home.state_dir)
            begin = time.perf_counter()
            generate(self._job(process.port, endpoint, connections, 1, seconds), self.cores.generator)
            wait_until_shipped(self.home.state_dir)
            elapsed = time.perf_counter() - begin
            return (shipped(self.home.state_dir) - before) / elapsed

    def _job(self, port: int, endpoint: Endpoint, connections: int, rows: int, seconds: float) -> Job:
        source = self.singles if rows == 1 else self.many
        groups = [slice(start, start + rows) for start in range(0, len(source.records), rows)]
        return Job(
            port=port,
            path=endpoint.path,
            bodies=[body(source.records[group], endpoint.shape, **endpoint.more) for group in groups],
            scores=[source.scores[group] if endpoint.scored else None for group in groups],
            connections=connections,
            warmup_seconds=self.options.warmup_seconds,
            seconds=seconds,
            sample_every=31 if rows == 1 else 7,
        )

    def _busy_seconds(self) -> float:
        """CPU time that anybody, also another virtual machine, has had of the servers' core."""
        if self.cores.server is None:
            return 0.0
        times = psutil.cpu_times(percpu=True)[self.cores.server]
        return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)

    def in_process(self, task: str, seconds: float) -> dict[str, Any]:
        """Run `benchmarks.library` on the servers' core with everything else suspended, and return its figures."""
        with pinned(self.cores.server):
            process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.library", task, str(self.home.fraud), str(seconds)],
                cwd=ROOT, env={**os.environ, **ONE_THREAD, **self.home.environment},
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
        try:
            output, errors = process.communicate(timeout=300)
        finally:
            process.kill()
        if process.returncode:
            raise LibraryFailedError(f"benchmarks.library {task}", errors)
        figures: dict[str, Any] = json.loads(output.splitlines()[-1])
        return figures

    def close(self) -> None:
        """Stop every server, and whatever else was started from the run's own folder (embedded databases)."""
        for process in list(self._running.values()):
            process.stop()
        self._running.clear()
        end_all([process for process in psutil.process_iter(["cmdline"]) if self._ours(process)])

    def _ours(self, process: psutil.Process) -> bool:
        return process.pid != os.getpid() and any(str(self.folder) in part for part in process.info["cmdline"] or ())
