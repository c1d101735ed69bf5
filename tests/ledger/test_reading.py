"""Histories, statistics, lists, trends and comparisons: always what the predictions themselves come to."""

from __future__ import annotations

import json
import math
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as some
from sqlalchemy import Engine

from ledger.comparison import Period, Share, comparison
from ledger.errors import QueryError, UnknownPredictionError
from ledger.history import history
from ledger.identity import lowest
from ledger.page import Page
from ledger.prediction import prediction
from ledger.purge import purges
from ledger.quantiles import quantile, scale
from ledger.rows import rows_of
from ledger.sink import Sink
from ledger.stats import stats
from ledger.top import top
from ledger.totals import Total
from ledger.trends import METRICS, WINDOWS, trends
from storage.cursors import Cursor, CursorError
from storage.database import open_engine
from storage.migrations import migrate
from storage.settings import StorageSettings
from tests.ledger import making
from tests.storage.servers import execute, fresh_database

NOW = datetime.now(UTC)
SIZES = 1500
Made = tuple[dict[str, Any], str | None, datetime]


class Ledger:
    """A filled ledger: its engine, and all that was predicted with entity and moment."""

    def __init__(self, url: str, engine: Engine, made: list[Made]) -> None:
        self.url = url
        self.engine = engine
        self.made = made

    def of(self, model: str) -> list[Made]:
        """What callers have seen of a model."""
        return [one for one in self.made if one[0]["model"] == model and one[0]["role"] != "shadow"]


def write(url: str, made: Sequence[Made]) -> None:
    sink = Sink(url, "test", lambda row, reason: pytest.fail(reason))
    sink.write([row for answer, entity, _ in made for row in rows_of(making.frame(answer, entity=entity))])
    sink.close()


@pytest.fixture(scope="module")
def ledger(settings: StorageSettings) -> Iterator[Ledger]:
    """Two models over ten weeks: one of entities, one of records; two versions, one in the shadow."""
    seed = random.Random(17)
    made: list[Made] = []
    for number in range(SIZES):
        moment = NOW - timedelta(seconds=seed.uniform(0, 70 * 86400))
        if number % 3:
            answer = making.prediction(
                seed,
                moment=moment,
                version=seed.choice(["delinquency:a1", "delinquency:b2"]),
                role=seed.choice(["champion", "champion", "canary", "shadow"]),
                warnings=seed.choice([[], ["something"]]),
            )
            made.append((answer, f"C{seed.randrange(40):03d}", moment))
        else:
            amount = seed.lognormvariate(3, 2) * seed.choice([1, -1])
            plain = {"label": None, "level": None, "threshold": None, "model": "profitability", "version": "p:1"}
            made.append((making.prediction(seed, moment=moment, score=amount, **plain), None, moment))
    with fresh_database(settings) as url:
        migrate(url)
        write(url, made)
        engine = open_engine(url, settings)
        yield Ledger(url, engine, made)
        engine.dispose()


