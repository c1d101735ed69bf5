"""Explanations: exact, additive, and in words that a person understands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost

from models import catalogue
from models.definition import Category, Definition, Expansion, Flag, Kind, Moment, Number, Series
from serving.answers.words import sentence
from tests.rows import rows_of
from tests.serving.apps import App
from tests.serving.versions import trained

MODELS = tuple(catalogue())
BOOSTED = tuple(
    name
    for name, definition in catalogue().items()
    if definition.recipe.form != "linear" and not isinstance(definition.policy, Expansion)
)
"""Those whose margin is that of one booster: see `versions` for "auto"."""
MOVED = {
    Kind.BINARY: "the log-odds by ",
    Kind.REGRESSION: "the estimate by ",
    Kind.FORECAST: "the score by ",
    Kind.OPTIMISER: "the score by ",
    Kind.ANOMALY: "the log2 of the anomaly score by ",
}
"""What sentences say is raised or lowered."""
TOLERANCE = 1e-4


def scale(definition: Definition) -> str:
    """The name of the scale: the answer's own unit where there is one."""
    if definition.kind is Kind.ANOMALY:
        return "log2 of the score"
    if isinstance(definition.policy, Expansion):
        return definition.policy.unit
    return definition.target.unit if definition.kind is Kind.REGRESSION and definition.target else "log-odds"


def records(definition: Definition) -> list[dict[str, Any]]:
    """The example, rows as training saw them, and the example with everything missing that may be."""
    example = definition.schema.example
    sparse = {
        feature.name: None if feature.missing else example[feature.name] for feature in definition.schema.features
    }
    if isinstance(definition.policy, Expansion):  # training sees the rows that are made of records
        return [example, sparse]
    rows = rows_of(definition, 200, 11)[list(definition.schema.names)].head(8)
    seen = [{str(name): plain(value) for name, value in row.items()} for row in rows.to_dict("records")]
    for record in seen:
        for feature in definition.schema.features:
            value = record[feature.name]
            if isinstance(feature, Number) and value is not None:
                record[feature.name] = int(value) if feature.whole else value
            if isinstance(feature, Flag) and value is not None:
                record[feature.name] = bool(value)
    return [example, sparse, *seen]


def plain(value: Any) -> Any:
    return None if pd.isna(value) else value.item() if isinstance(value, np.generic) else value


@pytest.mark.parametrize("model", MODELS)
def test_an_explanation_adds_up_and_belongs_to_the_prediction(app: App, model: str) -> None:
    definition = catalogue()[model]
    for record in records(definition):
        given = app.post(f"/v1/models/{model}/explain", {"record": record, "top": 0}).json()
        explanation = given["explanation"]
        total = explanation["base_value"] + sum(item["contribution"] for item in explanation["contributions"])
        assert total == pytest.approx(explanation["margin"], rel=1e-9, abs=TOLERANCE)
        assert {item["feature"] for item in explanation["contributions"]} == set(definition.inputs.names)
        assert explanation["other"] == 0
        assert explanation["scale"] == scale(definition)
        if MOVED[definition.kind] in ("the estimate by ", "the score by "):
            assert explanation["margin"] == pytest.approx(given["score"], rel=1e-6)
        assert given["score"] == app.post(f"/v1/models/{model}/predict", {"record": record}).json()["score"]


@pytest.mark.parametrize("model", BOOSTED)
def test_an_explanation_is_xgboost_s_own(app: App, model: str) -> None:
    definition, version = catalogue()[model], trained()[model]
    booster = xgboost.Booster(model_file=bytearray(version.booster()))
    for record in records(definition):
        given = app.post(f"/v1/models/{model}/explain", {"record": record, "top": 0}).json()
        explanation = given["explanation"]
        matrix = xgboost.DMatrix(version.encoding(definition).matrix([record]))
        *expected, base = booster.predict(matrix, pred_contribs=True)[0].tolist()
        contributions = {item["feature"]: item["contribution"] for item in explanation["contributions"]}
        for name, value in zip(definition.schema.names, expected, strict=True):
            assert contributions[name] == pytest.approx(value, rel=1e-6, abs=TOLERANCE), name
        assert explanation["base_value"] == pytest.approx(base, rel=1e-6, abs=TOLERANCE)
        margin = booster.predict(matrix, output_margin=True)[0]
        assert explanation["margin"] == pytest.approx(margin, rel=1e-6, abs=TOLERANCE)


