"""A definition that a careful person would write after looking at the rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from models.definition import Definition, Kind, Recipe, Schema, forecast
from training.check import MIN_ROWS
from training.errors import DataError
from training.infer.contents import Contents, fingerprint, study
from training.infer.features import feature
from training.infer.forecasting import Regular, regular
from training.infer.identity import describes, repeats_as_id, why_left_out
from training.infer.naming import humanized
from training.infer.outcome import Outcome, outcome
from training.infer.policies import policy_for
from training.infer.timing import time_column
from training.infer.wishes import Wishes, check_columns
from training.numerals import read_numbers

ENOUGH_ROWS = 200
"""With fewer rows, what is measured is mostly luck."""

SHOWN_FINDINGS = 5
NO_SERIES = (
    "no regular series were found: a forecast needs one value each hour, day, week or month; --group names the column "
    "that tells series apart"
)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that is no feature, and why, with the evidence."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Inferred:
    """A definition with what its maker should know: columns left out, and what was decided or guessed, in words."""

    definition: Definition
    left_out: tuple[LeftOut, ...]
    findings: tuple[str, ...]
    origin: str
    rows: int


def no_progress(_: str) -> None:
    """Tells nobody."""


def infer(frame: pd.DataFrame, wishes: Wishes, studying: Callable[[str], None] = no_progress) -> Inferred:
    """The definition of `wishes.name` for the rows of `frame`. Nothing that needs the target's values decides over a
    column: what states the target is found in training.

    `studying` is told each column's name in turn. Raises DataError when a wish cannot be met, nothing can be learned,
    or a column holds a few cells that keep it from being one of numbers.
    """
    check_columns(wishes, list(frame.columns))
    asked = _asked(frame, wishes)
    contents = []
    for name in frame.columns:
        if name not in (wishes.target, *wishes.exclude):
            studying(name)
            contents.append(study(name, frame[name]))
    _refuse_oddities(contents, wishes)
    series, more = _regular(frame, contents, asked, wishes)
    if series is not None:
        return _forecast(series, asked, wishes, len(frame))
    when, why = time_column(contents, wishes)
    wishes, grouping = _grouped(contents, wishes, when)
    left_out = _left_out(contents, wishes, when)
    kept = [column for column in contents if column.name not in {left.name for left in left_out}]
    if not kept:
        reasons = [f"column {left.name!r}: {left.reason}" for left in left_out]
        raise DataError(wishes.origin, ["no column is left to learn from", *reasons])
    return Inferred(
        _definition(kept, asked, wishes, when, len(frame)),
        left_out,
        (*asked.findings, *more, *grouping, *_findings(contents, left_out, wishes, when, why, len(frame))),
        wishes.origin,
        len(frame),
    )


def _asked(frame: pd.DataFrame, wishes: Wishes) -> Outcome:
    """The target's part; without a target, an anomaly model."""
    if wishes.target is not None:
        return outcome(frame[wishes.target], wishes)
    if wishes.kind not in (None, Kind.ANOMALY) or wishes.positive is not None:
        raise DataError(wishes.origin, ["a model of that kind needs --target"])
    found = "no --target was given: this is an anomaly model, which tells odd rows from the usual ones"
    return Outcome(Kind.ANOMALY, None, float("nan"), (found,))


def _refuse_oddities(contents: Sequence[Contents], wishes: Wishes) -> None:
    odd = [text for column in contents if column.name != wishes.group for text in column.odd]
    if odd:
        raise DataError(wishes.origin, [*odd, "mend or empty these cells, or leave the column out with --exclude"])


