"""What a column of a file holds, judged by its values."""

from __future__ import annotations

import datetime
import decimal
import hashlib
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from training.columns import NO_LEVEL, words
from training.dates import read_moments
from training.infer.naming import speaks_of_event_time
from training.numerals import MISSING, read_numbers

NEARLY = 0.98
"""A column of numbers (or dates) may hold so many odd cells that it is still one: its maker is asked to mend them."""
NEARLY_DISTINCT = 50
SAMPLE = 200
"""Cells that decide what a column is tried as."""
_COMPACT_DISTINCT = 20
_DECIMALS = r"[.,](?:\d{1,2}|\d{4,})?(?:\D|$)"
"""A point or comma that does not set thousands apart."""
_SCALARS = (str, int, float, bool, decimal.Decimal, datetime.date)

Holds = Literal["nothing", "numbers", "flags", "moments", "words", "other"]


@dataclass(frozen=True, slots=True)
class Contents:
    """A column's values in one form, missing ones left out, in the file's order.

    Numbers are float64, moments datetime64[us], flags 1.0 and 0.0, words text. `missing` counts what was left out.
    `unit` stands in the cells. `written_whole` says that no number has a decimal point, not even before a zero.
    `findings` are what had to be guessed. `odd` says which few cells keep the column from being one of numbers or of
    dates.
    """

    name: str
    holds: Holds
    values: pd.Series[Any]
    missing: int
    unit: str = ""
    written_whole: bool = False
    findings: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return len(self.values) + self.missing

    @property
    def distinct(self) -> int:
        return int(self.values.nunique())


def fingerprint(values: pd.Series[Any]) -> bytes:
    """The same for equal values in the same rows."""
    return hashlib.sha256(pd.util.hash_pandas_object(values).to_numpy().tobytes()).digest()


def study(name: str, column: pd.Series[Any]) -> Contents:
    """What `column` holds."""
    if pd.api.types.is_bool_dtype(column) and not pd.api.types.is_object_dtype(column):
        return _contents(name, "flags", column.astype("Float64").astype("float64"))
    if pd.api.types.is_datetime64_any_dtype(column):
        return _contents(name, "moments", read_moments(column).values)
    if pd.api.types.is_numeric_dtype(column):
        whole = pd.api.types.is_integer_dtype(column)
        return _contents(name, "numbers", column.astype("float64"), written_whole=whole)
    if not _has_scalars(column):
        return _contents(name, "other", column)
    return _of_text(name, column)


def _contents(name: str, holds: Holds, values: pd.Series[Any], **more: Any) -> Contents:
    if holds == "numbers" and (infinite := int(np.isinf(values).sum())):
        more["odd"] = (f"column {name!r}: {infinite:,} of {len(values):,} cells are infinite",)
    known = values.dropna()
    missing = len(values) - len(known)
    return Contents(name, holds if len(known) else "nothing", known, missing, **more)


def _has_scalars(column: pd.Series[Any]) -> bool:
    if not pd.api.types.is_object_dtype(column):
        return not pd.api.types.is_timedelta64_dtype(column)
    return all(isinstance(value, _SCALARS) for value in column.dropna().head(1000))


def _of_text(name: str, column: pd.Series[Any]) -> Contents:
    texts = column.astype("str").str.strip()
    lower = texts.str.lower()
    no_level = lower.isin(NO_LEVEL)
    known = texts.where(~lower.isin(MISSING))
    if no_level.all():
        return _contents(name, "nothing", known)
    if known.notna().any() and lower[known.notna()].isin(("true", "false")).all():
        return _contents(name, "flags", lower.map({"true": 1.0, "false": 0.0}).astype("float64"))
    sample = known.dropna().head(SAMPLE)
    found = None
    if _mostly(read_numbers(sample).wrong) and not known.str.fullmatch(r"0\d+", na=False).any():
        found = _numbers(name, texts, known)  # 007 is a code: as a number it is another one
    elif _mostly(read_moments(sample).wrong):
        found = _moments(name, texts, known)
    return found or _contents(name, "words", words(column).where(~no_level))


def _mostly(wrong: pd.Series[bool]) -> bool:
    return len(wrong) > 0 and float(wrong.mean()) < 0.5


def _numbers(name: str, texts: pd.Series[Any], known: pd.Series[Any]) -> Contents | None:
    if known.str.fullmatch(r"(?:19|20)\d{6}", na=True).all() and _are_dates(name, known):
        return _moments(name, texts, known)
    numbers = read_numbers(texts)
    if numbers.wrong.any():
        return _nearly(name, "numbers", numbers.values, known[numbers.wrong])
    written_whole = not known.str.contains(_DECIMALS, na=False).any()
    findings = [f"{known.dropna().iloc[0]!r} in column {name!r} has a decimal comma"] * numbers.decimal_comma
    more = {"unit": numbers.unit, "written_whole": written_whole, "findings": tuple(findings)}
    return _contents(name, "numbers", numbers.values, **more)


def _are_dates(name: str, known: pd.Series[Any]) -> bool:
    """Whether eight digits are dates: all are, under a name that says so or in too many different values for chance."""
    spoken = speaks_of_event_time(name) or known.nunique() >= _COMPACT_DISTINCT
    return spoken and not read_moments(known).wrong.any()


def _moments(name: str, texts: pd.Series[Any], known: pd.Series[Any]) -> Contents | None:
    moments = read_moments(texts)
    if moments.wrong.any():
        return _nearly(name, "moments", moments.values, known[moments.wrong])
    findings = []
    if moments.ambiguous:
        sample = known.dropna().iloc[0]
        findings = [f"nothing in column {name!r} says which part of {sample!r} is the month: the first is taken to be"]
    elif not moments.iso:
        row = moments.values.first_valid_index()
        sent = moments.values[row].isoformat().removesuffix("T00:00:00")
        findings = [f"column {name!r} writes {texts[row]!r}: requests send dates as {sent}"]
    return _contents(name, "moments", moments.values, findings=tuple(findings))


def _nearly(name: str, holds: Holds, values: pd.Series[Any], wrong: pd.Series[Any]) -> Contents | None:
    read = values.dropna()
    if len(read) < NEARLY * (len(read) + len(wrong)) or read.nunique() <= NEARLY_DISTINCT:
        return None
    what = "not a number" if holds == "numbers" else "not a date"
    shown = ", ".join(map(repr, wrong.unique()[:5]))
    return _contents(
        name, holds, values, odd=(f"column {name!r}: {len(wrong):,} of {len(values):,} cells are {what}: {shown}",)
    )