@pytest.mark.parametrize("top", [1, 3, 5, None, 10_000])
@pytest.mark.parametrize("model", MODELS)
def test_the_strongest_come_first_and_the_rest_is_summed(app: App, model: str, top: int | None) -> None:
    path = f"/v1/models/{model}/explain"
    body = {"record": catalogue()[model].schema.example}
    whole = app.post(path, {**body, "top": 0}).json()["explanation"]
    some = app.post(path, {**body, "top": top}).json()["explanation"]
    shown = some["contributions"]
    assert shown == whole["contributions"][: 5 if top is None else top]
    sizes = [abs(item["contribution"]) for item in whole["contributions"]]
    assert sizes == sorted(sizes, reverse=True)
    total = some["base_value"] + sum(item["contribution"] for item in shown) + some["other"]
    assert total == pytest.approx(some["margin"], rel=1e-9, abs=TOLERANCE)


@pytest.mark.parametrize("model", MODELS)
def test_every_contribution_is_said_in_words(app: App, model: str) -> None:
    definition = catalogue()[model]
    for record in records(definition):
        answer = app.post(f"/v1/models/{model}/explain", {"record": record, "top": 0}).json()
        for item in answer["explanation"]["contributions"]:
            feature, value, text = definition.inputs[item["feature"]], item["value"], item["sentence"]
            if feature.name in record and not isinstance(definition.policy, Expansion):
                assert value == record[feature.name]
            assert text.startswith(
                tuple(f"{feature.name}{said}" for said in (", over all rows", " does not change", " being missing"))
                if isinstance(definition.policy, Expansion) and value is None
                else f"{feature.name} of "
                if isinstance(feature, Number) and value is not None
                else f"{feature.name} being "
            )
            assert not {"None", "True", "False", "nan"} & set(text.replace("'", " ").split())
            if not isinstance(definition.policy, Expansion):
                assert ("being missing" in text) == (value is None)
            if item["contribution"] == 0:
                assert (item["direction"], "does not change" in text) == ("does not change", True)
            else:
                assert item["direction"] == ("raises" if item["contribution"] > 0 else "lowers")
                assert f" {item['direction']} {MOVED[definition.kind]}" in text


@pytest.mark.parametrize(
    ("feature", "value", "contribution", "direction", "said"),
    [
        ("fraud.Amount", 149.62, 0.314, "raises", "Amount of 149.62 EUR raises the log-odds by 0.31"),
        ("fraud.Time", 31_000_000, -12.3, "lowers", "Time of 31000000 s lowers the log-odds by 12"),
        ("purchase.in_cart", True, 1.04, "raises", "in_cart being true raises the log-odds by 1"),
        ("purchase.in_cart", False, -0.001, "lowers", "in_cart being false lowers the log-odds by 0.001"),
        ("purchase.rating", None, 0.2, "raises", "rating being missing raises the log-odds by 0.2"),
        ("purchase.device", "phone", 0.0, "does not change", "device being 'phone' does not change the score"),
        ("churn.country", None, -0.5, "lowers", "country being missing lowers the log-odds by 0.5"),
    ],
)  # fmt: skip
def test_sentences_name_unit_and_kind(feature: str, value: Any, contribution: float, direction: str, said: str) -> None:
    model, _, name = feature.partition(".")
    assert sentence(catalogue()[model].schema[name], value, contribution, direction) == said


def test_the_churn_answer_carries_the_drivers_of_its_explanation(app: App) -> None:
    record = catalogue()["churn"].schema.example
    explained = app.post("/v1/models/churn/explain", {"record": record, "top": 3}).json()
    drivers = [
        {key: item[key] for key in ("feature", "value", "contribution")}
        for item in explained["explanation"]["contributions"]
    ]
    assert explained["answer"] == {"risk": explained["level"], "drivers": drivers}
    assert app.post("/v1/models/churn/predict", {"record": record}).json()["answer"] == explained["answer"]
    batch = app.post("/v1/models/churn/batch", {"records": [record, record]}).json()
    assert [item["prediction"]["answer"] for item in batch["items"]] == [explained["answer"]] * 2


def test_the_kinds_of_features_that_these_tests_meet_are_all_there_are() -> None:
    kinds = {type(feature) for definition in catalogue().values() for feature in definition.schema.features}
    assert kinds == {Number, Flag, Category, Moment, Series}
