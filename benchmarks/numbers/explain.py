"""R9.4: exact SHAP values in process on one thread against the `shap` library, and over HTTP for information."""

from __future__ import annotations

from statistics import median
from typing import Any

from benchmarks.bench import Bench
from benchmarks.library import ROWS
from benchmarks.measurement import Bar, Measurement
from benchmarks.numbers.findings import Findings, Number
from benchmarks.servers import TIFFIN

TOLERANCE = 1e-4
CONNECTIONS = 32


def measure(bench: Bench) -> Findings:
    """Rows per second for one row and for many, the largest difference, and requests per second."""
    found = Findings()
    rounds: list[dict[str, Any]] = []
    if bench.options.tiffin:
        for number in range(1, bench.options.rounds + 1):
            bench.display.step(f"round {number}: explain in process, Tiffin and shap")
            rounds.append(bench.in_process("explain", bench.options.seconds / 2))
        found.facts["R9.4 explain in process, rows/s, by round"] = rounds
        found.measurements += [_rows(rounds, rows) for rows in (1, ROWS)] + [_difference(rounds)]
        _over_http(bench, found)
    return found


def _rows(rounds: list[dict[str, Any]], rows: int) -> Measurement:
    return Measurement(
        requirement="R9.4",
        what=f"explain in process, 1 thread, {rows:,} row{'s' if rows > 1 else ''} a call",
        unit="rows/s",
        tiffin=median(figures[str(rows)]["tiffin"] for figures in rounds),
        baseline=median(figures[str(rows)]["shap"] for figures in rounds),
        baseline_name="shap.TreeExplainer",
        bar=Bar(of="ratio", at_least=5),
    )


def _difference(rounds: list[dict[str, Any]]) -> Measurement:
    return Measurement(
        requirement="R9.4",
        what="largest difference to shap's values",
        unit="margin",
        tiffin=max(figures["difference"] for figures in rounds),
        bar=Bar(of="figure", at_most=TOLERANCE),
    )


def _over_http(bench: Bench, found: Findings) -> None:
    assert TIFFIN.explain is not None
    for connections in (1, CONNECTIONS):
        situation = f"explain, {connections} connection{'s' if connections > 1 else ''}"
        series = bench.rounds([(TIFFIN, TIFFIN.explain)], situation, connections=connections)[TIFFIN.key]
        found.series.append(series)
        found.measurements.append(
            Measurement(requirement="R9.4", what=f"{situation}, over HTTP", unit="requests/s", tiffin=series.rate)
        )


NUMBER = Number("explain", lambda rounds: rounds * 3, measure)
