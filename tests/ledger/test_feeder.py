"""Handing the spool's predictions to the feed: while somebody listens, each; otherwise none."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis

from ledger import folders
from ledger.feed import FIELD, LISTENED, STREAM, Feed
from ledger.feeder import Feeder
from ledger.positions import Positions
from ledger.settings import LedgerSettings
from ledger.spool import Spool
from ledger.tail import Tail
from storage import urls
from storage.settings import StorageSettings
from tests.ledger import making
from tests.storage.servers import settings

__all__ = ["settings"]
SEED = random.Random(5)


class Site:
    """A writer, and Redis without listeners."""

    def __init__(self, folder: Path, client: redis.Redis, url: str) -> None:
        self.folder = folder
        self.client = client
        self.url = url
        self.writer = Spool.open(folder, LedgerSettings())

    def feeder(self) -> Feeder:
        spool = folders.root(self.folder)
        return Feeder(Tail(spool, Positions(spool / "fed.json")), Feed(self.url))

    def predict(self) -> str:
        answer = making.prediction(SEED)
        self.writer.add(making.frame(answer))
        self.writer.flush()
        return str(answer["prediction_id"])

    def listen(self) -> None:
        self.client.set(LISTENED, b"")

    def streamed(self) -> list[str]:
        entries: list[Any] = self.client.xrange(STREAM) or []
        return [msgspec.json.decode(fields[FIELD.encode()])["prediction_id"] for _, fields in entries]


@pytest.fixture
def site(tmp_path: Path, settings: StorageSettings) -> Iterator[Site]:
    url = urls(settings).redis
    with redis.Redis.from_url(url) as client:
        client.delete(STREAM, LISTENED)
        found = Site(tmp_path, client, url)
        yield found
        found.writer.close()
        client.delete(STREAM, LISTENED)


def test_what_was_made_while_nobody_listened_is_passed_over(site: Site) -> None:
    feeder = site.feeder()
    for _ in range(3):
        site.predict()
        assert feeder.once() == 0
    site.listen()
    heard = [site.predict() for _ in range(2)]
    assert feeder.once() > 0
    assert feeder.once() == 0
    assert site.streamed() == heard


def test_what_is_made_just_before_somebody_listens_is_theirs(site: Site) -> None:
    feeder = site.feeder()
    site.predict()
    feeder.once()
    heard = [site.predict()]
    site.listen()
    heard.append(site.predict())
    feeder.once()
    assert site.streamed() == heard


def test_passing_over_goes_beyond_segments(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.spool.SEGMENT_BYTES", 1_000)
    feeder = site.feeder()
    for _ in range(4):
        site.predict()
        feeder.once()
    site.listen()
    heard = [site.predict() for _ in range(3)]
    while feeder.once():
        pass
    assert site.streamed() == heard


def test_a_prediction_half_written_when_nobody_listened_is_passed_over_whole(site: Site) -> None:
    (folder,) = folders.writers(folders.root(site.folder))
    site.predict()
    (segment,) = folders.segments(folder)
    whole = segment.read_bytes()
    segment.write_bytes(whole[:-10])
    feeder = site.feeder()
    feeder.once()
    segment.write_bytes(whole)
    site.listen()
    heard = site.predict()
    feeder.once()
    assert site.streamed() == [heard]


def test_what_nobody_heard_stays_unheard_after_a_restart(site: Site) -> None:
    first = site.feeder()
    site.predict()
    first.start()
    first.stop(10)
    site.listen()
    heard = site.predict()
    site.feeder().once()
    assert site.streamed() == [heard]