def _regular(
    frame: pd.DataFrame, contents: Sequence[Contents], asked: Outcome, wishes: Wishes
) -> tuple[Regular | None, tuple[str, ...]]:
    """The regular series that a quantity with a time may be, and what else was found.

    Raises DataError when a forecast is wished for and the rows are no regular series.
    """
    if wishes.kind is Kind.OPTIMISER:
        raise DataError(wishes.origin, ["an optimiser cannot be inferred from a file; choose another --kind"])
    wanted = wishes.kind is Kind.FORECAST
    if not wanted and (wishes.kind is not None or asked.kind is not Kind.REGRESSION):
        return None, ()
    if not wanted and wishes.time is None:
        return None, _forecast_hint(frame, contents, asked, wishes)
    if wishes.time is None or asked.target is None:
        raise DataError(wishes.origin, ["a forecast needs --target and --time"])
    quantities = read_numbers(frame[wishes.target]).values
    found = regular(frame, quantities, contents, wishes, asked.target.unit)
    if isinstance(found, Regular):
        return found, ()
    if wanted:
        raise DataError(wishes.origin, [found.reason or NO_SERIES])
    because = f"no forecast: {found.reason}" if found.reason else "rows are no regular series in time"
    return None, (f"{because}, so this is a regression, tested on the latest rows",)


def _forecast_hint(
    frame: pd.DataFrame, contents: Sequence[Contents], asked: Outcome, wishes: Wishes
) -> tuple[str, ...]:
    """That the rows of a regression are series, and how to forecast them."""
    assert asked.target is not None
    quantities = read_numbers(frame[asked.target.column]).values
    for column in contents:
        if column.holds == "moments" and not column.missing and column.name != wishes.group:
            timed = replace(wishes, time=column.name)
            found = regular(frame, quantities, contents, timed, asked.target.unit)
            if isinstance(found, Regular):
                rows = "regular series" if found.window.series else "a regular series"
                words = f"the rows are {rows}, one value each {found.window.period} of {column.name!r}"
                return (f"{words}: add --time {column.name!r} for a forecast instead of a regression",)
    return ()


def _grouped(contents: Sequence[Contents], wishes: Wishes, when: str | None) -> tuple[Wishes, tuple[str, ...]]:
    """The wishes with the column to group by, and why: the one wished for, else an id whose rows other columns make
    recognisable.

    By time, rows of what was seen before are what is to be foretold: nothing is then grouped unasked.
    """
    if wishes.group is not None or when is not None:
        return wishes, ()
    ids = [column for column in contents if repeats_as_id(column) and why_left_out(column) and not column.missing]
    others = [column for column in contents if not why_left_out(column)]
    for entity in sorted(ids, key=lambda column: column.distinct):
        told = next((column.name for column in others if describes(column, entity)), None)
        if told is not None:
            each = len(entity.values) / entity.distinct
            found = (
                f"column {entity.name!r} names something that has {each:.1f} rows on average, all with the same "
                f"{told!r}: its rows are kept together, so that the test holds none of what the model has already seen "
                "(without group_column in the file they are not)"
            )
            return replace(wishes, group=entity.name), (found,)
    return wishes, ()


def _left_out(contents: Sequence[Contents], wishes: Wishes, when: str | None) -> tuple[LeftOut, ...]:
    found = [LeftOut(name, "as asked for") for name in wishes.exclude]
    for column in contents:
        if column.name == wishes.group:
            found.append(LeftOut(column.name, "rows are grouped by it"))
        elif column.name == when and column.holds == "numbers":
            found.append(LeftOut(column.name, "rows are split by it: later rows have values no model has seen"))
        elif column.name != when and (reason := why_left_out(column)):
            found.append(LeftOut(column.name, reason))
    gone = {left.name for left in found}
    return *found, *_repeated([column for column in contents if column.name not in gone], when)


def _repeated(kept: Sequence[Contents], when: str | None) -> list[LeftOut]:
    """The columns that say in every row what another one says, be it in another spelling."""
    first: dict[tuple[str, bytes], str] = {}
    found = []
    for column in sorted(kept, key=lambda column: column.name != when):  # the one to split by is kept
        same = first.setdefault((column.holds, fingerprint(column.values)), column.name)
        if same != column.name:
            found.append(LeftOut(column.name, f"it says the same as {same!r} in all rows"))
    return found


