"""Logs: what is written, where, and that nothing a caller sends breaks a line."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring import access, logs
from monitoring.access import AccessLog, Answered
from monitoring.logs import JsonLines, LogSettings, Text
from tests.storage.servers import ROOT

HOSTILE = [
    '/a"b',
    "/a\nb",
    "/a\r\nX: y",
    "/a\\",
    "/\x00\x1b[31mred",
    "/\u2028\u2029",
    "/caf\u00e9 \U0001f600",
    "/\ud800",
    "/%0a",
]


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger without pytest's handlers; everything is as it was afterwards."""
    root = logging.getLogger()
    names = ["", "tiffin", "bentoml", "uvicorn", "uvicorn.error", "circus", *(f"tiffin.{room}" for room in logs.ROOMS)]
    loggers = [logging.getLogger(name) for name in names]
    before = [(logger, logger.level, logger.handlers[:], logger.propagate) for logger in loggers]
    root.handlers.clear()
    yield root
    for handler in root.handlers:
        handler.close()
    for logger, level, handlers, propagate in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers
        logger.propagate = propagate


def answered(path: str, method: str = "POST") -> logging.LogRecord:
    """The record of two answered requests, one of them for that path."""
    lines = [Answered(1_767_225_599.9996, "id-1", method, path, 200, 0.25), Answered(2.0, "id-2", "GET", "/", 404, 3.0)]
    return logging.makeLogRecord({"name": "tiffin.access", "answered": lines})


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.parametrize("path", HOSTILE)
def test_an_access_line_is_json_whatever_the_path(path: str) -> None:
    first, second = JsonLines().format(answered(path)).split("\n")
    assert json.loads(first) == {
        "time": "2025-12-31T23:59:59.999+00:00",
        "level": "INFO",
        "logger": "tiffin.access",
        "request_id": "id-1",
        "method": "POST",
        "path": path,
        "status": 200,
        "duration_ms": 0.25,
    }
    assert json.loads(second)["status"] == 404


@settings(database=None)
@given(path=st.text(), method=st.text(max_size=5))
def test_access_lines_are_one_line_each_in_both_formats(path: str, method: str) -> None:
    assert json.loads(JsonLines().format(answered(path, method)).split("\n")[0])["path"] == path
    shown = Text().format(answered(path, "GET"))
    assert len(shown.splitlines()) == 2
    assert all(line.isprintable() for line in shown.splitlines())


@pytest.mark.parametrize("message", HOSTILE)
def test_any_other_line_is_json_with_what_was_added(message: str) -> None:
    extra = {"name": "tiffin.serving", "levelname": "ERROR", "msg": "%s", "args": (message,), "request_id": message}
    (line,) = JsonLines().format(logging.makeLogRecord(extra)).splitlines()
    found = json.loads(line)
    assert (found["message"], found["request_id"], found["level"]) == (message, message, "ERROR")
    assert abs(datetime.fromisoformat(found["time"]) - datetime.now(UTC)).total_seconds() < 60


def test_an_exception_is_one_line_with_its_traceback() -> None:
    try:
        raise ValueError("a\nb")
    except ValueError:
        record = logging.makeLogRecord({"name": "tiffin.serving", "msg": "failed", "exc_info": sys.exc_info()})
    (line,) = JsonLines().format(record).splitlines()
    assert "ValueError: a\nb" in json.loads(line)["exc_info"]


def test_the_access_log_gathers_lines_and_writes_them_together(tmp_path: Path, root: logging.Logger) -> None:
    file = tmp_path / "logs" / "tiffin.log"
    logs.configure(LogSettings(file=file, format="json"))

    async def answer() -> None:
        log = AccessLog()
        for number in range(5):
            log.write(f"id-{number}", "GET", "/livez", 200, 0.001)
        assert not file.exists()
        await asyncio.sleep(access.FLUSH_SECONDS * 1.5)
        assert len(lines(file)) == 5
        log.write("id-5", "GET", "/livez", 200, 0.0012345)
        log.flush()
        log.flush()

    asyncio.run(answer())
    assert [line["request_id"] for line in lines(file)] == [f"id-{number}" for number in range(6)]
    assert lines(file)[-1]["duration_ms"] == 1.234


@pytest.mark.parametrize("access_on", [True, False])
def test_rooms_have_levels_of_their_own(tmp_path: Path, root: logging.Logger, access_on: bool) -> None:
    file = tmp_path / "tiffin.log"
    levels: Any = {"storage": "debug", "serving": "error"}
    logs.configure(LogSettings(file=file, level="info", levels=levels, access=access_on))
    for room in ("storage", "serving", "registry", "access"):
        for level in ("debug", "info", "warning", "error"):
            getattr(logging.getLogger(f"tiffin.{room}"), level)(level)
    logging.getLogger("somebody.else").info("not ours")
    logging.getLogger("somebody.else").warning("not ours")
    found = [(line["logger"].removeprefix("tiffin."), line["level"].lower()) for line in lines(file)]
    assert found == [
        *(("storage", level) for level in ("debug", "info", "warning", "error")),
        ("serving", "error"),
        *(("registry", level) for level in ("info", "warning", "error")),
        *(("access", level) for level in ("info", "warning", "error") if access_on),
        ("somebody.else", "warning"),
    ]


