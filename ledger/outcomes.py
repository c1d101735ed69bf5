"""Outcomes joined to their predictions: recorded, corrected, or kept until the prediction arrives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Engine, text

from ledger.reports import Fault, Report, ReportError, report
from ledger.statements import TOTALS_KEY
from ledger.truths import Truth
from models.definition import Definition
from storage.database import transact

Status = Literal["recorded", "corrected", "duplicate", "unmatched", "rejected"]
AT_ONCE = 1000
"""So many are joined in one transaction."""
MOST_OF_ONE = 100
"""Outcomes of the same prediction in one request: each corrects the one before, and all that were are kept."""
_REPEATED = f"is about the same as {MOST_OF_ONE} others of this request; send the last of them"
AHEAD = timedelta(minutes=5)
"""How far in the future an outcome may have been observed: clocks differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeResult:
    """What became of one reported outcome.

    `recorded`: the first of its prediction. `corrected`: another value than before, which is kept as `previous` and in
    the history. `duplicate`: the same value again, nothing has changed. `unmatched`: no such prediction is known; it is
    kept and recorded when the prediction arrives. `rejected`: see `reason`; nothing is kept.
    """

    index: int
    status: Status
    prediction_id: str | None = None
    """The prediction that it belongs to."""
    outcome: Truth | None = None
    """As the ledger keeps it."""
    previous: Truth | None = None
    reason: str | None = None
    """Why it was rejected, for people."""
    errors: tuple[Fault, ...] = ()
    """Why it was rejected, by field."""


def record(
    engine: Engine,
    definitions: Mapping[str, Definition],
    items: Sequence[object],
    *,
    by: str | None = None,
    ahead: timedelta = AHEAD,
) -> list[OutcomeResult]:
    """Join outcomes to predictions, and say what became of each, in order. `items` are as they came, see `report`.

    An outcome with an entity and a time belongs to the entity's latest scored prediction of that model before that time
    that a caller has seen; latest by the observation date where one was given, else by when it was made. Where several
    outcomes may follow one prediction, name it by its id instead: the later one would count as a correction. Nothing is
    observed further in the future than `ahead`.

    A prediction whose request replaced values of its entity is of what would be: it has outcomes by its id only.

    Up to 1000 are one transaction. Raises StorageUnavailableError; what was done before is kept then, and sending all
    again makes duplicates of it.
    """
    results: dict[int, OutcomeResult] = {}
    reports: list[tuple[int, Report]] = []
    times: Counter[tuple[object, ...]] = Counter()
    latest = datetime.now(UTC) + ahead
    for index, item in enumerate(items):
        try:
            one = report(item, definitions, latest=latest)
            times[one.key] += 1
            if times[one.key] > MOST_OF_ONE:
                raise ReportError(Fault("", "repeated", _REPEATED))
        except ReportError as error:
            results[index] = _rejected(index, error)
        else:
            reports.append((index, one))
    for begin in range(0, len(reports), AT_ONCE):
        some = reports[begin : begin + AT_ONCE]

        def work(connection: Connection, some: list[tuple[int, Report]] = some) -> list[OutcomeResult]:
            return _record(connection, definitions, some, by)

        results.update((result.index, result) for result in transact(engine, work))
    return [results[index] for index in range(len(items))]


def _rejected(index: int, error: ReportError) -> OutcomeResult:
    return OutcomeResult(index=index, status="rejected", reason=str(error), errors=error.faults)


@dataclass(frozen=True, slots=True)
class _Match:
    """A report and the prediction that it is about."""

    index: int
    report: Report
    prediction_id: UUID
    model: str
    entity: str | None


def _record(
    connection: Connection, definitions: Mapping[str, Definition], reports: list[tuple[int, Report]], by: str | None
) -> list[OutcomeResult]:
    matches, others = _matched(connection, reports)
    if others:
        # A prediction may be on its way: after this lock it is either visible, or its shipper sees what is kept below.
        connection.execute(text(f"select pg_advisory_xact_lock({TOTALS_KEY})"))
        more, others = _matched(connection, others)
        matches += more
    sure, results = _checked(matches, definitions)
    return [*results, *_write(connection, sure, by), *_keep(connection, others, by)]


def _checked(matches: list[_Match], definitions: Mapping[str, Definition]) -> tuple[list[_Match], list[OutcomeResult]]:
    """The matches with an outcome that their prediction can have, and what is said to the others."""
    sure: list[_Match] = []
    refused: list[OutcomeResult] = []
    for match in sorted(matches, key=lambda one: one.index):
        try:
            sure.append(replace(match, report=_fitting(match, definitions)))
        except ReportError as error:
            refused.append(_rejected(match.index, error))
    return sure, refused


