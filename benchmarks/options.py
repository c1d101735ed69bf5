"""The command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to measure, and for how long."""

    numbers: tuple[str, ...]
    seconds: float
    warmup_seconds: float
    rounds: int
    tiffin: bool
    output: Path | None


def parse(known: Sequence[str], arguments: Sequence[str] | None = None) -> Options:
    """Options from the command line; ends the program with a message when they are wrong. `known` are all numbers."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures Tiffin beside the baselines of REQUIREMENTS section 9, all started by this program.",
        epilog="A complete run writes RESULTS.md and results.json into benchmarks/, a partial or quick one only prints "
        "unless --output names a folder. BENTOML_HOME says where the trained models are; missing ones are trained.",
    )
    parser.add_argument("--only", metavar="R9.1,R9.4", help=f"measure these numbers only, of {', '.join(known)}")
    parser.add_argument("--seconds", type=_positive, default=3.0, help="length of one load run (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved repeats of each (default %(default)s)")
    parser.add_argument("--quick", action="store_true", help="one round of one second: shows that it works, no more")
    parser.add_argument("--no-tiffin", action="store_true", help="the baselines alone")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="write the two files there, even if partial")
    given = parser.parse_args(arguments)
    chosen = tuple(name.strip() for name in given.only.split(",")) if given.only else tuple(known)
    if unknown := [name for name in chosen if name not in known]:
        parser.error(f"unknown number {', '.join(unknown)}; known: {', '.join(known)}")
    if given.rounds < 1:
        parser.error("--rounds must be at least 1")
    complete = not (given.only or given.quick or given.no_tiffin)
    return Options(
        numbers=chosen,
        seconds=1.0 if given.quick else given.seconds,
        warmup_seconds=0.4 if given.quick else 0.8,
        rounds=1 if given.quick else given.rounds,
        tiffin=not given.no_tiffin,
        output=given.output or (FOLDER if complete else None),
    )


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return value
