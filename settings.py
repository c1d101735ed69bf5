"""All settings: `configuration.yaml` read once, environment variables over it, defaults under it.

Each room owns its part. `TIFFIN_SERVING__WORKERS=4` overrides `serving.workers`; a variable that begins with `TIFFIN_`
and is no setting is refused. `DATABASE_URL` and `REDIS_URL`, the names that hosting platforms use, set
`storage.database_url` and `storage.redis_url`; `DATABASE_URL_FILE` and `REDIS_URL_FILE` name files that hold them.
"""

from __future__ import annotations

import difflib
import functools
import json
import math
import os
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from features.settings import FeatureSettings
from inference.settings import RunnerSettings
from ledger.settings import LedgerSettings
from monitoring.logs import LogSettings
from serving.settings import ServingSettings
from storage import state
from storage.settings import StorageSettings

ROOT = Path(__file__).parent
FILE = ROOT / "configuration.yaml"
VERSION = "0.1.0"
PREFIX = "TIFFIN_"
NO_SETTINGS = {"TIFFIN_CONFIGURATION", "TIFFIN_SUPERVISOR"}
"""Variables with the prefix that are something else: the file's name, and what a server tells its workers."""
KUBERNETES = re.compile(
    r"TIFFIN_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
"""What Kubernetes and Docker tell every container about a service named tiffin; `TIFFIN_PORT=tcp://...` too."""
SECRETS: Mapping[str, tuple[str, str]] = {
    "DATABASE_URL": ("storage", "database_url"),
    "REDIS_URL": ("storage", "redis_url"),
}


class SettingsError(Exception):
    """A setting is unknown or wrong; the message names it and where it came from."""


class Settings(BaseModel):
    """Every setting of Tiffin."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    serving: ServingSettings = Field(default_factory=ServingSettings)
    inference: RunnerSettings = Field(default_factory=RunnerSettings)
    features: FeatureSettings = Field(default_factory=FeatureSettings)
    storage: StorageSettings = Field(default_factory=StorageSettings)
    ledger: LedgerSettings = Field(default_factory=LedgerSettings)
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
    faults = [*_unknown_variables(environment), *_infinite(values, sources)]
    _place_folders(values, environment)
    try:
        # As JSON, whose strict form takes neither "1" nor true for a number, but paths and secrets as text.
        settings = Settings.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        faults += [_explain(fault, sources) for fault in error.errors(include_url=False)]
        raise _error(faults) from error
    if faults := [*faults, *_contradictions(settings, sources)]:
        raise _error(faults)
    return settings


def _place_folders(values: dict[str, Any], environment: Mapping[str, str]) -> None:
    """Make relative paths absolute, wherever the process started."""
    try:
        for room, key in (("storage", "state_dir"), ("logs", "file")):
            part = values.setdefault(room, {})
            if isinstance(part, dict) and isinstance(folder := part.get(key), str):
                part[key] = str(folder if Path(folder).is_absolute() else state.home(ROOT, environment) / folder)
            elif isinstance(part, dict) and key == "state_dir" and part.get(key) is None:
                part[key] = str(state.default_folder(ROOT, environment))
    except RuntimeError:
        raise SettingsError("there is no home folder for local state; set TIFFIN_STORAGE__STATE_DIR") from None


class _Loader(yaml.SafeLoader):
    """YAML in which no key stands twice: the last one would win without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value!r} stands twice", problem_mark=key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def _from_file(file: Path) -> dict[str, Any]:
    try:
        # The loader is a safe one. JSON keeps what settings can be: text as keys, and nothing that holds itself.
        values = json.loads(json.dumps(yaml.load(file.read_text("utf-8"), _Loader), default=str))  # noqa: S506
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror}") from error
    except (ValueError, RecursionError, TypeError, yaml.YAMLError) as error:
        raise SettingsError(f"{file} is not YAML that settings can be read from: {error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise SettingsError(f"{file} must hold a mapping of rooms to settings")
    return {room: part if part is not None else {} for room, part in values.items()}


def _from_environment(environment: Mapping[str, str]) -> list[tuple[tuple[str, ...], Any, str]]:
    """Path, value and variable of every setting in the environment."""
    found: list[tuple[tuple[str, ...], Any, str]] = []
    empty: set[str] = set()
    for variable, secret in SECRETS.items():
        ways = (variable, f"{variable}_FILE", f"{PREFIX}{'__'.join(secret).upper()}")
        given = [way for way in ways if environment.get(way)]  # an empty one, as compose files leave it, is not set
        empty.update(way for way in ways if way not in given)
        if len(given) > 1:
            raise SettingsError(f"{' and '.join(given)} are both set, and only one can count; take the others away")
        if given and given[0] == variable:
            found.append((secret, environment[variable], variable))
        elif given and given[0] == f"{variable}_FILE":
            found.append((secret, _secret(environment[given[0]], given[0]), given[0]))
    for variable, text in sorted(environment.items()):
        if _is_setting(variable) and variable not in empty:
            path = tuple(variable.removeprefix(PREFIX).lower().split("__"))
            found.append((path, _value(text, variable), variable))
    return found


def _is_setting(variable: str) -> bool:
    return variable.startswith(PREFIX) and "__" in variable and variable == variable.upper()


def _unknown_variables(environment: Mapping[str, str]) -> Iterator[str]:
    """A line for every variable that looks like a setting and cannot be one."""
    for variable, text in sorted(environment.items()):
        if not variable.upper().startswith(PREFIX) or _is_setting(variable) or variable in NO_SETTINGS:
            continue
        if KUBERNETES.fullmatch(variable) or (variable.endswith("_PORT") and "://" in text):
            continue
        near = _nearest(variable[len(PREFIX) :].lower().replace("__", "."))
        guess = f"; did you mean {PREFIX}{near.upper().replace('.', '__')}?" if near else ""
        yield f"{variable} (from the environment): unknown setting{guess}"


def _nearest(path: str) -> str:
    """The known setting that is most like `path`; empty when none is."""
    known = [f"{room}.{name}" for room, part in Settings() for name in type(part).model_fields]
    by_key = {name.partition(".")[2]: name for name in known}
    return _like(path, known) or by_key.get(_like(path, by_key), "")


def _like(name: str, known: Iterable[str]) -> str:
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.7)), "")


