"""All settings: `configuration.yaml` read once, environment variables over it, defaults under it.

Each room owns its part. `TIFFIN_SERVING__WORKERS=4` overrides `serving.workers`. `DATABASE_URL` and `REDIS_URL`, the
names that hosting platforms use, set `storage.database_url` and `storage.redis_url`; `DATABASE_URL_FILE` and
`REDIS_URL_FILE` name files that hold them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inference.settings import RunnerSettings
from monitoring.logs import LogSettings
from serving.settings import ServingSettings
from storage.settings import StorageSettings

ROOT = Path(__file__).parent
FILE = ROOT / "configuration.yaml"
VERSION = "0.1.0"
PREFIX = "TIFFIN_"
SECRETS: Mapping[str, tuple[str, str]] = {
    "DATABASE_URL": ("storage", "database_url"),
    "REDIS_URL": ("storage", "redis_url"),
}
FOLDERS = (("storage", "state_dir", ".tiffin"), ("logs", "file", None))
"""Settings that are paths, with their defaults: relative ones count from the project, wherever a process started."""


class SettingsError(Exception):
    """A setting is unknown or wrong; the message names it and where it came from."""


class Settings(BaseModel):
    """Every setting of Tiffin."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    serving: ServingSettings = Field(default_factory=ServingSettings)
    inference: RunnerSettings = Field(default_factory=RunnerSettings)
    storage: StorageSettings = Field(default_factory=StorageSettings)
    logs: LogSettings = Field(default_factory=LogSettings)


def load(file: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings. `TIFFIN_CONFIGURATION` names another file than `configuration.yaml`.

    Raises SettingsError for a file that does not read and for every unknown or wrong setting, all at once.
    """
    environment = os.environ if environment is None else environment
    file = file or Path(environment.get(f"{PREFIX}CONFIGURATION", FILE))
    values = _from_file(file)
    _refuse_secrets(values, file)
    sources = dict.fromkeys(_paths(values), str(file))
    for path, value, variable in _from_environment(environment):
        _put(values, path, value)
        name = ".".join(path)
        sources = {known: source for known, source in sources.items() if not known.startswith(f"{name}.")}
        sources[name] = variable
    for room, key, default in FOLDERS:
        part = values.setdefault(room, {})
        if isinstance(part, dict) and isinstance(folder := part.get(key, default), str):
            part[key] = str(ROOT / folder)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_explain(error, sources)) from error


def _from_file(file: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(file.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{file} is not YAML: {error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise SettingsError(f"{file} must hold a mapping of rooms to settings")
    return {str(room): part if part is not None else {} for room, part in values.items()}


def _from_environment(environment: Mapping[str, str]) -> list[tuple[tuple[str, ...], Any, str]]:
    """Path, value and variable of every setting in the environment."""
    found: list[tuple[tuple[str, ...], Any, str]] = []
    for variable, secret in SECRETS.items():
        if environment.get(variable):  # an empty one, as compose files leave it, is not set
            found.append((secret, environment[variable], variable))
        elif environment.get(f"{variable}_FILE"):
            found.append((secret, _secret(environment[f"{variable}_FILE"], f"{variable}_FILE"), f"{variable}_FILE"))
    for variable, text in sorted(environment.items()):
        if variable.startswith(PREFIX) and "__" in variable:
            path = tuple(variable.removeprefix(PREFIX).lower().split("__"))
            found.append((path, _value(text, variable), variable))
    return found


def _value(text: str, variable: str) -> Any:
    """What a variable's text means; a text that is no YAML may be a secret and is not shown."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise SettingsError(f"{variable} is not YAML; put a text with special characters in quotes") from None


def _refuse_secrets(values: Mapping[str, Any], file: Path) -> None:
    """URLs hold passwords, and configuration files end up in repositories and images."""
    for variable, (room, key) in SECRETS.items():
        part = values.get(room)
        if isinstance(part, dict) and part.get(key) is not None:
            raise SettingsError(f"{room}.{key} must not stand in {file}; set {variable} or {variable}_FILE")


def _secret(file: str, variable: str) -> str:
    try:
        return Path(file).read_text("utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{variable} names {file}, which cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise SettingsError(f"{variable} names {file}, which is not UTF-8") from None


def _put(values: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for part in path[:-1]:
        inner = values.setdefault(part, {})
        if not isinstance(inner, dict):
            return  # which the settings refuse by its name
        values = inner
    values[path[-1]] = value


def _paths(values: Mapping[str, Any], prefix: str = "") -> list[str]:
    paths = []
    for key, value in values.items():
        path = f"{prefix}{key}"
        paths.append(path)
        if isinstance(value, dict):
            paths.extend(_paths(value, f"{path}."))
    return paths


def _explain(error: ValidationError, sources: Mapping[str, str]) -> str:
    lines = ["the settings are not valid:"]
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        path = ".".join(str(part) for part in fault["loc"])
        known = "unknown setting" if fault["type"] == "extra_forbidden" else fault["msg"]
        lines.append(f"  {path} (from {_source(path, sources)}): {known}")
    return "\n".join(lines)


def _source(path: str, sources: Mapping[str, str]) -> str:
    """Where the setting at `path` was given, be it as part of a larger one or in its own parts."""
    whole = path
    while whole not in sources and "." in whole:
        whole = whole.rpartition(".")[0]
    parts = [source for known, source in sources.items() if known.startswith(f"{path}.")]
    return sources.get(path) or (parts and ", ".join(dict.fromkeys(parts))) or sources.get(whole) or "the defaults"
