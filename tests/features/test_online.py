"""Features online: cached while nothing has happened, never after it has, and old ones when nothing else works."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis

from features.cache import FeatureCache
from features.entity import Entity
from features.errors import UncomputableError, UnknownEntityError
from features.events import Events
from features.online import Features, OnlineFeatures
from features.reader import Query
from features.views import View, view, views
from storage.errors import StorageUnavailableError
from storage.queries import Prepared, Queries, Rows
from tests.features.conftest import ENDS_AT
from tests.features.made_up import ago, item, joined, priced, seen, spent
from tests.features.querying import fetch_one

BANK, SHOP = view("customer_behaviour"), view("shop_sessions")
ADA, BOB = Entity(("ada",)), Entity(("bob",))
NOWHERE = "postgresql://tiffin@127.0.0.1:1/tiffin"


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


class Counted(Queries):
    """Queries that count statements and can do something around each."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.statements = 0
        self.before: Callable[[], object] = lambda: None
        self.after: Callable[[], object] = lambda: None

    def run(self, statement: str | Prepared, parameters: Sequence[Any] = (), *, seconds: float) -> Rows:
        self.statements += 1
        self.before()
        rows = super().run(statement, parameters, seconds=seconds)
        self.after()
        return rows


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(queries: Queries, migrated_url: str) -> Iterator[Counted]:
    counted = Counted(migrated_url)
    yield counted
    counted.close()


@pytest.fixture
def events(queries: Queries, cache: FeatureCache) -> Events:
    return Events(queries, cache)


@pytest.fixture
def online(database: Counted, cache: FeatureCache, clock: Clock) -> OnlineFeatures:
    return OnlineFeatures(database, cache, clock=clock)


def write(events: Events, source: str, *rows: dict[str, Any]) -> None:
    assert events.write(source, rows).accepted == len(rows)


def spending(online: OnlineFeatures, entity: Entity = ADA) -> tuple[float, bool]:
    found = fetch_one(online, BANK, entity, seconds=5)
    return found.named(BANK)["spend_7d"], found.cached


def test_what_nothing_happened_to_comes_from_the_cache(events: Events, online: OnlineFeatures, clock: Clock) -> None:
    write(events, "customers", joined("ada"))
    first = fetch_one(online, BANK, ADA)
    clock.advance(minutes=1)
    again = fetch_one(online, BANK, ADA)
    assert again == dataclasses.replace(first, cached=True)
    assert not first.cached
    assert not again.stale
    assert clock.now - again.as_of == timedelta(minutes=1)


def test_a_row_is_computed_anew_after_its_time(
    events: Events, online: OnlineFeatures, clock: Clock, database: Counted
) -> None:
    write(events, "customers", joined("ada"))
    fetch_one(online, BANK, ADA)
    clock.advance(seconds=BANK.ttl.total_seconds())
    assert not fetch_one(online, BANK, ADA).cached
    assert database.statements == 2


@pytest.mark.parametrize("view", views().values(), ids=views())
def test_a_cached_row_holds_what_was_computed(view: View, sample_url: str, client: redis.Redis, query: Query) -> None:
    queries = Queries(sample_url)
    online = OnlineFeatures(queries, FeatureCache(client), clock=lambda: ENDS_AT)
    ids = {
        "customer_id": "C00000{}",
        "user_id": "U000000{}",
        "item_id": "I0000{}",
        "store_id": "S001",
        "sku_id": "K000{}",
    }
    entities = [Entity(tuple(ids[key].format(number) for key in view.key_names)) for number in range(4)]
    computed, cached = online.fetch(view, entities, seconds=10), online.fetch(view, entities, seconds=10)
    queries.close()
    assert sum(isinstance(one, Features) for one in computed) >= 2
    for one, other in zip(computed, cached, strict=True):
        if isinstance(one, Features):
            assert other == dataclasses.replace(one, cached=True)
            assert [type(value) for value in other.values] == [type(value) for value in one.values]
        else:
            assert isinstance(other, UnknownEntityError)


def test_an_event_makes_the_row_stale_at_once_and_for_its_entity_alone(events: Events, online: OnlineFeatures) -> None:
    write(events, "customers", joined("ada"), joined("bob"))
    assert (spending(online), spending(online, BOB)) == ((0, False), (0, False))
    write(events, "transactions", spent("ada", 10))
    assert (spending(online), spending(online, BOB)) == ((10, False), (0, True))
    assert spending(online) == (10, True)