def _findings(
    contents: Sequence[Contents], left_out: Sequence[LeftOut], wishes: Wishes, when: str | None, why: str, rows: int
) -> list[str]:
    gone = {left.name for left in left_out}
    found = _together([text for column in contents if column.name not in gone for text in column.findings])
    if when is not None and wishes.time is None:
        found.append(f"rows are split by time, the latest for the test: {why}")
    for column in contents:
        if column.name in gone and column.name not in wishes.exclude and repeats_as_id(column) and not wishes.group:
            each = len(column.values) / column.distinct
            found.append(
                f"column {column.name!r} names something that has {each:.1f} rows on average; if these belong together "
                f"add --group {column.name!r}; otherwise the test holds rows of what the model has already seen"
            )
    if rows < MIN_ROWS:
        found.append(f"{rows:,} rows are too few to train on: at least {MIN_ROWS} are needed")
    elif rows < ENOUGH_ROWS:
        found.append(f"{rows:,} rows are few: what is measured on them is mostly luck")
    return found


def _together(findings: list[str]) -> list[str]:
    """The first findings about single columns, and how many more there are."""
    more = len(findings) - SHOWN_FINDINGS
    return findings[:SHOWN_FINDINGS] + ([f"and so in {more} more columns"] if more > 0 else [])


def _definition(kept: Sequence[Contents], asked: Outcome, wishes: Wishes, when: str | None, rows: int) -> Definition:
    title = humanized(wishes.name)
    try:
        return Definition(
            name=wishes.name,
            title=title,
            purpose=_purpose(asked, title),
            kind=asked.kind,
            schema=Schema(tuple(feature(column, splits_by_time=column.name == when) for column in kept)),
            target=asked.target,
            recipe=Recipe(
                form="auto",
                data=wishes.data,
                query=wishes.query,
                traps="leave_out",
                time_column=when,
                group_column=wishes.group,
            ),
            policy=policy_for(asked.kind, asked.rate),
            limits=(
                f"Learned from {rows:,} rows of {wishes.origin}{_dates(kept, when)}.",
                "Inferred, not reviewed: check that every feature is known when a prediction is asked for.",
            ),
        )
    except ValueError as error:
        raise DataError(wishes.origin, [str(error)]) from error


def _forecast(series: Regular, asked: Outcome, wishes: Wishes, rows: int) -> Inferred:
    """The forecasting model of regular series."""
    window, target = series.window, asked.target
    assert target is not None
    title = humanized(wishes.name)
    definition = Definition(
        name=wishes.name,
        title=title,
        purpose=f"Forecast {target.column} for up to {window.longest} {window.period}s ahead.",
        kind=Kind.FORECAST,
        schema=window.schema,
        target=target,
        recipe=Recipe(form="auto", data=wishes.data, query=wishes.query, time_column=window.time),
        policy=forecast(window),
        limits=(
            f"Learned from {rows:,} rows of {wishes.origin}.",
            f"The interval is that of each {window.period}, not of the sum over the horizon.",
        ),
    )
    left_out = (
        *(LeftOut(name, "as asked for") for name in wishes.exclude),
        *(LeftOut(name, "it tells one series from another") for name in window.series),
        *(LeftOut(name, "not known ahead, as its name speaks of no plan") for name in series.unknown),
    )
    return Inferred(definition, left_out, (*asked.findings, *series.findings), wishes.origin, rows)


def _purpose(asked: Outcome, title: str) -> str:
    target = asked.target
    match asked.kind:
        case Kind.BINARY:
            assert target is not None
            return f"Say how likely it is that {target.column} is {target.positive}."
        case Kind.MULTICLASS:
            assert target is not None
            return f"Say which of {len(target.classes)} classes {target.column} is."
        case Kind.ANOMALY:
            return f"Tell odd rows of {title} from the usual ones."
        case _:
            assert target is not None
            return f"Estimate {target.column}."


def _dates(kept: Sequence[Contents], when: str | None) -> str:
    """The dates of the rows, where they have any."""
    times = next((column.values for column in kept if column.name == when and column.holds == "moments"), None)
    return "" if times is None else f", {times.min():%Y-%m-%d} to {times.max():%Y-%m-%d}"
