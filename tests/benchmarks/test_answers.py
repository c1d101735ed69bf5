from __future__ import annotations

import pytest

from benchmarks.answers import CHUNKED, MalformedAnswerError, body_of, complaint, parse_head, scores_in
from tests.benchmarks.script_server import chunked


@pytest.mark.parametrize("name", [b"content-length", b"Content-Length", b"CONTENT-LENGTH"])
def test_the_length_is_found_however_the_header_is_written(name: bytes) -> None:
    head = b"HTTP/1.1 503 Busy\r\ndate: now\r\n" + name + b": 12\r\nserver: x\r\n\r\n"
    assert parse_head(head + b"abc") == (503, len(head) + 12)


def test_a_head_that_is_not_complete_says_nothing() -> None:
    assert parse_head(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n") is None


def test_a_length_in_the_body_is_not_taken_for_the_header() -> None:
    assert parse_head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\ncontent-length: 5") == (200, CHUNKED)


def test_an_answer_whose_end_cannot_be_known_is_refused() -> None:
    with pytest.raises(MalformedAnswerError):
        parse_head(b"HTTP/1.1 200 OK\r\n\r\n")


def test_chunks_are_joined() -> None:
    assert body_of(chunked(b'{"score"', b": 0.5}")) == b'{"score": 0.5}'


def test_scores_are_found_in_every_servers_shape() -> None:
    assert scores_in({"score": 0.1, "label": False}) == [0.1]
    assert scores_in([{"score": 0.1}, {"score": 0.2}]) == [0.1, 0.2]
    assert scores_in({"items": [{"index": 0, "prediction": {"score": 0.1}}]}) == [0.1]


def test_a_score_may_differ_in_the_last_digits_only() -> None:
    assert complaint(b'{"score": 0.500001}', [0.5]) is None
    assert complaint(b'{"score": 0.501}', [0.5]) == "score 0 is 0.501, not 0.5"
    assert complaint(b'{"score": "0.5"}', [0.5]) is not None
    assert complaint(b"[]", [0.5]) is not None


def test_without_expected_scores_only_json_is_asked_for() -> None:
    assert complaint(b"[]", None) is None
    assert complaint(b"oops", None) is not None