def pages(read: Callable[[str | None], Page[Any]]) -> list[Any]:
    """The entries of all pages."""
    found: list[Any] = []
    cursor = None
    while True:
        page = read(cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found
        assert page.items


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_a_history_is_all_of_an_entity_newest_first(ledger: Ledger, limit: int) -> None:
    wanted = sorted((answer["prediction_id"] for answer, entity, _ in ledger.made if entity == "C007"), reverse=True)
    found = pages(lambda cursor: history(ledger.engine, "C007", limit=limit, cursor=cursor))
    assert [one.prediction_id for one in found] == wanted
    assert len(wanted) > 10


def test_a_history_can_be_of_one_model_and_of_the_last_days(ledger: Ledger) -> None:
    since = NOW - timedelta(days=20)
    wanted = {answer["prediction_id"] for answer, entity, moment in ledger.made if entity == "C007" and moment > since}
    found = history(ledger.engine, "C007", model="delinquency", days=20, limit=1000)
    assert {one.prediction_id for one in found.items} == wanted
    assert history(ledger.engine, "C007", model="profitability").items == ()


def test_a_history_holds_while_predictions_arrive(settings: StorageSettings) -> None:
    seed = random.Random(3)
    with fresh_database(settings) as url:
        migrate(url)
        engine = open_engine(url, settings)
        made: list[Made] = [(making.prediction(seed), "C1", NOW) for _ in range(6)]
        write(url, made)
        first = history(engine, "C1", limit=3)
        write(url, [(making.prediction(seed), "C1", NOW) for _ in range(4)])
        second = history(engine, "C1", limit=1000, cursor=first.next_cursor)
        found = [one.prediction_id for one in (*first.items, *second.items)]
        assert sorted(found) == sorted(answer["prediction_id"] for answer, _, _ in made)
        engine.dispose()


@pytest.mark.parametrize("entity", ["", "nobody", "a\0b", "\ud800", "x" * 10_000, "C00%", "'; drop table predictions"])
def test_an_entity_that_nobody_knows_has_an_empty_history(ledger: Ledger, entity: str) -> None:
    assert history(ledger.engine, entity) == Page((), None)
    assert top(ledger.engine, entity) == Page((), None)
    assert stats(ledger.engine, entity).count == 0
    assert all(value == 0 for value in trends(ledger.engine, entity).series[0].values)


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_page_has_a_sensible_size(ledger: Ledger, limit: int) -> None:
    with pytest.raises(QueryError, match="limit"):
        history(ledger.engine, "C007", limit=limit)
    with pytest.raises(QueryError, match="limit"):
        top(ledger.engine, "delinquency", limit=limit)


HISTORY, TOP = ("history", "C007", None), ("top", "delinquency", None)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "?",
        "bm90IGpzb24",
        Cursor(HISTORY, ("x",)).written,
        Cursor(TOP, ("x", "y")).written,
        Cursor(TOP, ("nan", "C1")).written,
        Cursor(TOP, ("1", "2", "3")).written,
        Cursor(HISTORY, ("a\0",)).written,
        "\ud800",
    ],
)
def test_a_cursor_that_no_page_has_given_is_refused(ledger: Ledger, cursor: str) -> None:
    with pytest.raises(CursorError):
        history(ledger.engine, "C007", cursor=cursor)
    with pytest.raises(CursorError):
        top(ledger.engine, "delinquency", cursor=cursor)


def test_a_cursor_belongs_to_the_list_that_gave_it(ledger: Ledger) -> None:
    lists: list[Callable[[str | None], Page[Any]]] = [
        lambda cursor: history(ledger.engine, "C007", limit=1, cursor=cursor),
        lambda cursor: history(ledger.engine, "C007", model="delinquency", limit=1, cursor=cursor),
        lambda cursor: history(ledger.engine, "C008", limit=1, cursor=cursor),
        lambda cursor: top(ledger.engine, "delinquency", limit=1, cursor=cursor),
        lambda cursor: top(ledger.engine, "delinquency", level="LOW", limit=1, cursor=cursor),
        lambda cursor: top(ledger.engine, "churn", limit=1, cursor=cursor),
        lambda cursor: purges(ledger.engine, limit=1, cursor=cursor),
    ]
    given = [(read, cursor) for read in lists if (cursor := read(None).next_cursor) is not None]
    assert len(given) >= 4
    for read, cursor in given:
        assert read(cursor).items
        for other in lists:
            if other is not read:
                with pytest.raises(CursorError):
                    other(cursor)


def latest(ledger: Ledger) -> dict[str, dict[str, Any]]:
    """The newest answer of each entity."""
    newest: dict[str, tuple[datetime, dict[str, Any]]] = {}
    for answer, entity, moment in ledger.of("delinquency"):
        assert entity is not None
        if entity not in newest or newest[entity][0] < moment:
            newest[entity] = (moment, answer)
    return {entity: answer for entity, (_, answer) in newest.items()}


def test_statistics_count_every_entity_once_by_its_latest_score(ledger: Ledger) -> None:
    newest = latest(ledger)
    found = stats(ledger.engine, "delinquency")
    assert (found.counted, found.count) == ("entities", len(newest))
    assert found.mean_score == pytest.approx(sum(one["score"] for one in newest.values()) / len(newest))
    assert {name: level.count for name, level in found.levels.items()} == Counter(
        one["level"] for one in newest.values()
    )
    assert sum(level.share for level in found.levels.values()) == pytest.approx(1)
    assert found.updated_at == max(one["created_at"] for one in newest.values())


