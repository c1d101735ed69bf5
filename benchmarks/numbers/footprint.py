"""R9.8: memory of a worker with every model loaded and used, and the time from `bentoml serve` to ready."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from statistics import median

from benchmarks.bench import Bench
from benchmarks.errors import ServerFailedError
from benchmarks.measurement import Bar, Measurement
from benchmarks.numbers.findings import Findings, Number
from benchmarks.servers import TIFFIN
from benchmarks.servers.memory import tree_memory, worker_memory
from benchmarks.servers.process import OK
from models import catalogue


def measure(bench: Bench) -> Findings:
    """Fresh starts, each until /readyz answers 200; then memory after every model has predicted and explained."""
    if not bench.options.tiffin:
        return Findings()
    bench.start(TIFFIN)  # not counted: the very first start also creates the local database
    starts = []
    for number in range(1, bench.options.rounds + 1):
        bench.display.step(f"round {number}: starting {TIFFIN.title}")
        bench.stop(TIFFIN)
        starts.append(bench.start(TIFFIN).startup_seconds)
    with bench.only(TIFFIN) as process:
        answered = _use_every_model(process.port)
        if failed := [what for what, status in answered.items() if status != OK]:
            raise ServerFailedError(TIFFIN.title, f"did not answer {', '.join(failed)}", process.log)
        worker, tree = worker_memory(process), tree_memory(process)
    facts: dict[str, object] = {
        "R9.8 seconds to ready, by round": starts,
        "R9.8 answers while every model was used": answered,
        "R9.8 memory of every process, MB": [memory.as_json() for memory in tree],
    }
    note = (
        f"R9.8: {len(bench.home.models)} models were loaded ({', '.join(bench.home.models)}). The worker's RSS, which "
        f"counts shared pages in full, was {worker.rss:.0f} MB; all processes of the server together have a PSS of "
        f"{sum(memory.pss for memory in tree):.0f} MB."
    )
    return Findings(_lines(worker.pss, median(starts)), facts=facts, notes=[note])


def _lines(pss: float, seconds: float) -> list[Measurement]:
    return [
        Measurement(
            requirement="R9.8",
            what="memory (PSS) of the worker, all models loaded and explained",
            unit="MB",
            tiffin=pss,
            bar=Bar(of="figure", at_most=512),
        ),
        Measurement(
            requirement="R9.8",
            what="`bentoml serve` to /readyz 200, versions present",
            unit="s",
            tiffin=seconds,
            bar=Bar(of="figure", at_most=8),
        ),
    ]


def _use_every_model(port: int) -> dict[str, int]:
    """Predict, batch and explain every model's example; the status of each."""
    statuses = {}
    for name, definition in catalogue().items():
        example = definition.schema.example
        bodies = {"predict": {"record": example}, "batch": {"records": [example] * 100}, "explain": {"record": example}}
        for action, body in bodies.items():
            statuses[f"{name}/{action}"] = _post(f"http://127.0.0.1:{port}/v1/models/{name}/{action}", body)
    return statuses


def _post(url: str, body: object) -> int:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


NUMBER = Number("memory and start-up", lambda rounds: rounds, measure)