def test_what_is_configured_again_replaces_what_was(tmp_path: Path, root: logging.Logger) -> None:
    logs.configure(LogSettings(file=tmp_path / "one", levels={"serving": "debug"}))
    logging.getLogger("tiffin.serving").debug("first")
    logs.configure(LogSettings(file=tmp_path / "two"))
    logging.getLogger("tiffin.serving").debug("second")
    logging.getLogger("tiffin.serving").info("third")
    assert [line["message"] for line in lines(tmp_path / "one")] == ["first"]
    assert [line["message"] for line in lines(tmp_path / "two")] == ["third"]
    assert len(root.handlers) == 2


def test_bentoml_s_and_uvicorn_s_lines_are_written_once_and_as_json(tmp_path: Path, root: logging.Logger) -> None:
    for name in ("bentoml", "uvicorn.error", "circus"):
        logging.getLogger(name).addHandler(logging.StreamHandler())  # as BentoML does before a service is loaded
    logs.configure(LogSettings(file=tmp_path / "log"))
    for name in ("bentoml.serve", "uvicorn.error", "circus"):
        logging.getLogger(name).warning(name)
    assert [line["message"] for line in lines(tmp_path / "log")] == ["bentoml.serve", "uvicorn.error", "circus"]
    assert not any(logging.getLogger(name).handlers for name in ("bentoml", "uvicorn.error", "circus"))


def test_loggers_that_bentoml_s_commands_have_silenced_speak_again(tmp_path: Path, root: logging.Logger) -> None:
    for name in ("tiffin.serving", "tiffin.storage"):
        logging.getLogger(name).disabled = True  # its dictConfig does so to every logger that exists when it starts
    logs.configure(LogSettings(file=tmp_path / "log"))
    logging.getLogger("tiffin.serving").warning("a worker ended")
    logging.getLogger("tiffin.storage").info("a server started")
    assert [line["message"] for line in lines(tmp_path / "log")] == ["a worker ended", "a server started"]


WRITE = """
import logging, sys
from pathlib import Path
from monitoring import logs
logs.configure(logs.LogSettings(file=Path(sys.argv[1]), file_max_bytes=10_000, file_keep=1000))
for number in range(300):
    logging.getLogger("tiffin.serving").info("%s %d", sys.argv[2], number)
"""


def test_no_line_is_lost_when_several_processes_rotate_one_file(tmp_path: Path) -> None:
    file = tmp_path / "log"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITE, str(file), name], cwd=ROOT, stderr=subprocess.DEVNULL)
        for name in ("one", "two", "three")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    files = [found for found in tmp_path.iterdir() if found.suffix != ".lock"]
    messages = [line["message"] for found in files for line in lines(found)]
    assert sorted(messages) == sorted(f"{name} {number}" for name in ("one", "two", "three") for number in range(300))
    assert len(files) > 6
    assert max(found.stat().st_size for found in files) < 15_000


def test_old_files_are_dropped(tmp_path: Path, root: logging.Logger) -> None:
    logs.configure(LogSettings(file=tmp_path / "log", file_max_bytes=10_000, file_keep=2))
    for number in range(500):
        logging.getLogger("tiffin.serving").info("line %d", number)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["log", "log.1", "log.2", "log.lock"]
    assert lines(tmp_path / "log")[-1]["message"] == "line 499"


SAY = """
import logging, sys
from monitoring import logs
logs.configure(logs.LogSettings(format=sys.argv[1]))
logging.getLogger("tiffin.serving").info("it is said")
"""


def said(form: str, *, terminal: bool) -> str:
    """What a process writes to its standard error, be that a terminal or a pipe."""
    reader, writer = pty.openpty() if terminal else os.pipe()
    try:
        subprocess.run([sys.executable, "-c", SAY, form], cwd=ROOT, stderr=writer, check=True, timeout=60)
        return os.read(reader, 4096).decode()
    finally:
        os.close(reader)
        os.close(writer)


@pytest.mark.parametrize(
    ("form", "terminal", "text"),
    [("auto", True, True), ("auto", False, False), ("json", True, False), ("text", False, True)],
)
def test_a_terminal_gets_text_and_a_program_json(form: str, terminal: bool, text: bool) -> None:
    line = said(form, terminal=terminal)
    if text:
        assert "INFO    tiffin.serving: it is said" in line
    else:
        assert json.loads(line)["message"] == "it is said"
