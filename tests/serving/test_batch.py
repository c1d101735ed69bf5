"""Batches: written by columns as one by one, and a policy's own function that fails on a record."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import msgspec
import numpy as np
import pytest

from inference.loaded import LoadedModel, load
from models import catalogue
from models.definition import Category, Decided, Definition, Expansion, Number, Value
from serving.answers import answerer
from serving.answers.batch import Results, batch_answer, written_batch
from serving.problems import FieldError
from serving.validation import Options
from tests.serving.versions import trained
from tests.training import kinds, small
from training.train import train


def judge(decided: Decided) -> dict[str, object]:
    if decided.record["x"] == 3.0:
        raise ZeroDivisionError("no x may be 3")
    return {"x": decided.record["x"]}


SHIPPED = {one.name: one for one in catalogue().values()}
MADE_UP = {name: one for name, (one, _) in kinds.ROWS.items()}
DEFINITIONS = SHIPPED | MADE_UP
LOOK_AT_ONE_ROW = [name for name, one in DEFINITIONS.items() if not isinstance(one.policy, Expansion)]


@pytest.mark.parametrize("options", [Options(), Options(threshold=0.2)], ids=["own threshold", "given threshold"])
@pytest.mark.parametrize("name", LOOK_AT_ONE_ROW)
def test_written_by_columns_it_is_the_same(name: str, options: Options) -> None:
    definition = DEFINITIONS[name]
    loaded = load(definition, trained()[name] if name in SHIPPED else kinds.version(name))
    rows = [tuple(row) for row in varied(definition)]
    encoded = loaded.encoding.encode(rows)
    outputs = (loaded.explain if definition.drivers else loaded.score)(encoded)
    given = (answerer(loaded, "champion"), Results(outputs, {}, encoded), rows, options, perf_counter())
    written, made = written_batch(*given) or pytest.fail("not written")
    answer, one_by_one = batch_answer(*given, "/path", "id")
    assert shown(written) == shown(answer)
    assert made == one_by_one
    assert any(item["prediction"]["warnings"] for item in answer["items"]), "or the test shows less than it should"
    assert len({item["prediction"]["score"] for item in answer["items"]}) > 1


def varied(definition: Definition) -> Iterator[list[Value]]:
    """The example, then each feature at its ends, beyond what training saw, missing or at a level it did not know."""
    example = list(definition.schema.example.values())
    yield example
    for place, feature in enumerate(definition.schema.features):
        others: list[Value] = [None] if feature.missing else []
        if isinstance(feature, Number):
            others += [one for one in (feature.minimum, feature.maximum) if one is not None]
        elif isinstance(feature, Category):
            others += [*feature.levels, 'never seen, "this"'] if feature.unseen == "missing" else feature.levels
        for other in others:
            yield [*example[:place], other, *example[place + 1 :]]


def shown(answer: dict[str, Any]) -> dict[str, Any]:
    """What a caller reads, in its order, less what differs from call to call."""
    read = msgspec.json.decode(msgspec.json.encode(answer))
    ids = set()
    for one in (read, *(item["prediction"] for item in read["items"])):
        one["latency_ms"] = 0.0
        if "prediction_id" in one:
            ids.add(one.pop("prediction_id"))
            one["created_at"] = ""
            one["order"] = list(one)
    assert len(ids) == len(read["items"])
    return dict(read)


def test_what_is_not_alike_is_not_written_by_columns() -> None:
    definition = small.definition
    version = train(definition, small.Given(small.frame(1500)))
    loaded = load(definition, version)
    row = tuple(definition.schema.example.values())
    encoded = loaded.encoding.encode([row, row])
    outputs = loaded.score(encoded)
    failing = load(kinds.with_policy(definition, answer=lambda _: {"x": 1 / 0}), version)

    def written(results: Results, rows: list[Any], options: Options, loaded: LoadedModel = loaded) -> bool:
        return written_batch(answerer(loaded, "champion"), results, rows, options, perf_counter()) is not None

    whole = Results(outputs, {}, encoded)
    assert written(whole, [row, row], Options())
    assert not written(Results(outputs, {1: ValueError("the model failed")}, encoded), [row, row], Options())
    assert not written(
        Results(outputs[:1], {}, encoded[:1]), [row, [FieldError("x", "missing", "is missing")]], Options()
    )
    assert not written(whole, [row, row], Options(include=("features",)))
    assert not written(whole, [row, row], Options(), failing)


@pytest.mark.parametrize("failed", [{}, {0: ValueError("the model failed")}])
def test_the_other_records_are_answered(failed: dict[int, Exception], caplog: pytest.LogCaptureFixture) -> None:
    definition = kinds.with_policy(small.definition, answer=judge)
    loaded = load(definition, train(small.definition, small.Given(small.frame(1500))))
    example = list(definition.schema.example.values())
    rows: list[Any] = [(float(x), *example[1:]) for x in range(5)]
    outputs = loaded.score(np.array([loaded.encoding.row(row) for row in rows], np.float32))
    with caplog.at_level(logging.ERROR):
        answer, made = batch_answer(
            answerer(loaded, "champion"), Results(outputs, failed), rows, Options(), perf_counter(), "/path", "id"
        )
    answered = [index for index in range(5) if index != 3 and index not in failed]
    assert [item["index"] for item in answer["items"] if "prediction" in item] == answered
    assert [item["prediction"]["answer"]["x"] for item in answer["items"] if "prediction" in item] == answered
    assert len(made) == len(answered)
    assert answer["items"][3]["error"]["status"] == 500
    assert "no x may be 3" not in str(answer), "what a function raised is for the log"
    assert (answer["summary"]["succeeded"], answer["summary"]["failed"]) == (len(answered), 5 - len(answered))
    assert failed or "ZeroDivisionError" in caplog.text
