"""A batch in which a policy's own function fails on a record."""

from __future__ import annotations

import logging
from time import perf_counter
from typing import Any

import numpy as np
import pytest

from inference.loaded import load
from models.definition import Decided
from serving.answers import answerer
from serving.answers.batch import Results, batch_answer
from serving.validation import Options
from tests.training import kinds, small
from training.train import train


def judge(decided: Decided) -> dict[str, object]:
    if decided.record["x"] == 3.0:
        raise ZeroDivisionError("no x may be 3")
    return {"x": decided.record["x"]}


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
    assert [one["answer"]["x"] for one in made] == answered
    assert answer["items"][3]["error"]["status"] == 500
    assert "no x may be 3" not in str(answer), "what a function raised is for the log"
    assert (answer["summary"]["succeeded"], answer["summary"]["failed"]) == (len(answered), 5 - len(answered))
    assert failed or "ZeroDivisionError" in caplog.text
