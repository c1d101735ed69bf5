"""The HTTP interface, every case through both ways: the front door's and BentoML's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter

from models import catalogue
from models.definition import AnomalyPolicy, BinaryPolicy, Expansion, Kind, MulticlassPolicy, confidence
from tests.serving.apps import App
from tests.serving.conftest import LIMITS
from tests.serving.versions import trained

MODELS = tuple(catalogue())
CHANGING = {"prediction_id", "request_id", "created_at", "timestamp", "latency_ms"}
"""Fields whose values differ from one answer to the next."""


def example(model: str, **changed: Any) -> dict[str, Any]:
    return {**catalogue()[model].schema.example, **changed}


@dataclass(frozen=True)
class Case:
    """A request and what is expected of its answer."""

    name: str
    path: str
    body: Any
    status: int = 200
    code: str = ""
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    expected_headers: Mapping[str, str] = field(default_factory=dict)


def typed(media_type: str) -> dict[str, str]:
    return {"Content-Type": media_type}


def good_cases() -> list[Case]:
    cases = []
    for model in MODELS:
        one, record = f"/v1/models/{model}", example(model)
        sparse = {
            feature.name: feature.example for feature in catalogue()[model].schema.features if not feature.missing
        }
        numbered = {name: int(value) if isinstance(value, bool) else value for name, value in record.items()}
        cases += [
            Case(f"{model}: predict", f"{one}/predict", {"record": record}),
            Case(f"{model}: predict without what may be missing", f"{one}/predict", {"record": sparse}),
            *(_with_thresholds(model) if catalogue()[model].decides else _without_threshold(model)),
            Case(
                f"{model}: options that are null",
                f"{one}/predict",
                {"record": record, "threshold": None, "include": None},
            ),
            Case(f"{model}: nothing included", f"{one}/predict", {"record": record, "include": []}),
            Case(f"{model}: features included", f"{one}/predict", {"record": record, "include": ["features"]}),
            _with_probabilities(model),
            Case(f"{model}: explain", f"{one}/explain", {"record": record}),
            Case(f"{model}: explain all", f"{one}/explain", {"record": record, "top": 0, "include": ["features"]}),
            Case(f"{model}: explain one", f"{one}/explain", {"record": sparse, "top": 1}),
            Case(f"{model}: explain as many as a float says", f"{one}/explain", {"record": record, "top": 2.0}),
            Case(f"{model}: explain by default", f"{one}/explain", {"record": record, "top": None}),
            Case(f"{model}: explain more than there are", f"{one}/explain", {"record": record, "top": 1000}),
            Case(f"{model}: batch of one", f"{one}/batch", {"records": [record]}),
            Case(f"{model}: batch", f"{one}/batch", {"records": [record, sparse] * 10, "include": ["features"]}),
            Case(f"{model}: batch with a bad record", f"{one}/batch", {"records": [record, {"x": 1}, sparse, 7, None]}),
            Case(f"{model}: flags as numbers", f"{one}/predict", {"record": numbered, "include": ["features"]}),
            Case(f"{model}: explained flags as numbers", f"{one}/explain", {"record": numbered, "top": 0}),
            Case(f"{model}: a batch of both", f"{one}/batch", {"records": [record, numbered], "include": ["features"]}),
            Case(f"{model}: batch of bad records", f"{one}/batch", {"records": [{}, [], "text"]}),
        ]
    return cases


def _with_thresholds(model: str) -> list[Case]:
    one, record = f"/v1/models/{model}", example(model)
    bad = {"records": [{}, [], "text"], "threshold": 0.5}
    return [
        Case(f"{model}: predict with a threshold", f"{one}/predict", {"record": record, "threshold": 0}),
        Case(f"{model}: predict with another", f"{one}/predict", {"record": record, "threshold": 1.0}),
        Case(f"{model}: explain with a threshold", f"{one}/explain", {"record": record, "threshold": 0.25}),
        Case(f"{model}: batch with a threshold", f"{one}/batch", {"records": [record], "threshold": 0.25}),
        Case(f"{model}: batch of bad records with a threshold", f"{one}/batch", bad),
    ]


def _without_threshold(model: str) -> list[Case]:
    """Refused where there is none."""
    one, record = f"/v1/models/{model}", example(model)
    bodies = {
        "predict": {"record": record, "threshold": 0.5},
        "explain": {"record": record, "threshold": 0.5},
        "batch": {"records": [record], "threshold": 0.5},
    }
    return [
        Case(f"{model}: {operation} with a threshold", f"{one}/{operation}", body, 422, "invalid_features")
        for operation, body in bodies.items()
    ]


def _with_probabilities(model: str) -> Case:
    body = {"record": example(model), "include": ["probabilities", "features"]}
    path = f"/v1/models/{model}/predict"
    if catalogue()[model].kind in (Kind.BINARY, Kind.MULTICLASS):
        return Case(f"{model}: all included", path, body)
    return Case(f"{model}: probabilities included", path, body, 422, "invalid_features")


PREDICT = "/v1/models/purchase/predict"
EXPLAIN = "/v1/models/purchase/explain"
BATCH = "/v1/models/purchase/batch"
GOOD = {"record": example("purchase")}
PLAIN = json.dumps(GOOD)
POST = {"allow": "POST"}
READ = {"allow": "GET, HEAD"}
LATIN = "application/json;charset=latin-1"
PICKLE = "application/vnd.bentoml+pickle"
BAD_CASES = [
    Case("empty batch", BATCH, {"records": []}, 422, "invalid_features"),
    Case("too many records", BATCH, {"records": [example("purchase")] * 21}, 413, "too_large"),
    Case("too many bad records", BATCH, {"records": [1] * 21}, 413, "too_large"),
    Case("records of a predict", PREDICT, {"records": [example("purchase")]}, 422, "invalid_features"),
    Case("record of a batch", BATCH, GOOD, 422, "invalid_features"),
    Case("no record", PREDICT, {}, 422, "invalid_features"),
    Case("null as the record", PREDICT, {"record": None}, 422, "invalid_features"),
    Case("null as the records", BATCH, {"records": None}, 422, "invalid_features"),
    Case("an array as the record", PREDICT, {"record": []}, 422, "invalid_features"),
    Case("entity", PREDICT, {"entity": {"user_id": "U1"}}, 422, "invalid_features"),
    Case("entity with a time", PREDICT, {"entity": {"user_id": "U1"}, "as_of": "now"}, 422, "invalid_features"),
    Case("entity beside a record", PREDICT, {**GOOD, "entity": {"user_id": "U1"}}, 422, "invalid_features"),
    Case("entities of a predict", PREDICT, {"entities": [{"user_id": "U1"}]}, 422, "invalid_features"),
    Case("no entities", BATCH, {"entities": []}, 422, "invalid_features"),
    Case("an entity nobody knows", PREDICT, {"entity": {"user_id": "U", "item_id": "I"}}, 404, "unknown_entity"),
    Case("top in a predict", PREDICT, {**GOOD, "top": 3}, 422, "invalid_features"),
    Case("top in a batch", BATCH, {"records": [example("purchase")], "top": 3}, 422, "invalid_features"),
    Case("negative top", EXPLAIN, {**GOOD, "top": -1}, 422, "invalid_features"),
    Case("top of true", EXPLAIN, {**GOOD, "top": True}, 422, "invalid_features"),
    Case("huge top", EXPLAIN, {**GOOD, "top": 10**30}, 422, "invalid_features"),
    Case("threshold above 1", PREDICT, {**GOOD, "threshold": 1.01}, 422, "invalid_features"),
    Case("threshold in quotes", PREDICT, {**GOOD, "threshold": "0.5"}, 422, "invalid_features"),
    Case("threshold of false", PREDICT, {**GOOD, "threshold": False}, 422, "invalid_features"),
    Case("unknown include", PREDICT, {**GOOD, "include": ["everything"]}, 422, "invalid_features"),
    Case("include in quotes", PREDICT, {**GOOD, "include": "features"}, 422, "invalid_features"),
    Case("include of numbers", PREDICT, {**GOOD, "include": [1, ["features"]]}, 422, "invalid_features"),
    Case("unknown field", PREDICT, {**GOOD, "treshold": 0.5}, 422, "invalid_features"),
    Case("unknown feature", PREDICT, {"record": example("purchase", Price=1)}, 422, "invalid_features"),
    Case("wrong types", PREDICT, {"record": example("purchase", price="9", in_cart=2)}, 422, "invalid_features"),
    Case("out of range", PREDICT, {"record": example("purchase", price=-1, discount=1.1)}, 422, "invalid_features"),
    Case("not whole", PREDICT, {"record": example("purchase", user_views_7d=1.5)}, 422, "invalid_features"),
    Case("unknown level", PREDICT, {"record": example("purchase", device="fone")}, 422, "invalid_features"),
    Case("beyond floating point", PREDICT, PLAIN.replace("39.9", "1e999").encode(), 422, "invalid_features"),
    Case("beyond any number", PREDICT, PLAIN.replace("39.9", "9" * 5000).encode(), 422, "invalid_features"),
    Case("NaN", PREDICT, PLAIN.replace("39.9", "NaN").encode(), 422, "invalid_features"),
    Case("Infinity", PREDICT, PLAIN.replace("39.9", "-Infinity").encode(), 422, "invalid_features"),
    Case("NaN as an option", EXPLAIN, PLAIN.encode()[:-1] + b', "top": NaN}', 400, "malformed_body"),
    Case("a key twice", PREDICT, PLAIN.replace("39.9", '39.9, "price" : 1').encode(), 422, "invalid_features"),
    Case("an option twice", EXPLAIN, PLAIN.encode()[:-1] + b', "top": 1, "top": 1}', 400, "malformed_body"),
    Case("a record without its wrapper", PREDICT, GOOD["record"], 422, "invalid_features"),
    Case("a batch's record without its wrapper", BATCH, GOOD["record"], 422, "invalid_features"),
    Case("half a surrogate pair", PREDICT, PLAIN.replace('"home"', '"\\ud800"').encode(), 400, "malformed_body"),
    Case("invalid UTF-8", PREDICT, PLAIN.encode().replace(b"home", b"\xff\xfe"), 400, "malformed_body"),
    Case("UTF-16", PREDICT, PLAIN.encode("utf-16"), 400, "malformed_body"),
    Case("byte order mark", PREDICT, PLAIN.encode("utf-8-sig"), 400, "malformed_body"),
    Case("empty body", PREDICT, b"", 400, "malformed_body"),
    Case("blank body", PREDICT, b" \r\n\t", 400, "malformed_body"),
    Case("half a body", PREDICT, PLAIN[:-5].encode(), 400, "malformed_body"),
    Case("two bodies", PREDICT, (PLAIN * 2).encode(), 400, "malformed_body"),
    Case("an array", PREDICT, [GOOD], 400, "malformed_body"),
    Case("a string", PREDICT, "text", 400, "malformed_body"),
    Case("null", PREDICT, b"null", 400, "malformed_body"),
    Case("deep nesting", PREDICT, b'{"record":' + b"[" * 17 + b"]" * 17 + b"}", 413, "too_large"),
    Case("very deep nesting", PREDICT, b"[" * 200_000, 413, "too_large"),
    Case("too many bytes", PREDICT, PLAIN.encode() + b" " * LIMITS["max_body_bytes"], 413, "too_large"),
    Case("text", PREDICT, PLAIN.encode(), 415, "unsupported_media_type", headers=typed("text/plain")),
    Case("a form", PREDICT, b"a=b", 415, "unsupported_media_type", headers=typed("multipart/form-data")),
    Case("pickle", PREDICT, b"\x80\x04N.", 415, "unsupported_media_type", headers=typed(PICKLE)),
    Case("Latin 1", PREDICT, PLAIN.encode(), 415, "unsupported_media_type", headers=typed(LATIN)),
    Case("gzip", PREDICT, PLAIN.encode(), 415, "unsupported_media_type", headers={"Content-Encoding": "gzip"}),
    Case("unknown model", "/v1/models/purchases/predict", GOOD, 404, "unknown_model"),
    Case("unknown model's batch", "/v1/models/Purchase/batch", GOOD, 404, "unknown_model"),
    Case("unknown model's explain", "/v1/models//explain", GOOD, 404, "unknown_model"),
    Case("unknown model asked by GET", "/v1/models/x/predict", None, 405, "method_not_allowed", "GET", {}, POST),
    Case("GET", PREDICT, None, 405, "method_not_allowed", "GET", {}, POST),
    Case("PUT", BATCH, GOOD, 405, "method_not_allowed", "PUT", {}, POST),
    Case("DELETE", EXPLAIN, None, 405, "method_not_allowed", "DELETE", {}, POST),
    Case("unknown operation", "/v1/models/purchase/guess", GOOD, 404, "not_found"),
    Case("a path below an operation", f"{PREDICT}/now", GOOD, 404, "not_found"),
    Case("a slash too many", f"{PREDICT}/", GOOD, 404, "not_found"),
    Case("unknown path", "/nowhere", None, 404, "not_found", "GET"),
    Case("unknown path below v1", "/v1/nowhere", GOOD, 404, "not_found"),
    Case("POST to the list of models", "/v1/models", GOOD, 405, "method_not_allowed", "POST", {}, READ),
    Case("DELETE of a probe", "/livez", None, 405, "method_not_allowed", "DELETE"),
    Case("a model that there is not", "/v1/models/nope", None, 404, "unknown_model", "GET"),
    Case("the health of a model that there is not", "/v1/models/nope/health", None, 404, "unknown_model", "GET"),
]  # fmt: skip
ALL = [*good_cases(), *BAD_CASES]


def ask(app: App, case: Case, **headers: str) -> httpx.Response:
    headers = {"Content-Type": "application/json", **case.headers, **headers}
    content = (
        case.body if isinstance(case.body, bytes) else b"" if case.body is None else json.dumps(case.body).encode()
    )
    return app.request(case.method, case.path, content=content, headers=headers)


def lasting(value: Any) -> Any:
    """The answer without what differs from one to the next."""
    if isinstance(value, dict):
        return {key: lasting(inner) for key, inner in value.items() if key not in CHANGING}
    return [lasting(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_both_ways_give_the_same_answer(apps: Mapping[str, App], case: Case) -> None:
    fast, slow = (ask(apps[way], case) for way in ("fast", "slow"))
    for answer in (fast, slow):
        assert answer.status_code == case.status, answer.text
        assert answer.headers["content-type"] == ("application/problem+json" if case.code else "application/json")
        assert not case.code or answer.json()["code"] == case.code
        assert case.expected_headers.items() <= answer.headers.items()
        assert len(answer.headers.get_list("x-request-id")) == 1
    assert lasting(fast.json()) == lasting(slow.json())


# --- the shapes that clients rely on: exactly the documented fields --------------------------------------------------


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Prediction(Strict):
    prediction_id: str
    model: str
    version: str
    role: str
    score: float
    label: bool | str | None
    level: str | None
    threshold: float | None
    confidence: str | None
    answer: dict[str, Any]
    cached: bool
    stale: bool
    warnings: list[str]
    created_at: str
    latency_ms: float


class PredictionWithFeatures(Prediction):
    features: dict[str, Any]


class PredictionWithAll(PredictionWithFeatures):
    probabilities: dict[str, float]


class Contribution(Strict):
    feature: str
    value: Any
    contribution: float
    direction: str
    sentence: str


class Explanation(Strict):
    base_value: float
    margin: float
    scale: str
    contributions: list[Contribution]
    other: float


class Explained(Prediction):
    explanation: Explanation


class FieldError(Strict):
    field: str
    code: str
    message: str
    given: bool | int | float | str | None


class Problem(Strict):
    type: str
    title: str
    status: int
    code: str
    detail: str
    instance: str
    request_id: str
    timestamp: str
    errors: list[FieldError]
    retry_after: float | None


class Summary(Strict):
    total: int
    succeeded: int
    failed: int
    positive: int
    positive_rate: float | None
    levels: dict[str, int]


class SummaryOfClasses(Summary):
    labels: dict[str, int]


class Batch(Strict):
    model: str
    version: str
    items: list[dict[str, Any]]
    summary: Summary | SummaryOfClasses
    latency_ms: float


def moment(text: str) -> datetime:
    assert text.endswith("Z")
    return TypeAdapter(AwareDatetime).validate_python(text)


@pytest.mark.parametrize("model", MODELS)
def test_a_prediction_has_exactly_the_documented_fields(app: App, model: str) -> None:
    path = f"/v1/models/{model}"
    answer = Prediction.model_validate(app.post(f"{path}/predict", {"record": example(model)}).json())
    version, definition = trained()[model], catalogue()[model]
    assert (answer.model, answer.version, answer.role) == (model, version.tag, "champion")
    assert answer.threshold == version.details.threshold
    assert (answer.threshold is not None) == definition.decides
    match definition.policy:
        case BinaryPolicy():
            assert answer.threshold is not None
            assert answer.label == (answer.score >= answer.threshold)
            assert answer.level == definition.policy.level(answer.score)
            assert answer.confidence == confidence(answer.score, answer.threshold)
        case AnomalyPolicy():
            assert answer.threshold is not None
            assert answer.label == (answer.score >= answer.threshold)
            assert (answer.level, answer.confidence) == ("ANOMALY" if answer.label else "NORMAL", None)
        case MulticlassPolicy():
            assert definition.target is not None
            assert answer.label in definition.target.classes
            assert (answer.level, answer.confidence is None) == (None, False)
        case _:
            assert (answer.label, answer.level, answer.confidence) == (None, None, None)
    if not isinstance(definition.policy, Expansion):
        assert answer.score == pytest.approx(version.details.example.score, rel=1e-5, abs=1e-5)
    assert abs(moment(answer.created_at) - datetime.now(UTC)) < timedelta(minutes=1)
    if definition.kind in (Kind.BINARY, Kind.MULTICLASS):
        both = {"record": example(model), "include": ["features", "probabilities"]}
        whole = PredictionWithAll.model_validate(app.post(f"{path}/predict", both).json())
        assert sum(whole.probabilities.values()) == pytest.approx(1)
        if definition.kind is Kind.BINARY:
            assert whole.probabilities == {"true": whole.score, "false": 1 - whole.score}
    features = {"record": example(model), "include": ["features"]}
    shown = PredictionWithFeatures.model_validate(app.post(f"{path}/predict", features).json())
    assert shown.features == example(model)
    explained = Explained.model_validate(app.post(f"{path}/explain", {"record": example(model)}).json())
    assert len(explained.explanation.contributions) == min(5, len(definition.inputs))
    assert explained.score == answer.score


@pytest.mark.parametrize("case", [case for case in BAD_CASES if case.code], ids=lambda case: case.name)
def test_a_problem_has_exactly_the_documented_fields(app: App, case: Case) -> None:
    answer = ask(app, case)
    problem = Problem.model_validate(answer.json())
    assert problem.type == f"https://tiffin.dev/problems/{case.code.replace('_', '-')}"
    assert (problem.status, problem.instance) == (answer.status_code, case.path)
    assert problem.request_id == answer.headers["x-request-id"]
    assert abs(moment(problem.timestamp) - datetime.now(UTC)) < timedelta(minutes=1)
    assert bool(problem.errors) == (case.status == 422)
    assert len(answer.content) < 10_000


def test_the_caller_s_threshold_decides_and_the_levels_stay(app: App) -> None:
    path = "/v1/models/purchase/predict"
    low, high = (app.post(path, {**GOOD, "threshold": at}).json() for at in (0.0, 1.0))
    assert (low["label"], low["threshold"], high["label"], high["threshold"]) == (True, 0.0, False, 1.0)
    assert low["answer"]["class"] == "purchase"
    assert high["answer"]["class"] == "no_purchase"
    assert low["level"] == high["level"]
    assert low["confidence"] == "high"


def test_a_batch_keeps_its_order_and_one_bad_record_fails_alone(app: App) -> None:
    prices = [1, 50, -1, 20_000, "x", 3]
    records = [example("purchase", price=price) for price in prices]
    sent = {"records": records, "include": ["features"]}
    answer = Batch.model_validate(app.post(BATCH, sent, {"X-Request-ID": "mine"}).json())
    assert [item["index"] for item in answer.items] == list(range(6))
    for item, price in zip(answer.items, prices, strict=True):
        if price in (-1, "x"):
            problem = Problem.model_validate(item["error"])
            assert (problem.status, problem.errors[0].field, problem.errors[0].given) == (422, "record.price", price)
            assert (problem.instance, problem.request_id) == (BATCH, "mine")
        else:
            assert item["prediction"]["features"]["price"] == price
    predictions = [item["prediction"] for item in answer.items if "prediction" in item]
    positive = sum(prediction["label"] for prediction in predictions)
    levels = [prediction["level"] for prediction in predictions]
    assert answer.summary == Summary(
        total=6, succeeded=4, failed=2, positive=positive, positive_rate=positive / 4,
        levels={level: levels.count(level) for level in levels},
    )  # fmt: skip
    assert len({prediction["prediction_id"] for prediction in predictions}) == 4


def test_what_is_no_json_in_one_record_of_a_batch_is_an_error_of_that_record(app: App) -> None:
    good = json.dumps(example("purchase"))
    bad = [
        good.replace("39.9", "NaN"),
        good.replace("39.9", "-Infinity"),
        good.replace("39.9", '39.9, "price": 39.9'),
        good.replace("39.9", '{"a": [NaN], "a": 1}'),
        "Infinity",
    ]
    body = f'{{"records": [{good}, {", ".join(bad)}, {good}]}}'.encode()
    answer = Batch.model_validate(app.post(BATCH, body).json())
    assert (answer.summary.succeeded, answer.summary.failed) == (2, 5)
    told = []
    for item in answer.items[1:-1]:
        (error,) = Problem.model_validate(item["error"]).errors
        told.append((error.field, error.code, error.given))
    assert told == [
        ("record.price", "not_finite", "nan"),
        ("record.price", "not_finite", "-inf"),
        ("record.price", "doubled_key", None),
        ("record.price", "wrong_type", "an object"),
        ("record", "wrong_type", "inf"),
    ]


def test_flags_sent_as_1_and_0_are_true_and_false_in_the_answer(app: App) -> None:
    for sent, meant in ((1, True), (0, False), (1.0, True)):
        body = {"record": example("purchase", in_cart=sent), "include": ["features"], "top": 0}
        answer = app.post(EXPLAIN, body).json()
        assert answer["features"]["in_cart"] is meant
        values = {item["feature"]: item["value"] for item in answer["explanation"]["contributions"]}
        assert values["in_cart"] is meant


@pytest.mark.parametrize("model", MODELS)
def test_a_batch_scores_as_single_requests_do(app: App, model: str) -> None:
    records = [example(model)] * 3
    batch = app.post(f"/v1/models/{model}/batch", {"records": records}).json()
    single = app.post(f"/v1/models/{model}/predict", {"record": example(model)}).json()
    for item in batch["items"]:
        item["prediction"]["answer"].pop("rank", None)  # a place among the batch
        assert lasting(item["prediction"]) == lasting(single)


def test_a_batch_in_which_nothing_succeeds_has_no_rate(app: App) -> None:
    summary = app.post(BATCH, {"records": [1, 2]}).json()["summary"]
    assert summary == {"total": 2, "succeeded": 0, "failed": 2, "positive": 0, "positive_rate": None, "levels": {}}


def test_a_level_that_training_never_saw_is_warned_about(app: App) -> None:
    record = example("churn", country="ZZ", source=None)
    answer = app.post("/v1/models/churn/predict", {"record": record}).json()
    assert answer["warnings"] == ["country: the level 'ZZ' was not seen in training and counts as missing"]
    missing = app.post("/v1/models/churn/predict", {"record": {**record, "country": None}}).json()
    assert (missing["warnings"], missing["score"]) == ([], answer["score"])


@pytest.mark.parametrize("case", [ALL[0], BAD_CASES[0], *BAD_CASES[-9:]], ids=lambda case: case.name)
@pytest.mark.parametrize("identity", ["abc-123", "x" * 128])
def test_a_harmless_request_id_is_kept(app: App, case: Case, identity: str) -> None:
    answer = ask(app, case, **{"X-Request-ID": identity})
    assert answer.headers["x-request-id"] == identity
    assert not case.code or answer.json()["request_id"] == identity


@pytest.mark.parametrize("case", [ALL[0], BAD_CASES[0], BAD_CASES[-1]], ids=lambda case: case.name)
@pytest.mark.parametrize("identity", ["a b", "x" * 129, "", "a\r\nSet-Cookie: b", 'a"b', "<a>"])
def test_a_request_id_that_could_do_harm_is_replaced(app: App, case: Case, identity: str) -> None:
    answer = ask(app, case, **{"X-Request-ID": identity})
    assert len(answer.headers["x-request-id"]) == 36
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "media_type",
    [
        *(
            "application/json; charset=utf-8",
            'application/json;Charset = "UTF-8"; a=b',
            "application/json; charset=utf8",
        ),
        *("application/ld+json", "Application/JSON", ""),
    ],
)
def test_json_is_taken_under_all_its_names(app: App, media_type: str) -> None:
    assert app.post(PREDICT, GOOD, {"Content-Type": media_type}).status_code == 200


def test_a_body_without_content_type_counts_as_json(app: App) -> None:
    assert app.request("POST", PREDICT, content=PLAIN.encode()).status_code == 200


@pytest.mark.parametrize("path", ["/v1/models/purchas/predict", "/v1/models/Purchase", "/v1/models/purchasee/health"])
def test_an_unknown_model_is_refused_with_the_nearest(app: App, path: str) -> None:
    answer = app.request("POST" if path.endswith("predict") else "GET", path)
    assert answer.json()["code"] == "unknown_model"
    assert answer.json()["detail"].endswith("; did you mean 'purchase'?")


@pytest.mark.parametrize("path", ["/v1/models/{}/predict", "/v1/models/{}", "/v1/models/{}/health", "/{}"])
def test_a_long_path_is_not_repeated_in_full(app: App, path: str) -> None:
    answer = app.request("POST" if path.endswith("predict") else "GET", path.format("x" * 5000))
    assert answer.status_code == 404
    assert len(answer.content) < 1000


@pytest.mark.parametrize(
    "path",
    ["/v1/models", "/v1/models/fraud", "/v1/models/fraud/health", "/v1/health", "/docs", "/openapi.json", "/livez",
     "/readyz", "/healthz", "/metrics", "/docs.json", "/v1/models/nope", "/nowhere"],
)  # fmt: skip
def test_head_is_answered_wherever_get_is_and_without_a_body(app: App, path: str) -> None:
    get, head = app.get(path), app.request("HEAD", path)
    assert head.status_code == get.status_code
    assert head.headers["content-type"] == get.headers["content-type"]
    assert int(head.headers["content-length"]) > 0
    assert head.content == b""


def test_two_predictions_have_two_ids_that_sort_by_time(app: App) -> None:
    ids = [app.post(PREDICT, GOOD).json()["prediction_id"] for _ in range(5)]
    assert ids == sorted(set(ids))
