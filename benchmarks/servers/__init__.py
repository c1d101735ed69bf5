"""Who is measured: how each server is started, where it listens and how it wants to be asked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.payloads import Shape

BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server answers and the shape of body it wants. `scored` is False where the answer holds no score."""

    path: str
    shape: Shape
    scored: bool = True
    more: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server of the comparison. `key` is its name in results, `title` its name in tables."""

    key: str
    title: str
    command: Callable[[int], list[str]]
    ready_path: str
    predict: Endpoint
    batch: Endpoint | None = None
    explain: Endpoint | None = None


def _uvicorn(module: str) -> Callable[[int], list[str]]:
    options = ["--workers", "1", "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    return lambda port: [
        sys.executable,
        "-m",
        "uvicorn",
        f"benchmarks.servers.{module}:app",
        *options,
        f"--port={port}",
    ]


def _bentoml(service: str) -> Callable[[int], list[str]]:
    target = f"benchmarks.servers.stock_bentoml:{service}"
    return lambda port: [str(BIN / "bentoml"), "serve", target, "--host", "127.0.0.1", "--port", str(port)]


def _mosec(port: int) -> list[str]:
    options = ["--address", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    return [sys.executable, "-m", "benchmarks.servers.mosec_onnx", *options]


TIFFIN = Server(
    key="tiffin",
    title="Tiffin",
    command=lambda port: [str(BIN / "bentoml"), "serve", "--host", "127.0.0.1", "-p", str(port)],
    ready_path="/readyz",
    predict=Endpoint("/v1/models/fraud/predict", "wrapped"),
    batch=Endpoint("/v1/models/fraud/batch", "records"),
    explain=Endpoint("/v1/models/fraud/explain", "wrapped", more={"top": 5}),
)
FASTAPI_ONNX = Server(
    key="fastapi_onnx",
    title="(a) FastAPI + ONNX Runtime",
    command=_uvicorn("fastapi_onnx"),
    ready_path="/ready",
    predict=Endpoint("/predict", "record"),
    batch=Endpoint("/batch", "list"),
)
FASTAPI_PANDAS = Server(
    key="fastapi_pandas",
    title="(b) FastAPI + pandas + predict_proba",
    command=_uvicorn("fastapi_pandas"),
    ready_path="/ready",
    predict=Endpoint("/predict", "record"),
)
BENTOML_PLAIN = Server(
    key="bentoml_plain",
    title="(c) stock BentoML",
    command=_bentoml("Plain"),
    ready_path="/readyz",
    predict=Endpoint("/predict", "wrapped"),
)
BENTOML_BATCHABLE = Server(
    key="bentoml_batchable",
    title="(c) stock BentoML, batchable",
    command=_bentoml("Batchable"),
    ready_path="/readyz",
    predict=Endpoint("/predict", "records"),
)
ECHO = Server(
    key="echo",
    title="(d) bare ASGI echo",
    command=_uvicorn("echo"),
    ready_path="/",
    predict=Endpoint("/", "record", scored=False),
)
MOSEC = Server(
    key="mosec",
    title="(f) mosec",
    command=_mosec,
    ready_path="/",
    predict=Endpoint("/predict", "record"),
)
EVERYONE = (TIFFIN, FASTAPI_ONNX, FASTAPI_PANDAS, BENTOML_PLAIN, BENTOML_BATCHABLE, ECHO, MOSEC)