def test_an_event_that_came_twice_makes_the_row_stale_too(events: Events, online: OnlineFeatures) -> None:
    row = joined("ada")
    write(events, "customers", row)
    spending(online)
    assert events.write("customers", [row]).duplicates == 1
    assert spending(online) == (0, False)


def test_an_event_between_the_cache_and_the_query_is_not_missed(
    events: Events, online: OnlineFeatures, database: Counted
) -> None:
    write(events, "customers", joined("ada"))
    database.before = lambda: write(events, "transactions", spent("ada", 10))
    assert spending(online) == (10, False)
    database.before = lambda: None
    assert spending(online)[0] == 10


def test_a_row_that_was_computed_before_an_event_came_is_never_fresh(
    events: Events, online: OnlineFeatures, database: Counted
) -> None:
    write(events, "customers", joined("ada"))
    database.after = lambda: write(events, "transactions", spent("ada", 10))
    assert spending(online) == (0, False), "the event came after the query had read"
    database.after = lambda: None
    assert spending(online) == (10, False)
    assert spending(online) == (10, True)


def test_an_event_that_lies_ahead_counts_from_its_time_on(events: Events, online: OnlineFeatures, clock: Clock) -> None:
    write(events, "customers", joined("ada"))
    at = clock.now + timedelta(seconds=60)
    write(events, "transactions", spent("ada", 10, at.isoformat()))
    assert spending(online) == (0, False)
    assert spending(online) == (0, False), "while something lies ahead, every row is computed"
    clock.advance(seconds=61)
    assert spending(online) == (10, False)
    assert spending(online) == (10, True)


def test_that_nothing_is_known_is_remembered_until_something_is(
    events: Events, online: OnlineFeatures, database: Counted
) -> None:
    for _ in range(2):
        with pytest.raises(UnknownEntityError, match="knows nothing of entity 'ada' yet"):
            fetch_one(online, BANK, ADA)
    assert database.statements == 1
    write(events, "customers", joined("ada"))
    assert spending(online) == (0, False)


def test_a_price_makes_the_rows_of_all_visitors_of_its_item_stale(events: Events, online: OnlineFeatures) -> None:
    write(events, "items", item("lamp"), item("rug"))
    write(events, "item_prices", priced("lamp", 40), priced("rug", 80))
    write(events, "shop_events", *(seen(user, "lamp") for user in ("ada", "bob")), seen("ada", "rug"))
    pairs = [Entity(ids) for ids in (("ada", "lamp"), ("bob", "lamp"), ("ada", "rug"))]

    def prices() -> list[tuple[float, bool]]:
        answers = online.fetch(SHOP, pairs, seconds=5)
        return [(one.named(SHOP)["price"], one.cached) for one in answers if isinstance(one, Features)]

    assert prices() == [(30, False), (30, False), (60, False)]
    assert prices() == [(30, True), (30, True), (60, True)]
    write(events, "item_prices", priced("lamp", 20, ago(seconds=1)))
    assert prices() == [(15, False), (15, False), (60, True)]
    write(events, "shop_events", seen("bob", "vase"))
    assert [cached for _, cached in prices()] == [True, False, True]


def test_with_a_past_moment_the_cache_is_neither_asked_nor_filled(
    events: Events, online: OnlineFeatures, client: redis.Redis, clock: Clock
) -> None:
    write(events, "customers", joined("ada", days=40))
    client.flushdb()
    past = fetch_one(online, BANK, ADA, as_of=clock.now - timedelta(days=30))
    assert (past.named(BANK)["tenure_days"], past.cached, past.thin) == (10, False, True)
    assert client.dbsize() == 0
    fetch_one(online, BANK, ADA)
    assert not fetch_one(online, BANK, ADA, as_of=clock.now).cached
    with pytest.raises(UnknownEntityError, match="before"):
        fetch_one(online, BANK, ADA, as_of=clock.now - timedelta(days=50))


def test_many_entities_are_one_query_and_keep_their_order(
    events: Events, online: OnlineFeatures, database: Counted
) -> None:
    names = [f"customer {number}" for number in range(50)]
    write(events, "customers", *(joined(name) for name in names))
    write(events, "transactions", *(spent(name, number) for number, name in enumerate(names)))
    entities = [Entity((name,)) for name in names]
    online.fetch(BANK, entities[:20], seconds=5)
    asked = [*reversed(entities), Entity(("nobody",)), entities[3]]
    answers = online.fetch(BANK, asked, seconds=5)
    assert database.statements == 2
    amounts = [one.named(BANK)["spend_7d"] if isinstance(one, Features) else None for one in answers]
    assert amounts == [*reversed(range(50)), None, 3]
    assert sum(isinstance(one, Features) and one.cached for one in answers) == 21
    assert isinstance(answers[50], UnknownEntityError)


