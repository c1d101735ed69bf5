"""Structured logs: JSON lines for machines, readable text on a terminal, rotating files on demand."""

from __future__ import annotations

import fcntl
import json
import logging
import logging.handlers
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field
from pythonjsonlogger.json import JsonFormatter

from monitoring.access import Answered

Level = Literal["debug", "info", "warning", "error"]
Room = Literal["access", "cli", "features", "inference", "ledger", "registry", "serving", "storage", "training"]
ROOMS: tuple[Room, ...] = get_args(Room)


class LogSettings(BaseModel):
    """Where logs go and how much of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["auto", "json", "text"] = Field(
        default="auto", description="auto: text on a terminal, JSON lines otherwise"
    )
    level: Level = Field(default="info", description="least severity that is written")
    levels: Mapping[Room, Level] = Field(
        default_factory=dict, description=f"other levels for single rooms ({', '.join(ROOMS)})"
    )
    access: bool = Field(default=True, description="write a line per answered request; it holds no personal data")
    file: Path | None = Field(default=None, description="also write JSON lines to this file, rotated")
    file_max_bytes: int = Field(default=50_000_000, ge=10_000, description="size at which the file is rotated; bytes")
    file_keep: int = Field(default=5, ge=1, le=1000, description="rotated files that are kept; count")

    @property
    def as_text(self) -> bool:
        """Whether lines on stderr are for people."""
        return self.format == "text" or (self.format == "auto" and sys.stderr.isatty())

    def level_of(self, room: Room) -> str:
        """The least severity that is written of this room, as `logging` calls it."""
        return self.levels.get(room, self.level).upper()


def configure(settings: LogSettings) -> None:
    """Send the logs of this process where the settings say. Replaces what was configured before."""
    handlers: list[logging.Handler] = [_stream(settings)]
    if settings.file is not None:
        settings.file.parent.mkdir(parents=True, exist_ok=True)
        rotating = SharedRotatingFile(
            settings.file,
            maxBytes=settings.file_max_bytes,
            backupCount=settings.file_keep,
            encoding="utf-8",
            delay=True,
        )
        rotating.setFormatter(JsonLines())
        handlers.append(rotating)
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        if isinstance(old, SharedRotatingFile):
            old.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(logging.WARNING)
    _enable_all()
    logging.getLogger("tiffin").setLevel(settings.level.upper())
    for room in ROOMS:
        level = settings.levels.get(room)
        logging.getLogger(f"tiffin.{room}").setLevel(level.upper() if level else logging.NOTSET)
    if not settings.access:
        logging.getLogger("tiffin.access").setLevel(logging.CRITICAL)
    for name in ("bentoml", "uvicorn", "uvicorn.error", "circus"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True


def _enable_all() -> None:
    """Let every logger speak. BentoML's commands silence all that exist when they start: under `tiffin serve`, ours."""
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False


def _stream(settings: LogSettings) -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Text() if settings.as_text else JsonLines())
    return handler


class SharedRotatingFile(logging.handlers.RotatingFileHandler):
    """A rotated file that several processes write to: whoever finds it full renames it, the others follow.

    Python's own handler would go on writing to the renamed file, and rename the new one as soon as that is full.
    """

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802 - logging's name
        self._follow()
        return bool(super().shouldRollover(record))

    def doRollover(self) -> None:  # noqa: N802 - logging's name
        with Path(f"{self.baseFilename}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self._follow():
                super().doRollover()

    def _follow(self) -> bool:
        """Open the file again when another process has renamed it; whether that was so."""
        if self.stream is None:
            return False
        try:
            renamed = not os.path.samestat(Path(self.baseFilename).stat(), os.fstat(self.stream.fileno()))
        except FileNotFoundError:
            renamed = True
        if renamed:
            self.stream.close()
            self.stream = self._open()
        return renamed


class JsonLines(JsonFormatter):
    """One JSON object per line: time, level, logger, message, and whatever `extra` held."""

    def __init__(self) -> None:
        super().__init__(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="time",
        )

    def format(self, record: logging.LogRecord) -> str:
        answered: list[Answered] | None = getattr(record, "answered", None)
        if answered is None:
            return super().format(record)
        return "\n".join(map(_json_line, answered))


class Text(logging.Formatter):
    """One readable line per record."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        answered: list[Answered] | None = getattr(record, "answered", None)
        if answered is None:
            return super().format(record)
        return "\n".join(
            f"{datetime.fromtimestamp(line.moment).astimezone():%H:%M:%S} {line.method:4} {_printable(line.path)} "
            f"{line.status} {line.duration_ms:.2f} ms {line.request_id}"
            for line in answered
        )


@lru_cache(maxsize=8)
def _whole(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()[:-6]


def _printable(text: str) -> str:
    """The text with line ends and control characters written out: what a caller sends must not steer a terminal."""
    return text if text.isprintable() else repr(text)[1:-1]


@lru_cache(maxsize=256)
def _quoted(text: str) -> str:
    return json.dumps(text)


def _json_line(line: Answered) -> str:
    second = int(line.moment)
    time = f"{_whole(second)}.{int((line.moment - second) * 1000):03d}+00:00"
    return (
        f'{{"time":"{time}","level":"INFO","logger":"tiffin.access","request_id":"{line.request_id}",'
        f'"method":{_quoted(line.method)},"path":{_quoted(line.path)},"status":{line.status},'
        f'"duration_ms":{line.duration_ms}}}'
    )
