"""How much memory the processes of a server hold."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from benchmarks.servers.process import ServerProcess

BIN = Path(sys.executable).parent
WORKER = "_bentoml_impl.worker"
"""In the command line of every process that BentoML answers requests in."""


@dataclass(frozen=True, slots=True)
class Memory:
    """One process. MB are 10^6 bytes. PSS counts a page that n processes share as 1/n of a page, RSS as a whole one."""

    command: str
    pss: float
    rss: float

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def tree_memory(server: ServerProcess) -> list[Memory]:
    """All processes of the server, largest first."""
    found = []
    for process in server.tree():
        with contextlib.suppress(psutil.NoSuchProcess, OSError):
            found.append(_memory(process))
    return sorted(found, key=lambda memory: -memory.pss)


def worker_memory(server: ServerProcess) -> Memory:
    """The process that answers requests: the largest of BentoML's workers."""
    everything = tree_memory(server)
    return next((memory for memory in everything if WORKER in memory.command), everything[0])


def _memory(process: psutil.Process) -> Memory:
    kilobytes = {}
    for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()[1:]:
        key, value, *_ = line.split()
        kilobytes[key] = int(value) * 1024 / 1e6
    program, *arguments = process.cmdline() or [process.name()]
    command = " ".join([Path(program).name, *(argument.removeprefix(f"{BIN}/") for argument in arguments)])
    return Memory(command[:160], kilobytes["Pss:"], kilobytes["Rss:"])
