"""Values as PostgreSQL's COPY reads them in its text format, without what PostgreSQL refuses.

It takes no NUL in text, no NUL and no lone surrogates in jsonb; they become U+FFFD, the replacement character.
"""

from __future__ import annotations

import json
import math
from functools import lru_cache
from typing import Any

from msgspec import Raw

NULL = "\\N"
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": _REPLACEMENT})
_LONGEST_INTEGER = 4000
"""Digits; PostgreSQL's numbers have more, Python takes quadratic time to read them."""


def escaped(value: str | None) -> str:
    """A text as a field of a line."""
    if value is None:
        return NULL
    if value.isascii() and value.isprintable() and "\\" not in value:
        return value
    return clean_text(value).translate(_ESCAPES)


word = lru_cache(maxsize=4096)(escaped)
"""The same for texts that come again and again."""


def clean_text(value: str) -> str:
    """The text without what PostgreSQL refuses.

    >>> clean_text("a\\0b")
    'a\N{REPLACEMENT CHARACTER}b'
    """
    return value.replace("\0", _REPLACEMENT).encode("utf-8", "replace").decode()


def raw_field(raw: Raw) -> str:
    """JSON as it came, as a field of a line; null is no value. Raises ValueError for what is no JSON."""
    text = bytes(raw).decode()
    return NULL if text == "null" else json_field(text)


def json_field(text: str) -> str:
    """JSON as a field of a line."""
    if "\\" in text:
        if "\\u" in text:
            text = strict(text)
        text = text.replace("\\", "\\\\")
    if "\n" in text or "\r" in text or "\t" in text:  # blanks between values: in strings they are escapes
        text = text.replace("\n", " ").replace("\r", " ").replace("\t", " ")
    return text


def strict(text: str) -> str:
    """The same JSON without NaN, infinities, NULs and lone surrogates, as PostgreSQL wants it."""
    value = json.loads(text, parse_int=_integer)
    return json.dumps(_clean(value), ensure_ascii=False, separators=(",", ":"))


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else None


def _clean(value: Any) -> Any:
    match value:
        case str():
            return clean_text(value)
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {clean_text(name): _clean(inner) for name, inner in value.items()}
        case list():
            return [_clean(inner) for inner in value]
        case _:
            return value
