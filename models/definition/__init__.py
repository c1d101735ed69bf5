"""The vocabulary that model files are written in."""

from models.definition.anomaly import AnomalyPolicy, Detected
from models.definition.binary import (
    BinaryPolicy,
    Confidence,
    ConfidenceScale,
    CostThreshold,
    Decided,
    F1Threshold,
    FixedThreshold,
    Level,
    Threshold,
    confidence,
)
from models.definition.definition import Definition, Policy, Target
from models.definition.expansion import Combined, Estimates, Expansion
from models.definition.feature import Category, Feature, Flag, Moment, Number, Part, Schema, Series, Value, read_moment
from models.definition.forecast import Forecast, Window, forecast
from models.definition.kind import METRICS, Kind
from models.definition.multiclass import Classified, MulticlassPolicy, lead
from models.definition.recipe import Booster, Form, Gate, Isolation, Recipe
from models.definition.record import Driver, InvalidRecordError, Record
from models.definition.regression import Estimated, RegressionPolicy

__all__ = [
    "METRICS",
    "AnomalyPolicy",
    "BinaryPolicy",
    "Booster",
    "Category",
    "Classified",
    "Combined",
    "Confidence",
    "ConfidenceScale",
    "CostThreshold",
    "Decided",
    "Definition",
    "Detected",
    "Driver",
    "Estimated",
    "Estimates",
    "Expansion",
    "F1Threshold",
    "Feature",
    "FixedThreshold",
    "Flag",
    "Forecast",
    "Form",
    "Gate",
    "InvalidRecordError",
    "Isolation",
    "Kind",
    "Level",
    "Moment",
    "MulticlassPolicy",
    "Number",
    "Part",
    "Policy",
    "Recipe",
    "Record",
    "RegressionPolicy",
    "Schema",
    "Series",
    "Target",
    "Threshold",
    "Value",
    "Window",
    "confidence",
    "forecast",
    "lead",
    "read_moment",
]
