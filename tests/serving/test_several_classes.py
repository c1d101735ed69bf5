"""Answers of a model with several classes: every probability, and an explanation of the likeliest class."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pytest

from inference.loaded import load
from serving.answers import answerer
from serving.validation import Options
from tests.training import kinds


def test_every_class_has_its_probability_and_the_likeliest_is_explained() -> None:
    definition = kinds.several
    assert definition.target is not None
    loaded = load(definition, kinds.version("small_classes"))
    values = list(definition.schema.example.values())
    outputs = loaded.explain(np.array([loaded.encoding.row(values)], np.float32))[0]
    answering = answerer(loaded, "champion")
    answer = answering.prediction(outputs, values, Options(), perf_counter())
    assert tuple(answer["probabilities"]) == definition.target.classes
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert answer["probabilities"][answer["label"]] == answer["score"] == max(answer["probabilities"].values())
    explanation = answering.explanation(outputs, values, 0)
    assert explanation["scale"] == "logit"
    total = explanation["base_value"] + sum(item["contribution"] for item in explanation["contributions"])
    assert total == pytest.approx(explanation["margin"])
    assert "the class's logit by" in explanation["contributions"][0]["sentence"]