def _value(text: str, variable: str) -> Any:
    """What a variable's text means; a text that is no YAML may be a secret and is not shown."""
    try:
        return json.loads(json.dumps(yaml.load(text, _Loader), default=str))  # noqa: S506 - a safe loader
    except (ValueError, RecursionError, TypeError, yaml.YAMLError):
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


def _infinite(values: Mapping[str, Any], sources: Mapping[str, str], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _infinite(value, sources, f"{path}.")
        elif isinstance(value, float) and not math.isfinite(value):
            yield f"{path} (from {_source(path, sources)}): must be a finite number, not {value}"


def _contradictions(settings: Settings, sources: Mapping[str, str]) -> Iterator[str]:
    """What is right by itself and wrong together."""
    rows = settings.inference
    if rows.initial_rows > rows.max_rows:
        source = _source("inference.initial_rows", sources)
        yield (
            f"inference.initial_rows (from {source}): must be at most inference.max_rows, {rows.max_rows}, "
            f"not {rows.initial_rows}"
        )


def _error(faults: list[str]) -> SettingsError:
    return SettingsError("\n  ".join(["the settings are not valid:", *faults]))


_WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "literal_error": "{expected}",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
}
"""What a setting must be, by the type of pydantic's error."""


def _explain(fault: ErrorDetails, sources: Mapping[str, str]) -> str:
    """One line: the setting, where it came from, what it must be and what it is. No secret is shown."""
    loc = [str(part) for part in fault["loc"] if part != "[key]"]
    path, context = ".".join(loc), fault.get("ctx", {})
    given = "" if tuple(loc) in SECRETS.values() else f", not {json.dumps(fault['input'], default=str)[:80]}"
    match fault["type"]:
        case "extra_forbidden":
            near = _nearest(path) if len(loc) > 1 else _like(path, Settings.model_fields)
            text = f"unknown setting{f'; did you mean {near}?' if near else ''}"
        case "literal_error" if fault["loc"][-1] == "[key]":
            text = f"no such name; it must be {context['expected']}"
        case "tuple_type":
            default = functools.reduce(getattr, loc, Settings())
            text = f"must be a list, for example {json.dumps(default)}{given}"
        case "model_type" | "model_attributes_type" | "dict_type" | "mapping_type":
            text = "must be a mapping of names to values"
        case "value_error":
            text = fault["msg"].removeprefix("Value error, ")
        case kind if kind in _WANTED:
            text = f"must be {_WANTED[kind].format(**context)}{given}"
        case _:
            text = fault["msg"]
    return f"{path} (from {_source(path, sources)}): {text}"


def _source(path: str, sources: Mapping[str, str]) -> str:
    """Where the setting at `path` was given, be it as part of a larger one or in its own parts."""
    whole = path
    while whole not in sources and "." in whole:
        whole = whole.rpartition(".")[0]
    parts = [source for known, source in sources.items() if known.startswith(f"{path}.")]
    return sources.get(path) or (parts and ", ".join(dict.fromkeys(parts))) or sources.get(whole) or "the defaults"
