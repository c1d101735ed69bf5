"""No prediction is answered that is not recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

import storage
from ledger import folders
from ledger.errors import SpoolError
from ledger.frame import Frame, decode
from ledger.segment import HEAD_BYTES, pieces
from ledger.settings import LedgerSettings
from models import catalogue
from serving.recorder import SpoolRecorder
from serving.settings import ServingSettings
from storage.settings import StorageSettings
from tests.serving.apps import App, Parts
from tests.serving.versions import trained

EXAMPLE = catalogue()["fraud"].schema.example
PREDICT, EXPLAIN, BATCH = (f"/v1/models/fraud/{operation}" for operation in ("predict", "explain", "batch"))


def frames(state_dir: Path) -> list[Frame]:
    """What lies in the spool, in the order in which it was written."""
    found = []
    for writer in folders.writers(folders.root(state_dir)):
        for segment in folders.segments(writer):
            content = segment.read_bytes()
            whole = pieces(memoryview(content)[HEAD_BYTES:], final=True)
            found += [decode(piece.content) for piece in whole if piece.whole]
    return found


@pytest.fixture
def own(settings: StorageSettings, tmp_path: Path) -> StorageSettings:
    """Settings with a state folder of the test's own, and so with a spool of its own."""
    urls = storage.urls(settings)
    given = {"state_dir": tmp_path, "database_url": urls.database, "redis_url": urls.redis}
    return StorageSettings.model_validate(given)


@pytest.fixture(params=[True, False], ids=["fast", "slow"])
def app(own: StorageSettings, request: pytest.FixtureRequest) -> Iterator[App]:
    serving = ServingSettings(fast_path=request.param)
    ledger = LedgerSettings(features={"churn": "none"})
    versions = {name: trained()[name] for name in ("fraud", "churn")}
    definitions = {name: catalogue()[name] for name in versions}
    parts = Parts(storage=own, versions=versions, definitions=definitions, serving=serving, ledger=ledger)
    with App(parts) as app:
        yield app


def test_what_is_answered_lies_in_the_spool_with_what_it_was_asked(app: App, own: StorageSettings) -> None:
    one = app.post(PREDICT, {"record": EXAMPLE}, {"X-Request-ID": "mine"})
    other = app.post(EXPLAIN, {"record": EXAMPLE})
    many = app.post(BATCH, {"records": [EXAMPLE, {}, EXAMPLE]})
    found = frames(own.state_dir)
    assert [frame.operation for frame in found] == ["predict", "explain", "batch"]
    assert [frame.answer for frame in found] == [answer.content for answer in (one, other, many)]
    assert found[0].body == one.request.content
    assert [frame.request_id for frame in found] == [answer.headers["x-request-id"] for answer in (one, other, many)]
    assert found[0].request_id == "mine"


def test_what_is_refused_is_not_recorded(app: App, own: StorageSettings) -> None:
    assert app.post(PREDICT, {"record": {}}).status_code == 422
    assert app.post("/v1/models/nothing/predict", {"record": {}}).status_code == 404
    assert frames(own.state_dir) == []


def test_features_that_are_not_to_be_kept_do_not_reach_the_disk(app: App, own: StorageSettings) -> None:
    record = {**catalogue()["churn"].schema.example, "country": "XX-secret"}
    for operation in ("predict", "explain"):
        answer = app.post(f"/v1/models/churn/{operation}", {"record": record, "include": ["features"]})
        assert answer.status_code == 200
        assert b"XX-secret" in answer.content
    assert app.post("/v1/models/churn/batch", {"records": [record]}).status_code == 200
    found = frames(own.state_dir)
    assert len(found) == 3
    for frame in found:
        assert frame.body == frame.features == b""
        assert b"XX-secret" not in frame.answer


def test_without_a_spool_predictions_are_refused_and_go_on_once_it_is_back(app: App, own: StorageSettings) -> None:
    spool = folders.root(own.state_dir)
    spool.write_text("something else lies where the spool should be")
    for path, body in ((PREDICT, {"record": EXAMPLE}), (BATCH, {"records": [EXAMPLE]})):
        answer = app.post(path, body)
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
    spool.unlink()
    assert app.post(PREDICT, {"record": EXAMPLE}).status_code == 200
    assert len(frames(own.state_dir)) == 1


def test_what_ends_in_the_same_turn_is_written_together_and_told_in_order(tmp_path: Path) -> None:
    told: list[tuple[int, Exception | None]] = []

    async def work() -> None:
        recorder = SpoolRecorder(tmp_path, LedgerSettings())
        for number in range(5):
            frame = Frame(model="m", operation="predict", answer=b"{}", request_id=str(number))
            recorder.record(frame, lambda error, number=number: told.append((number, error)))  # type: ignore[misc]
            assert told == []
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert told == [(number, None) for number in range(5)]
        recorder.record(Frame(model="m", operation="predict", answer=b"{}", request_id="5"), lambda error: None)
        await recorder.close()

    asyncio.run(work())
    assert [frame.request_id for frame in frames(tmp_path)] == ["0", "1", "2", "3", "4", "5"]


def test_a_failure_is_told_to_all_whose_entries_it_took(tmp_path: Path) -> None:
    told: list[Exception | None] = []

    async def work() -> None:
        recorder = SpoolRecorder(tmp_path, LedgerSettings(spool_max_bytes=20_000_000))
        for _ in range(3):
            answer = b"x" * 8_000_000
            recorder.record(Frame(model="m", operation="predict", answer=answer, request_id="r"), told.append)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        recorder.record(Frame(model="m", operation="predict", answer=b"{}", request_id="r"), told.append)
        await recorder.close()

    asyncio.run(work())
    assert [type(error).__mro__[1] for error in told[:3]] == [SpoolError] * 3
    assert told[3:] == [None]
