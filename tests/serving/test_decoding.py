"""The fast decoder and the careful way: the same values, the same refusals."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import catalogue
from serving.decoding import Decoder
from serving.problems import FieldError, InvalidFeatures, MalformedBody, Problem, TooLarge
from serving.validation import SHOWN_ERRORS
from tests.serving import decoded
from tests.serving.bodies import bodies

MODELS = tuple(catalogue())
DECODERS = {name: Decoder(definition, max_records=5, max_nesting=16) for name, definition in catalogue().items()}
STATUSES = {MalformedBody: 400, TooLarge: 413, InvalidFeatures: 422}
EXAMPLES = 100
often = settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def careful(decoder: Decoder, operation: str, body: bytes) -> Any:
    if operation == "batch":
        return decoder._careful_batch(body)
    return decoder._careful(body, explain=operation == "explain")


def fast(decoder: Decoder, operation: str, body: bytes) -> Any:
    return getattr(decoder, operation)(body)


def outcome(decode: Any, *arguments: Any) -> Any:
    """What came of it, in a form in which 1 differs from True; problems as their documents."""
    try:
        values, options = decode(*arguments)
    except Problem as problem:
        return type(problem), check_document(problem)
    rows = [values] if arguments[1] != "batch" else values
    return [_row(row) for row in rows], options


def _row(row: Any) -> Any:
    if isinstance(row, list) and row and hasattr(row[0], "code"):
        return [error.as_json() for error in row]
    return [(isinstance(value, bool), value) for value in row]


def check_document(problem: Problem) -> Any:
    """The problem as its reader gets it, which must be JSON with finite numbers and of bounded size."""
    assert STATUSES[type(problem)] == problem.status
    content = msgspec.json.encode({**problem.as_json("/v1/models/x/predict", "id"), "timestamp": ""})
    document = json.loads(content, parse_constant=pytest.fail)
    assert len(document["errors"]) <= SHOWN_ERRORS
    assert bool(document["errors"]) == isinstance(problem, InvalidFeatures)
    assert len(content) < 100_000
    return document


@pytest.mark.parametrize("operation", ["predict", "explain", "batch"])
@pytest.mark.parametrize("model", MODELS)
def test_what_the_fast_way_accepts_the_careful_way_accepts_with_the_same_values(model: str, operation: str) -> None:
    decoder = DECODERS[model]
    seen: Counter[object] = Counter()

    @often
    @given(body=bodies(catalogue()[model], operation))
    def agree(body: bytes) -> None:
        result = outcome(fast, decoder, operation, body)
        assert result == outcome(careful, decoder, operation, body)
        seen[result[0] if isinstance(result[0], type) else "values"] += 1

    agree()
    assert set(seen) >= {"values", MalformedBody, InvalidFeatures}


@pytest.mark.parametrize("model", MODELS)
def test_bytes_of_any_kind_are_values_or_a_problem(model: str) -> None:
    @often
    @given(body=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")))
    def agree(body: bytes) -> None:
        assert isinstance(outcome(fast, DECODERS[model], "predict", body), tuple)

    agree()


@pytest.mark.parametrize("model", MODELS)
def test_the_example_goes_the_fast_way(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder, example = DECODERS[model], catalogue()[model].schema.example
    monkeypatch.setattr(decoder, "_careful", pytest.fail)
    monkeypatch.setattr(decoder, "_careful_batch", pytest.fail)
    threshold = {"threshold": 0.5} if catalogue()[model].decides else {}
    body = {"record": example, "include": ["features"], **threshold}
    assert list(decoded.record(decoder, json.dumps(body).encode())) == list(example.values())
    assert decoder.explain(json.dumps({**body, "top": 3}).encode())[1].top == 3
    rows = decoded.records(decoder, json.dumps({"records": [example] * 5}).encode())
    assert [list(row) for row in rows] == [list(example.values())] * 5


@pytest.mark.parametrize(
    "double", ['"{0}":1,"{0}":2', '"{0}" : 1,"{0}":2', '"{0}":1,"\\u{1:04x}{2}":2', '"{0}"\n:1, "{0}"\t:1']
)
def test_a_key_that_stands_twice_is_an_error_of_its_record_however_it_is_written(double: str) -> None:
    decoder = DECODERS["churn"]
    example = catalogue()["churn"].schema.example
    others = {key: value for key, value in example.items() if key != "tenure_days"} | {"country": "a:b"}
    twice = double.format("tenure_days", ord("t"), "enure_days")
    record = f"{json.dumps(others)[:-1]},{twice}}}"
    error = FieldError("record.tenure_days", "doubled_key", "stands twice in one object; send it once")
    with pytest.raises(InvalidFeatures) as raised:
        decoder.predict(f'{{"record":{record}}}'.encode())
    assert raised.value.errors == (error,)
    rows = decoded.records(decoder, f'{{"records":[{json.dumps(example)},{record}]}}'.encode())
    assert list(rows[0]) == list(example.values())
    assert rows[1] == [error]
