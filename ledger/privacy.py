"""Answers without what they say of a record's values, for models whose features are not kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LEFT_OUT = {"features", "warnings"}
"""Of a prediction; warnings name values too."""
_TELLING = {"value", "sentence"}
"""What an explanation's contribution and a driver say of the value itself."""


def stripped(answer: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a prediction or a batch, to be encoded for the ledger. No features, no drivers' values, no errors.

    >>> stripped({"score": 0.5, "features": {"age": 40}, "answer": {"drivers": [{"feature": "age", "value": 40}]}})
    {'score': 0.5, 'answer': {'drivers': [{'feature': 'age'}]}}
    """
    if "items" in answer:
        items = [
            {"index": item["index"], "prediction": stripped(item["prediction"])}
            for item in answer["items"]
            if "prediction" in item
        ]
        return {**answer, "items": items}
    return {name: _without_values(value) for name, value in answer.items() if name not in _LEFT_OUT}


def _without_values(value: Any) -> Any:
    """The same with every driver reduced to its name, its contribution and its direction."""
    if isinstance(value, Mapping):
        is_driver = "feature" in value
        return {name: _without_values(inner) for name, inner in value.items() if not (is_driver and name in _TELLING)}
    if isinstance(value, list | tuple):
        return [_without_values(inner) for inner in value]
    return value
