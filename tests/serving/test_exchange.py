"""A problem document can always be written."""

from __future__ import annotations

import json
from typing import Any

from serving.exchange import Exchange
from serving.problems import FieldError, InvalidFeatures


def test_what_is_no_character_is_repeated_as_a_question_mark() -> None:
    sent: list[Any] = []
    exchange = Exchange("POST", "/v1/admin/purge", "req-1", lambda *given: sent.append(given))
    exchange.refuse(InvalidFeatures("a \ud800", errors=[FieldError("body.\udc00", "invalid", "is not", "x\ud800y")]))
    ((status, _, body, _),) = sent
    found = json.loads(body)
    assert status == 422
    assert (found["detail"], found["errors"][0]["field"], found["errors"][0]["given"]) == ("a ?", "body.?", "x?y")