def test_statistics_say_in_words_what_is_counted(ledger: Ledger) -> None:
    assert "each entity counts once" in stats(ledger.engine, "delinquency").note
    assert "no prediction of this model is kept" in stats(ledger.engine, "nothing").note


def test_statistics_of_a_model_of_records_count_predictions(ledger: Ledger) -> None:
    own = ledger.of("profitability")
    found = stats(ledger.engine, "profitability")
    assert (found.counted, found.count, found.levels) == ("predictions", len(own), {})
    assert found.mean_score == pytest.approx(sum(answer["score"] for answer, _, _ in own) / len(own))
    assert found.updated_at == max(answer["created_at"] for answer, _, _ in own)


@pytest.mark.parametrize("level", [None, "LOW", "HIGH", "nonsense"])
@pytest.mark.parametrize("limit", [1, 9, 1000])
def test_the_list_of_the_highest_scores_is_sorted_and_complete(ledger: Ledger, level: str | None, limit: int) -> None:
    wanted = [
        (one["score"], entity, one["prediction_id"])
        for entity, one in latest(ledger).items()
        if level in {None, one["level"]}
    ]
    found = pages(lambda cursor: top(ledger.engine, "delinquency", level=level, limit=limit, cursor=cursor))
    assert [(one.score, one.entity, one.prediction_id) for one in found] == sorted(wanted, reverse=True)


def test_equal_scores_are_paged_through_without_loss(settings: StorageSettings) -> None:
    seed = random.Random(3)
    with fresh_database(settings) as url:
        migrate(url)
        engine = open_engine(url, settings)
        write(url, [(making.prediction(seed, score=0.25), f"E{number}", NOW) for number in range(25)])
        found = pages(lambda cursor: top(engine, "delinquency", limit=4, cursor=cursor))
        assert sorted(one.entity for one in found) == sorted(f"E{number}" for number in range(25))
        engine.dispose()


def test_a_prediction_is_found_whole(ledger: Ledger) -> None:
    answer, entity, _ = ledger.made[1]
    found = prediction(ledger.engine, answer["prediction_id"])
    for name in ("score", "label", "level", "version", "role", "answer", "warnings", "created_at", "latency_ms"):
        assert getattr(found, name) == answer[name], name
    assert found.entity == entity
    assert found.features == {"balance": 12.5, "plan": "basic"}
    assert found.drivers == answer["answer"]["drivers"]
    assert found.outcome is None
    assert json.loads(msgspec.json.encode(found)) == asdict(found)


@pytest.mark.parametrize("wrong", ["", "x", "0190163d-8694-739b-aea5-966c26f8ad91", "\0", "0" * 500])
def test_an_unknown_prediction_is_said_to_be_unknown(ledger: Ledger, wrong: str) -> None:
    with pytest.raises(UnknownPredictionError, match="no prediction"):
        prediction(ledger.engine, wrong)


def start_of(window: str, moment: datetime) -> datetime:
    hour = moment.replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    return {"hour": hour, "day": day, "week": day - timedelta(days=day.weekday())}[window]


