from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.job import Outcome
from benchmarks.machine import this_machine
from benchmarks.measurement import Bar, Measurement
from benchmarks.numbers import NUMBERS, Findings
from benchmarks.options import parse
from benchmarks.report import Report, cells, number
from benchmarks.summary import Series, summarize
from benchmarks.versions import Home

LINE = Measurement(
    requirement="R9.1",
    what="predict",
    unit="requests/s",
    tiffin=9_000.0,
    baseline=2_000.0,
    baseline_name="(a)",
    bar=Bar(of="ratio", at_least=2.5),
)


def report() -> Report:
    run = summarize(Outcome(seconds=1.0, completed=9_000, latencies=[0.001], statuses={"200": 9_000}, cpu_share=0.95))
    return Report(
        machine=this_machine(Path(__file__).parent),
        pinning="not pinned",
        options=parse(tuple(NUMBERS), []),
        home=Home({}, Path(), "fraud:abc", ("fraud:abc",)),
        findings=Findings([LINE], [Series("Tiffin", "predict", (run,))], {"fact": 1}, ["a note"]),
        minutes=1.0,
    )


def test_a_line_tells_figure_baseline_ratio_and_bar() -> None:
    assert cells(LINE) == (
        "R9.1", "predict", "9,000 requests/s", "(a)", "2,000 requests/s", "4.50 x", ">= 2.5 x", "yes",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"), [(12345.6, "12,346"), (99.94, "99.9"), (0.01234, "0.0123"), (0.0, "0"), (float("nan"), "-")]
)
def test_numbers_show_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_the_report_names_the_machine_and_warns_of_a_saturated_generator() -> None:
    text = report().markdown()
    assert report().machine.cpu in text
    assert "fraud:abc" in text
    assert "generator was saturated" in text
    assert "a note" in text


def test_the_json_holds_raw_figures_and_verdicts() -> None:
    document = json.loads(report().json())
    assert document["measurements"][0]["met"] is True
    assert document["measurements"][0]["ratio"] == 4.5
    assert document["series"][0]["runs"][0]["rate"] == 9_000
