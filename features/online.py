"""Placeholder until the real one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Found:
    values: tuple[Any, ...] | None
    computed_at: datetime
    cached: bool
    stale: bool
    thin: str


class OnlineFeatures:
    def __init__(self, *a): ...
    def fetch(self, *a):
        raise NotImplementedError

    def close(self): ...
