"""Where commands write: results to stdout, all the rest (progress, warnings, errors) to stderr."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cli.errors import Explained

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 160
"""Columns of a table that goes to a file or a pipe, which has no width of its own."""


def stdout() -> Console:
    """For results."""
    return _console(stderr=False)


def stderr() -> Console:
    """For everything else."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    return console


class _Json:
    """Whether the command's outcome is to be one JSON document, and whether that has been written."""

    wanted = False
    written = False


def expect_json(wanted: bool) -> None:
    """From now on `write_error` writes a document, if `wanted` and until one has been written."""
    _Json.wanted, _Json.written = wanted, False


def write_json(value: object) -> None:
    """The command's whole result as one JSON document on stdout."""
    _Json.written = True
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def write_error(explained: Explained) -> None:
    """The failure as the command's JSON document: `error`, `problems`, `hint`. Nothing without --json."""
    if _Json.wanted and not _Json.written:
        write_json({"error": explained.text, "problems": list(explained.problems), "hint": explained.hint})


def say(text: str, *, style: str = "") -> None:
    """One line to stderr, as it is: no markup, no folding."""
    stderr().print(text, style=style, markup=False, soft_wrap=True)


def warn(text: str) -> None:
    """Something the user should know, that does not stop the command."""
    _labelled("warning", "yellow", text)


def complain(explained: Explained) -> None:
    """An error with its single problems and the way out."""
    _labelled("error", "bold red", explained.text)
    for problem in explained.problems:
        say(f"  - {problem}")
    if explained.hint:
        _labelled("hint", "cyan", explained.hint)


def _labelled(label: str, style: str, text: str) -> None:
    from rich.text import Text

    stderr().print(Text.assemble((f"{label}: ", style), text), soft_wrap=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """A spinner on a terminal while the block runs, then one line with the time it took."""
    console, started = stderr(), time.monotonic()
    if console.is_terminal:
        with console.status(text):
            yield
    else:
        yield
    say(f"{text}: {time.monotonic() - started:.1f} s", style="dim")


class _Warnings(logging.Handler):
    """Shows the rooms' warnings; looks stderr up at each record, because a progress display replaces it."""

    def emit(self, record: logging.LogRecord) -> None:
        warn(record.getMessage())


def show_warnings() -> None:
    """Send warnings of all rooms to stderr in the form of this command line. Replaces an earlier handler."""
    root = logging.getLogger("tiffin")
    for handler in [handler for handler in root.handlers if isinstance(handler, _Warnings)]:
        root.removeHandler(handler)
    root.addHandler(_Warnings(logging.WARNING))


def hide_warnings() -> None:
    """Take the handler away: a server configures its own logs."""
    root = logging.getLogger("tiffin")
    for handler in [handler for handler in root.handlers if isinstance(handler, _Warnings)]:
        root.removeHandler(handler)
