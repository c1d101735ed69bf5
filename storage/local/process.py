"""Server processes that outlive calls: start one detached, find it again, stop it.

A server belongs to no Python object: whoever holds the state folder's lock finds it by the process id file that it
wrote itself, and trusts that number only if the process runs exactly our command: it may be another process's by now.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import psutil

from storage.errors import LocalServerError

Process: TypeAlias = psutil.Process

_LAUNCHER = Path(__file__).with_name("launch.py")
_POLL_SECONDS = 0.01
_LOG_LIMIT_BYTES = 5_000_000
_UNPRIVILEGED = "nobody"


def private_folder(folder: Path) -> str | None:
    """Make `folder`, readable by its owner only, and return the account of servers in it; None: the caller's own.

    PostgreSQL refuses to run as root, so root's servers run as the account that owns the folder, at first `nobody`.
    Raises LocalServerError when the folder belongs to somebody else.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    user, owner = os.geteuid(), folder.stat().st_uid
    if user != 0:
        if owner != user:
            raise LocalServerError(
                f"{folder} belongs to the account {account_name(owner)}; run as that account or root, or remove it"
            )
        return None
    if owner == 0:
        give(folder, _UNPRIVILEGED)
        return _UNPRIVILEGED
    return account_name(owner)


def give(path: Path, account: str | None) -> None:
    """Make `account` the owner of a file or folder."""
    if account is None:
        return
    try:
        entry = pwd.getpwnam(account)
    except KeyError as error:
        raise LocalServerError(
            f"no account {account!r} for local servers; run as an ordinary user, or set DATABASE_URL and REDIS_URL"
        ) from error
    os.chown(path, entry.pw_uid, entry.pw_gid)


def account_name(uid: int) -> str:
    """The name of a user id, or the number itself where there is no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def run(command: Sequence[str], *, folder: Path, account: str | None) -> None:
    """Run a command to its end in `folder`. Raises LocalServerError with what it wrote when it fails."""
    _launch(command, [], folder=folder, account=account)


def detach(command: Sequence[str], *, folder: Path, account: str | None, log: Path) -> Process:
    """Start a command in `folder` that outlives this process, its output appended to `log`."""
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
    output = _launch(command, ["--detach", "--log", str(log)], folder=folder, account=account)
    return Process(int(output))


def _launch(command: Sequence[str], options: list[str], *, folder: Path, account: str | None) -> str:
    if account:
        options = [*options, "--account", account, "--needs", str(folder)]
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(_LAUNCHER), *options, "--", *command],
        cwd=folder,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise LocalServerError(f"{Path(command[0]).name} failed: {done.stdout.strip()[-2000:]}")
    return done.stdout


def _environment() -> dict[str, str]:
    """What the servers need; PGPORT and the like would change them, and the caller's secrets are not theirs."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def find(pid_file: Path, command: Sequence[str]) -> Process | None:
    """The living process whose id stands first in `pid_file`, provided that it runs `command`."""
    try:
        process = Process(int(pid_file.read_text().split()[0]))
        return process if process.cmdline() == list(command) and alive(process) else None
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def working_in(folder: Path, program: str) -> list[Process]:
    """The living processes of that name whose working directory is `folder`."""
    found = psutil.process_iter(["name", "cwd", "status"])
    return [
        process
        for process in found
        if process.info["name"] == program
        and process.info["cwd"] == str(folder)
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def alive(process: Process) -> bool:
    """Whether it still runs. A zombie does not: some containers have nobody who collects them."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_until_ready(process: Process, ready: Callable[[], bool], *, seconds: float, log: Path) -> None:
    """Return as soon as `ready()`. Raises LocalServerError with the log's end when the process ends or time is up."""
    deadline = time.monotonic() + seconds
    while not ready():
        if not alive(process):
            raise LocalServerError(f"a local server ended while it started; {log} ends with:\n{_tail(log)}")
        if time.monotonic() > deadline:
            raise LocalServerError(f"a local server was not ready after {seconds:g} s; {log} ends with:\n{_tail(log)}")
        time.sleep(_POLL_SECONDS)


def stop(process: Process, steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn until the process is gone, waiting the seconds that stand beside it.

    Raises LocalServerError when it survives the last.
    """
    for number, seconds in steps:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            return
        if _gone(process, seconds):
            return
    raise LocalServerError(f"process {process.pid} does not end; end it with `kill -9 {process.pid}`")


def _gone(process: Process, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while alive(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _tail(log: Path) -> str:
    try:
        return log.read_text(errors="replace")[-2000:]
    except OSError as error:
        return f"({error})"
