"""What each decision model is. One file per model; `catalogue()` finds them."""

from __future__ import annotations

import importlib
import pkgutil
import traceback
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from models.definition import Definition


def catalogue() -> Mapping[str, Definition]:
    """All definitions by model name, in alphabetical order. A file that does not load is left out: see `broken`.

    >>> catalogue()["fraud"].target.column
    'Class'
    """
    return _files()[0]


def broken() -> Mapping[str, str]:
    """What is wrong with each model file that does not load, by model name: the file, the line and the error."""
    return _files()[1]


@cache
def _files() -> tuple[Mapping[str, Definition], Mapping[str, str]]:
    found: dict[str, Definition] = {}
    faults: dict[str, str] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        if module.ispkg:
            continue
        try:
            found[module.name] = _definition(module.name)
        except (Exception, SystemExit) as error:  # the files are the user's own: anything can be wrong with them
            faults[module.name] = _fault(module.name, error)
    return MappingProxyType(found), MappingProxyType(faults)


def _definition(name: str) -> Definition:
    definition = getattr(importlib.import_module(f"{__name__}.{name}"), "definition", None)
    if not isinstance(definition, Definition) or definition.name != name:
        raise ValueError(f"it must hold a Definition named 'definition' for {name!r}")
    return definition


def _fault(name: str, error: BaseException) -> str:
    file = f"{name}.py"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(f"/{file}")]
    message = str(error)
    if isinstance(error, SyntaxError) and (error.filename or "").endswith(f"/{file}"):
        lines, message = [error.lineno], error.msg
    where = f", line {lines[-1]}" if lines else ""
    return f"models/{file}{where}: {type(error).__name__}: {message}"
