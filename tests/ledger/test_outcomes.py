"""Outcomes: recorded, corrected, repeated, early, late, wrong."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as some
from sqlalchemy import Engine

from ledger.outcomes import MOST_OF_ONE, OutcomeResult, record
from ledger.prediction import prediction
from ledger.reports import MOST_TOLD
from ledger.rows import rows_of
from ledger.sink import Sink
from ledger.truths import TruthError, truth
from models import catalogue
from models.definition import (
    Definition,
    Kind,
    MulticlassPolicy,
    Number,
    Recipe,
    Schema,
    Target,
)
from storage.database import open_engine
from storage.migrations import migrate
from storage.settings import StorageSettings
from tests.ledger import making
from tests.ledger.test_reading import NOW, Made, write
from tests.storage.servers import execute, fresh_database

SPECIES = Definition(
    name="species",
    title="Species",
    purpose="A test.",
    kind=Kind.MULTICLASS,
    schema=Schema((Number(name="x", description="x", unit="", minimum=0, maximum=1, example=0.5),)),
    recipe=Recipe(),
    policy=MulticlassPolicy(),
    target=Target(column="species", description="which", classes=("setosa", "virginica", "7")),
)
DEFINITIONS: Mapping[str, Definition] = {**catalogue(), "species": SPECIES}


def made(seed: random.Random, entity: str | None = None, ago: float = 1.0, **given: Any) -> Made:
    moment = NOW - timedelta(days=ago)
    return making.prediction(seed, moment=moment, **given), entity, moment


def tell(engine: Engine, *items: object) -> list[OutcomeResult]:
    return record(engine, DEFINITIONS, items, by="key-1")


def at(ago: float) -> str:
    return (NOW - timedelta(days=ago)).isoformat()


def test_an_outcome_is_recorded_once_and_repeated_without_effect(ledger_url: str, engine: Engine) -> None:
    one = made(random.Random(1))
    write(ledger_url, [one])
    identity = one[0]["prediction_id"]
    (first,) = tell(engine, {"prediction_id": identity, "outcome": 1, "observed_at": "2026-11-20T00:00:00+01:00"})
    (second,) = tell(engine, {"prediction_id": identity, "outcome": True})
    assert (first.status, first.prediction_id, first.outcome) == ("recorded", identity, True)
    assert (second.status, second.previous) == ("duplicate", None)
    found = prediction(engine, identity).outcome
    assert found is not None
    assert (found.outcome, found.observed_at) == (True, "2026-11-19T23:00:00.000Z")
    assert execute(ledger_url, "select recorded_by, model from outcomes") == [("key-1", "delinquency")]


def test_a_correction_keeps_what_was_before(ledger_url: str, engine: Engine) -> None:
    one = made(random.Random(1))
    write(ledger_url, [one])
    identity = one[0]["prediction_id"]
    said = [tell(engine, {"prediction_id": identity, "outcome": value})[0] for value in (False, True, True, False)]
    assert [(one.status, one.previous) for one in said] == [
        ("recorded", None), ("corrected", False), ("duplicate", None), ("corrected", True),
    ]  # fmt: skip
    assert execute(ledger_url, "select outcome from outcome_history order by id") == [(False,), (True,)]


def test_several_outcomes_of_one_prediction_in_one_request_come_one_after_the_other(
    ledger_url: str, engine: Engine
) -> None:
    one = made(random.Random(1), "C1")
    write(ledger_url, [one])
    identity = one[0]["prediction_id"]
    by_entity = {"model": "delinquency", "entity": "C1", "observed_at": at(0), "outcome": True}
    said = tell(engine, {"prediction_id": identity, "outcome": 0}, by_entity, {"prediction_id": identity, "outcome": 0})
    assert [one.status for one in said] == ["recorded", "corrected", "corrected"]


def test_one_prediction_may_not_be_corrected_for_ever_in_one_request(ledger_url: str, engine: Engine) -> None:
    seed = random.Random(3)
    write(ledger_url, [made(seed)])
    ((identity,),) = execute(ledger_url, "select prediction_id::text from predictions")
    told = tell(engine, *[{"prediction_id": identity, "outcome": number % 2} for number in range(MOST_OF_ONE + 2)])
    assert [one.status for one in told[:3]] == ["recorded", "corrected", "corrected"]
    assert [one.status for one in told[MOST_OF_ONE:]] == ["rejected", "rejected"]
    assert "send the last of them" in str(told[-1].reason)


def test_reports_that_repeat_one_another_share_a_transaction_and_count_as_if_told_one_by_one(
    ledger_url: str, engine: Engine
) -> None:
    seed = random.Random(7)
    at_once, one_by_one = ([made(seed, f"{side}{number}") for number in range(4)] for side in "AB")
    write(ledger_url, at_once + one_by_one)
    told: list[list[dict[str, Any]]] = [[], []]
    for number in range(120):
        place, value, by_entity = seed.randrange(4), seed.randrange(2), seed.random() < 0.3
        for side, rows in enumerate((at_once, one_by_one)):
            by_id = {"prediction_id": rows[place][0]["prediction_id"]}
            named = {"model": "delinquency", "entity": rows[place][1], "observed_at": at(number / 1000)}
            told[side].append({**(named if by_entity else by_id), "outcome": value})
    found, wanted = tell(engine, *told[0]), [tell(engine, item)[0] for item in told[1]]
    assert [(one.status, one.outcome, one.previous) for one in found] == [
        (one.status, one.outcome, one.previous) for one in wanted
    ]
    assert {one.status for one in found} == {"recorded", "corrected", "duplicate"}
    for mine, other in zip(at_once, one_by_one, strict=True):
        assert outcomes_of(ledger_url, mine) == outcomes_of(ledger_url, other)
    in_history = "prediction_id in (select prediction_id from predictions where entity like 'A%')"
    assert execute(ledger_url, f"select count(distinct xmin::text) from outcome_history where {in_history}") == [(1,)]


def outcomes_of(url: str, one: Made) -> list[Any]:
    """What was true of a prediction one after the other."""
    identity = one[0]["prediction_id"]
    kept = "select outcome, observed_at, recorded_by from {} where prediction_id = '{}' {}"
    return execute(url, kept.format("outcome_history", identity, "order by id")) + execute(
        url, kept.format("outcomes", identity, "")
    )


def test_of_early_outcomes_that_repeat_one_another_the_last_is_kept(ledger_url: str, engine: Engine) -> None:
    one = made(random.Random(1))
    identity = one[0]["prediction_id"]
    named = {"model": "churn", "entity": "C1", "observed_at": at(0)}
    items = [{"prediction_id": identity, "outcome": value} for value in (0, 1, 1, 0)]
    items += [{**named, "outcome": value} for value in (1, 0, 1)]
    assert [one.status for one in tell(engine, *items)] == ["unmatched"] * 7
    kept = "select outcome from pending_outcomes order by prediction_id is null"
    assert execute(ledger_url, kept) == [(0,), (True,)]


def test_an_outcome_by_entity_belongs_to_the_latest_prediction_before_it(ledger_url: str, engine: Engine) -> None:
    seed = random.Random(1)
    past, recent, shadow, other = (
        made(seed, "C1", 30),
        made(seed, "C1", 10),
        made(seed, "C1", 9, role="shadow"),
        made(seed, "C1", 9, model="churn"),
    )
    write(ledger_url, [past, recent, shadow, other])
    for ago, wanted in ((29, past), (10.0001, past), (9.9999, recent), (0, recent)):
        (said,) = tell(engine, {"model": "delinquency", "entity": "C1", "observed_at": at(ago), "outcome": ago < 20})
        assert said.prediction_id == wanted[0]["prediction_id"], ago


def test_a_score_of_a_past_moment_is_matched_by_that_moment(ledger_url: str, engine: Engine) -> None:
    seed = random.Random(1)
    sink = Sink(ledger_url, "test", lambda row, reason: pytest.fail(reason))
    live, replayed = made(seed, "C1", 10)[0], made(seed, "C1", 1)[0]
    rows = [*rows_of(making.frame(live, entity="C1")), *rows_of(making.frame(replayed, entity="C1", as_of=at(60)))]
    sink.write(rows)
    sink.close()
    for ago, wanted in ((50, replayed), (5, live)):
        (said,) = tell(engine, {"model": "delinquency", "entity": "C1", "observed_at": at(ago), "outcome": 1})
        assert said.prediction_id == wanted["prediction_id"]


@pytest.mark.parametrize("early", [False, True])
def test_a_prediction_of_supposed_values_has_outcomes_by_its_id_only(
    ledger_url: str, engine: Engine, *, early: bool
) -> None:
    seed = random.Random(1)
    sink = Sink(ledger_url, "test", lambda row, reason: pytest.fail(reason))
    real, supposed = made(seed, "C1", 10)[0], made(seed, "C1", 5)[0]
    others = [made(seed, "C1", 2)[0], made(seed, "C2", 5)[0]]
    rows = [*rows_of(making.frame(real, entity="C1")), *rows_of(making.frame(supposed, entity="C1", supposed=True))]
    rows += rows_of(making.frame(others[0], entity="C1"))  # else the latest score would decide
    rows += rows_of(making.frame(others[1], entity="C2", supposed=True))
    if not early:
        sink.write(rows)
    told = tell(
        engine,
        {"model": "delinquency", "entity": "C1", "observed_at": at(4), "outcome": True},
        {"model": "delinquency", "entity": "C2", "observed_at": at(1), "outcome": True},
        {"prediction_id": supposed["prediction_id"], "outcome": False},
    )
    if early:
        sink.write(rows)
    sink.close()
    assert [one.status for one in told] == ["unmatched"] * 3 if early else ["recorded", "unmatched", "recorded"]
    known = execute(ledger_url, "select prediction_id::text, outcome from outcomes order by prediction_id")
    assert known == [(real["prediction_id"], True), (supposed["prediction_id"], False)]
    assert prediction(engine, supposed["prediction_id"]).supposed
    assert not prediction(engine, real["prediction_id"]).supposed


def test_early_outcomes_wait_for_their_predictions(ledger_url: str, engine: Engine) -> None:
    seed = random.Random(1)
    by_id, by_entity, estimate, label = (
        made(seed, None, 3),
        made(seed, "C2", 3),
        made(seed, None, 3, model="profitability", label=None, level=None),
        made(seed, None, 3, model="species", label="setosa", level=None),
    )
    given = [
        {"prediction_id": by_id[0]["prediction_id"], "outcome": 0},
        {"model": "delinquency", "entity": "C2", "observed_at": at(1), "outcome": "1"},
        {"model": "delinquency", "entity": "C2", "observed_at": at(1), "outcome": 1},
        {"prediction_id": estimate[0]["prediction_id"], "outcome": 12.5},
        {"prediction_id": label[0]["prediction_id"], "outcome": 7},
        {"prediction_id": label[0]["prediction_id"].replace("8", "9"), "outcome": 7},
        {"model": "delinquency", "entity": "C2", "observed_at": at(4), "outcome": 1},
    ]
    said = tell(engine, *given)
    assert [one.status for one in said] == ["unmatched", "rejected", *["unmatched"] * 5]
    write(ledger_url, [by_id, by_entity, estimate, label])
    for one, outcome in ((by_id, False), (by_entity, True), (estimate, 12.5), (label, "7")):
        found = prediction(engine, one[0]["prediction_id"]).outcome
        assert found is not None
        assert found.outcome == outcome
        assert type(found.outcome) is type(outcome)
    assert execute(ledger_url, "select count(*) from pending_outcomes") == [(2,)]


def test_an_early_outcome_that_cannot_be_the_models_is_not_recorded(ledger_url: str, engine: Engine) -> None:
    one = made(random.Random(1))
    assert tell(engine, {"prediction_id": one[0]["prediction_id"], "outcome": 0.5})[0].status == "unmatched"
    write(ledger_url, [one])
    assert prediction(engine, one[0]["prediction_id"]).outcome is None


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (None, "object"),
        ([], "object"),
        ({}, "outcome is missing"),
        ({"outcome": 1}, "entity|model"),
        ({"outcome": 1, "prediction_id": "x"}, "prediction_id"),
        ({"outcome": 1, "prediction_id": 5}, "prediction_id"),
        ({"outcome": 1, "predicton_id": "x"}, "predicton_id"),
        ({"outcome": 1, "model": "nonsense", "entity": "C1", "observed_at": "2026-01-01T00:00:00Z"}, "model"),
        ({"outcome": 1, "model": "churn", "entity": "a\0b", "observed_at": "2026-01-01T00:00:00Z"}, "entity"),
        ({"outcome": 1, "model": "churn", "entity": "", "observed_at": "2026-01-01T00:00:00Z"}, "entity"),
        (
            {"outcome": 1, "model": "churn", "entity": {"user_id": "U1"}, "observed_at": "2026-01-01T00:00:00Z"},
            "entity",
        ),
        ({"outcome": 1, "model": "churn", "entity": "U1", "observed_at": "2026-01-01T00:00:00"}, "observed_at"),
        ({"outcome": 1, "model": "churn", "entity": "U1", "observed_at": "soon"}, "observed_at"),
        ({"outcome": 1, "model": "churn", "entity": "U1", "observed_at": "0001-01-01T00:00:00Z"}, "observed_at"),
        ({"outcome": 1, "model": "churn", "entity": "U1"}, "observed_at"),
        ({"outcome": [1], "prediction_id": "0190163d-8694-739b-aea5-966c26f8ad91"}, "outcome"),
        ({"outcome": float("nan"), "prediction_id": "0190163d-8694-739b-aea5-966c26f8ad91"}, "outcome"),
        ({"outcome": 10**400, "prediction_id": "0190163d-8694-739b-aea5-966c26f8ad91"}, "outcome"),
        ({"outcome": "\0", "prediction_id": "0190163d-8694-739b-aea5-966c26f8ad91"}, "outcome"),
        ({"outcome": "\ud800", "prediction_id": "0190163d-8694-739b-aea5-966c26f8ad91"}, "outcome"),
        ({"outcome": "x" * 501, "prediction_id": "0190163d-8694-739b-aea5-966c26f8ad91"}, "outcome"),
    ],
)
def test_what_is_no_outcome_is_rejected_alone_and_with_a_reason(
    ledger_url: str, engine: Engine, item: Any, reason: str
) -> None:
    one = made(random.Random(1))
    write(ledger_url, [one])
    said = tell(engine, item, {"prediction_id": one[0]["prediction_id"], "outcome": 1})
    assert [result.status for result in said] == ["rejected", "recorded"]
    told = "; ".join(f"{one.field} {one.message}" for one in said[0].errors)
    assert any(word in told for word in reason.split("|"))
    assert str(said[0].reason).startswith(f"{said[0].errors[0].field} {said[0].errors[0].message}".strip())


def test_all_that_is_wrong_with_a_report_is_told_at_once(engine: Engine) -> None:
    unknown = {f"field {number}": 1 for number in range(1000)}
    wrong = {"model": 7, "entity": "", "observed_at": "soon", "outcome": [], "prediction_ids": 1}
    (first, second, third, fourth) = tell(engine, wrong, {}, {"outcome": 1, **unknown}, 7)
    assert {(one.field, one.code) for one in first.errors} == {
        ("model", "unknown_value"), ("entity", "wrong_value"), ("observed_at", "not_a_moment"),
        ("outcome", "wrong_value"), ("prediction_ids", "unknown_field"),
    }  # fmt: skip
    assert str(first.reason).endswith(", and 4 more")
    assert [(one.field, one.code) for one in second.errors] == [
        (field, "missing") for field in ("model", "entity", "observed_at", "outcome")
    ]
    assert sum(one.code == "unknown_field" for one in third.errors) == MOST_TOLD
    assert [(one.field, one.code) for one in fourth.errors] == [("", "wrong_type")]


@pytest.mark.parametrize("before", [[], [False], [True]], ids=["first", "correction", "duplicate"])
def test_an_outcome_of_another_model_than_its_prediction_s_is_refused(
    ledger_url: str, engine: Engine, before: list[bool]
) -> None:
    one = made(random.Random(1))
    write(ledger_url, [one])
    identity = one[0]["prediction_id"]
    for value in before:
        tell(engine, {"prediction_id": identity, "outcome": value})
    kept = outcomes_of(ledger_url, one)
    (told,) = tell(engine, {"prediction_id": identity, "model": "churn", "outcome": True})
    assert told.status == "rejected"
    ((field, code, message, given),) = ((one.field, one.code, one.message, one.given) for one in told.errors)
    assert (field, code, given) == ("model", "other_model", "churn")
    assert message.startswith("must be delinquency,")
    assert outcomes_of(ledger_url, one) == kept
    (right,) = tell(engine, {"prediction_id": identity, "model": "delinquency", "outcome": True})
    assert right.status in {"recorded", "corrected", "duplicate"}


def test_an_early_outcome_of_another_model_is_not_recorded_and_can_be_set_right(
    ledger_url: str, engine: Engine
) -> None:
    seed = random.Random(1)
    wrong, mended = made(seed), made(seed)
    for one in (wrong, mended):
        (told,) = tell(engine, {"prediction_id": one[0]["prediction_id"], "model": "churn", "outcome": True})
        assert told.status == "unmatched"
    tell(engine, {"prediction_id": mended[0]["prediction_id"], "model": "delinquency", "outcome": False})
    write(ledger_url, [wrong, mended])
    assert outcomes_of(ledger_url, wrong) == []
    assert [outcome for outcome, *_ in outcomes_of(ledger_url, mended)] == [False]
    assert execute(ledger_url, "select prediction_id::text from pending_outcomes") == [(wrong[0]["prediction_id"],)]


def test_what_lies_ahead_was_not_observed(ledger_url: str, engine: Engine) -> None:
    one = made(random.Random(1), "C1")
    write(ledger_url, [one])
    now = datetime.now(UTC)
    near, far = ((now + timedelta(minutes=minutes)).isoformat() for minutes in (4, 7))
    by_id = {"prediction_id": one[0]["prediction_id"], "outcome": 1}
    by_entity = {"model": "delinquency", "entity": "C1", "outcome": 1}
    told = tell(engine, *({**item, "observed_at": at} for item in (by_id, by_entity) for at in (far, near)))
    assert [one.status for one in told] == ["rejected", "recorded", "rejected", "duplicate"]
    for rejected in told[::2]:
        assert [(one.field, one.code, one.given) for one in rejected.errors] == [("observed_at", "future", far)]
    (told_late,) = record(engine, DEFINITIONS, [{**by_id, "observed_at": far}], ahead=timedelta(minutes=10))
    assert told_late.status == "duplicate"


@pytest.mark.parametrize(
    ("model", "given", "kept"),
    [
        ("fraud", True, True), ("fraud", 1, True), ("fraud", 0.0, False), ("anomaly", 1, True), ("churn", False, False),
        ("profitability", 3, 3.0), ("demand", 0, 0.0), ("pricing", -1.5, -1.5),
        ("species", "setosa", "setosa"), ("species", 7, "7"),
    ],
)  # fmt: skip
def test_every_kind_of_model_has_its_outcomes(model: str, given: Any, kept: Any) -> None:
    found = truth(DEFINITIONS[model], given)
    assert found == kept
    assert type(found) is type(kept)


@pytest.mark.parametrize(
    ("model", "given"),
    [
        ("fraud", 2), ("fraud", "true"), ("fraud", 0.5), ("fraud", None), ("anomaly", "yes"),
        ("profitability", True), ("profitability", "3"), ("profitability", float("inf")), ("demand", 1e301),
        ("species", "rosa"), ("species", True), ("species", 7.0), ("species", [7]),
    ],
)  # fmt: skip
def test_no_kind_of_model_takes_what_it_cannot_have_predicted(model: str, given: Any) -> None:
    with pytest.raises(TruthError):
        truth(DEFINITIONS[model], given)


def test_the_positive_value_of_a_target_is_true() -> None:
    from dataclasses import replace

    base = DEFINITIONS["churn"]
    assert base.target is not None
    said_yes = replace(base, target=replace(base.target, positive="Yes"))
    assert truth(said_yes, "Yes") is True
    assert truth(said_yes, False) is False
    with pytest.raises(TruthError, match="'Yes' for true"):
        truth(said_yes, "No")
    inverted = replace(base, target=replace(base.target, positive=0))
    assert (truth(inverted, 0), truth(inverted, 1), truth(inverted, True)) == (True, False, True)


def test_two_who_report_the_same_at_once_record_it_once(ledger_url: str, engine: Engine) -> None:
    seed = random.Random(1)
    rows = [made(seed) for _ in range(200)]
    write(ledger_url, rows)
    items = [{"prediction_id": answer["prediction_id"], "outcome": 1} for answer, _, _ in rows]
    said: list[OutcomeResult] = []

    def report(order: list[dict[str, Any]]) -> None:
        said.extend(tell(engine, *order))

    threads = [
        threading.Thread(target=report, args=(order,)) for order in (items, items[::-1], items[100:] + items[:100])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = [one.status for one in said]
    assert (statuses.count("recorded"), statuses.count("duplicate")) == (200, 400)


def test_an_outcome_that_meets_its_prediction_on_the_way_is_recorded(ledger_url: str, engine: Engine) -> None:
    """Both orders of arrival, many times over, at the same moment."""
    seed = random.Random(1)
    rows = [made(seed, f"C{number}", 2) for number in range(60)]
    items = [
        {"prediction_id": answer["prediction_id"], "outcome": 1}
        if number % 2
        else {"model": "delinquency", "entity": entity, "observed_at": at(1), "outcome": 1}
        for number, (answer, entity, _) in enumerate(rows)
    ]
    thread = threading.Thread(target=lambda: [tell(engine, item) for item in items])
    thread.start()
    for one in rows:
        write(ledger_url, [one])
    thread.join()
    assert execute(ledger_url, "select count(*) from outcomes") == [(60,)]
    assert execute(ledger_url, "select count(*) from pending_outcomes") == [(0,)]


@hypothesis_settings(max_examples=20, deadline=None)
@given(
    some.lists(some.tuples(some.sampled_from("ABC"), some.integers(0, 20)), min_size=1, max_size=12),
    some.lists(some.tuples(some.sampled_from("ABC"), some.floats(0, 20), some.booleans()), min_size=1, max_size=8),
)
def test_outcomes_are_matched_as_a_plain_search_does(
    settings: StorageSettings,
    outcomes_url: str,
    scored: list[tuple[str, int]],
    observed: list[tuple[str, float, bool]],
) -> None:
    execute(
        outcomes_url, "truncate predictions, latest_scores, latest_levels, outcomes, outcome_history, pending_outcomes"
    )
    seed = random.Random(4)
    rows = [made(seed, entity, ago) for entity, ago in scored]
    write(outcomes_url, rows)
    engine = open_engine(outcomes_url, settings)
    for entity, ago, value in observed:
        moment = NOW - timedelta(days=ago)
        item = {"model": "delinquency", "entity": entity, "observed_at": moment.isoformat(), "outcome": value}
        (said,) = tell(engine, item)
        before = [
            (datetime.fromisoformat(answer["created_at"]), answer["prediction_id"])
            for answer, whose, _ in rows
            if whose == entity and datetime.fromisoformat(answer["created_at"]) < moment
        ]
        assert said.prediction_id == (max(before)[1] if before else None)
    engine.dispose()


@pytest.fixture(scope="module")
def outcomes_url(settings: StorageSettings) -> Any:
    with fresh_database(settings) as url:
        migrate(url)
        yield url
