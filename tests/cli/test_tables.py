"""Figures as people read them."""

from __future__ import annotations

import doctest

import pytest

from cli import tables


def test_the_examples_in_its_docstrings_hold() -> None:
    results = doctest.testmod(tables)
    assert results.attempted >= 3
    assert results.failed == 0


@pytest.mark.parametrize("left_of_zero", [1.9e-17, -4e-16, 0.0, -0.0])
def test_what_computing_leaves_of_0_reads_as_0(left_of_zero: float) -> None:
    assert tables.fixed(left_of_zero) == "0.0000"


@pytest.mark.parametrize(("value", "words"), [(2e-6, "2e-06"), (-0.5, "-0.5000"), (123456.789, "123457")])
def test_small_and_large_figures_keep_their_digits(value: float, words: str) -> None:
    assert tables.fixed(value) == words
