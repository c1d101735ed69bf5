"""What a training shows while it runs."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from cli import console
from cli.progress import WEIGHTS, Bars, Lines, counted, percent, trainings
from training.train import STAGES


def test_every_stage_has_a_share_of_the_bar() -> None:
    assert tuple(WEIGHTS) == STAGES
    assert sum(WEIGHTS.values()) == 100
    assert percent(STAGES[-1], 1.0) == 100


def test_logs_get_a_line_per_finished_stage(capsys: pytest.CaptureFixture[str]) -> None:
    with trainings(["churn", "fraud"]) as display:
        assert isinstance(display, Lines)
        hear = display.training("fraud")
        for stage, done, total in (("read", 0, 1), ("read", 1, 1), ("fit", 0, 1), ("fit", 500, 500), ("fit", 1, 1)):
            hear(stage, done, total)
        display.finished("fraud", "fraud:abc")
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert [line.rsplit(" ", 2)[0] for line in lines[:2]] == ["[2/2] fraud: read", "[2/2] fraud: fit"]
    assert lines[2:] == ["[2/2] fraud: fraud:abc"]


def test_terminals_get_a_bar_per_model_and_one_over_all(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(console, "stderr", lambda: screen)
    with trainings(["churn", "fraud"]) as display:
        assert isinstance(display, Bars)
        hear = display.training("churn")
        hear("read", 1, 1)
        hear("fit", 250, 500)
        display.finished("churn", "churn:abc")
    with counted("examine", 2) as advance:
        advance("Python")
    assert isinstance(screen.file, io.StringIO)
    shown = screen.file.getvalue()
    for text in ("all", "churn:abc", "fraud", "examine", "Python"):
        assert text in shown