def moment_of(answer: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(answer["created_at"])


@hypothesis_settings(max_examples=40, deadline=None)
@given(
    window=some.sampled_from(WINDOWS),
    model=some.sampled_from(["delinquency", "profitability"]),
    version=some.sampled_from([None, "delinquency:b2"]),
    hours_back=some.floats(1, 900),
    hours_long=some.floats(0.1, 390),
)
def test_trends_are_what_the_predictions_come_to(
    ledger: Ledger, window: Any, model: str, version: str | None, hours_back: float, hours_long: float
) -> None:
    start = NOW - timedelta(hours=hours_back)
    end = start + timedelta(hours=hours_long)
    begin = start_of(window, start)
    last = start_of(window, end - timedelta(microseconds=1))
    groups: dict[datetime, list[dict[str, Any]]] = {}
    for answer, _, _ in ledger.of(model):
        at = start_of(window, moment_of(answer))
        if begin <= at <= last and version in {None, answer["version"]}:
            groups.setdefault(at, []).append(answer)
    found = {
        metric: trends(ledger.engine, model, metric, window, start=start, end=end, version=version)
        for metric in METRICS
    }
    x = [datetime.fromisoformat(moment) for moment in found["volume"].x]
    assert x[0] == begin
    columns = [groups.get(moment, []) for moment in x]
    # The last window of days and hours is whole, whatever part of it was asked for.
    series = {metric: {one.name: one.values for one in trend.series} for metric, trend in found.items()}
    assert series["volume"]["predictions"] == [len(column) for column in columns]
    everything = [one for column in columns for one in column]
    assert set(series["levels"]) == {one["level"] for one in everything if one["level"] is not None}
    assert set(series["labels"]) == {str(one["label"]).lower() for one in everything if one["label"] is not None}
    for place, column in enumerate(columns):
        _check_scores(series["score"], place, [one["score"] for one in column])
        for name, counts in series["levels"].items():
            assert counts[place] == sum(one["level"] == name for one in column)
        for name, counts in series["labels"].items():
            assert counts[place] == sum(str(one["label"]).lower() == name for one in column)
        assert sum(counts[place] or 0 for counts in series["distribution"].values()) == len(column)
        assert series["quality"]["warned"][place] == sum(bool(one["warnings"]) for one in column)
        mean = series["latency"]["mean"][place]
        assert mean == (pytest.approx(sum(one["latency_ms"] for one in column) / len(column)) if column else None)


def _check_scores(series: dict[str, Any], at: int, scores: list[float]) -> None:
    if not scores:
        assert {values[at] for values in series.values()} == {None}
        return
    assert series["mean"][at] == pytest.approx(math.fsum(scores) / len(scores), rel=1e-6, abs=1e-9)
    assert (series["least"][at], series["most"][at]) == (min(scores), max(scores))
    for name, share in (("p10", 0.1), ("median", 0.5), ("p90", 0.9)):
        exact = sorted(scores)[max(0, math.ceil(share * len(scores)) - 1)]
        assert abs(series[name][at] - exact) <= 0.02 + 0.1 * abs(exact)


def test_a_trend_of_several_versions_shows_each_beside_all(ledger: Ledger) -> None:
    found = trends(ledger.engine, "delinquency", "volume", "week")
    everything, one, other, _ = (series.values for series in found.series)
    assert [series.name for series in found.series] == [
        "predictions", "delinquency:a1", "delinquency:b2", "explanations",
    ]  # fmt: skip
    assert everything == [sum(pair) for pair in zip(one, other, strict=True)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        ({"metric": "nonsense"}, "metric"),
        ({"window": "month"}, "window"),
        ({"start": NOW, "end": NOW}, "from"),
        ({"start": NOW - timedelta(days=400), "window": "hour"}, "from"),
        ({"start": datetime(2026, 1, 1)}, "from"),  # noqa: DTZ001 - that is the fault
        ({"start": datetime.min.replace(tzinfo=UTC)}, "from"),
        ({"end": datetime.min.replace(tzinfo=UTC)}, "to"),
        ({"end": datetime.max.replace(tzinfo=UTC)}, "to"),
    ],
)
def test_a_trend_that_cannot_be_drawn_is_refused(ledger: Ledger, given: dict[str, Any], parameter: str) -> None:
    with pytest.raises(QueryError) as caught:
        trends(ledger.engine, "delinquency", **given)
    assert caught.value.parameter == parameter


