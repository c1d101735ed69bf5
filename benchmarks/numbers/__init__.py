"""The numbers of REQUIREMENTS section 9, one file each."""

from __future__ import annotations

from benchmarks.numbers import batch, explain, footprint, predict, saturation, single
from benchmarks.numbers.findings import Findings, Number

NUMBERS: dict[str, Number] = {
    "R9.1": predict.NUMBER,
    "R9.2": single.NUMBER,
    "R9.3": batch.NUMBER,
    "R9.4": explain.NUMBER,
    "R9.6": saturation.NUMBER,
    "R9.8": footprint.NUMBER,
}

__all__ = ["NUMBERS", "Findings", "Number"]
