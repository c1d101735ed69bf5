"""R9.3: batches of 1 000 records over HTTP, against (a) and against the library call alone."""

from __future__ import annotations

from statistics import median

from benchmarks.bench import BATCH_RECORDS, Bench
from benchmarks.measurement import Bar, Measurement
from benchmarks.numbers.findings import Findings, Number, figure
from benchmarks.servers import FASTAPI_ONNX, TIFFIN
from benchmarks.summary import Series

LIBRARIES = {
    "onnxruntime": "(e) ONNX Runtime, ready matrix, 1 thread",
    "xgboost": "(e) XGBoost inplace_predict, ready matrix, 1 thread",
}


def measure(bench: Bench) -> Findings:
    """Rows per second. The library's are measured round by round beside the servers' own."""
    servers = [(server, server.batch) for server in bench.servers(TIFFIN, FASTAPI_ONNX) if server.batch]
    series = bench.rounds(servers, f"batch of {BATCH_RECORDS:,}, 1 connection", connections=1, rows=BATCH_RECORDS)
    alone: list[dict[str, float]] = []
    for number in range(1, bench.options.rounds + 1):
        bench.display.step(f"round {number}: the library call alone, batch of {BATCH_RECORDS:,}")
        alone.append(bench.in_process("score", bench.options.seconds / 2))
    library = {name: median(figures[name] for figures in alone) for name in LIBRARIES}
    return Findings(_lines(series, library), list(series.values()), {"R9.3 library alone, rows/s, by round": alone})


def _lines(series: dict[str, Series], library: dict[str, float]) -> list[Measurement]:
    baselines = {
        FASTAPI_ONNX.title: (_rows(series, FASTAPI_ONNX.key), Bar(of="ratio", at_least=3)),
        LIBRARIES["onnxruntime"]: (library["onnxruntime"], Bar(of="ratio", at_least=0.3)),
        LIBRARIES["xgboost"]: (library["xgboost"], Bar(of="ratio", at_least=0.3, goal=True)),
    }
    return [
        Measurement(
            requirement="R9.3",
            what=f"batch of {BATCH_RECORDS:,} records, 1 connection",
            unit="rows/s",
            tiffin=_rows(series, TIFFIN.key),
            baseline=rate,
            baseline_name=name,
            bar=bar,
        )
        for name, (rate, bar) in baselines.items()
    ]


def _rows(series: dict[str, Series], key: str) -> float | None:
    rate = figure(series, key, "rate")
    return None if rate is None else rate * BATCH_RECORDS


NUMBER = Number("batch of 1,000 records", lambda rounds: rounds * 3, measure)
