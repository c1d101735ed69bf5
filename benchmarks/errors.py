"""What ends a benchmark before its time. Each message says what to look at.

BenchmarkError
├── ServerFailedError          a server ended or did not become ready
└── ProgramFailedError         a program that was to end well did not
    ├── GeneratorFailedError   the load generator: most often because the server was gone
    ├── LibraryFailedError     an in-process measurement
    └── TrainingFailedError    `tiffin train`
"""

from __future__ import annotations

from pathlib import Path

LOG_LINES = 40


class BenchmarkError(Exception):
    """Base of all errors of this room."""


class ServerFailedError(BenchmarkError):
    """Carries the end of the server's log."""

    def __init__(self, name: str, reason: str, log: Path) -> None:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])
        super().__init__(f"{name} {reason}; the end of its log:\n{tail}")


class ProgramFailedError(BenchmarkError):
    """Carries the end of what the program printed."""

    def __init__(self, name: str, output: str) -> None:
        super().__init__(f"{name} failed:\n{output.strip()[-2_000:]}")


class GeneratorFailedError(ProgramFailedError):
    """The load generator's process ended with an error."""


class LibraryFailedError(ProgramFailedError):
    """`benchmarks.library` ended with an error."""


class TrainingFailedError(ProgramFailedError):
    """`tiffin train` ended with an error."""


class ShippingTooSlowError(BenchmarkError):
    """The shipper does not come to the end of its work."""

    def __init__(self, said: object) -> None:
        super().__init__(f"PostgreSQL does not have the last predictions yet; the shipper said {said}")
