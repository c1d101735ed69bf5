"""What was found a moment ago, so that many who ask at once cost one look."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """Calls `look` when what it said is older than `seconds`, counted from its end. Thread-safe."""

    def __init__(self, look: Callable[[], T], seconds: float) -> None:
        self._look = look
        self._seconds = seconds
        self._lock = threading.Lock()
        self._found: tuple[float, T] | None = None

    def __call__(self) -> T:
        with self._lock:
            if self._found is None or time.monotonic() - self._found[0] >= self._seconds:
                found = self._look()
                self._found = time.monotonic(), found
            return self._found[1]