def _fitting(match: _Match, definitions: Mapping[str, Definition]) -> Report:
    """The report as one of its prediction's model. Raises ReportError."""
    said = match.report.model
    if said is not None and said != match.model:
        message = f"must be {match.model}, the model of this prediction; or leave it out"
        raise ReportError(Fault("model", "other_model", message, said))
    return match.report.of(definitions.get(match.model))


def _matched(
    connection: Connection, reports: list[tuple[int, Report]]
) -> tuple[list[_Match], list[tuple[int, Report]]]:
    """The reports whose prediction is known, and the others."""
    by_id: dict[UUID, list[tuple[int, Report]]] = {}
    for index, one in reports:
        if one.prediction_id is not None:
            by_id.setdefault(one.prediction_id, []).append((index, one))
    by_entity = [(index, one) for index, one in reports if one.prediction_id is None]
    found: list[_Match] = []
    if by_id:
        rows = connection.execute(_BY_ID, {"ids": [str(identity) for identity in by_id]}).all()
        for row in rows:
            for index, one in by_id[row.prediction_id]:
                found.append(_Match(index, one, row.prediction_id, row.model, row.entity))
    if by_entity:
        wanted = [
            {"place": place, "model": one.model, "entity": one.entity, "observed_at": one.observed_at}
            for place, (_, one) in enumerate(by_entity)
        ]
        rows = connection.execute(_BY_ENTITY, {"wanted": _json(wanted)}).all()
        for row in rows:
            index, one = by_entity[row.place]
            found.append(_Match(index, one, row.prediction_id, row.model, row.entity))
    known = {match.index for match in found}
    return found, [(index, one) for index, one in reports if index not in known]


def _write(connection: Connection, matches: Sequence[_Match], by: str | None) -> list[OutcomeResult]:
    """Record or correct, whoever else does so at the same time; several of one prediction one after the other."""
    known = _insert(connection, matches, by) if matches else {}
    results: list[OutcomeResult] = []
    corrections: dict[UUID, list[_Match]] = {}
    for match in matches:
        result = _result(match, known.get(match.prediction_id))
        results.append(result)
        if result.status == "corrected":
            corrections.setdefault(match.prediction_id, []).append(match)
        if result.status != "duplicate":
            known[match.prediction_id] = match.report.outcome
    _correct(connection, corrections.values(), by)
    return results


def _insert(connection: Connection, matches: Sequence[_Match], by: str | None) -> dict[UUID, Truth]:
    """Record the first of each prediction that has no outcome; the others' outcomes, which stay until the end."""
    first: dict[UUID, _Match] = {}
    for match in matches:
        first.setdefault(match.prediction_id, match)
    rows = [_row(match, by) for match in first.values()]
    new = set(connection.execute(_INSERT, {"rows": _json(rows)}).scalars())
    older = [str(identity) for identity in first if identity not in new]
    if not older:
        return {}
    return {row.prediction_id: row.outcome for row in connection.execute(_EXISTING, {"ids": older}).all()}


def _correct(connection: Connection, corrections: Collection[Sequence[_Match]], by: str | None) -> None:
    """Keep what was before, and what was true only until the next correction of the same prediction."""
    last = [_row(several[-1], by) for several in corrections]
    if last:
        connection.execute(_KEEP_HISTORY, {"rows": _json(last)})
        between = [_row(match, by) for several in corrections for match in several[:-1]]
        if between:
            connection.execute(_ADD_HISTORY, {"rows": _json(between)})
        connection.execute(_CORRECT, {"rows": _json(last)})


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    return msgspec.json.encode(rows).decode()


def _result(match: _Match, before: Truth | None) -> OutcomeResult:
    """What is said when the ledger held `before`; None: nothing."""
    outcome = match.report.outcome
    status: Status = "corrected"
    if before is None:
        status = "recorded"
    elif before == outcome and isinstance(before, bool) == isinstance(outcome, bool):
        status = "duplicate"
    return OutcomeResult(
        index=match.index,
        status=status,
        prediction_id=str(match.prediction_id),
        outcome=outcome,
        previous=before if status == "corrected" else None,
    )


def _row(match: _Match, by: str | None) -> dict[str, Any]:
    return {
        "place": match.index,
        "prediction_id": match.prediction_id,
        "model": match.model,
        "entity": match.entity,
        "outcome": match.report.outcome,
        "observed_at": match.report.observed_at,
        "recorded_by": by,
    }


