"""BentoML's modules, and ours that derive classes from its own, imported while warnings are no errors.

BentoML 1.4.39 uses methods that pydantic deprecates.
"""

from __future__ import annotations

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
    import _bentoml_impl.client
    import _bentoml_impl.server.app
    import _bentoml_sdk

    import serving.apis  # noqa: F401
