"""Features while servers hang or are gone: every call ends in time, and all is well within seconds of their return."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from features.cache import FeatureCache
from features.entity import Entity
from features.events import Events
from features.online import Features, OnlineFeatures
from features.reader import UNKNOWN
from features.views import view
from storage import urls
from storage.cache import open_client
from storage.errors import StorageUnavailableError
from storage.local import LocalServers
from storage.migrations import migrate
from storage.queries import Queries
from storage.settings import StorageSettings
from tests.features.made_up import event_id, joined, spent
from tests.features.querying import fetch_one
from tests.storage.nonsense import ANSWERS, nonsense
from tests.storage.servers import server_processes, wait_for

BANK = view("customer_behaviour")
RETURN_SECONDS = 5.0
SLACK_SECONDS = 2.0
"""What a busy machine may add."""


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_is_no_redis_is_no_cache_and_nothing_fails(settings: StorageSettings, answer: bytes) -> None:
    with nonsense(answer) as url:
        cache = FeatureCache(open_client(url, settings))
        assert cache.get(BANK, [Entity(("C1",))], datetime.now(UTC)) is None
        cache.put(BANK, [(Entity(("C1",)), UNKNOWN, ("",))], datetime.now(UTC))
        cache.invalidate(BANK, "customer_id", {"C1": datetime.now(UTC)})


class Site:
    """Servers that may be stopped, and features on them."""

    def __init__(self, settings: StorageSettings) -> None:
        self.settings = settings
        self.urls = urls(settings)
        self.client = open_client(self.urls.redis, settings)
        self.queries = Queries(self.urls.database)
        self.heard: list[None] = []
        self.cache = FeatureCache(self.client, hear=lambda: self.heard.append(None))
        self.events = Events(self.queries, self.cache)
        self.online = OnlineFeatures(self.queries, self.cache)

    def other(self) -> OnlineFeatures:
        """The features of another process."""
        return OnlineFeatures(self.queries, FeatureCache(open_client(self.urls.redis, self.settings)))

    def somebody(self) -> Entity:
        name = f"customer of {event_id()}"
        assert self.events.write("customers", [joined(name)]).accepted == 1
        return Entity((name,))

    def fetch(self, entity: Entity, seconds: float = 1.0) -> Features | Exception:
        try:
            return fetch_one(self.online, BANK, entity, seconds=seconds)
        except StorageUnavailableError as error:
            return error

    def is_cached(self, entity: Entity) -> bool:
        found = self.fetch(entity)
        return isinstance(found, Features) and found.cached and not found.stale

    def is_computed(self, entity: Entity) -> bool:
        found = self.fetch(entity)
        return isinstance(found, Features) and not found.cached

    @contextmanager
    def hanging(self, key: str) -> Iterator[None]:
        server = server_processes(self.settings.state_dir)[key]
        processes: list[psutil.Process] = [server, *server.children()]
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in reversed(processes):
                process.send_signal(signal.SIGCONT)


@pytest.fixture(scope="module")
def local(state_dir: Path) -> Iterator[tuple[LocalServers, StorageSettings]]:
    settings = StorageSettings(state_dir=state_dir, redis_timeout_seconds=0.2)
    with LocalServers.for_settings(settings) as servers:
        migrate(servers.start()["postgresql"])
        yield servers, settings


@pytest.fixture
def site(local: tuple[LocalServers, StorageSettings]) -> Iterator[Site]:
    site = Site(local[1])
    wait_for(lambda: _warm(site))
    yield site
    site.queries.close()
    site.client.close()


def _warm(site: Site) -> bool:
    """Whether both servers do what they should, after whatever the test before did to them."""
    entity = site.somebody()
    site.fetch(entity)
    return site.is_cached(entity)


def took(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.monotonic()
    result = work()
    return time.monotonic() - started, result


def test_while_redis_hangs_features_are_computed_and_few_calls_wait_for_it(site: Site) -> None:
    entity = site.somebody()
    site.fetch(entity)
    with site.hanging("redis"):
        seconds, answers = took(lambda: [site.is_computed(entity) for _ in range(50)])
        assert all(answers)
        assert seconds < 50 * site.settings.redis_timeout_seconds / 2
        assert len(site.heard) >= 50
    wait_for(lambda: site.is_cached(entity), seconds=RETURN_SECONDS)


def test_redis_that_was_killed_is_used_again_when_it_is_back(
    site: Site, local: tuple[LocalServers, StorageSettings]
) -> None:
    entity = site.somebody()
    server_processes(site.settings.state_dir)["redis"].kill()
    wait_for(lambda: "redis" not in server_processes(site.settings.state_dir))
    assert site.is_computed(entity)
    local[0].start()
    wait_for(lambda: site.is_cached(entity), seconds=RETURN_SECONDS)


def test_an_event_that_redis_was_not_told_of_is_told_when_it_is_back(site: Site) -> None:
    entity = site.somebody()
    site.fetch(entity)
    assert site.is_cached(entity)
    with site.hanging("redis"):
        assert site.events.write("transactions", [spent(entity.text, 10)]).accepted == 1
    wait_for(lambda: site.cache.get(BANK, [entity], site.online._clock()) is not None, seconds=RETURN_SECONDS)
    found = fetch_one(site.other(), BANK, entity)
    assert (found.named(BANK)["spend_7d"], found.cached) == (10, False)


def test_while_postgresql_hangs_calls_end_in_time_with_what_the_cache_has(site: Site) -> None:
    fresh, old, unknown = site.somebody(), site.somebody(), Entity(("nobody at all",))
    site.fetch(fresh)
    site.fetch(old)
    site.events.write("transactions", [spent(old.text, 10)])
    with site.hanging("postgresql"):
        seconds, (one, two, three) = took(lambda: [site.fetch(who, 0.5) for who in (fresh, old, unknown)])
        assert seconds < 2 * 0.5 + SLACK_SECONDS
        assert isinstance(one, Features)
        assert isinstance(two, Features)
        assert (one.cached, one.stale) == (True, False)
        assert (two.cached, two.stale, two.named(BANK)["spend_7d"]) == (True, True, 0)
        assert isinstance(three, StorageUnavailableError)
        with ThreadPoolExecutor(8) as threads:
            seconds, answers = took(lambda: list(threads.map(lambda _: site.fetch(old, 0.5), range(64))))
        assert seconds < 5 * (0.5 + SLACK_SECONDS)
        assert all(isinstance(answer, Features) and answer.stale for answer in answers)
    wait_for(lambda: site.is_computed(old), seconds=RETURN_SECONDS)
    assert site.fetch(old).named(BANK)["spend_7d"] == 10  # type: ignore[union-attr]


def test_events_end_in_time_while_postgresql_hangs_and_may_be_sent_again(site: Site) -> None:
    row = joined(f"customer of {event_id()}")
    with site.hanging("postgresql"):
        started = time.monotonic()
        with pytest.raises(StorageUnavailableError):
            site.events.write("customers", [row], seconds=0.3)
        assert time.monotonic() - started < 0.3 + SLACK_SECONDS

    def written() -> bool:
        try:
            done = site.events.write("customers", [row], seconds=1)
        except StorageUnavailableError:
            return False
        return done.accepted + done.duplicates == 1

    wait_for(written, seconds=RETURN_SECONDS)


def test_without_both_servers_a_call_still_ends_in_time(site: Site) -> None:
    entity = site.somebody()
    site.fetch(entity)
    with site.hanging("redis"), site.hanging("postgresql"):
        seconds, answer = took(lambda: site.fetch(entity, 0.5))
        assert isinstance(answer, StorageUnavailableError)
        assert seconds < 0.5 + site.settings.redis_timeout_seconds + SLACK_SECONDS
    wait_for(lambda: site.is_cached(entity), seconds=RETURN_SECONDS)
