"""Python, the installed packages, the settings, and the places that are written to."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from cli.checks.finding import Check, Finding, failure, ok, warning
from storage.state import default_folder

if TYPE_CHECKING:
    from settings import Settings

OLDEST_PYTHON = (3, 11)
LITTLE_SPACE_GB = 2.0
NO_SPACE_GB = 0.2
_NAMED = 5


def checks(root: Path, settings: Settings | None) -> list[tuple[str, Check]]:
    """All checks of this file by name. Without settings the default state folder is looked at."""
    state_dir = settings.storage.state_dir if settings else default_folder(root, os.environ)
    local = settings is None or settings.storage.database_url is None or settings.storage.redis_url is None
    lock = root / "requirements-local.lock"
    home = model_store()
    return [
        ("Python", python),
        ("packages", partial(packages, lock if local and lock.exists() else root / "requirements.lock")),
        ("model store", partial(writable, "model store", home, "set BENTOML_HOME to a folder that you may write to")),
        (
            "state folder",
            partial(
                writable, "state folder", state_dir, "set TIFFIN_STORAGE__STATE_DIR to a folder that you may write to"
            ),
        ),
        ("disk space", partial(disk_space, {home, state_dir})),
    ]


def model_store() -> Path:
    """The folder of the BentoML model store."""
    return Path(os.path.expandvars(os.environ.get("BENTOML_HOME", "~/bentoml"))).expanduser()


@contextmanager
def untouched_model_store() -> Iterator[None]:
    """BentoML makes the folders of its home as soon as it looks for it; not in here."""
    from bentoml._internal.configuration.containers import BentoMLContainer

    BentoMLContainer.bentoml_home.set(str(model_store()))
    try:
        yield
    finally:
        BentoMLContainer.bentoml_home.reset()


def python() -> Iterator[Finding]:
    version, oldest = platform.python_version(), ".".join(map(str, OLDEST_PYTHON))
    if sys.version_info < OLDEST_PYTHON:
        yield failure("Python", f"{version}, older than {oldest}", f"run with Python {oldest} or newer: make setup")
    else:
        yield ok("Python", f"{version} at {sys.executable}")


def packages(lock: Path) -> Iterator[Finding]:
    """Whether what is installed is what the lock file names."""
    if not lock.exists():
        yield warning("packages", f"there is no {lock.name} to compare with", "run from a checkout of Tiffin")
        return
    wanted = locked(lock.read_text())
    missing = [name for name in wanted if _installed(name) is None]
    other = [
        f"{name} {_installed(name)} (locked {wanted[name]})" for name in wanted if _installed(name) != wanted[name]
    ]
    other = [text for text in other if text.split()[0] not in missing]
    if missing:
        yield failure("packages", f"not installed: {_some(missing)}", "make setup")
    if other:
        yield warning("packages", f"other versions than locked: {_some(other)}", "make setup")
    if not missing and not other:
        yield ok("packages", f"{len(wanted)} as locked")


def locked(text: str) -> Mapping[str, str]:
    """Package -> version of every line `name==version ; marker` whose marker fits this machine.

    >>> locked("typer==0.29.2 \\\\\\n    --hash=sha256:ab\\npywin32==306 ; sys_platform == 'win32'\\n")
    {'typer': '0.29.2'}
    """
    from packaging.requirements import Requirement

    lines = [line.rstrip("\\ ") for line in text.splitlines() if "==" in line and not line.startswith((" ", "#"))]
    found = [Requirement(line) for line in lines]
    fitting = [requirement for requirement in found if requirement.marker is None or requirement.marker.evaluate()]
    return {requirement.name: next(iter(requirement.specifier)).version for requirement in fitting}


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def writable(name: str, folder: Path, remedy: str) -> Iterator[Finding]:
    """Whether a file can be written in the folder, or the folder made."""
    existing = _nearest(folder)
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        yield failure(name, f"{folder} cannot be written to: {error.strerror}", remedy)
    else:
        yield ok(name, str(folder) if existing == folder else f"{folder} (made when it is needed)")


def disk_space(folders: set[Path]) -> Iterator[Finding]:
    disks = {place.stat().st_dev: place for place in sorted(map(_nearest, folders))}
    for folder in disks.values():
        free = shutil.disk_usage(folder).free / 1e9
        found, remedy = f"{free:.1f} GB free at {folder}", "delete files, or old versions with `bentoml models delete`"
        if free < NO_SPACE_GB:
            yield failure("disk space", found, remedy)
        elif free < LITTLE_SPACE_GB:
            yield warning("disk space", found, remedy)
        else:
            yield ok("disk space", found)


def _nearest(folder: Path) -> Path:
    """The folder itself or the nearest parent that exists."""
    return next((place for place in (folder, *folder.parents) if place.exists()), Path("/"))
