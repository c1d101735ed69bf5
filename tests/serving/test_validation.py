"""What is said about values that do not fit."""

from __future__ import annotations

import json
import time
from typing import Any

import msgspec
import pytest

from models import catalogue
from models.definition import Expansion
from serving import answers
from serving.decoding import Decoder
from serving.problems import FieldError, InvalidFeatures, MalformedBody, Problem, TooLarge
from serving.validation import SHOWN_BATCH_ERRORS, SHOWN_ERRORS, invalid
from tests.serving import decoded

DECODERS = {name: Decoder(definition, max_records=1000, max_nesting=16) for name, definition in catalogue().items()}
MEGABYTE = 1_000_000


def example(model: str, **changed: Any) -> dict[str, Any]:
    return {**catalogue()[model].schema.example, **changed}


def errors(model: str, body: Any, operation: str = "predict") -> dict[str, tuple[str, str, Any]]:
    """Code, message and given value of every field error."""
    with pytest.raises(InvalidFeatures) as raised:
        getattr(DECODERS[model], operation)(json.dumps(body).encode())
    return {error.field: (error.code, error.message, error.given) for error in raised.value.errors}


def test_all_errors_are_told_at_once() -> None:
    record = example("purchase", price=50_001, rating="4.3", device="fone", in_cart=2, user_views_7d=1.5, sku="A1")
    del record["discount"]
    body = {"record": record, "threshold": 7, "include": ["all"], "entity": {"user_id": 1}, "recrod": {}}
    assert errors("purchase", body) == {
        "entity": ("not_supported", "model purchase takes records; it has no feature view for entities", "an object"),
        "recrod": ("unknown_field", "is not a known field; did you mean 'record'?", "an object"),
        "threshold": ("out_of_range", "must lie between 0 and 1", 7),
        "include": ("unknown_value", "must be an array of features and probabilities", "an array of 1"),
        "record.sku": ("unknown_field", "is not a known field", "A1"),
        "record.user_views_7d": ("not_whole", "must be a whole number", 1.5),
        "record.in_cart": ("wrong_type", "must be true or false (or 1 or 0), not a number", 2),
        "record.price": ("less_than_equal", "must be at most 50000", 50_001),
        "record.discount": ("missing", "is required: Part of the list price taken off", None),
        "record.rating": ("wrong_type", "must be a number (stars), not a string; send it without quotes", "4.3"),
        "record.device": ("unknown_level", "must be one of desktop, phone, tablet; did you mean 'phone'?", "fone"),
    }


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("price ", "price"),
        ("PRICE", "price"),
        ("Rating", "rating"),
        ("inCart", "in_cart"),
        ("user_view_7d", "user_views_7d"),
    ],
)
def test_an_unknown_field_is_refused_with_the_nearest_known_one(given: str, meant: str) -> None:
    found = errors("purchase", {"record": example("purchase", **{given: 1})})
    assert found == {f"record.{given}": ("unknown_field", f"is not a known field; did you mean {meant!r}?", 1)}


@pytest.mark.parametrize("given", ["zzz", "", "\u00e9\u00e8", "x" * 10_000])
def test_nothing_is_suggested_for_what_is_like_nothing(given: str) -> None:
    (message,) = errors("purchase", {"record": example("purchase", **{given: 1})}).values()
    assert message == ("unknown_field", "is not a known field", 1)


def test_an_unknown_field_is_shown_short() -> None:
    found = errors("purchase", {"record": example("purchase", note="x" * 300)})
    assert found == {"record.note": ("unknown_field", "is not a known field", "x" * 256 + "...")}


@pytest.mark.parametrize("operation", ["predict", "batch"])
@pytest.mark.parametrize("top", [3, -1, "all"])
def test_top_is_an_unknown_field_where_nothing_is_explained(operation: str, top: Any) -> None:
    wrapped = {"records": [example("purchase")]} if operation == "batch" else {"record": example("purchase")}
    found = errors("purchase", {**wrapped, "top": top}, operation)
    assert found == {"top": ("unknown_field", "is not a known field; explain takes it", top)}


