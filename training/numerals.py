"""Numbers as people write them in files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_WORDS = (
    "",
    "na",
    "n/a",
    "n.a.",
    "nan",
    "null",
    "none",
    "nil",
    "missing",
    "unknown",
    "not available",
    "not applicable",
)
_SIGNS = ("?", "-", "--", ".", "#n/a", "#na", "#value!", "#div/0!", "#ref!", "#null!", "#num!")
MISSING = frozenset((*_WORDS, *_SIGNS))
"""What stands, in any case, where a number or a date is missing. In a column of text most of these may be levels."""

_PLAIN = r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|(?i:inf|infinity))"
_CURRENCIES = r"[$€£¥₹]|USD|EUR|GBP|CHF|JPY|INR"
_DECORATED = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[-+−])?\s*(?:{_CURRENCIES})?\s*(?P<inner>[-+−])?\s*"
    r"(?P<body>[.,]?\d(?:[\d.,'’ \u00a0\u202f]*\d)?(?:[eE][-+]?\d+)?)\s*"
    r"(?P<unit>[^\W\d_]{1,12}\.?|[%‰°$€£¥₹]|°[CF])?\s*(?P<close>\))?\Z"
)
_CURRENCY = re.compile(_CURRENCIES)
_GAPS = str.maketrans("", "", " \u00a0\u202f'’")
WORDY_UNIT_LEVELS = 12
"""With fewer values than this, "36 months" is a level and not a number: callers send the text as it stands."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column read as numbers: float64, NaN where one is missing or wrong.

    `wrong` is True where there is text that is no number. `unit` is what stands beside the numbers in the cells ("%",
    "EUR", "yrs"), empty where nothing does. `decimal_comma` says how ambiguous cells were read.
    """

    values: pd.Series[Any]
    wrong: pd.Series[bool]
    unit: str = ""
    decimal_comma: bool = False


def read_numbers(column: pd.Series[Any]) -> Numbers:
    """`column` as numbers. Text is read as the column's own evidence says.

    >>> read_numbers(pd.Series(["1.234,5", "7", "n/a"])).values.tolist()
    [1234.5, 7.0, nan]

    A comma is the decimal point when some cell cannot be read otherwise. "$1,200", "12 %", "(5)" for -5, "5e+05" and a
    unit that stands beside every number are read; anything else is wrong.
    """
    if pd.api.types.is_numeric_dtype(column):
        values = column.astype("float64")
        return Numbers(values, pd.Series(False, index=column.index))
    texts = column.astype("str").str.strip()
    plain = texts.str.fullmatch(_PLAIN).fillna(False).astype(bool)
    if is_missing(texts[~plain]).all():
        return Numbers(_plain_values(texts, plain), plain & False)
    return _decorated(texts, ~is_missing(texts))


def is_missing(texts: pd.Series[Any]) -> pd.Series[bool]:
    """Where stripped text says that there is no number or date."""
    return texts.isna() | texts.str.lower().isin(MISSING)


def _plain_values(texts: pd.Series[Any], plain: pd.Series[bool]) -> pd.Series[Any]:
    values = np.full(len(texts), np.nan)
    values[plain.to_numpy()] = _floats(texts[plain])
    return pd.Series(values, index=texts.index, name=texts.name)


def _floats(texts: pd.Series[Any]) -> NDArray[np.float64]:
    """Arrow reads seven times as fast as Python, but not "+5"."""
    try:
        return np.asarray(pc.cast(pa.array(texts), pa.float64()), np.float64)
    except pa.ArrowInvalid:
        return texts.to_numpy(object).astype(np.float64)


def _decorated(texts: pd.Series[Any], there: pd.Series[bool]) -> Numbers:
    codes, levels = pd.factorize(texts.where(there))
    matches = [_DECORATED.match(level) for level in levels]
    unit = _common_unit(matches)
    bodies = [match["body"] if match and _fits(match, unit) else None for match in matches]
    comma = _decimal_comma([body for body in bodies if body is not None])
    numbers = [
        np.nan if match is None or body is None else _signed(match, _value(body, comma))
        for match, body in zip(matches, bodies, strict=True)
    ]
    values = pd.Series(_taken(numbers, codes), index=texts.index, name=texts.name)
    return Numbers(values, values.isna() & there, unit, comma)


def _taken(numbers: list[float], codes: NDArray[np.intp]) -> NDArray[np.float64]:
    """The number of every cell; code -1, missing, is the last entry."""
    return np.array([*numbers, np.nan], np.float64)[codes]


def _common_unit(matches: Iterable[re.Match[str] | None]) -> str:
    """The unit beside the numbers: a sign or currency that stands beside any, or a word that stands beside all."""
    read = [match for match in matches if match is not None]
    units = Counter(_singular(match["unit"]) for match in read if match["unit"])
    if not units:
        return _currency(read)
    unit, times = units.most_common(1)[0]
    wordy = unit.isalpha() and not _CURRENCY.fullmatch(unit.upper())
    if wordy and (times < len(read) or times < WORDY_UNIT_LEVELS):
        return ""
    return next(match["unit"] for match in read if match["unit"] and _singular(match["unit"]) == unit)


def _currency(read: Iterable[re.Match[str]]) -> str:
    found = Counter(match[0] for text in read if (match := _CURRENCY.search(text[0])))
    return found.most_common(1)[0][0] if found else ""


def _singular(unit: str) -> str:
    """ "days" and "day" are one unit, and so are "yrs" and "Yr."."""
    return unit.lower().rstrip(".").removesuffix("s") if unit.rstrip(".").isalpha() else unit


def _fits(match: re.Match[str], unit: str) -> bool:
    """Whether the brackets are in pairs and the cell's unit is the column's."""
    beside = match["unit"]
    return bool(match["open"]) == bool(match["close"]) and (beside is None or _singular(beside) == _singular(unit))


def _decimal_comma(bodies: list[str]) -> bool:
    read = {comma: sum(not np.isnan(_value(body, comma)) for body in bodies) for comma in (False, True)}
    return read[True] > read[False]


_BODIES = {
    False: re.compile(r"(?:\d+|[1-9]\d{0,2}(?:,\d{3})+)?(?:\.\d*)?(?:[eE][-+]?\d+)?\Z"),
    True: re.compile(r"(?:\d+|[1-9]\d{0,2}(?:\.\d{3})+)?(?:,\d*)?(?:[eE][-+]?\d+)?\Z"),
}


def _value(body: str, comma: bool) -> float:
    """The number that the digits of a cell stand for, NaN when they do not follow the style."""
    digits = body.translate(_GAPS)
    if digits != body and not re.match(r"\d{1,3}(?:[ \u00a0\u202f'’]\d{3})+(?!\d)", body):
        return np.nan
    if not _BODIES[comma].match(digits):
        return np.nan
    return float(digits.replace(".", "").replace(",", ".") if comma else digits.replace(",", ""))


def _signed(match: re.Match[str], value: float) -> float:
    signs = (match["sign"], match["inner"])
    negative = bool(match["open"]) or any(sign in ("-", "−") for sign in signs)
    return -value if negative else value
