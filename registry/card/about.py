"""What a card says of the model besides its version's details."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.definition import BinaryPolicy, Definition, Expansion, Kind, RegressionPolicy
from registry.details import FeatureReference, Reference

Row = Mapping[str, Any]
"""A feature as `Schema.describe` gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The words of the definition. `inputs` is what the estimator learns from; `schema` what a caller sends."""

    tag: str
    purpose: str
    schema: Sequence[Row]
    inputs: Sequence[Row]
    target: str = ""
    """The column and what it means."""
    unit: str = ""
    """Of a quantity: that in which its errors are."""
    answer_unit: str = ""
    """Of a score that is computed from estimates: its own."""
    amount_unit: str = ""
    positive: str = ""
    levels: Sequence[tuple[str, float]] = ()
    """Bands of a probability by the score that each begins at."""
    coverage: float | None = None
    """What the intervals are meant to hold."""
    share: float | None = None
    """Of an anomaly model: the share of rows that it is meant to flag."""

    seen: Mapping[str, FeatureReference] = field(default_factory=dict)
    """What the training rows held of each input."""

    @classmethod
    def of(cls, definition: Definition, tag: str, reference: Reference) -> About:
        """What the definition and the training distributions say of the version `tag`."""
        policy, target = definition.policy, definition.target
        quantity = definition.kind in (Kind.REGRESSION, Kind.FORECAST, Kind.OPTIMISER)
        return cls(
            tag=tag,
            purpose=definition.purpose,
            schema=definition.schema.describe(),
            inputs=definition.inputs.describe(),
            target=f"{target.column}: {target.description}" if target else "",
            unit=target.unit if target and quantity else "",
            answer_unit=policy.unit if isinstance(policy, Expansion) else "",
            amount_unit=definition.amount.unit if definition.amount else "",
            positive=str(target.positive) if target and definition.kind is Kind.BINARY else "",
            levels=[(one.name, one.from_score) for one in policy.levels] if isinstance(policy, BinaryPolicy) else (),
            coverage=policy.coverage if isinstance(policy, RegressionPolicy | Expansion) else None,
            seen={one.name: one for one in reference.features},
            share=getattr(policy, "share", None),
        )

    def kind_of(self, feature: str) -> str:
        """The type of an input, e.g. "number"; empty when there is none of that name."""
        return next((str(row["type"]) for row in self.inputs if row["name"] == feature), "")

    def unit_of(self, feature: str) -> str:
        return next((str(row.get("unit", "")) for row in self.inputs if row["name"] == feature), "")
