"""R9.2: predict with one connection: the latency of a request that meets an idle server."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.measurement import Bar, Measurement
from benchmarks.numbers.findings import Findings, Number, figure
from benchmarks.servers import FASTAPI_ONNX, MOSEC, TIFFIN, Server
from benchmarks.summary import Series

SERVERS = (TIFFIN, FASTAPI_ONNX, MOSEC)


def measure(bench: Bench) -> Findings:
    """The median latency against (a) and (f)."""
    servers = [(server, server.predict) for server in bench.servers(*SERVERS)]
    series = bench.rounds(servers, "predict, 1 connection", connections=1)
    lines = [_median(series, FASTAPI_ONNX, Bar(of="ratio", at_most=1.2)), _median(series, MOSEC, None)]
    return Findings(lines, list(series.values()))


def _median(series: dict[str, Series], server: Server, bar: Bar | None) -> Measurement:
    return Measurement(
        requirement="R9.2",
        what="predict, 1 connection, p50",
        unit="ms",
        tiffin=figure(series, TIFFIN.key, "p50"),
        baseline=figure(series, server.key, "p50"),
        baseline_name=server.title,
        bar=bar,
    )


NUMBER = Number("predict, 1 connection", lambda rounds: rounds * len(SERVERS), measure)
