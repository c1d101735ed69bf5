"""What each decision model is. One file per model; `catalogue()` finds them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from models.definition import Definition


@cache
def catalogue() -> Mapping[str, Definition]:
    """All definitions by model name, in alphabetical order.

    >>> catalogue()["fraud"].target.column
    'Class'

    Raises ValueError when a model file holds no `definition` or one under another name.
    """
    found: dict[str, Definition] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        if module.ispkg:
            continue
        definition = getattr(importlib.import_module(f"{__name__}.{module.name}"), "definition", None)
        if not isinstance(definition, Definition) or definition.name != module.name:
            raise ValueError(f"models/{module.name}.py must hold a Definition named 'definition' for {module.name!r}")
        found[module.name] = definition
    return MappingProxyType(found)
