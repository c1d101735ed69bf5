"""Small real versions of all models of the catalogue, trained once per session into the tests' own model store."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from models import catalogue
from registry.store import Version
from tests.rows import source_of
from training.train import train

ROWS = {"fraud": 25_000, "demand": 150}
"""Of rare events it takes many rows until there are enough, and each observation of a forecast makes 28; the other
models make do with `FEW`."""
FEW = 4000


@functools.cache
def trained() -> Mapping[str, Version]:
    """One stored version of every model, by its name."""
    versions = {}
    for name, definition in catalogue().items():
        booster = replace(definition.recipe.booster, rounds=30, early_stopping_rounds=10)
        form = "trees" if definition.recipe.form == "auto" else definition.recipe.form
        small = replace(definition, recipe=replace(definition.recipe, form=form, booster=booster))
        rows = ROWS.get(name, FEW)
        versions[name] = train(small, source_of(small, rows), force=True, rows=rows)
    return versions


def store() -> Path:
    """The BENTOML_HOME that holds them."""
    return Path(os.environ["BENTOML_HOME"])
