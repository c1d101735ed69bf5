"""Who is observed when: nothing before a moment is an outcome, and nothing after it is known."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection

from features.entity import Entity
from features.reader import Pair, Query, read
from features.views import view
from models import catalogue
from storage.tables import SOURCES
from tests import sample
from training.errors import DataError
from training.observations import FOLDER, Observations, observations_of, parse, statement

LEARNING = [definition for definition in catalogue().values() if definition.learns_from_view]
MODELS = {definition.name: observations_of(definition.name) for definition in LEARNING}
every = pytest.mark.parametrize("asked", MODELS.values(), ids=MODELS)
few = settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
UNTIL = sample.ENDS_AT - timedelta(days=40)
A_DAY = timedelta(days=1)
OWED = {"delinquency": ("instalments", "payments")}
"""Sources that say before a moment what is to come after it: what is owed was agreed on before."""


def view_name(asked: Observations) -> str:
    return str(catalogue()[asked.model].view)


def observed(
    connection: Connection, asked: Observations, until: datetime, *, seed: int = 7, portion: float = 1.0
) -> dict[tuple[Any, ...], Any]:
    """(ids, moment) -> outcome. Of two visits at once there are two: which is the latest, no row says."""
    with connection.cursor() as cursor:
        text = statement(asked, view(view_name(asked)))
        cursor.execute(text, (until.isoformat(), str(seed), str(portion)))
        rows = cursor.fetchall()
    found: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        found.setdefault(row[:-1], []).append(row[-1])
    twice = [who for who, outcomes in found.items() if len(outcomes) > 1]
    assert asked.model == "purchase" or not twice, "the grain: nobody is observed twice at a moment"
    return {who: outcomes[0] for who, outcomes in found.items() if len(outcomes) == 1}


def happens(outcome: Any) -> bool:
    return bool(any(outcome) if isinstance(outcome, list) else outcome)


def query_on(connection: Connection) -> Query:
    def run(text: str, parameters: Sequence[str]) -> Sequence[Sequence[Any]]:
        with connection.cursor() as cursor:
            cursor.execute(text, parameters)
            return list(cursor.fetchall())

    return run


def forget(connection: Connection, asked: Observations, at: datetime) -> None:
    """Take away what happened at that moment or later."""
    with connection.cursor() as cursor:
        for source, time in view(view_name(asked)).sources.items():
            cursor.execute(f"delete from {source} where {time} >= %s", (at,))


def tell_earlier(connection: Connection, asked: Observations, who: tuple[Any, ...]) -> None:
    """Copy what happened to an entity within the horizon to the time before the moment."""
    reading = view(view_name(asked))
    with connection.cursor() as cursor:
        for source, time in reading.sources.items():
            if source in OWED.get(asked.model, ()):
                continue
            columns = [column.name for column in SOURCES[source].c]
            listed = ", ".join(name for name in columns if name not in ("event_id", "recorded_at", time))
            whose = " and ".join(f"{name} = %({name})s" for name in reading.key_names if name in columns)
            cursor.execute(
                f"insert into {source} (event_id, {time}, {listed}) "
                f"select 'told-' || event_id, {time} - %(horizon)s, {listed} from {source} "
                f"where {whose} and {time} >= %(as_of)s and {time} < %(as_of)s + %(horizon)s "
                "on conflict do nothing",
                {**dict(zip(reading.key_names, who, strict=False)), "horizon": asked.horizon, "as_of": who[-1]},
            )


def rows(connection: Connection, statement: str) -> dict[Any, list[tuple[Any, ...]]]:
    """The rest of each row by its first column."""
    found: dict[Any, list[tuple[Any, ...]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(statement)
        for first, *rest in cursor.fetchall():
            found.setdefault(first, []).append(tuple(rest))
    return found


def left(connection: Connection) -> Outcome:
    ends = rows(connection, "select user_id, changed_at from subscriptions where change = 'end'")

    def outcome(user: str, as_of: datetime) -> int:
        return int(any(as_of <= at < as_of + 30 * A_DAY for (at,) in ends.get(user, [])))

    return outcome


def missed(connection: Connection) -> Outcome:
    """Instalments of the sample data are agreed on once."""
    agreed = rows(connection, "select customer_id, instalment_id, agreed_at, due_at from instalments")
    paid = rows(connection, "select instalment_id, paid_at from payments")

    def outcome(customer: str, as_of: datetime) -> int:
        owed = [
            (due_at, min((at for (at,) in paid.get(instalment, [])), default=None))
            for instalment, agreed_at, due_at in agreed[customer]
            if agreed_at < as_of <= due_at < as_of + 30 * A_DAY
        ]
        still = [(due_at, paid_at) for due_at, paid_at in owed if paid_at is None or paid_at >= as_of]
        assert still, "nobody is observed who has nothing to pay"
        return int(any(paid_at is None or paid_at > due_at for due_at, paid_at in still))

    return outcome


def bought(connection: Connection) -> Outcome:
    events = rows(connection, "select user_id, item_id, session_id, kind, happened_at from shop_events")

    def outcome(user: str, item: str, as_of: datetime) -> int:
        with_it = [row[1:] for row in events[user] if row[0] == item]
        (session,) = {session for session, _, at in with_it if at == as_of - timedelta(seconds=1)}
        later = [kind for other, kind, at in with_it if other == session and as_of <= at < as_of + A_DAY]
        return int("purchase" in later)

    return outcome


def sold(connection: Connection) -> Outcome:
    units = {
        (store, sku, at.date()): float(units)
        for store, several in rows(connection, "select store_id, sku_id, sold_at, units from sales").items()
        for sku, at, units in several
    }

    def outcome(store: str, sku: str, as_of: datetime) -> list[float]:
        assert as_of.time() == time(0)
        return [units.get((store, sku, (as_of + ahead * A_DAY).date()), 0.0) for ahead in range(28)]

    return outcome


Outcome = Callable[..., Any]
RECOMPUTED: dict[str, Callable[[Connection], Outcome]] = {
    "churn": left,
    "delinquency": missed,
    "purchase": bought,
    "demand": sold,
}


def test_every_model_with_a_view_has_observations_and_no_other_has() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(MODELS)


@every
def test_a_text_reads_the_views_sources_and_is_written_in_lower_case(asked: Observations) -> None:
    words = set(re.findall(r"(?:from|join) (\w+)", asked.sql))
    assert words & set(view(view_name(asked)).sources)
    plain = re.sub(r"'[^']*'", "", asked.sql)
    assert plain == plain.lower()
    for key in (*view(view_name(asked)).key_names, "as_of"):
        assert key in asked.grain or asked.model == "purchase", "once in a session stands for the moment"
    assert asked.horizon > timedelta(0)


@every
@given(days=st.integers(60, 400))
@few
def test_what_comes_after_the_horizon_changes_no_observation(
    asked: Observations, sample_connection: Connection, days: int
) -> None:
    known = sample.ENDS_AT - timedelta(days=days, hours=days % 24)
    before = observed(sample_connection, asked, known - asked.horizon)
    forget(sample_connection, asked, known)
    assert observed(sample_connection, asked, known - asked.horizon) == before
    sample_connection.rollback()


@every
def test_what_comes_from_the_moment_on_changes_nothing_that_is_known_of_it(
    asked: Observations, sample_connection: Connection
) -> None:
    reading, query = view(view_name(asked)), query_on(sample_connection)
    latest = sorted(observed(sample_connection, asked, UNTIL), key=lambda who: who[-1])[-60:]
    pairs = [Pair(Entity(who[:-1]), who[-1]) for who in latest]
    assert len({pair.entity for pair in pairs}) > 5
    before = read(reading, pairs, query)
    for pair, row in sorted(zip(pairs, before, strict=True), key=lambda one: one[0].as_of, reverse=True):
        forget(sample_connection, asked, pair.as_of)
        assert read(reading, [pair], query) == [row]
    sample_connection.rollback()


@every
def test_what_came_before_a_moment_is_no_outcome_of_it(asked: Observations, sample_connection: Connection) -> None:
    """The events that made the outcome, told of the time before as well, change nothing."""
    before = observed(sample_connection, asked, UNTIL)
    happened = [who for who, outcome in before.items() if happens(outcome)]
    chosen = {who[:1] if asked.model != "demand" else who[:-1]: who for who in [*before, *happened]}.values()
    for who in chosen:
        tell_earlier(sample_connection, asked, who)
    after = observed(sample_connection, asked, UNTIL)
    sample_connection.rollback()
    same = [who for who in chosen if who in after]
    assert len(same) > 5
    assert any(happens(before[who]) for who in same) or asked.model == "churn", "a subscriber that left is not observed"
    assert {who: after[who] for who in same} == {who: before[who] for who in same}


@every
def test_outcomes_are_what_the_models_target_says(asked: Observations, sample_connection: Connection) -> None:
    """Computed once more, from the rows."""
    found = observed(sample_connection, asked, UNTIL)
    expected = RECOMPUTED[asked.model](sample_connection)
    assert {who: expected(*who) for who in found} == found
    assert any(map(happens, found.values()))
    assert asked.model == "demand" or not all(map(happens, found.values()))


@every
def test_moments_follow_the_seed_and_a_portion_of_the_entities_is_a_part_of_all(
    asked: Observations, sample_connection: Connection
) -> None:
    everybody = observed(sample_connection, asked, UNTIL)
    assert everybody
    assert observed(sample_connection, asked, UNTIL) == everybody
    assert observed(sample_connection, asked, UNTIL, seed=8).keys() != everybody.keys()
    part = observed(sample_connection, asked, UNTIL, portion=0.5)
    assert part.items() <= everybody.items() if asked.model != "demand" else part.keys() <= everybody.keys()
    assert 0.2 * len(everybody) <= len(part) <= 0.8 * len(everybody)
    assert observed(sample_connection, asked, UNTIL, portion=0.0) == {}
    assert max(who[-1] for who in everybody) < UNTIL


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("-- who: a\n-- grain: b\n-- outcome: c\nselect 1", "it must name grain, horizon, outcome, who"),
        ("-- who: a\n-- grain: b\n-- outcome: c\n-- horizon: soon\nselect 1", "'soon' is no span of time"),
        ("-- who: [a\nselect 1", "the comment at its top is not right"),
        ("select 1", "it must name"),
    ],
)
def test_a_comment_that_is_not_right_is_named(text: str, words: str) -> None:
    with pytest.raises(DataError, match=r"training/observations/lapse\.sql") as caught:
        parse("lapse", text)
    assert words in str(caught.value)


def test_a_file_that_is_not_there_is_named_with_what_to_do() -> None:
    with pytest.raises(
        DataError, match=r"there is no training/observations/lapse\.sql: write it .* or give rows: --data"
    ):
        observations_of("lapse")


def test_the_fingerprint_follows_the_text_and_not_the_words() -> None:
    header = "-- who: a\n-- grain: b\n-- outcome: c\n-- horizon: 1 day\n"
    one = parse("lapse", header + "select 1")
    assert parse("lapse", header.replace("who: a", "who: z") + "select 1").fingerprint == one.fingerprint
    assert parse("lapse", header + "select 2").fingerprint != one.fingerprint
