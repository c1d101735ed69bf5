"""The vocabulary that model files are written in."""

from models.definition.definition import Definition, Kind, Target
from models.definition.feature import Category, Feature, Flag, Number, Schema, Value
from models.definition.policy import (
    Confidence,
    ConfidenceScale,
    CostThreshold,
    Decided,
    Driver,
    F1Threshold,
    FixedThreshold,
    Level,
    Policy,
    Record,
    Threshold,
    confidence,
)
from models.definition.recipe import Booster, Gate, Recipe

__all__ = [
    "Booster",
    "Category",
    "Confidence",
    "ConfidenceScale",
    "CostThreshold",
    "Decided",
    "Definition",
    "Driver",
    "F1Threshold",
    "Feature",
    "FixedThreshold",
    "Flag",
    "Gate",
    "Kind",
    "Level",
    "Number",
    "Policy",
    "Recipe",
    "Record",
    "Schema",
    "Target",
    "Threshold",
    "Value",
    "confidence",
]
