"""Which stored versions the servers of a run serve.

Run as a program, it prints the newest version of every model in `BENTOML_HOME` as JSON: the benchmark asks it in a
process of its own, because BentoML reads its home once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import TrainingFailedError
from benchmarks.payloads import MODEL
from models import catalogue

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Home:
    """A BentoML home of the run's own: its metrics folder and state are nobody else's."""

    environment: Mapping[str, str]
    fraud: Path
    fraud_tag: str
    models: tuple[str, ...]
    """Tags of everything that Tiffin will load."""

    @property
    def state_dir(self) -> Path:
        """Where Tiffin keeps its spool and its local servers."""
        return Path(self.environment["TIFFIN_STORAGE__STATE_DIR"])


def prepare_home(folder: Path, say: Callable[[str], None]) -> Home:
    """Take the versions from `BENTOML_HOME` when it has one of every model that ships, else train those into `folder`.

    Raises TrainingFailedError.
    """
    source = Path(os.environ.get("BENTOML_HOME") or Path.home() / "bentoml")
    home = folder / "bentoml"
    home.mkdir()
    environment = {
        "BENTOML_HOME": str(home),
        "BENTOML_DO_NOT_TRACK": "True",
        "ORT_DISABLE_TELEMETRY": "1",
        "TIFFIN_STORAGE__STATE_DIR": str(folder / "state"),
    }
    if (source / "models").is_dir():
        (home / "models").symlink_to(source.resolve() / "models")
        found = newest(environment)
        if set(catalogue()) <= set(found):
            return _home(environment, found)
        (home / "models").unlink()
    say(f"training all models: {source} does not have a version of each")
    _train(environment)
    return _home(environment, newest(environment))


def newest(environment: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Model -> (tag, folder) of its newest usable version; models without one are left out."""
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.versions"],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {name: (tag, path) for name, (tag, path) in json.loads(answer.stdout).items()}


def _home(environment: Mapping[str, str], found: Mapping[str, tuple[str, str]]) -> Home:
    tag, path = found[MODEL]
    return Home(environment, Path(path), tag, tuple(tag for tag, _ in found.values()))


def _train(environment: Mapping[str, str]) -> None:
    """As a first start does: some models learn from sample data, which comes into the embedded database before."""
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "train", "--all", "--within-serve"],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise TrainingFailedError("tiffin train --all", done.stdout + done.stderr)


def main() -> None:
    """Print the newest versions."""
    from registry.errors import NoVersionError
    from registry.store import newest as newest_version

    found = {}
    for name, definition in catalogue().items():
        try:
            version = newest_version(definition)
        except NoVersionError:
            continue
        found[name] = (version.tag, str(version.path.resolve()))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
