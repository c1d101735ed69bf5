"""From frames to rows: every kind of answer, and every kind of hostile content."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ledger.errors import FrameError
from ledger.feed import announcements
from ledger.frame import Frame, decode
from ledger.histogram import edges, score_bin
from ledger.rows import COLUMNS, rows_of
from ledger.sink import Sink
from storage.settings import StorageSettings
from tests.ledger import making
from tests.storage.servers import execute, fresh_database

SEED = random.Random(7)


def no_rejection(*what: object) -> None:
    raise AssertionError(what)


def stored(url: str, *frames: Frame) -> list[dict[str, Any]]:
    """The rows that PostgreSQL holds after these frames, in the order of their ids."""
    sink = Sink(url, "test", no_rejection)
    sink.write([row for frame in frames for row in rows_of(frame)])
    sink.close()
    found = execute(url, f"select {', '.join(COLUMNS)} from predictions order by prediction_id")
    return [dict(zip(COLUMNS, row, strict=True)) for row in found]


def test_a_prediction_is_stored_with_all_it_had(ledger_url: str) -> None:
    answer = making.prediction(SEED, warnings=["amount: larger than in training"], probabilities={"a": 0.25})
    sent = {"record": {"balance": 12.5, "note": 'say "hi"\\\tand\nmore', "flag": True, "none": None}, "threshold": 0.4}
    frame = making.frame(answer, body=json.dumps(sent, indent=2).encode(), caller="key-7", request_id="r-1")
    (row,) = stored(ledger_url, frame)
    plain = {name: answer[name] for name in ("model", "version", "role", "score", "label", "level", "threshold")}
    assert {name: row[name] for name in plain} == plain
    assert str(row["prediction_id"]) == answer["prediction_id"]
    assert row["created_at"].isoformat(timespec="milliseconds").replace("+00:00", "Z") == answer["created_at"]
    assert row["features"] == sent["record"]
    assert row["answer"] == answer["answer"]
    assert row["warnings"] == answer["warnings"]
    assert row["probabilities"] == {"a": 0.25}
    assert (row["caller"], row["request_id"], row["operation"]) == ("key-7", "r-1", "predict")
    assert row["latency_ms"] == answer["latency_ms"]
    assert (row["entity"], row["as_of"], row["drivers"]) == (None, None, None)


def test_what_means_nothing_is_null(ledger_url: str) -> None:
    answer = making.prediction(SEED, label=None, level=None, threshold=None, confidence=None, score=None, answer={})
    (row,) = stored(ledger_url, making.frame(answer, body=b"", caller=None))
    empty = {name for name, value in row.items() if value is None}
    assert empty == {
        "as_of", "score", "threshold", "entity", "label", "level", "confidence", "caller", "probabilities", "drivers",
        "features", "warnings", "features_as_of",
    }  # fmt: skip


def test_an_entity_comes_with_the_features_that_were_used(ledger_url: str) -> None:
    frame = making.frame(
        making.prediction(SEED), features=b'{"balance": 3}', entity="U1:I2", as_of="2026-03-01T00:00:00+02:00"
    )
    (row,) = stored(ledger_url, frame)
    assert row["entity"] == "U1:I2"
    assert row["features"] == {"balance": 3}
    assert row["as_of"].isoformat() == "2026-02-28T22:00:00+00:00"


def test_the_moment_of_the_features_is_kept_beside_that_of_the_request(ledger_url: str) -> None:
    answer = making.prediction(SEED, as_of="2026-03-01T09:30:00.250Z")
    (row,) = stored(ledger_url, making.frame(answer, features=b'{"balance": 3}', entity="C1"))
    assert row["features_as_of"].isoformat() == "2026-03-01T09:30:00.250000+00:00"
    assert row["as_of"] is None


def test_an_explanation_keeps_its_drivers_without_the_sentences(ledger_url: str) -> None:
    contribution = {"feature": "V14", "value": -5.2, "contribution": 1.7, "direction": "raises", "sentence": "V14 ..."}
    answer = making.prediction(SEED, explanation={"base_value": -1.9, "margin": 0.1, "contributions": [contribution]})
    (row,) = stored(ledger_url, making.frame(answer, "explain"))
    assert row["operation"] == "explain"
    assert row["drivers"] == [{"feature": "V14", "contribution": 1.7, "value": -5.2}]


def test_a_batch_gives_each_prediction_its_own_record(ledger_url: str) -> None:
    answers = [making.prediction(SEED), None, making.prediction(SEED), making.prediction(SEED)]
    body = b'{"records": [{"a": 0}, {"a": NaN, "a": 1e999}, {"a": 2}, {"a": 3, "b": "\\u0000x\\ud800"}]}'
    rows = stored(ledger_url, making.batch(answers, body=body))
    features = {str(row["prediction_id"]): row["features"] for row in rows}
    ids = [answer["prediction_id"] for answer in answers if answer is not None]
    assert [features[one] for one in ids] == [{"a": 0}, {"a": 2}, {"a": 3, "b": "\ufffdx?"}]


def test_a_batch_of_entities_gives_each_prediction_its_own(ledger_url: str) -> None:
    answers = [making.prediction(SEED), None, making.prediction(SEED)]
    frame = making.batch(answers, entities=b'["C1", null, "C3"]', features=b'[{"a": 1}, null, {"a": 3}]')
    rows = stored(ledger_url, frame)
    assert {(row["entity"], row["features"]["a"]) for row in rows} == {("C1", 1), ("C3", 3)}


def test_what_would_be_is_nobody_s_latest_score() -> None:
    answer = making.prediction(random.Random(1))
    for supposed in (False, True):
        (row,) = rows_of(making.frame(answer, entity="C1", supposed=supposed))
        assert (row.score_line is None) == supposed


def test_features_that_are_not_kept_are_not_there(ledger_url: str) -> None:
    answer = making.prediction(SEED, features={"balance": 1}, warnings=["balance: 1 is low"])
    (row,) = stored(ledger_url, making.frame(making.kept(answer), body=b""))
    assert row["features"] is None
    assert row["warnings"] is None
    assert row["answer"]["drivers"] == [{"feature": "balance", "contribution": 0.3}]


hostile_text = some.text(max_size=300).map(
    lambda text: text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
)
hostile_json = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=20), inner, max_size=3),
    max_leaves=8,
)


@given(some.lists(some.tuples(hostile_text, hostile_text, hostile_json, some.booleans()), min_size=1, max_size=4))
def test_no_content_of_a_request_keeps_its_prediction_out(
    settings: StorageSettings, hostile_url: str, contents: list[tuple[str, str, Any, bool]]
) -> None:
    frames = []
    for entity, caller, features, escape in contents:
        body = json.dumps({"record": {"x": features, entity: caller}}, ensure_ascii=escape).encode("utf-8", "replace")
        answer = making.prediction(SEED, level=caller[:40], answer={"said": caller})
        frames.append(making.frame(answer, body=body, entity=entity, caller=caller, request_id=caller))
    ((before,),) = execute(hostile_url, "select count(*)::integer from predictions")
    rows = stored(hostile_url, *(decode(making.frame_bytes(frame)) for frame in frames))
    assert len(rows) - len(contents) == before


@pytest.fixture(scope="module")
def hostile_url(settings: StorageSettings) -> Any:
    from storage.migrations import migrate

    with fresh_database(settings) as url:
        migrate(url)
        yield url


@pytest.mark.parametrize(
    "answer",
    [b"", b"null", b"[]", b'{"model": "m"}', b'{"items": 1}', b'{"prediction_id": "x"', b"\xff\xfe", b"[" * 100_000],
)
def test_an_answer_that_is_none_is_an_error_that_says_so(answer: bytes) -> None:
    for operation in ("predict", "batch", "explain"):
        frame = Frame(model="m", operation=operation, answer=answer, request_id="r")
        with pytest.raises(FrameError, match="cannot become rows"):
            rows_of(frame)


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"\x90", b"\x93\x01\x02\x03", b"\xdf" * 50])
def test_a_payload_that_is_no_frame_is_an_error_that_says_so(payload: bytes) -> None:
    with pytest.raises(FrameError):
        decode(payload)


def test_the_stream_gets_what_happened_in_small_entries() -> None:
    one, other = (making.prediction(SEED, entity={"customer_id": name}) for name in ("C1", "C3"))
    frame = making.batch([one, None, other], entities=b'["C1", null, "C3"]')
    said = [json.loads(entry) for entry in announcements(frame, 0)]
    assert [(entry["prediction_id"], entry["entity"]) for entry in said] == [
        (one["prediction_id"], "C1"),
        (other["prediction_id"], "C3"),
    ]
    assert set(said[0]) == {
        "prediction_id", "model", "version", "created_at", "role", "score", "label", "level", "entity", "operation",
    }  # fmt: skip
    assert said[0]["score"] == one["score"]


def test_the_stream_gets_no_old_news() -> None:
    assert announcements(making.frame(making.prediction(SEED)), 1 << 47) == []


numbers: Sequence[float] = [
    0, 1, -1, 0.5, 0.02, 0.04, 0.999999, 1e-7, 1e-6, 1.1e-6, 1e12, 1e13, 1e308, -1e308, 1.1, 1.21, -3.7, 42, 1e-300,
    *(random.Random(3).uniform(0, 1) for _ in range(200)),
    *(random.Random(4).lognormvariate(0, 8) for _ in range(200)),
]  # fmt: skip


def test_every_number_lies_between_the_edges_of_its_bin() -> None:
    for number in numbers:
        for has_label in (True, False):
            low, high = edges(score_bin(number, has_label))
            if 1e-6 < abs(number) < 1e12:
                assert low * (1 - 1e-12) <= number <= high * (1 + 1e-12) or (number < 0 and low <= number <= high)