def test_two_periods_side_by_side(ledger: Ledger) -> None:
    middle = NOW - timedelta(days=14)
    sides = [Period(middle - timedelta(days=14), middle), Period(middle, NOW)]
    found = comparison(ledger.engine, "delinquency", *sides)
    own = [answer for answer, _, _ in ledger.of("delinquency")]
    for side in (found.a, found.b):
        start, end = datetime.fromisoformat(side.start), datetime.fromisoformat(side.end)
        answers = [one for one in own if start <= moment_of(one) < end]
        scores = [one["score"] for one in answers]
        mean = sum(scores) / len(scores)
        assert side.predictions == len(answers) > 50
        assert side.mean_score == pytest.approx(mean)
        deviation = math.sqrt(sum((score - mean) ** 2 for score in scores) / len(scores))
        assert side.deviation == pytest.approx(deviation)
        assert {name: share.count for name, share in side.levels.items()} == Counter(one["level"] for one in answers)
        for low, high, bar in zip(found.edges[:-1], found.edges[1:], side.histogram, strict=True):
            inside = sum(low <= score < high for score in scores)
            assert bar == Share(count=inside, share=inside / len(scores))
    assert found.difference.predictions == found.b.predictions - found.a.predictions
    assert found.difference.levels["LOW"] == pytest.approx(found.b.levels["LOW"].share - found.a.levels["LOW"].share)
    assert sum(found.difference.histogram) == pytest.approx(0)


def test_two_versions_side_by_side_and_one_that_has_not_answered(ledger: Ledger) -> None:
    start, end = NOW - timedelta(days=60), NOW
    found = comparison(
        ledger.engine, "delinquency", Period(start, end, "delinquency:a1"), Period(start, end, "delinquency:z")
    )
    assert found.a.predictions > 0
    assert (found.b.predictions, found.b.mean_score, found.b.levels) == (0, None, {})
    assert found.difference.mean_score is None
    assert found.difference.predictions_ratio == 0


@pytest.mark.parametrize(
    ("start", "end", "parameter"),
    [
        (NOW, NOW, "a.from"),
        (NOW - timedelta(days=9000), NOW, "a.from"),
        (datetime(2026, 1, 1), NOW, "a.from"),  # noqa: DTZ001 - that is the fault
        (datetime.min.replace(tzinfo=UTC), NOW, "a.from"),
        (NOW, datetime.max.replace(tzinfo=UTC), "a.to"),
    ],
)
def test_a_comparison_of_what_is_no_period_is_refused(
    ledger: Ledger, start: datetime, end: datetime, parameter: str
) -> None:
    with pytest.raises(QueryError) as caught:
        comparison(ledger.engine, "delinquency", Period(start, end), Period(NOW - timedelta(days=1), NOW))
    assert caught.value.parameter == parameter


@given(some.lists(some.floats(0, 1) | some.floats(-1e9, 1e9), min_size=1, max_size=60), some.floats(0, 1))
def test_a_quantile_of_bins_is_close_to_the_exact_one(scores: list[float], share: float) -> None:
    for label in (None, "true"):
        rows = [
            rows_of(making.frame(making.prediction(random.Random(1), score=score, label=label)))[0] for score in scores
        ]
        bins = Total.of(rows).score_bins
        found = quantile(bins, share, least=min(scores), most=max(scores))
        exact = sorted(scores)[max(0, math.ceil(share * len(scores)) - 1)]
        assert found is not None
        assert abs(found - exact) <= 0.02 + 0.1 * abs(exact) + 1e-6
        bars = scale([bins])
        assert sum(bars.counts(bins)) == len(scores)
        assert list(bars.edges) == sorted(bars.edges)


def test_nothing_has_no_quantile_and_no_bars() -> None:
    assert quantile({}, 0.5, least=None, most=None) is None
    assert scale([{}]).names == []


def _plan(url: str, statement: str) -> str:
    return "\n".join(str(row[0]) for row in execute(url, f"explain {statement}"))


def test_a_history_of_recent_days_reads_recent_partitions_only(ledger: Ledger) -> None:
    since = lowest(NOW - timedelta(days=10))
    recent = f"entity = 'C1' and prediction_id >= '{since}'"
    plan = _plan(ledger.url, f"select 1 from predictions where {recent} order by prediction_id desc limit 9")
    spans = set(re.findall(r"predictions_(\d{8})", plan))
    assert 2 <= len(spans) <= 3  # one or two of the past and the present, and one that was made ahead
    assert "Sort" not in plan


def test_quantiles_within_one_bin_lie_between_the_least_and_the_most() -> None:
    assert quantile({0: 10}, 0.5, least=0.001, most=0.003) == pytest.approx(0.002)
    assert quantile({0: 10}, 0.1, least=0.001, most=None) == pytest.approx(0.001 + 0.1 * 0.019)