def test_an_unknown_include_is_refused_with_the_nearest() -> None:
    found = errors("purchase", {"record": example("purchase"), "include": ["features", "probability"]})
    message = "must be an array of features and probabilities; did you mean 'probabilities'?"
    assert found == {"include": ("unknown_value", message, "an array of 2")}


@pytest.mark.parametrize(("operation", "wrapper"), [("predict", "record"), ("explain", "record"), ("batch", "records")])
def test_a_record_without_its_wrapper_gets_one_error_that_says_so(operation: str, wrapper: str) -> None:
    with pytest.raises(InvalidFeatures, match=f"under '{wrapper}'") as raised:
        getattr(DECODERS["fraud"], operation)(json.dumps(example("fraud")).encode())
    ((field, code),) = [(error.field, error.code) for error in raised.value.errors]
    assert (field, code) == (wrapper, "missing")


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity"])
def test_the_remedy_for_what_is_not_finite_is_one_that_works(token: str) -> None:
    record = json.dumps(example("purchase", price=1.25, rating=2.5)).replace("1.25", token).replace("2.5", token)
    with pytest.raises(InvalidFeatures) as raised:
        DECODERS["purchase"].predict(f'{{"record": {record}}}'.encode())
    assert {error.field: (error.code, error.message) for error in raised.value.errors} == {
        "record.price": ("not_finite", "must be a finite number; it may not be missing"),
        "record.rating": (
            "not_finite",
            "must be a finite number; leave the field out or send null when it is not known",
        ),
    }


ELSEWHERE = {
    b'{"record": {"a": "NaN"},\n "threshold": NaN}': "NaN is no JSON value at line 2 column 15",
    b'{"x": "\\"NaN", "record": {"a": -Infinity}, "top": -Infinity}': "-Infinity is no JSON value at line 1 column 51",
    b'{"record": [NaN], "records": NaN}': "NaN is no JSON value at line 1 column 30",
    b'{"record": {"a": 1, "a": 2},\n\n"t": 1, "t": 2}': "the key 't' stands twice in one object at line 3 column 9",
    b'{"x": {"b": {}, "k": "k", "\\u006b" : {}}}': "the key 'k' stands twice in one object at line 1 column 27",
    b'{"record": 1,}': "Expecting property name enclosed in double quotes at line 1 column 14",
}


@pytest.mark.parametrize(("body", "said"), ELSEWHERE.items(), ids=ELSEWHERE.values())
def test_what_is_no_json_outside_of_a_record_is_refused_with_its_place(body: bytes, said: str) -> None:
    with pytest.raises(MalformedBody) as raised:
        DECODERS["purchase"].explain(body)
    assert raised.value.detail.startswith(f"the body is not JSON: {said}")


@pytest.mark.parametrize(
    ("given", "suggestion"),
    [
        ("Monthly", "; did you mean 'monthly'?"),
        ("montly", "; did you mean 'monthly'?"),
        ("none", ""),
        ("", ""),
        ("x" * 256, ""),
    ],
)
def test_an_unknown_level_is_refused_with_all_levels_and_the_nearest(given: str, suggestion: str) -> None:
    found = errors("churn", {"record": example("churn", plan=given)})
    message = f"must be one of free_trial, monthly, yearly, family{suggestion}"
    assert found == {"record.plan": ("unknown_level", message, given)}


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (100_000.01, "less_than_equal", 100_000.01),
        (-0.01, "greater_than_equal", -0.01),
        (10**20, "less_than_equal", "an integer of 21 digits"),
        (-(10**400), "greater_than_equal", "an integer of 401 digits"),
        (int("9" * 400), "less_than_equal", "an integer of 400 digits"),
        (None, "missing", None),
        (True, "wrong_type", True),
        ("149.62", "wrong_type", "149.62"),
        ("x" * 300, "wrong_type", "x" * 256 + "..."),
        ([], "wrong_type", "an array of 0"),
        ({}, "wrong_type", "an object"),
    ],
)
def test_a_value_that_is_no_amount_is_refused_and_shown_short(value: Any, code: str, shown: Any) -> None:
    ((field, (found, _, given)),) = errors("fraud", {"record": example("fraud", Amount=value)}).items()
    assert (field, found, given) == ("record.Amount", code, shown)


