"""What the name of a column says about what it holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from training.headings import UNNAMED

_CHUNK = re.compile(r"[^\W\d_]+|\d+")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SPOKEN: Mapping[str, str] = MappingProxyType({
    "ms": "ms millis milliseconds",
    "s": "seconds secs sec",
    "min": "minutes mins",
    "h": "hours hrs",
    "days": "days day",
    "weeks": "weeks wks",
    "months": "months",
    "years": "years yrs age yr",
    "year": "year",
    "EUR": "eur euro euros",
    "USD": "usd dollar dollars",
    "GBP": "gbp",
    "CHF": "chf",
    "JPY": "jpy",
    "currency units": "price cost salary income revenue fee fees charge charges payment payments fare",
    "kg": "kg kilograms",
    "mg": "mg",
    "g": "grams",
    "lb": "lb lbs",
    "mm": "mm",
    "cm": "cm",
    "m": "meters metres",
    "km": "km",
    "miles": "miles mileage",
    "%": "pct percent percentage perc",
    "share": "share fraction proportion prob probability",
    "ratio": "ratio",
    "°C": "celsius",
    "°F": "fahrenheit",
    "count": "count counts qty quantity",
})  # fmt: skip
_UNITS = {word: unit for unit, words in _SPOKEN.items() for word in words.split()}
_IN_BRACKETS = re.compile(r"[(\[]([^)\]]{1,12})[)\]]\s*\Z")
_COUNTED = frozenset(("n", "num", "number", "count", "no"))
_IDS = frozenset(
    ("id", "ids", "uuid", "guid", "key", "index", "idx", "pk", "unnamed", "rownames", "rowname", "rownum", "rowid")
)
_NUMBERINGS = frozenset(("id", "no", "nr", "number", "num", "code", "account", "index"))
_ID_ENDING = re.compile(r"[a-z]{3,}id\Z")
_ID_JOINED = re.compile(r"id(no|nr|num|number|code)\Z")
_TIMES = frozenset(
    ("date", "time", "timestamp", "ts", "when", "datetime", "day", "created", "occurred", "observed", "recorded")
)
_EVENTS = frozenset((
    "at", "on", "of", "the", "utc", "local", "row", "event", "order", "transaction", "trans", "purchase", "booking",
    "invoice", "observation", "sale", "sales", "arrival", "visit", "pickup", "start", "request", "log", "report",
))  # fmt: skip
_BIRTHS = frozenset(("birth", "birthday", "birthdate", "dob", "born"))


def tokens(name: str) -> list[str]:
    """The words of a name in lower case.

    >>> tokens("MonthlyCharges_EUR")
    ['monthly', 'charges', 'eur']
    """
    return [word.lower() for word in _words(name)]


def humanized(name: str) -> str:
    """The name as the beginning of a sentence.

    >>> humanized("MonthlyCharges_EUR")
    'Monthly charges EUR'
    """
    words = [word if word.isupper() and len(word) > 1 else word.lower() for word in _words(name)]
    text = " ".join(words) or name.strip()
    return text[:1].upper() + text[1:]


def _words(name: str) -> list[str]:
    """Runs of letters, split where a capital follows a small letter, and runs of digits."""
    chunks: list[str] = _CHUNK.findall(name)
    return [word for chunk in chunks for word in (_CAMEL.findall(chunk) if chunk.isascii() else []) or [chunk]]


def unit_of(name: str) -> str:
    """The unit that a name speaks of, "units" when it speaks of none.

    >>> [unit_of(name) for name in ("tenure_days", "Flipper Length (mm)", "number_of_calls", "debt_to_income")]
    ['days', 'mm', 'count', 'ratio']
    """
    bracketed = _IN_BRACKETS.search(name)
    if bracketed:
        return bracketed[1].strip() or "units"
    if "%" in name:
        return "%"
    words = tokens(name)
    if "to" in words[1:-1]:
        return "ratio"
    if len(words) > 1 and words[0] in _COUNTED:
        return "count"
    return next((_UNITS[word] for word in reversed(words) if word in _UNITS), "units")


def speaks_of_id(name: str) -> bool:
    """Whether the name alone says that the values name or number something."""
    words = tokens(name)
    joined = "".join(words)
    return bool(UNNAMED.match(name) or _IDS & {joined, *words} or _ID_JOINED.match(joined))


def may_be_id(name: str) -> bool:
    """Whether values that are all different would be an id under this name."""
    words = tokens(name)
    return speaks_of_id(name) or bool(words and (words[-1] in _NUMBERINGS or _ID_ENDING.match(words[-1])))


def speaks_of_event_time(name: str) -> bool:
    """Whether the name says when the row came to be, and nothing else.

    >>> [speaks_of_event_time(name) for name in ("order_date", "created_at", "birth_date", "Date Egg")]
    [True, True, False, False]
    """
    words = set(tokens(name))
    return bool(words & _TIMES) and words <= _TIMES | _EVENTS


def speaks_of_birth(name: str) -> bool:
    """Whether the name is of a date that people bring with them."""
    return bool(_BIRTHS & set(tokens(name)))


def speaks_of_share(name: str) -> bool:
    """Whether the name says that the values cannot leave 0 to 1, or 0 to 100."""
    return unit_of(name) in ("%", "share")


def constant_name(name: str) -> str:
    """An upper-case Python name for what belongs to the column.

    >>> constant_name("job title (1=fixed)")
    'JOB_TITLE_1_FIXED'
    """
    made = "_".join(word for word in tokens(name) if word.isascii()).upper()[:40].strip("_")
    return made if made and not made[0].isdigit() else f"COLUMN_{made}".strip("_")
