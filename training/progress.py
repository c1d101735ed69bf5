"""How a training says where it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """Told at the begin (`done` 0) and the end (`done` == `total`) of every stage, and within the long ones."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...


@contextmanager
def stage(progress: Progress, name: str) -> Iterator[None]:
    """Tells `progress` that the stage begins and, unless it fails, that it ended."""
    progress(name, 0, 1)
    yield
    progress(name, 1, 1)


def silent(stage: str, done: int, total: int) -> None:
    """A progress that nobody sees."""
