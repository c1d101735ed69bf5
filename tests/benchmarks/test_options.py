from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.options import parse

KNOWN = ("R9.1", "R9.2")


def test_a_complete_run_is_written_beside_the_benchmark() -> None:
    options = parse(KNOWN, [])
    assert options.numbers == KNOWN
    assert options.output is not None
    assert options.output.name == "benchmarks"


@pytest.mark.parametrize("arguments", [["--quick"], ["--only", "R9.1"], ["--no-tiffin"]])
def test_a_partial_run_does_not_overwrite_the_results(arguments: list[str]) -> None:
    assert parse(KNOWN, arguments).output is None
    assert parse(KNOWN, [*arguments, "--output", "x"]).output == Path("x")


def test_only_what_was_asked_for_is_measured() -> None:
    assert parse(KNOWN, ["--only", "R9.2"]).numbers == ("R9.2",)


@pytest.mark.parametrize("arguments", [["--only", "R1.1"], ["--seconds", "0"], ["--rounds", "0"], ["--fast"]])
def test_wrong_options_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(KNOWN, arguments)
    assert "error:" in capsys.readouterr().err
