"""R9.6, the short form: 512 connections at saturation. For information; the full minute is a test of its own."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.measurement import Bar, Measurement
from benchmarks.numbers.findings import Findings, Number
from benchmarks.servers import TIFFIN
from benchmarks.servers.memory import worker_memory
from benchmarks.summary import Run, Series

CONNECTIONS = 512
SECONDS_FACTOR = 10 / 3
"""Ten seconds at the default length of a load run."""


def measure(bench: Bench) -> Findings:
    """Statuses, p99 and the worker's memory before and after."""
    if not bench.options.tiffin:
        return Findings()
    bench.display.step(f"{TIFFIN.title}, {CONNECTIONS} connections")
    process = bench.start(TIFFIN)
    bench.load(TIFFIN, TIFFIN.predict, connections=CONNECTIONS, seconds=1.0)
    before = worker_memory(process).rss
    run = bench.load(TIFFIN, TIFFIN.predict, connections=CONNECTIONS, seconds=bench.options.seconds * SECONDS_FACTOR)
    after = worker_memory(process).rss
    series = Series(TIFFIN.title, f"predict, {CONNECTIONS} connections", (run,))
    facts: dict[str, object] = {"R9.6 RSS of the worker, MB": {"before": before, "after": after}}
    return Findings(_lines(run, before, after), [series], facts)


def _lines(run: Run, before: float, after: float) -> list[Measurement]:
    other = sum(count for status, count in run.statuses.items() if status not in ("200", "503"))
    unanswered = run.failed - sum(count for status, count in run.statuses.items() if status != "200")
    figures = {
        ("requests/s", "requests/s"): (run.rate, None),
        ("p99", "ms"): (run.p99, None),
        ("deliberate 503", "requests"): (float(run.statuses.get("503", 0)), None),
        ("other failures, unanswered, wrong", "requests"): (
            float(other + unanswered + run.wrong),
            Bar(of="figure", at_most=0),
        ),
        ("growth of the worker's RSS", "MB"): (after - before, None),
    }
    return [
        Measurement(
            requirement="R9.6 (short)", what=f"{CONNECTIONS} connections: {what}", unit=unit, tiffin=value, bar=bar
        )
        for (what, unit), (value, bar) in figures.items()
    ]


NUMBER = Number("512 connections", lambda _: 1, measure)
