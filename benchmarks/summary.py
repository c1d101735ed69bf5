"""From what one load run saw to the figures that are compared: rates, percentiles, medians over rounds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from benchmarks.job import Outcome

SATURATED = 0.9
"""From this share of its core on, the generator may be what limits a rate."""


def percentile(ascending: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of the values do not exceed; NaN of nothing.

    >>> percentile([1.0, 2.0, 3.0, 4.0], 0.5)
    2.0
    """
    if not ascending:
        return math.nan
    return ascending[max(0, math.ceil(share * len(ascending)) - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The figures of one load run against one server. Latencies in milliseconds, of right answers."""

    rate: float
    """Right answers per second: status 200, less the share of wrong ones among those that were checked."""
    p50: float
    p99: float
    worst: float
    statuses: dict[str, int]
    failed: int
    """Answers with another status than 200, broken connections, and requests never answered."""
    sampled: int
    wrong: int
    complaints: list[str]
    megabytes_per_second: float
    generator_cpu: float
    generator_delayed: float
    others_cpu: float | None = None
    """Share of the servers' core that went to anything but this server: noise."""

    @property
    def saturated(self) -> bool:
        return self.generator_cpu + self.generator_delayed > SATURATED

    @property
    def ceiling(self) -> float:
        """Requests per second that the generator would reach were the server infinitely fast."""
        return self.rate / self.generator_cpu if self.generator_cpu else math.nan


def summarize(outcome: Outcome, others_cpu: float | None = None) -> Run:
    """The figures of one run."""
    ascending = sorted(outcome.latencies)
    right = 1.0 - outcome.wrong / outcome.sampled if outcome.sampled else 1.0
    refused = sum(count for status, count in outcome.statuses.items() if status != "200")
    return Run(
        rate=outcome.completed * right / outcome.seconds,
        p50=percentile(ascending, 0.50) * 1e3,
        p99=percentile(ascending, 0.99) * 1e3,
        worst=percentile(ascending, 1.0) * 1e3,
        statuses=outcome.statuses,
        failed=refused + outcome.errors + outcome.unanswered,
        sampled=outcome.sampled,
        wrong=outcome.wrong,
        complaints=outcome.complaints,
        megabytes_per_second=outcome.received_bytes / outcome.seconds / 1e6,
        generator_cpu=outcome.cpu_share,
        generator_delayed=outcome.delayed_share,
        others_cpu=others_cpu,
    )


@dataclass(frozen=True, slots=True)
class Series:
    """The rounds of one server in one situation; every figure is the median over them, every count the sum."""

    server: str
    situation: str
    runs: tuple[Run, ...]

    def median(self, figure: Callable[[Run], float]) -> float:
        return median(figure(run) for run in self.runs)

    @property
    def rate(self) -> float:
        return self.median(lambda run: run.rate)

    @property
    def p50(self) -> float:
        return self.median(lambda run: run.p50)

    @property
    def p99(self) -> float:
        return self.median(lambda run: run.p99)

    @property
    def failed(self) -> int:
        return sum(run.failed for run in self.runs)

    @property
    def wrong(self) -> int:
        return sum(run.wrong for run in self.runs)

    @property
    def statuses(self) -> dict[str, int]:
        total: Counter[str] = Counter()
        for run in self.runs:
            total.update(run.statuses)
        return dict(sorted(total.items()))

    @property
    def others_cpu(self) -> float | None:
        shares = [run.others_cpu for run in self.runs if run.others_cpu is not None]
        return median(shares) if shares else None

    def as_json(self) -> dict[str, object]:
        return asdict(self)
