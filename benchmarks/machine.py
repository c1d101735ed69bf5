"""The machine and the software that a run was measured on."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = (
    "bentoml", "fastapi", "mosec", "msgspec", "numba", "numpy", "onnxruntime", "pandas", "pydantic", "shap",
    "starlette", "uvicorn", "uvloop", "xgboost-cpu",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What to write above a table of figures."""

    cpu: str
    cores: int
    memory_gib: float
    kernel: str
    python: str
    libraries: dict[str, str]
    commit: str
    date: str
    load_average: float
    """Processes that wanted a core over the last minute, just before the run: above 0.5 others were at work."""
    loop_seconds: float
    """Processor time of ten million additions in Python, the best of three: shared machines are not always as fast."""


def this_machine(repository: Path) -> Machine:
    """Ask the system."""
    return Machine(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        kernel=platform.release(),
        python=platform.python_version(),
        libraries={name: found for name in LIBRARIES if (found := _version(name))},
        commit=_commit(repository),
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        load_average=round(os.getloadavg()[0], 2),
        loop_seconds=round(min(_loop_seconds() for _ in range(3)), 2),
    )


def _loop_seconds() -> float:
    begin, total = time.process_time(), 0
    for number in range(10_000_000):
        total += number
    return time.process_time() - begin


def _cpu() -> str:
    facts: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    name = facts.get("model name", platform.machine())
    return f"{name} (family {facts.get('cpu family', '?')}, model {facts.get('model', '?')})"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _commit(repository: Path) -> str:
    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(repository), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "--short", "HEAD") + ("+dirty" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
