"""What the servers are asked: distinct valid fraud records, and the scores that a right answer holds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models import catalogue

MODEL = "fraud"
SEED = 20_240_501

Record = dict[str, float]
Shape = Literal["record", "wrapped", "records", "list"]
"""How a server wants its body: the record bare, {"record": ...}, {"records": [...]}, or a bare list."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Records with their scores: `matrix` holds the same values, (n, features), float32."""

    records: list[Record]
    matrix: NDArray[np.float32]
    scores: list[float]


def draw(rows: int, seed: int = SEED) -> tuple[list[Record], NDArray[np.float32]]:
    """Records within the schema's ranges, with as many digits as real ones have, and their matrix."""
    random = np.random.default_rng(seed)
    names = catalogue()[MODEL].schema.names
    columns = {name: np.clip(random.normal(0.0, 2.0, rows), -60, 60).round(6) for name in names if name.startswith("V")}
    columns["Time"] = random.integers(0, 172_800, rows).astype(np.float64)
    columns["Amount"] = np.minimum(random.lognormal(3.2, 1.6, rows), 25_000).round(2)
    records = [{name: float(columns[name][row]) for name in names} for row in range(rows)]
    return records, np.column_stack([columns[name] for name in names]).astype(np.float32)


def sample(version: Path, rows: int, seed: int = SEED) -> Sample:
    """Records and the scores that the version in folder `version` gives them."""
    from benchmarks.servers.scoring import Scorer

    records, matrix = draw(rows, seed)
    return Sample(records, matrix, Scorer(version).scores(matrix).tolist())


def body(records: Sequence[Record], shape: Shape, **more: object) -> str:
    """The JSON body that asks for `records` in the server's own shape; `more` are further members."""
    document: object
    match shape:
        case "record":
            document = records[0]
        case "wrapped":
            document = {"record": records[0], **more}
        case "records":
            document = {"records": list(records), **more}
        case "list":
            document = list(records)
    return json.dumps(document, separators=(",", ":"))
