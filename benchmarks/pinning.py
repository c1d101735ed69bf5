"""Which core runs what: the servers have one to themselves, the load generator another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cores:
    """The servers' core and the generator's, or None for both where there is only one to share."""

    server: int | None
    generator: int | None

    @property
    def text(self) -> str:
        if self.server is None:
            return "not pinned: fewer than two cores, so generator and servers share one"
        return f"servers on core {self.server}, load generator on core {self.generator}"


def choose_cores() -> Cores:
    """The first two cores that this process may use."""
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(allowed[0], allowed[1]) if len(allowed) > 1 else Cores(None, None)


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Processes started inside inherit `core`: the calling thread has it meanwhile, other threads do not."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