def test_an_integer_of_millions_of_digits_is_told_as_one_of_hundreds_is() -> None:
    body = json.dumps({"record": example("fraud", Amount=12345)}).replace("12345", "-" + "9" * 5_000_000)
    with pytest.raises(InvalidFeatures) as raised:
        DECODERS["fraud"].predict(body.encode())
    (error,) = raised.value.errors
    assert (error.code, error.given) == ("greater_than_equal", "an integer of 5000000 digits")


def test_infinite_numbers_are_shown_as_text() -> None:
    body = json.dumps({"record": example("fraud", Amount=1, Time=1)})
    with pytest.raises(InvalidFeatures) as raised:
        DECODERS["fraud"].predict(
            body.replace('"Amount": 1', '"Amount": 1e999').replace('"Time": 1', '"Time": -1e999').encode()
        )
    assert [(error.code, error.given) for error in raised.value.errors] == [
        ("not_finite", "-inf"),
        ("not_finite", "inf"),
    ]


def test_the_detail_counts() -> None:
    faults = [FieldError(f"f{i}", "missing", "is required") for i in range(SHOWN_ERRORS + 1)]
    assert invalid(faults[:1]).detail == "1 field of the request is not valid"
    assert invalid(faults[:2], "record").detail == "2 fields of the record are not valid"
    assert invalid(faults).detail == "101 fields of the request are not valid; the first 100 are shown"
    assert len(invalid(faults).errors) == SHOWN_ERRORS
    assert invalid(faults, most=1).detail == "101 fields of the request are not valid; the first is shown"


def keys(count: int, form: str) -> bytes:
    return ",".join(f'"{form.format(i)}":1' for i in range(count)).encode()


