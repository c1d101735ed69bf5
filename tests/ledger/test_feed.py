"""Adding to the live stream's feed: whatever Redis does, nobody who listens is forgotten and nothing fails."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import redis

from ledger.feed import LISTENED, STREAM, Feed
from ledger.removal import Removal
from storage import urls
from storage.settings import StorageSettings
from tests.storage.nonsense import ANSWERS, nonsense
from tests.storage.servers import settings

__all__ = ["settings"]


def test_listeners_are_not_forgotten_when_redis_forgets_them(settings: StorageSettings) -> None:
    url = urls(settings).redis
    with redis.Redis.from_url(url) as client:
        client.delete(STREAM, LISTENED)
        feed = Feed(url)
        assert not feed.is_listened_to()
        client.set(LISTENED, b"")
        assert feed.is_listened_to()
        client.delete(STREAM, LISTENED)
        assert feed.is_listened_to()
        feed.send([b"{}"])
        assert client.xlen(STREAM) == 1
        client.delete(STREAM)
        feed.close()


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_is_no_redis_is_counted_and_nothing_fails(answer: bytes) -> None:
    with nonsense(answer) as url:
        feed = Feed(url)
        feed.is_listened_to()
        feed.send([b"{}"])
        feed.forget(Removal(datetime.now(UTC), entity="C1"))
        assert feed.sent + feed.skipped == 1
        feed.close()
