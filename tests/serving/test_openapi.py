"""The OpenAPI document and the pages made of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from features.sources import sources
from models import catalogue
from models.definition import Category, Flag, Moment, Number, Series
from tests.serving.apps import App
from tests.serving.conftest import LIMITS

OPERATIONS = ("predict", "batch", "explain")
STREAM = "/v1/stream"
NOBODY_S = {"/v1/predictions/{prediction_id}", "/v1/admin/purge/{purge_id}"}
"""Paths of what nobody has made yet."""


@pytest.fixture(scope="module")
def document(apps: Mapping[str, App]) -> Any:
    return apps["fast"].get("/openapi.json").json()


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def is_inference(path: str) -> bool:
    return path.startswith("/v1/models/") and path.rpartition("/")[2] in OPERATIONS


def valid(document: Any, schema: Any, value: Any) -> bool:
    """Whether the value fits the schema of the document."""
    return bool(OAS31Validator({**schema, "components": document["components"]}).is_valid(value))


def content_schema(part: Any) -> Any:
    (content,) = part["content"].values()
    return content["schema"]


def test_the_document_is_valid_openapi_3_1(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


def test_every_operation_has_an_id_of_its_own_a_summary_and_a_problem(document: Any) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for path, method, operation in operations(document):
        assert operation["summary"], (path, method)
        assert operation["tags"], (path, method)
        problems = [
            response
            for response in operation["responses"].values()
            if "application/problem+json" in response.get("content", {})
        ]
        assert problems, (path, method)
        for problem in problems:
            assert content_schema(problem) == {"$ref": "#/components/schemas/ProblemShape"}


def test_every_answer_has_the_request_id_and_inference_names_every_status(document: Any) -> None:
    for path, method, operation in operations(document):
        for status, response in operation["responses"].items():
            assert response["headers"]["X-Request-ID"] == {"$ref": "#/components/headers/X-Request-ID"}, (path, status)
        if method == "post" and is_inference(path):
            assert set(operation["responses"]) == {
                *("200", "400", "404", "405", "408", "413", "415", "422", "500", "503"),
            }
            assert "Allow" in operation["responses"]["405"]["headers"]
            assert "Retry-After" in operation["responses"]["503"]["headers"]


def test_every_model_has_its_three_operations(document: Any) -> None:
    for model in catalogue():
        for operation in OPERATIONS:
            assert document["paths"][f"/v1/models/{model}/{operation}"]["post"]["operationId"] == f"{model}_{operation}"


@pytest.mark.parametrize("model", catalogue())
def test_every_feature_is_described_with_unit_range_and_example(document: Any, model: str) -> None:
    title = "".join(part.capitalize() for part in model.split("_"))
    shown = document["components"]["schemas"][f"{title}Record"]
    definition = catalogue()[model]
    assert list(shown["properties"]) == list(definition.schema.names)
    assert shown["additionalProperties"] is False
    assert shown["required"] == [feature.name for feature in definition.schema.features if not feature.missing]
    for feature in definition.schema.features:
        field = shown["properties"][feature.name]
        kinds = field["anyOf"] if feature.missing else [field]
        assert ({"type": "null"} in kinds) == feature.missing
        kind = kinds[0]
        example = list(feature.example) if isinstance(feature, Series) else feature.example
        assert field["examples"] == [example]
        assert feature.description in field["description"]
        match feature:
            case Number():
                assert field["x-unit"] == feature.unit
                assert feature.unit in field["description"]
                assert (kind["minimum"], kind["maximum"]) == (feature.minimum, feature.maximum)
                assert kind["type"] == ("integer" if feature.whole else "number")
            case Flag():
                assert all(
                    valid(document, field, sent) == (sent in {True, False}) for sent in (True, False, 1, 0, 2, "true")
                )
            case Moment():
                assert kind["type"] == "string"
            case Series():
                entry = kind["items"]
                assert (kind["minItems"], kind["maxItems"]) == (feature.min_length, feature.max_length)
                assert (entry["minimum"], entry["maximum"]) == (feature.minimum, feature.maximum)
            case Category(unseen="refuse"):
                assert kind["enum"] == list(feature.levels)
            case Category():
                assert kind["type"] == "string"
                assert ", ".join(feature.levels) in field["description"]


def test_every_example_works_when_sent_and_is_answered_as_described(app: App, document: Any) -> None:
    """Those of entities too, once there is such an entity."""
    sent = 0
    for path, method, operation in operations(document):
        if "{" in path or path in {"/metrics", STREAM} or (method == "post" and not is_inference(path)):
            continue
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        described = content_schema(operation["responses"]["200"])
        for name, example in body["examples"].items() if body else ():
            answer = app.request(method.upper(), path, json=example["value"])
            assert answer.status_code == 200 or (name == "entity" and answer.status_code == 404), (path, answer.text)
            assert valid(document, body["schema"], example["value"])
            assert answer.status_code != 200 or valid(document, described, answer.json())
            sent += name == "record"
        if not body:
            answer = app.request(method.upper(), path)
            assert answer.status_code == 200, (path, answer.text)
            if answer.headers["content-type"] == "application/json":
                assert valid(document, described, answer.json())
    assert sent == 3 * len(catalogue())


def test_every_path_with_a_parameter_works_with_its_example(app: App, document: Any) -> None:
    """And the answer is as described."""
    asked = 0
    for path, method, operation in operations(document):
        if "{" not in path or method == "post" or path in NOBODY_S:
            continue
        examples = {one["name"]: one["example"] for one in operation["parameters"] if one["in"] == "path"}
        answer = app.request(method.upper(), path.format(**examples), headers={"Accept": "application/json"})
        assert answer.status_code == 200, (path, answer.text)
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        assert valid(document, schema, answer.json()), path
        asked += 1
    assert asked >= 12


def test_the_card_is_described_as_a_page_and_as_json(document: Any) -> None:
    for path in ("/v1/models/{model}/card", "/v1/models/{model}/versions/{version}/card"):
        content = document["paths"][path]["get"]["responses"]["200"]["content"]
        assert content["text/html"]["schema"] == {"type": "string"}
        assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/Card"}


def test_the_described_shapes_refuse_what_the_server_refuses(document: Any) -> None:
    body = document["paths"]["/v1/models/purchase/batch"]["post"]["requestBody"]["content"]["application/json"]
    record = body["examples"]["record"]["value"]["records"][0]
    wrongs: list[Any] = [
        {},
        {"records": []},
        {"records": [record] * (LIMITS["max_batch_records"] + 1)},
        {"records": [{**record, "price": -1}]},
        {"records": [{**record, "device": "fone"}]},
        {"records": [record], "treshold": 1},
        {"records": [record], "top": 1},
        {"records": None},
        {"entities": []},
        {"entities": [{"user_id": "U1"}]},
        {"entities": [{"user_id": "U1", "item_id": "I1"}], "records": [record]},
    ]
    for wrong in wrongs:
        assert not valid(document, body["schema"], wrong)


@pytest.mark.parametrize("top", [0, 5, 1.0, 10_000, None, -1, 1.5, 10_001, True, "1"])
def test_the_document_takes_the_tops_that_the_server_takes(app: App, document: Any, top: Any) -> None:
    body = {"record": catalogue()["purchase"].schema.example, "top": top}
    schema = {"$ref": "#/components/schemas/PurchaseExplainRequest"}
    assert valid(document, schema, body) == (app.post("/v1/models/purchase/explain", body).status_code == 200)


@pytest.mark.parametrize(("path", "model"), [("/v1/models/fraud", "fraud"), ("/v1/models/churn/health", "churn")])
def test_a_model_is_described_as_the_document_says(app: App, document: Any, path: str, model: str) -> None:
    operation = document["paths"][path.replace(model, "{model}")]["get"]
    answer = app.get(path).json()
    assert answer["name"] == model
    assert valid(document, content_schema(operation["responses"]["200"]), answer)


def test_a_problem_is_as_described(app: App, document: Any) -> None:
    problem = app.post("/v1/models/fraud/predict", {"record": {"Amuont": 1}}).json()
    assert valid(document, {"$ref": "#/components/schemas/ProblemShape"}, problem)


def test_the_model_s_example_is_a_body_that_works(app: App) -> None:
    for model in catalogue():
        detail = app.get(f"/v1/models/{model}").json()
        assert app.post(f"/v1/models/{model}/predict", detail["example"]).status_code == 200
        assert [feature["name"] for feature in detail["schema"]] == list(detail["example"]["record"])


def test_the_docs_need_no_outside_address_and_their_parts_are_served(app: App) -> None:
    page = app.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert not re.search(r"(https?:)?//", page.text.replace("<!DOCTYPE", ""))
    parts = re.findall(r'(?:src|href|url): ?"([^"]+)"|(?:src|href)="([^"]+)"', page.text)
    paths = [first or second for first, second in parts]
    assert len(paths) == 3
    for path in paths:
        assert app.get(path).status_code == 200, path


def test_the_root_leads_to_the_docs(app: App) -> None:
    answer = app.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")


def test_bentoml_s_own_documents_work_too(app: App) -> None:
    own = app.get("/docs.json").json()
    schema = app.get("/schema.json").json()
    for model in catalogue():
        for operation in OPERATIONS:
            assert f"/v1/models/{model}/{operation}" in own["paths"]
    assert {route["name"] for route in schema["routes"]} == {f"{m}_{o}" for m in catalogue() for o in OPERATIONS}


def body_of(document: Any, path: str) -> Any:
    return document["paths"][path]["post"]["requestBody"]["content"]["application/json"]


def test_every_source_has_its_columns_and_an_example_that_works_when_pasted(app: App, document: Any) -> None:
    path = "/v1/events/{source}"
    body = body_of(document, path)
    (parameter,) = (one for one in document["paths"][path]["post"]["parameters"] if one["in"] == "path")
    assert parameter["schema"]["enum"] == list(sources()) == list(body["examples"])
    for name, source in sources().items():
        shape = f"{name.title().replace('_', '')}Event"
        shown = document["components"]["schemas"][shape]
        assert list(shown["properties"]) == list(source.columns)
        assert set(source.columns) - set(shown["required"]) == source.nullable
        for column in shown["properties"].values():
            assert column["description"]
            assert column.get("x-unit", "unit"), "every number has one"
        sent = body["examples"][name]["value"]
        answer = app.post(path.format(source=name), [sent])
        assert answer.status_code == 200, answer.text
        assert answer.json()["rejected"] == 0, (name, answer.text)
        assert valid(document, {"$ref": f"#/components/schemas/{shape}"}, sent)
        assert valid(document, body["schema"], sent)
        assert valid(document, body["schema"], [sent, sent])
        assert valid(document, content_schema(document["paths"][path]["post"]["responses"]["200"]), answer.json())
        assert not valid(document, body["schema"], {**sent, "event_id": ""})
        assert not valid(document, body["schema"], {**sent, "strange": 1})


def test_the_examples_of_outcomes_work_when_pasted(app: App, document: Any) -> None:
    body = body_of(document, "/v1/outcomes")
    for example in body["examples"].values():
        assert valid(document, body["schema"], example["value"])
        answer = app.post("/v1/outcomes", example["value"])
        assert answer.status_code == 200, answer.text
        assert "rejected" not in answer.json()["summary"]
        described = document["paths"]["/v1/outcomes"]["post"]["responses"]["200"]
        assert valid(document, content_schema(described), answer.json())
    wrongs: list[Any] = [{"outcome": 1}, {"model": "churn", "outcome": 1}, []]
    for wrong in wrongs:
        assert not valid(document, body["schema"], wrong)
