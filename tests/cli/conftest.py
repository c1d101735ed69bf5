"""Fixtures of this room's tests."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.console import hide_warnings
from cli.main import app
from models.definition import Definition, Gate
from storage.addresses import read_servers
from storage.settings import StorageSettings
from tests.storage.servers import database_url, settings, state_dir
from tests.training import small

__all__ = ["database_url", "settings", "state_dir"]

STRICT = dataclasses.replace(small.definition, name="strict", gates=(Gate(metric="roc_auc", at_least=0.999),))


@dataclasses.dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


Tiffin = Callable[..., Ran]


@pytest.fixture
def tiffin() -> Iterator[Tiffin]:
    """Runs the command line in this process; an error that it does not explain fails the test."""

    def run(*arguments: str) -> Ran:
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert "unexpected" not in result.stderr, result.stderr
        return Ran(result.exit_code, result.stdout, result.stderr)

    yield run
    hide_warnings()


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No server is known; the state folder, which is still empty."""
    for variable in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TIFFIN_STORAGE__STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def online(
    offline: Path, settings: StorageSettings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> StorageSettings:
    """A database of the test's own and a Redis, given by their URLs; the settings in force."""
    urls = {"database_url": database_url, "redis_url": read_servers(settings.state_dir)["redis"]}
    for name, url in urls.items():
        monkeypatch.setenv(name.upper(), url)
    return StorageSettings.model_validate({"state_dir": offline, **urls})


@pytest.fixture
def small_models(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Definition]:
    """A catalogue of models that train in a blink: `small`, and `strict`, whose gate nothing passes."""
    models = MappingProxyType({"small": small.definition, "strict": STRICT})
    monkeypatch.setattr("models.catalogue", lambda: models)
    return models


@pytest.fixture(scope="session")
def csv(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of rows for the small models."""
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    small.frame(1500).to_csv(path, index=False)
    return str(path)
