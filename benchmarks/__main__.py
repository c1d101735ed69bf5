"""`python -m benchmarks`: measure, print the table, write RESULTS.md and results.json."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.table import Table

from benchmarks.bench import Bench
from benchmarks.errors import BenchmarkError
from benchmarks.machine import this_machine
from benchmarks.numbers import NUMBERS, Findings
from benchmarks.options import Options, parse
from benchmarks.pinning import choose_cores
from benchmarks.progress import Display
from benchmarks.report import HEADINGS, Report, cells
from benchmarks.versions import ROOT, prepare_home


def main() -> None:
    """Run the benchmark."""
    options = parse(tuple(NUMBERS))
    console = Console() if sys.stdout.isatty() else Console(width=170)
    signal.signal(signal.SIGTERM, _interrupt)
    with tempfile.TemporaryDirectory(prefix="tiffin-bench-", ignore_cleanup_errors=True) as folder:
        report = measure(options, Path(folder), console)
    _show(report, console)
    if options.output is None:
        console.print("not written: a partial or quick run; give --output FOLDER to keep it")
        return
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "RESULTS.md").write_text(report.markdown())
    (options.output / "results.json").write_text(report.json())
    console.print(f"written: {options.output / 'RESULTS.md'}, {options.output / 'results.json'}")


def measure(options: Options, folder: Path, console: Console) -> Report:
    """All chosen numbers, one after another. Whatever was started is stopped, also after an error."""
    machine, cores, begin = this_machine(ROOT), choose_cores(), time.monotonic()
    findings = Findings()
    steps = sum(NUMBERS[name].steps(options.rounds) for name in options.numbers)
    with Display(console, steps) as display:
        home = prepare_home(folder, display.say)
        bench = Bench(options, cores, home, folder, display)
        try:
            for name in options.numbers:
                findings.add(NUMBERS[name].measure(bench))
        finally:
            display.say("stopping the servers")
            bench.close()
    return Report(
        machine=machine,
        pinning=cores.text,
        options=options,
        home=home,
        findings=findings,
        minutes=(time.monotonic() - begin) / 60,
    )


def _show(report: Report, console: Console) -> None:
    machine = report.machine
    console.print(
        f"{machine.cpu}, {machine.cores} cores, Python {machine.python}, commit {machine.commit}, {machine.date}"
    )
    table = Table(*HEADINGS)
    for line in report.findings.measurements:
        table.add_row(*cells(line), style={True: "green", False: "red", None: ""}[line.met])
    console.print(table)
    for note in report.notes():
        console.print(f"- {note}", highlight=False, markup=False)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Let SIGTERM unwind like Ctrl-C, so that no server is left behind."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        main()
    except BenchmarkError as error:
        sys.exit(f"benchmark: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