def test_another_text_of_a_view_has_rows_of_its_own_that_the_same_events_make_stale(
    events: Events, online: OnlineFeatures
) -> None:
    older = dataclasses.replace(BANK, sql=f"{BANK.sql}-- as it was\n")
    write(events, "customers", joined("ada"))
    fetch_one(online, BANK, ADA)
    assert not fetch_one(online, older, ADA).cached
    assert fetch_one(online, older, ADA).cached
    write(events, "transactions", spent("ada", 10))
    assert not fetch_one(online, older, ADA).cached


@pytest.mark.parametrize(
    "entry", [b"", b"\x80\x04K\x01.", b"\x94\x90\x01\xc0\x90", b"\x94\x91\xa0\xcf" + b"\xff" * 8 + b"\xc0\x90"]
)
def test_an_entry_that_does_not_read_is_computed_anew(
    entry: bytes, events: Events, online: OnlineFeatures, client: redis.Redis
) -> None:
    write(events, "customers", joined("ada"))
    spending(online)
    (key,) = (key for key in client.scan_iter() if b"@" not in key)
    client.set(key, entry)
    assert spending(online) == (0, False)
    assert spending(online) == (0, True)


def test_everything_in_redis_ends_by_itself(events: Events, online: OnlineFeatures, client: redis.Redis) -> None:
    write(events, "customers", joined("ada"))
    spending(online)
    stale = BANK.stale.total_seconds()
    lives = [client.ttl(key) for key in client.scan_iter()]
    assert len(lives) == 2
    assert all(stale - 60 < life <= stale for life in lives)


def test_what_happens_is_told(events: Events, database: Counted, cache: FeatureCache) -> None:
    heard: Counter[tuple[str, str]] = Counter()

    def hear(name: str, event: str, count: int) -> None:
        heard[name, event] += count

    online = OnlineFeatures(database, cache, hear=hear)
    write(events, "customers", joined("ada"))
    online.fetch(BANK, [ADA, BOB])
    online.fetch(BANK, [ADA, BOB])
    OnlineFeatures(Queries(NOWHERE), None, hear=hear).fetch(BANK, [ADA])
    name = BANK.name
    assert heard == {(name, "miss"): 2, (name, "hit"): 2, (name, "unavailable"): 1}


def test_an_entity_on_whose_data_the_view_fails_fails_alone(
    events: Events, cache: FeatureCache, database: Counted
) -> None:
    online = OnlineFeatures(database, cache)
    names = [f"c{number}" for number in range(20)]
    write(events, "customers", *map(joined, names))
    fails = "1 / (case when spine.customer_id in ('c3', 'c17') then 0 else 1 end) = 1"
    sql = f"select one.* from ({BANK.sql}) one join spine on spine.position = one.position where {fails}"
    broken = dataclasses.replace(BANK, sql=sql)
    entities = [Entity((name,)) for name in names]
    for as_of in (None, datetime.now(UTC)):
        found = online.fetch(broken, entities, as_of=as_of, seconds=5)
        failed = {name: one for name, one in zip(names, found, strict=True) if isinstance(one, UncomputableError)}
        assert set(failed) == {"c3", "c17"}
        assert {error.reason for error in failed.values()} == {"division by zero"}
        assert sum(isinstance(one, Features) for one in found) == 18


def test_without_a_cache_everything_is_computed(events: Events, database: Counted) -> None:
    online = OnlineFeatures(database, None)
    write(events, "customers", joined("ada"))
    assert [spending(online), spending(online)] == [(0, False), (0, False)]


def test_without_postgresql_a_row_that_is_not_fresh_any_more_is_given_as_stale(
    events: Events, online: OnlineFeatures, cache: FeatureCache, clock: Clock
) -> None:
    write(events, "customers", joined("ada"), joined("bob"))
    online.fetch(BANK, [ADA, BOB])
    write(events, "transactions", spent("ada", 10))
    away = OnlineFeatures(Queries(NOWHERE), cache, clock=clock)
    ada, bob, eve = away.fetch(BANK, [ADA, BOB, Entity(("eve",))])
    assert isinstance(ada, Features)
    assert isinstance(bob, Features)
    assert (ada.stale, ada.cached, ada.named(BANK)["spend_7d"]) == (True, True, 0)
    assert (bob.stale, bob.cached) == (False, True)
    assert isinstance(eve, StorageUnavailableError)
    with pytest.raises(StorageUnavailableError):
        fetch_one(away, BANK, ADA, as_of=clock.now)
