"""Names for the columns of a file."""

from __future__ import annotations

import re
from collections.abc import Sequence

UNNAMED = re.compile(r"column_\d+\Z")
"""What `headings` calls a column without a name: by its position, counted from 1."""
SHOWN_NAMES = 5
"""Renamed columns that are spoken of."""


def headings(header: Sequence[str]) -> tuple[list[str], list[str]]:
    """A name for every column, each once, and in words what was renamed.

    >>> headings(["", " age ", "age"])
    (['column_1', 'age', 'age_2'], ["2 columns are named 'age'; the later one is called 'age_2'"])
    """
    stripped = [name.strip().lstrip("\ufeff") for name in header]
    taken = {name for name in stripped if name}
    names: list[str] = []
    findings = []
    for position, name in enumerate(stripped, 1):
        fresh = name or _free(f"column_{position}", taken)
        if fresh in names:
            fresh = _numbered(name, taken)
            findings.append(f"{stripped.count(name)} columns are named {name!r}; the later one is called {fresh!r}")
        names.append(fresh)
        taken.add(fresh)
    more = len(findings) - SHOWN_NAMES
    return names, findings[:SHOWN_NAMES] + ([f"and so for {more:,} more columns"] if more > 0 else [])


def _free(name: str, taken: set[str]) -> str:
    return _numbered(name, taken) if name in taken else name


def _numbered(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
