"""What one check found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Final, Literal

OK: Final = "OK"
WARN: Final = "WARN"
FAIL: Final = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """`remedy` says what to do; empty when nothing has to be done."""

    status: Literal["OK", "WARN", "FAIL"]
    check: str
    found: str
    remedy: str = ""

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def ok(check: str, found: str) -> Finding:
    return Finding(OK, check, found)


def warning(check: str, found: str, remedy: str) -> Finding:
    return Finding(WARN, check, found, remedy)


def failure(check: str, found: str, remedy: str) -> Finding:
    return Finding(FAIL, check, found, remedy)


Check = Callable[[], Iterator[Finding]]
"""A part of the installation, examined; it may find several things."""