RUBBISH = {
    "constants": b'{"record":[' + b"NaN," * 200_000 + b"1]}",
    "constants after the record": b'{"record":{},"x":[' + b"NaN," * 200_000 + b"1]}",
    "keys that stand twice": b'{"record":{' + keys(40_000, "k{}") + b"," + keys(40_000, "k{}") + b"}}",
    "objects with keys that stand twice": b'{"x":[' + b'{"a":1,"a":1},' * 60_000 + b"1]}",
    "unknown fields": b'{"record":{' + keys(80_000, "V1x{}") + b"}}",
    "unknown options": b"{" + keys(80_000, "recor{}") + b"}",
    "long unknown fields": b'{"record":{' + keys(13_000, "V" * 64 + "{}") + b"}}",
    "a field of a megabyte": json.dumps({"record": {"V" * MEGABYTE: 1}}).encode(),
    "a text of a megabyte": json.dumps({"record": example("fraud", Amount="9" * MEGABYTE)}).encode(),
    "a number of a megabyte": b'{"record":{"Amount":' + b"9" * MEGABYTE + b"}}",
    "many long numbers": b'{"record":[' + b",".join([b"9" * 4000] * 250) + b"]}",
    "a key at the end that stands twice": b'{"record":{' + keys(70_000, "k{}") + b',"k69999":1}}',
    "a long key that stands twice": b'{"' + b"k" * 500_000 + b'":1,"' + b"k" * 500_000 + b'":2}',
    "nesting": b"[" * MEGABYTE,
    "objects in objects": b'{"a":' * (MEGABYTE // 5),
    "escapes": b'{"record":{"' + b"\\u0061" * (MEGABYTE // 6) + b'":1}}',
    "surrogates": b'{"record":"' + b"\\ud800" * (MEGABYTE // 6) + b'"}',
    "blanks": b" " * MEGABYTE,
    "an endless text": b'{"record":"' + b"x" * MEGABYTE,
    "include": json.dumps({"record": example("fraud"), "include": ["x"] * 200_000}).encode(),
}


@pytest.mark.parametrize("body", RUBBISH.values(), ids=RUBBISH.keys())
def test_a_megabyte_of_rubbish_gets_a_small_answer_soon(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises((InvalidFeatures, MalformedBody, TooLarge)) as raised:
        DECODERS["fraud"].predict(body)
    assert time.process_time() - started < 3.0
    assert len(msgspec.json.encode(raised.value.as_json("/", ""))) < 60_000


BATCHES = {
    "empty records": [{}] * 1000,
    "unknown fields": [{f"V{i}_{j}": 1 for j in range(100)} for i in range(1000)],
    "texts": [example("fraud", **{f"V{i}": "z" * 300 for i in range(1, 29)})] * 1000,
    "no objects": [["x"], None, 1, "x" * 300] * 250,
}


@pytest.mark.parametrize("records", BATCHES.values(), ids=BATCHES.keys())
def test_a_batch_of_rubbish_gets_a_bounded_answer_soon(records: list[Any]) -> None:
    started = time.process_time()
    rows = decoded.records(DECODERS["fraud"], json.dumps({"records": records}).encode())
    assert time.process_time() - started < 6.0
    problems = answers.refusals(rows)
    shown = [len(problem.errors) for problem in problems.values()]
    assert list(problems) == list(range(1000))
    assert min(shown) >= 1
    assert sum(shown) <= SHOWN_BATCH_ERRORS
    assert len(msgspec.json.encode([problem.as_json("/", "") for problem in problems.values()])) < MEGABYTE


def test_a_problem_is_made_for_every_known_error_and_no_other_says_anything() -> None:
    from inference.errors import (
        DeadlineExceededError,
        NotLoadedError,
        OverloadedError,
        RowFailedError,
        RunnerClosedError,
    )
    from registry.errors import NoVersionError, UnknownModelError, UnknownVersionError
    from serving.problems import problem_for
    from storage.errors import StorageUnavailableError

    expected: list[tuple[Exception, int, str, float | None]] = [
        (TooLarge("x"), 413, "too_large", None),
        (UnknownModelError("x", ("a",)), 404, "unknown_model", None),
        (UnknownVersionError("a:b"), 404, "not_found", None),
        (OverloadedError("x", 0.25), 503, "overloaded", 0.25),
        (DeadlineExceededError("x", 0.25), 503, "overloaded", 0.25),
        (RunnerClosedError("x"), 503, "overloaded", 1.0),
        (NoVersionError("x"), 503, "model_unavailable", 5.0),
        (NotLoadedError("x", "y"), 503, "model_unavailable", 5.0),
        (RowFailedError("x"), 503, "model_unavailable", None),
        (StorageUnavailableError("postgresql", "/tmp/secret"), 503, "storage_unavailable", 2.0),
        (ValueError("/tmp/secret"), 500, "internal_error", None),
        (KeyError("secret"), 500, "internal_error", None),
    ]
    for error, status, code, retry_after in expected:
        problem = problem_for(error)
        assert isinstance(problem, Problem)
        assert (problem.status, problem.code, problem.retry_after_seconds) == (status, code, retry_after)
        assert "secret" not in str(problem.as_json("/", ""))


@pytest.mark.parametrize("given", ["1899-12-31", "9999-12-31", "0001-01-01", "2201-01-01", "9999-12-31T23:59:59-12:00"])
@pytest.mark.parametrize("operation", ["predict", "explain", "batch"])
def test_dates_that_no_horizon_can_start_at_are_refused_by_name(given: str, operation: str) -> None:
    fault = ("out_of_range", "must lie from 1900-01-01 to 2200-12-31", given)
    record = example("demand", date=given)
    if operation == "batch":
        rows = decoded.records(DECODERS["demand"], json.dumps({"records": [record]}).encode())
        ((error,),) = rows
        assert isinstance(error, FieldError)
        assert (error.field, error.code, error.message, error.given) == ("record.date", *fault)
    else:
        assert errors("demand", {"record": record}, operation) == {"record.date": fault}


@pytest.mark.parametrize("given", ["1900-01-01", "2200-12-31", "2200-12-31T23:59:59Z"])
def test_the_first_and_the_last_date_are_answered(given: str) -> None:
    definition = catalogue()["demand"]
    values = decoded.record(DECODERS["demand"], json.dumps({"record": example("demand", date=given)}).encode())
    policy = definition.policy
    assert isinstance(policy, Expansion)
    assert policy.rows(dict(zip(definition.schema.names, values, strict=True)))
