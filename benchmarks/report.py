"""The findings as Markdown for people and as JSON for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from benchmarks.machine import Machine
from benchmarks.measurement import Measurement
from benchmarks.numbers import Findings
from benchmarks.options import Options
from benchmarks.summary import Run, Series
from benchmarks.versions import Home

NOISY = 0.05
"""From this share of a core on, the work of others may have changed the figures."""
HEADINGS = ("requirement", "what", "Tiffin", "baseline", "baseline's figure", "ratio", "bar", "met")
RAW_HEADINGS = (
    "situation", "server", "answers/s", "by round", "p50 ms", "p99 ms", "statuses", "failed", "wrong of checked",
    "generator busy", "kept waiting", "others on the servers' core",
)  # fmt: skip
MET = {True: "yes", False: "NO", None: ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything one run found."""

    machine: Machine
    pinning: str
    options: Options
    home: Home
    findings: Findings
    minutes: float

    def markdown(self) -> str:
        """The whole report."""
        parts = [
            "# Speed and size, measured",
            *self._preamble(),
            _table(HEADINGS, map(cells, self.findings.measurements)),
        ]
        if notes := self.notes():
            parts.append("\n".join(f"- {note}" for note in notes))
        if self.findings.series:
            parts += ["## Raw figures", _RAW_TEXT, _table(RAW_HEADINGS, map(raw_cells, self.findings.series))]
        if self.findings.facts:
            parts += ["## Further figures", "```json\n" + json.dumps(self.findings.facts, indent=1) + "\n```"]
        return "\n\n".join(parts) + "\n"

    def _preamble(self) -> list[str]:
        machine = self.machine
        libraries = ", ".join(f"{name} {version}" for name, version in machine.libraries.items())
        return [
            "Written by `python -m benchmarks` (`make bench`), which starts every server itself.",
            f"- {machine.date}, commit {machine.commit}, {self.minutes:.1f} minutes\n"
            f"- {machine.cpu}, {machine.cores} cores, {machine.memory_gib} GiB, Linux {machine.kernel}; "
            f"load average before the run {machine.load_average}; ten million additions in Python took "
            f"{machine.loop_seconds:.2f} s\n"
            f"- Python {machine.python}; {libraries}\n"
            f"- {self.pinning}; {self.options.rounds} interleaved rounds of {self.options.seconds:g} s each; medians "
            f"over rounds; all servers serve {self.home.fraud_tag} with one worker, one thread per library",
        ]

    def notes(self) -> list[str]:
        """What a reader must know to trust the figures."""
        notes = list(self.findings.notes)
        for series in self.findings.series:
            where = f"{series.server}, {series.situation}"
            if any(run.saturated for run in series.runs):
                notes.append(f"{where}: the load generator was saturated, the server may be faster than shown.")
            complaints = [complaint for run in series.runs for complaint in run.complaints]
            if complaints:
                notes.append(f"{where}: an answer said `{' '.join(complaints[0].split())[:200]}`")
        runs = [run for series in self.findings.series for run in series.runs]
        if runs:
            fastest = max(runs, key=lambda run: run.rate)
            notes.append(
                f"In the fastest run, {fastest.rate:,.0f} requests/s, the load generator was busy for "
                f"{fastest.generator_cpu:.0%} of the time: it could drive about {fastest.ceiling:,.0f} requests/s."
            )
        if noisy := sum(noise(run) > NOISY for run in runs):
            notes.append(
                f"NOISE: in {noisy} of {len(runs)} load runs other processes had more than {NOISY:.0%} of the servers' "
                "core or kept the load generator waiting as long: figures are too low, by up to a half."
            )
        return notes

    def json(self) -> str:
        """The same for programs."""
        document = {
            "machine": asdict(self.machine),
            "pinning": self.pinning,
            "rounds": self.options.rounds,
            "seconds": self.options.seconds,
            "version": self.home.fraud_tag,
            "measurements": [
                {**asdict(line), "ratio": line.ratio, "met": line.met} for line in self.findings.measurements
            ],
            "series": [series.as_json() for series in self.findings.series],
            "facts": self.findings.facts,
            "notes": self.notes(),
        }
        return json.dumps(document, indent=1, default=str) + "\n"


_RAW_TEXT = (
    "Medians over the rounds; counts are sums. `answers/s` counts right answers only. `generator busy` near 100 % "
    "would mean that the generator, not the server, was measured. `kept waiting` (others had the generator's core) and "
    "`others on the servers' core` are noise; for Tiffin the latter includes its own PostgreSQL and Redis."
)


def cells(line: Measurement) -> tuple[str, ...]:
    """One line of the table."""
    return (
        line.requirement,
        line.what,
        quantity(line.tiffin, line.unit),
        line.baseline_name,
        quantity(line.baseline, line.unit) if line.baseline_name else "",
        "" if line.ratio is None else f"{line.ratio:.2f} x",
        "" if line.bar is None else line.bar.text,
        MET[line.met],
    )


def raw_cells(series: Series) -> tuple[str, ...]:
    """One line of the raw table."""
    others = series.others_cpu
    return (
        series.situation,
        series.server,
        number(series.rate),
        ", ".join(number(run.rate) for run in series.runs),
        number(series.p50),
        number(series.p99),
        ", ".join(f"{status}: {count:,}" for status, count in series.statuses.items()),
        str(series.failed),
        f"{series.wrong} of {sum(run.sampled for run in series.runs)}",
        f"{series.median(lambda run: run.generator_cpu):.0%}",
        f"{series.median(lambda run: run.generator_delayed):.0%}",
        "" if others is None else f"{others:.0%}",
    )


def noise(run: Run) -> float:
    """The larger share that others took: of the servers' core, or of the time in which the generator could have run."""
    return max(run.others_cpu or 0.0, run.generator_delayed)


def quantity(value: float | None, unit: str) -> str:
    """A number with its unit."""
    return "not measured" if value is None else f"{number(value)} {unit}"


def number(value: float) -> str:
    """Three digits are all that a benchmark can promise.

    >>> number(12345.6), number(1.2345), number(0.0)
    ('12,346', '1.23', '0')
    """
    if not math.isfinite(value):
        return "-"
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _table(headings: Sequence[str], rows: object) -> str:
    lines = [headings, ["---"] * len(headings), *rows]  # type: ignore[misc]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
