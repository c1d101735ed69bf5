"""A decision model's definition: everything about it that is decided before any data is seen."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Literal

from models.definition.anomaly import AnomalyPolicy
from models.definition.binary import BinaryPolicy, CostThreshold
from models.definition.expansion import Expansion
from models.definition.feature import Number, Schema, Series
from models.definition.forecast import Forecast
from models.definition.kind import METRICS, Kind
from models.definition.multiclass import MulticlassPolicy
from models.definition.recipe import Gate, Recipe
from models.definition.regression import RegressionPolicy

NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
Policy = BinaryPolicy | MulticlassPolicy | RegressionPolicy | AnomalyPolicy | Expansion
_POLICIES: dict[Kind, type[Policy]] = {
    Kind.BINARY: BinaryPolicy,
    Kind.MULTICLASS: MulticlassPolicy,
    Kind.REGRESSION: RegressionPolicy,
    Kind.FORECAST: Forecast,
    Kind.ANOMALY: AnomalyPolicy,
    Kind.OPTIMISER: Expansion,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The column that training predicts.

    `positive` is the value that counts as the event (binary), `classes` are all values (multiclass), `unit` is that of
    the quantity (regression, forecast, optimiser). An anomaly model learns without a target; one that it is given is
    only measured against.
    """

    column: str
    description: str
    positive: str | int | bool = 1
    classes: tuple[str, ...] = ()
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One decision model. `models/<name>.py` holds exactly one, named `definition`.

    `schema` is what a caller sends. An estimator learns from the same features, or from the inputs of the policy where
    that is an Expansion.

    Raises ValueError, which names the part, when parts do not go together.
    """

    name: str
    title: str
    purpose: str
    kind: Kind
    schema: Schema
    recipe: Recipe
    policy: Policy
    target: Target | None = None
    amount: Target | None = None
    """Of a binary model: the column that says what a positive amounts to."""
    view: str | None = None
    """The feature view in `features/views/` that computes the schema's features for an entity; None: records only."""
    thin: Literal["warn", "refuse"] = "warn"
    """What becomes of an entity with less history than the view wants: scored with a warning, or refused."""
    gates: tuple[Gate, ...] = ()
    limits: tuple[str, ...] = ()
    """What the model must not be used for, or where it is known to be weak: shown on its card."""

    def __post_init__(self) -> None:
        if not NAME_PATTERN.match(self.name):
            raise ValueError(f"model name {self.name!r}: use lowercase letters, digits and underscores")
        problem = _problem(self)
        if problem:
            raise ValueError(f"model {self.name}: {problem}")

    @property
    def file(self) -> str:
        """Where it stands, as messages call it."""
        return f"models/{self.name}.py"

    @property
    def inputs(self) -> Schema:
        """What the estimator learns from and is asked with."""
        return self.policy.inputs if isinstance(self.policy, Expansion) else self.schema

    @property
    def learns_from_view(self) -> bool:
        """Whether training takes its rows from the view: unless the recipe names others."""
        return self.view is not None and self.recipe.data is None and self.recipe.query is None

    @property
    def drivers(self) -> int:
        """How many top drivers every prediction needs; 0 for none, as explanations cost time."""
        return 0 if isinstance(self.policy, Expansion) else self.policy.drivers

    @property
    def decides(self) -> bool:
        """Whether a threshold turns its score into a decision."""
        return self.kind in (Kind.BINARY, Kind.ANOMALY)

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change when the inputs or the target do: a version fits only its own fingerprint."""
        target = [self.kind.value, *(_target(target) for target in (self.target, self.amount))]
        essence = {"inputs": [_essence(row) for row in self.inputs.describe()], "target": target}
        return hashlib.sha256(json.dumps(essence, sort_keys=True).encode()).hexdigest()[:16]


def _essence(row: dict[str, object]) -> dict[str, object]:
    """The part of a feature that an encoded row depends on: not its wording, not its allowed range."""
    return {key: row[key] for key in ("type", "name", "levels", "parts") if key in row}


def _target(target: Target | None) -> list[object] | None:
    return None if target is None else [target.column, target.positive, *target.classes]


def _problem(definition: Definition) -> str:
    """The first thing that is wrong with the whole, in words; empty when nothing is."""
    for check in (_check_kind, _check_target, _check_inputs, _check_costs, _check_gates, _check_names):
        problem = check(definition)
        if problem:
            return problem
    return ""


def _check_kind(definition: Definition) -> str:
    wanted = _POLICIES[definition.kind]
    if not isinstance(definition.policy, wanted):
        return f"a model of kind {definition.kind} has a policy of type {wanted.__name__}"
    return ""


def _check_target(definition: Definition) -> str:
    kind, target = definition.kind, definition.target
    if target is None:
        return "" if kind is Kind.ANOMALY else f"a model of kind {kind} needs a target"
    if kind is Kind.MULTICLASS and (len(target.classes) < 3 or len(set(target.classes)) < len(target.classes)):
        return "its target needs three or more classes, each once"
    if definition.amount is not None and kind is not Kind.BINARY:
        return "only a binary model has an amount"
    for column in (target, definition.amount):
        if column is not None and column.column in definition.inputs.names:
            return f"the target {column.column!r} is also a feature"
    return ""


def _check_inputs(definition: Definition) -> str:
    features = definition.inputs.features
    if not features:
        return "it has no features"
    for feature in features:
        if isinstance(feature, Series):
            return f"no estimator learns from the series {feature.name!r}; only an expansion may hold one"
    return ""


def _check_costs(definition: Definition) -> str:
    policy = definition.policy
    if not isinstance(policy, BinaryPolicy) or not isinstance(policy.threshold, CostThreshold):
        return ""
    miss = policy.threshold.miss
    numbers = [feature.name for feature in definition.inputs.features if isinstance(feature, Number)]
    if isinstance(miss, str) and miss not in numbers:
        return f"the threshold's cost {miss!r} is not one of its numbers{_near(miss, numbers)}"
    return ""


def _check_gates(definition: Definition) -> str:
    known = METRICS[definition.kind]
    for gate in definition.gates:
        if gate.metric not in known:
            return f"there is no metric {gate.metric!r}; known are {', '.join(known)}"
    return ""


def _check_names(definition: Definition) -> str:
    if definition.view is not None and not NAME_PATTERN.match(definition.view):
        return f"its view {definition.view!r} cannot be a view's name: use lowercase letters, digits and underscores"
    names = definition.inputs.names
    for name in (*(name for name, _ in definition.recipe.booster.monotone), *definition.recipe.saturating):
        if name not in names:
            return f"the recipe names a feature {name!r} that it does not have{_near(name, names)}"
    return ""


def _near(name: str, known: tuple[str, ...] | list[str]) -> str:
    match = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {match[0]!r}?" if match else ""
