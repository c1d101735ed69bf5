"""R9.1: predict with 32 connections, one worker process each."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.measurement import Bar, Measurement
from benchmarks.numbers.findings import Findings, Number, figure
from benchmarks.servers import (
    BENTOML_BATCHABLE,
    BENTOML_PLAIN,
    ECHO,
    EVERYONE,
    FASTAPI_ONNX,
    FASTAPI_PANDAS,
    MOSEC,
    TIFFIN,
    Server,
)
from benchmarks.summary import Series

CONNECTIONS = 32
BARS: tuple[tuple[Server, Bar | None], ...] = (
    (FASTAPI_ONNX, Bar(of="ratio", at_least=2.5)),
    (FASTAPI_PANDAS, None),
    (BENTOML_PLAIN, Bar(of="ratio", at_least=10)),
    (BENTOML_BATCHABLE, Bar(of="ratio", at_least=10)),
    (ECHO, None),
    (MOSEC, Bar(of="ratio", at_least=1, goal=True)),
)


def measure(bench: Bench) -> Findings:
    """Requests per second against everyone, p99 against (a), and whether every answer was a right 200."""
    servers = [(server, server.predict) for server in bench.servers(*EVERYONE)]
    series = bench.rounds(servers, f"predict, {CONNECTIONS} connections", connections=CONNECTIONS)
    rates = [_rate(series, server, bar) for server, bar in BARS]
    lines = [*rates, _tail(series), _faults(series)]
    if bench.options.tiffin:
        bench.display.step(f"{TIFFIN.title}, {CONNECTIONS} connections, until everything is in PostgreSQL")
        seconds = bench.options.seconds * bench.options.rounds
        rate = bench.until_shipped(TIFFIN.predict, connections=CONNECTIONS, seconds=seconds)
        lines.append(_until_shipped(rate, series))
    return Findings(lines, list(series.values()))


def _rate(series: dict[str, Series], server: Server, bar: Bar | None) -> Measurement:
    return Measurement(
        requirement="R9.1",
        what=f"predict, {CONNECTIONS} connections",
        unit="requests/s",
        tiffin=figure(series, TIFFIN.key, "rate"),
        baseline=figure(series, server.key, "rate"),
        baseline_name=server.title,
        bar=bar,
    )


def _until_shipped(rate: float, series: dict[str, Series]) -> Measurement:
    return Measurement(
        requirement="R9.1",
        what=f"predict, {CONNECTIONS} connections, until PostgreSQL on the same core has the last prediction",
        unit="requests/s",
        tiffin=rate,
        baseline=figure(series, FASTAPI_ONNX.key, "rate"),
        baseline_name=FASTAPI_ONNX.title,
    )


def _tail(series: dict[str, Series]) -> Measurement:
    return Measurement(
        requirement="R9.1",
        what=f"predict, {CONNECTIONS} connections, p99",
        unit="ms",
        tiffin=figure(series, TIFFIN.key, "p99"),
        baseline=figure(series, FASTAPI_ONNX.key, "p99"),
        baseline_name=FASTAPI_ONNX.title,
        bar=Bar(of="ratio", at_most=0.5),
    )


def _faults(series: dict[str, Series]) -> Measurement:
    mine = series.get(TIFFIN.key)
    return Measurement(
        requirement="R9.1",
        what="answers that were not a right 200",
        unit="requests",
        tiffin=float(mine.failed + mine.wrong) if mine else None,
        bar=Bar(of="figure", at_most=0),
    )


NUMBER = Number("predict, 32 connections", lambda rounds: rounds * len(EVERYONE) + 1, measure)
