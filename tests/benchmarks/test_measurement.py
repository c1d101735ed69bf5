from __future__ import annotations

import pytest

from benchmarks.measurement import Bar, Measurement


def line(tiffin: float | None, baseline: float | None, bar: Bar | None) -> Measurement:
    return Measurement(requirement="R9.1", what="w", unit="u", tiffin=tiffin, baseline=baseline, bar=bar)


def test_a_bar_on_the_ratio_compares_with_the_baseline() -> None:
    bar = Bar(of="ratio", at_least=2.5)
    assert line(250.0, 100.0, bar).met is True
    assert line(249.0, 100.0, bar).met is False
    assert line(250.0, 100.0, bar).ratio == 2.5


def test_a_bar_on_the_figure_needs_no_baseline() -> None:
    bar = Bar(of="figure", at_most=0)
    assert line(0.0, None, bar).met is True
    assert line(1.0, None, bar).met is False


def test_nothing_is_met_or_missed_without_a_bar_or_a_figure() -> None:
    assert line(1.0, 1.0, None).met is None
    assert line(None, 1.0, Bar(of="ratio", at_least=1)).met is None
    assert line(1.0, None, Bar(of="ratio", at_least=1)).met is None


def test_a_bar_has_exactly_one_side() -> None:
    with pytest.raises(ValueError, match="one of"):
        Bar(of="ratio")
    with pytest.raises(ValueError, match="one of"):
        Bar(of="ratio", at_least=1, at_most=2)


def test_bars_read_as_the_requirements_write_them() -> None:
    assert Bar(of="ratio", at_least=2.5).text == ">= 2.5 x"
    assert Bar(of="figure", at_most=512).text == "<= 512"
    assert Bar(of="ratio", at_least=1, goal=True).text == "goal: >= 1 x"
