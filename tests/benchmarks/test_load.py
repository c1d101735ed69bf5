from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from benchmarks.job import Job, Outcome
from benchmarks.load import Generator, ServerGoneError
from tests.benchmarks.script_server import Answer, ScriptServer, answer, chunked

SCORE = b'{"score": 0.5}'


def job(port: int, **changes: Any) -> Job:
    settings: dict[str, Any] = {
        "port": port,
        "path": "/predict",
        "bodies": [json.dumps({"n": n}) for n in range(4)],
        "scores": [[0.5]] * 4,
        "connections": 3,
        "warmup_seconds": 0.02,
        "seconds": 0.15,
        "open_seconds": 0.5,
        "drain_seconds": 0.2,
        "sample_every": 1,
    }
    return Job(**{**settings, **changes})


def outcome(script: Answer, piece: int = 0, **changes: Any) -> Outcome:
    with ScriptServer(script, piece) as server:
        return Generator(job(server.port, **changes)).run()


def test_right_answers_are_counted_and_every_latency_is_kept() -> None:
    found = outcome(lambda _: answer(SCORE))
    assert found.completed > 0
    assert found.statuses == {"200": len(found.latencies)}
    assert 0 <= len(found.latencies) - found.completed <= 3
    assert all(0 < latency < 1 for latency in found.latencies)
    assert (found.errors, found.unanswered, found.wrong) == (0, 0, 0)
    assert found.sampled > 0


@pytest.mark.parametrize("whole", [answer(SCORE), chunked(b'{"score": ', b"0.5}")], ids=["length", "chunked"])
@pytest.mark.parametrize("piece", [0, 1, 7])
def test_answers_may_come_in_pieces_of_any_size(whole: bytes, piece: int) -> None:
    found = outcome(lambda _: whole, piece)
    assert found.completed > 0
    assert (found.errors, found.wrong) == (0, 0)


def test_all_bodies_are_sent_unchanged_however_long_they_are() -> None:
    bodies = [json.dumps({"n": n, "filler": "x" * 3_000_000}) for n in range(2)]
    seen: set[bytes] = set()

    def script(body: bytes) -> bytes:
        seen.add(body)
        return answer(SCORE)

    found = outcome(script, bodies=bodies, scores=[[0.5]] * 2, connections=2, seconds=0.4)
    assert found.errors == 0
    assert seen == {body.encode() for body in bodies}


def test_other_statuses_are_counted_apart_and_are_not_completed_requests() -> None:
    turns = itertools.cycle([200, 503])
    found = outcome(lambda _: answer(SCORE, next(turns)), connections=1)
    assert set(found.statuses) == {"200", "503"}
    assert len(found.latencies) == found.statuses["200"]
    assert found.completed <= found.statuses["200"]
    assert found.complaints[0] == SCORE.decode()


@pytest.mark.parametrize("body", [b'{"score": 0.6}', b'{"score": null}', b'{"score": NaN}', b"{}", b"score"])
def test_wrong_answers_are_found(body: bytes) -> None:
    found = outcome(lambda _: answer(body))
    assert found.wrong == found.sampled > 0
    assert found.complaints


def test_a_connection_closed_between_requests_is_opened_again_without_an_error() -> None:
    turns = itertools.cycle([answer(SCORE), answer(SCORE), None])
    found = outcome(lambda _: next(turns), connections=1)
    assert found.reconnects > 0
    assert found.errors == 0
    assert found.completed > 0


def test_a_request_that_is_never_answered_is_reported() -> None:
    with ScriptServer(lambda _: b"HTTP/1.1 200 OK\r\n") as server:
        found = Generator(job(server.port)).run()
    assert found.completed == 0
    assert found.unanswered == 3


def test_a_server_that_answers_nobody_ends_the_run() -> None:
    with ScriptServer(lambda _: None) as server, pytest.raises(ServerGoneError):
        Generator(job(server.port, seconds=20)).run()
