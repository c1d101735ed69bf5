"""What a stored version says about itself: the shape of `version.json`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.definition import Kind

Form = Literal["trees", "additive"]
"""How an estimator is stored: as boosted trees (UBJ and ONNX) or as one term per column (JSON)."""
FORMAT = 1
"""The artifact format that this code writes and reads."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Metric(_Part):
    """A metric on the test rows with its 95 % confidence interval, and the baselines' values on the same rows."""

    name: str
    value: float
    low: float
    high: float
    higher_is_better: bool
    baselines: dict[str, float]
    """Baseline name -> its value on the same rows, e.g. {"prior": 0.5, "logistic_regression": 0.91}."""


class GateResult(_Part):
    """One gate and how the version stood to it."""

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    value: float | None
    """None where the test rows do not give the metric: an anomaly model without a truth."""
    passed: bool


class CalibrationBin(_Part):
    """Test rows whose probability falls into one bin: what was promised and what came."""

    rows: int
    mean_probability: float
    observed_rate: float


class GroupRow(_Part):
    """How the version does on the test rows of one subgroup: a level of a category, a flag, a quarter of a number."""

    feature: str
    group: str
    rows: int
    metric: str
    """"bias" is what was said less what came: a mean error, or a probability minus a rate."""
    value: float
    low: float
    high: float
    overall: float | None = None
    """The same over all test rows."""
    worse: bool = False
    """Clearly, however many groups are looked at: the metric worse than overall, or the bias further from 0."""


class Dependence(_Part):
    """How a feature's contribution follows its value, over some training rows, on the explanation's scale.

    Numbers: `values` are the rows' values; categories and flags: their texts. One entry per row in all three.
    """

    feature: str
    values: tuple[float | str | None, ...]
    contributions: tuple[float, ...]


class ThresholdRow(_Part):
    """What deciding at `threshold` would have done on the test rows. `cost` is in the policy's own currency."""

    threshold: float
    precision: float
    recall: float
    false_positive_rate: float
    positive_rate: float
    f1: float
    cost: float | None = None


class FromView(_Part):
    """Which view's features the version learned from, of whom and when; the same events give the same rows again."""

    name: str
    fingerprint: str
    """12 hex digits of the view's SQL."""
    observations_fingerprint: str
    """The same of the SQL that says who was observed when, and what came of it."""
    observations: int
    entities: int
    first: datetime
    last: datetime
    """The earliest and the latest moment of observation."""
    until: datetime
    """The newest event that was known."""
    events: int
    """Of the entities that were observed, in all sources of the view."""
    sample_events: int
    """How many of those are sample data."""


class Data(_Part):
    """What the version was trained on."""

    source: str
    """Where the rows came from; synthetic data says so."""
    synthetic: bool
    rows: int
    train_rows: int
    validation_rows: int
    test_rows: int
    positive_rate: float | None = None
    """Of a binary model: the share of positives."""
    classes: dict[str, int] | None = None
    """Of a multiclass model: rows of each class."""
    target_mean: float | None = None
    target_deviation: float | None = None
    """Of a quantity: its mean and standard deviation, in its unit."""
    fingerprint: str
    """SHA-256 over the columns used, in order."""
    split: str
    """How rows were split, in words."""
    view: FromView | None = None
    """Of a version that learned from a feature view."""


class FeatureReference(_Part):
    """The training distribution of one feature, binned once, for drift.

    Numbers: `edges` are the inner bin edges (ascending), counts has one more entry. Categories and flags: `levels`.
    """

    name: str
    edges: tuple[float, ...] | None = None
    levels: tuple[str, ...] | None = None
    counts: tuple[int, ...]
    missing: int
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None


class Reference(_Part):
    """`reference.json`: training distributions of every feature and of the score."""

    features: tuple[FeatureReference, ...]
    score: FeatureReference


class Importance(_Part):
    """Mean absolute SHAP contribution of a feature over a sample of the training rows, on the explanation's scale."""

    feature: str
    mean_absolute_contribution: float


class Example(_Part):
    """The definition's example record with the answers it had when the version was stored: checked at every load."""

    record: dict[str, Any]
    margin: float
    score: float


class Reproduction(_Part):
    """All it takes to train the version again."""

    seed: int
    commit: str
    """Git commit of the code; ends in "+dirty" when files were changed, "unknown" outside a repository."""
    recipe: dict[str, Any]
    libraries: dict[str, str]
    command: str


class VersionDetails(_Part):
    """`version.json`."""

    format: Literal[1] = 1
    model: str
    kind: Kind
    title: str
    definition_fingerprint: str
    created_at: datetime
    estimators: dict[str, Form]
    """What the version's folder holds: "model", and beside it "interval" (two quantiles) or "amount"."""
    threshold: float | None = Field(default=None, ge=0, le=1)
    """Of binary and anomaly models."""
    metrics: tuple[Metric, ...]
    gates: tuple[GateResult, ...]
    calibration: tuple[CalibrationBin, ...]
    thresholds: tuple[ThresholdRow, ...]
    data: Data
    importance: tuple[Importance, ...]
    example: Example
    reproduction: Reproduction
    trees: int
    """Of all estimators together."""
    chosen: tuple[str, ...] = ()
    """What the recipe tried and why it took what it took, in words."""
    subgroups: tuple[GroupRow, ...] = ()
    dependence: tuple[Dependence, ...] = ()
    """Of the features that matter most."""
    limits: tuple[str, ...]
    forced: tuple[str, ...] = ()
    """Gates or baselines that were missed and overruled by whoever trained the version."""
    findings: tuple[str, ...] = ()
    """What training noticed in the data (copies across the split, constant columns) and what it did about it."""
