"""Whatever events come, early, late or twice, and whenever one asks: the cache never hides one that is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.cache import FeatureCache
from features.entity import Entity
from features.errors import UnknownEntityError
from features.events import Events
from features.online import Features, OnlineFeatures
from features.views import view
from storage.queries import Queries
from storage.tables import SOURCES
from tests.features.made_up import spent

BANK = view("customer_behaviour")
PEOPLE = ("ada", "bob")
START = datetime.now(UTC) - timedelta(hours=12)
"""Events may come from the future of this clock, as they may come from that of another machine's."""

events = st.tuples(st.just("event"), st.sampled_from(PEOPLE), st.integers(-400, 400))
waits = st.tuples(st.just("wait"), st.just(""), st.sampled_from([1, 20, 299, 300, 301, 1000]))
asks = st.tuples(st.just("ask"), st.just(""), st.just(0))
Steps = Sequence[tuple[str, str, int]]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.one_of(events, waits, asks, asks), min_size=4, max_size=25))
def test_what_is_answered_is_what_is_known(steps: Steps, queries: Queries, client: redis.Redis) -> None:
    queries.run(f"truncate {', '.join(SOURCES)}", seconds=10)
    client.flushdb()
    now = START
    cache = FeatureCache(client)
    writing, online = Events(queries, cache), OnlineFeatures(queries, cache, clock=lambda: now)
    happened: list[tuple[str, datetime]] = []
    for step, who, seconds in steps:
        if step == "wait":
            now += timedelta(seconds=seconds)
        elif step == "event":
            at = now + timedelta(seconds=seconds)
            happened.append((who, at))
            assert writing.write("transactions", [spent(who, 1, at.isoformat())]).accepted == 1
        else:
            check(online.fetch(BANK, [Entity((name,)) for name in PEOPLE], seconds=10), happened, now)


def check(answers: Sequence[object], happened: Sequence[tuple[str, datetime]], now: datetime) -> None:
    for name, answer in zip(PEOPLE, answers, strict=True):
        known = sum(who == name and at < now for who, at in happened)
        if known:
            assert isinstance(answer, Features)
            assert answer.named(BANK)["spend_90d"] == known
        else:
            assert isinstance(answer, UnknownEntityError)
