"""Starting the load generator's process on its own core and reading what it found."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from benchmarks.errors import GeneratorFailedError
from benchmarks.job import Job, Outcome
from benchmarks.pinning import pinned


def generate(job: Job, core: int | None) -> Outcome:
    """Run `job` in a process on `core`. Raises GeneratorFailedError."""
    with tempfile.TemporaryDirectory(prefix="tiffin-load-") as folder:
        job_file, result_file = Path(folder) / "job.json", Path(folder) / "result.json"
        job_file.write_text(json.dumps(asdict(job)))
        command = [sys.executable, "-m", "benchmarks.load", str(job_file), str(result_file)]
        with pinned(core):
            process = subprocess.Popen(
                command, cwd=Path(__file__).parent.parent, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
            )
        try:
            _, errors = process.communicate(
                timeout=job.open_seconds + job.warmup_seconds + job.seconds + job.drain_seconds + 60
            )
        except BaseException:
            process.kill()
            process.wait()
            raise
        if process.returncode:
            raise GeneratorFailedError("the load generator", errors)
        return Outcome(**json.loads(result_file.read_text()))
