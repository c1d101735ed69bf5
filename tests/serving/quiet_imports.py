"""BentoML's modules, and ours that derive classes from its own, imported while warnings are no errors.

BentoML 1.4.39 uses methods that pydantic deprecates.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Warnings are not heard."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


with quiet():
    for name in ("_bentoml_sdk", "_bentoml_impl.client", "_bentoml_impl.server.app", "serving.apis"):
        importlib.import_module(name)
