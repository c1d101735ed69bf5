"""Writers and shippers as processes of their own, to be killed, stopped and waited for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ledger.configuration import Configuration, to_json
from tests.storage.servers import ROOT

_WRITE = """
import random, sys, time
from pathlib import Path
from ledger import spool
from ledger.settings import LedgerSettings
from tests.ledger import making
spool.SEGMENT_BYTES = 300_000
writer = spool.Spool.open(Path(sys.argv[1]), LedgerSettings())
seed = random.Random(int(sys.argv[2]))
for number in range(int(sys.argv[3])):
    answers = [making.prediction(seed) for _ in range(seed.randrange(1, 8))]
    if number % 3:
        for answer in answers:
            writer.add(making.frame(answer, entity=f"C{seed.randrange(30)}"))
    else:
        writer.add(making.batch(answers, body=making.encoded({"records": [{"a": 1}] * len(answers)})))
    writer.flush()
    print(" ".join(answer["prediction_id"] for answer in answers), flush=True)
    time.sleep(float(sys.argv[4]))
print("done", flush=True)
writer.close()
"""


class Writer:
    """A worker that spools predictions as fast as it can; `acknowledged` holds the ids of those that it has flushed."""

    def __init__(
        self, state_dir: Path, *, seed: int = 1, flushes: int = 1_000_000, pause_seconds: float = 0.002
    ) -> None:
        self.acknowledged: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", _WRITE, str(state_dir), str(seed), str(flushes), str(pause_seconds)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.endswith("\n") and line != "done\n":
                self.acknowledged += line.split()

    def kill(self) -> list[str]:
        """End it at once, and return all that it had acknowledged."""
        self.process.send_signal(signal.SIGKILL)
        return self.wait()

    def wait(self) -> list[str]:
        """Let it come to its end."""
        self._reader.join()
        with self.process:
            pass
        return self.acknowledged


class ShipperProcess:
    """`python -m ledger.ship` with the given configuration."""

    def __init__(self, state_dir: Path, database_url: str, redis_url: str | None = None, **given: Any) -> None:
        configuration = Configuration(
            state_dir=state_dir,
            database_url=database_url,
            redis_url=redis_url,
            parent_pid=os.getpid(),
            **{"patience_seconds": 0, **given},
        )
        self.log = state_dir / "shipper.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "ledger.ship"],
                cwd=ROOT,
                env={**os.environ, "MALLOC_ARENA_MAX": "2"},
                stdin=subprocess.PIPE,
                stderr=log,
            )
        assert self.process.stdin is not None
        with self.process.stdin as pipe:
            pipe.write(to_json(configuration))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """SIGTERM, and its exit code."""
        self.process.terminate()
        return self.process.wait(20)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.kill()


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """The process stands still meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