def _keep(connection: Connection, reports: list[tuple[int, Report]], by: str | None) -> list[OutcomeResult]:
    """Keep what has no prediction yet; a later report of the same replaces an earlier one."""
    last = {one.key: one for _, one in reports}.values()
    for by_id, statement in ((True, _KEEP_BY_ID), (False, _KEEP_BY_ENTITY)):
        rows = [
            {
                "prediction_id": one.prediction_id,
                "model": one.model,
                "entity": one.entity,
                "observed_at": one.observed_at,
                "outcome": one.outcome,
                "recorded_by": by,
            }
            for one in last
            if (one.prediction_id is not None) == by_id
        ]
        if rows:
            connection.execute(statement, {"rows": _json(rows)})
    return [
        OutcomeResult(
            index=index,
            status="unmatched",
            prediction_id=None if one.prediction_id is None else str(one.prediction_id),
            outcome=one.outcome,
        )
        for index, one in reports
    ]


_BY_ID = text("select prediction_id, model, entity from predictions where prediction_id = any(cast(:ids as uuid[]))")
# Mostly it is the entity's latest score, found with one look; else the partitions are searched.
_BY_ENTITY = text("""
select wanted.place, found.prediction_id, wanted.model, wanted.entity
from jsonb_to_recordset(cast(:wanted as jsonb)) as wanted (
    place integer, model text, entity text, observed_at timestamptz
)
left join latest_scores
    on latest_scores.model = wanted.model
    and latest_scores.entity = wanted.entity
    and latest_scores.moment < wanted.observed_at
cross join lateral (
    select latest_scores.prediction_id where latest_scores.prediction_id is not null
    union all
    select earlier.prediction_id
    from (
        select prediction_id
        from predictions
        where predictions.entity = wanted.entity
            and predictions.model = wanted.model
            and predictions.role in ('champion', 'canary')
            and predictions.score is not null
            and not predictions.supposed
            and least(coalesce(predictions.as_of, predictions.created_at), predictions.created_at) < wanted.observed_at
        order by least(coalesce(predictions.as_of, predictions.created_at), predictions.created_at) desc,
            prediction_id desc
        limit 1
    ) as earlier
    where latest_scores.prediction_id is null
) as found
""")
_GIVEN = """
jsonb_to_recordset(cast(:rows as jsonb)) as given (
    place integer, prediction_id uuid, model text, entity text, outcome jsonb, observed_at timestamptz, recorded_by text
)
"""
_INSERT = text(f"""
insert into outcomes (prediction_id, model, entity, outcome, observed_at, recorded_by)
select prediction_id, model, entity, outcome, observed_at, recorded_by from {_GIVEN} order by prediction_id
on conflict (prediction_id) do nothing
returning prediction_id
""")  # noqa: S608 - of constants
_EXISTING = text("""
select prediction_id, outcome
from outcomes
where prediction_id = any(cast(:ids as uuid[]))
order by prediction_id
for update
""")
_KEEP_HISTORY = text(f"""
insert into outcome_history (prediction_id, outcome, observed_at, recorded_at, recorded_by)
select prediction_id, outcomes.outcome, outcomes.observed_at, outcomes.recorded_at, outcomes.recorded_by
from outcomes
join {_GIVEN} using (prediction_id)
""")  # noqa: S608 - of constants
_ADD_HISTORY = text(f"""
insert into outcome_history (prediction_id, outcome, observed_at, recorded_at, recorded_by)
select prediction_id, outcome, observed_at, now(), recorded_by from {_GIVEN} order by place
""")  # noqa: S608 - of constants
_CORRECT = text(f"""
update outcomes
set outcome = given.outcome, observed_at = given.observed_at, recorded_at = now(), recorded_by = given.recorded_by
from {_GIVEN}
where outcomes.prediction_id = given.prediction_id
""")  # noqa: S608 - of constants
_KEEP = f"""
insert into pending_outcomes (prediction_id, model, entity, observed_at, outcome, recorded_by)
select prediction_id, model, entity, observed_at, outcome, recorded_by from {_GIVEN}
"""  # noqa: S608 - of constants
_REPLACE = """
do update set model = excluded.model, observed_at = excluded.observed_at, outcome = excluded.outcome,
    received_at = now(), recorded_by = excluded.recorded_by
"""
_KEEP_BY_ID = text(f"{_KEEP} on conflict (prediction_id) where prediction_id is not null {_REPLACE}")
_KEEP_BY_ENTITY = text(f"{_KEEP} on conflict (model, entity, observed_at) where prediction_id is null {_REPLACE}")
