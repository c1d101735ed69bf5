"""Dates and times as people write them in files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from training.numerals import is_missing

_ABBREVIATIONS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_ABBREVIATIONS, 1)}
_TIME = r"(?:[T ,]\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}(?:\.\d{1,6})?))?\s*(?P<half>[AaPp][Mm])?)?"
_ISO = r"\d{4}-\d{2}(?:-\d{2}(?:[T ]\d{2}:?\d{2}(?::?\d{2}(?:[.,]\d{1,9})?)?\s?(?:Z|UTC|[+-]\d{2}:?(?:\d{2})?)?)?)?"
_SLASHED = re.compile(
    rf"(?P<first>\d{{1,2}})(?P<sign>[/.-])(?P<middle>\d{{1,2}})(?P=sign)(?P<year>\d{{4}}|\d{{2}}){_TIME}\Z"
)
_YEAR_FIRST = re.compile(rf"(?P<year>\d{{4}})[/.](?P<month>\d{{1,2}})[/.](?P<day>\d{{1,2}}){_TIME}\Z")
_COMPACT = re.compile(r"(?P<year>(?:19|20)\d{2})(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])\Z")
_NAMED = re.compile(
    r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?(?:(?P<day>\d{1,2})(?:st|nd|rd|th)?\.?[\s-]+)?"
    r"(?P<name>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?[\s,-]+"
    rf"(?:(?P<after>\d{{1,2}})(?:st|nd|rd|th)?,?\s+)?(?P<year>\d{{4}}){_TIME}\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Moments:
    """A column read as moments: datetime64[us] in UTC, NaT where one is missing or wrong.

    `wrong` is True where there is text that is no date. `day_first` says how 01/02/2020 was read; None where no cell
    needed it. `ambiguous` is True when nothing in the column decides that; the month is then taken to come first. `iso`
    says that all are written as ISO 8601 has it.
    """

    values: pd.Series[Any]
    wrong: pd.Series[bool]
    day_first: bool | None = None
    ambiguous: bool = False
    iso: bool = True


def read_moments(column: pd.Series[Any]) -> Moments:
    """`column` as moments. Text is read as the column's own evidence says; without an offset it counts as UTC.

    >>> read_moments(pd.Series(["31/12/2020", "01/02/2021"])).values.tolist()[1]
    Timestamp('2021-02-01 00:00:00')

    Read are ISO 8601 dates and date-times, 31/12/2020, 12/31/2020, 31.12.2020, "Jan 5, 2020", "5-Jan-2020",
    "Jan-2020" for its first day, and 20201231. Numbers are no dates.
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        return Moments(_naive(pd.to_datetime(column, utc=True)), pd.Series(False, index=column.index))
    texts = column.astype("str").str.strip()
    there = ~is_missing(texts)
    iso = texts.str.fullmatch(_ISO).fillna(False).astype(bool)
    texts = texts.where(there)
    day_first: bool | None = None
    ambiguous = False
    all_iso = bool((iso | ~there).all())
    if not all_iso:
        texts, day_first, ambiguous = _rewritten(texts, iso)
    values = _naive(pd.to_datetime(texts, utc=True, errors="coerce", format="ISO8601"))
    return Moments(values, values.isna() & there, day_first, ambiguous, all_iso)


def _naive(moments: pd.Series[Any]) -> pd.Series[Any]:
    naive: pd.Series[Any] = moments.dt.tz_localize(None).astype("datetime64[us]")
    return naive


def _rewritten(texts: pd.Series[Any], iso: pd.Series[bool]) -> tuple[pd.Series[Any], bool | None, bool]:
    """All other spellings as ISO 8601; what is no date becomes missing."""
    others = texts[~iso].dropna().unique()
    day_first, ambiguous = _order([match for text in others if (match := _SLASHED.match(text))])
    rewritten = {text: _iso(text, bool(day_first)) for text in others}
    return texts.where(iso, texts.map(rewritten)), day_first, ambiguous


def _order(matches: Sequence[re.Match[str]]) -> tuple[bool | None, bool]:
    """Whether the day comes first in 01/02/2020, and whether that had to be guessed."""
    if not matches:
        return None, False
    pairs = [(int(match["first"]), int(match["middle"])) for match in matches]
    day_first = sum(day <= 31 and month <= 12 for day, month in pairs)
    month_first = sum(month <= 12 and day <= 31 for month, day in pairs)
    if day_first == month_first:
        dotted = all(match["sign"] == "." for match in matches)  # 01.02.2020 is written where the day comes first
        return dotted, not dotted
    return day_first > month_first, False


def _iso(text: str, day_first: bool) -> str | None:
    match = _SLASHED.match(text)
    if match is not None:
        first, second = match["first"], match["middle"]
        return _joined(match, *((second, first) if day_first else (first, second)))
    match = _YEAR_FIRST.match(text) or _COMPACT.match(text)
    if match is not None:
        return _joined(match, match["month"], match["day"])
    match = _NAMED.match(text)
    if match is not None and not (match["day"] and match["after"]):
        return _joined(match, str(_MONTHS[match["name"].lower()]), match["day"] or match["after"] or "1")
    return None


def _joined(match: re.Match[str], month: str, day: str) -> str:
    year = match["year"] if len(match["year"]) == 4 else _century(int(match["year"]))
    date = f"{year}-{int(month):02}-{int(day):02}"
    parts = match.groupdict()
    if parts.get("hour") is None:
        return date
    half = (parts["half"] or "").lower()
    hour = int(parts["hour"]) % 12 + (12 if half == "pm" else 0) if half else int(parts["hour"])
    return f"{date}T{hour:02}:{parts['minute']}:{parts['second'] or '00'}"


def _century(year: int) -> int:
    """POSIX's rule: 69 to 99 are of the last century."""
    return year + (1900 if year >= 69 else 2000)
