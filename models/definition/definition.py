"""A decision model's definition: everything about it that is decided before any data is seen."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from enum import StrEnum

from models.definition.feature import Schema
from models.definition.policy import Policy
from models.definition.recipe import Gate, Recipe

NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")


class Kind(StrEnum):
    """What a model's score is."""

    BINARY = "binary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The column that training predicts. `positive` is the value that counts as the event."""

    column: str
    description: str
    positive: str | int | bool = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One decision model. `models/<name>.py` holds exactly one, named `definition`.

    Raises ValueError when the name does not suit a URL and a model-store tag, or the target is also a feature.
    """

    name: str
    title: str
    purpose: str
    kind: Kind
    schema: Schema
    target: Target
    recipe: Recipe
    gates: tuple[Gate, ...]
    policy: Policy
    limits: tuple[str, ...] = ()
    """What the model must not be used for, or where it is known to be weak: shown on its card."""

    def __post_init__(self) -> None:
        if not NAME_PATTERN.match(self.name):
            raise ValueError(f"model name {self.name!r}: use lowercase letters, digits and underscores")
        if self.target.column in self.schema.names:
            raise ValueError(f"{self.name}: the target {self.target.column!r} is also a feature")

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change when the schema or the target does: a version fits only its own fingerprint."""
        target = [self.target.column, self.target.positive, self.kind.value]
        essence = {"schema": [_essence(row) for row in self.schema.describe()], "target": target}
        return hashlib.sha256(json.dumps(essence, sort_keys=True).encode()).hexdigest()[:16]


def _essence(row: dict[str, object]) -> dict[str, object]:
    """The part of a feature that an encoded row depends on: not its wording, not its allowed range."""
    return {key: row[key] for key in ("type", "name", "levels") if key in row}
