"""From the bytes of a body to JSON values, carefully: what the fast decoder refuses is read here to say why."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from typing import Any, NoReturn

from serving.problems import MalformedBody, TooLarge

MAX_DIGITS = 400
"""An integer of more digits is larger than any float; Python would take quadratic time to read it."""


def parse_object(body: bytes, *, max_nesting: int) -> dict[str, Any]:
    """The one JSON object in `body` (RFC 8259, UTF-8).

    Raises MalformedBody for anything else, a key that stands twice, NaN and Infinity literals or lone surrogates, and
    TooLarge for nesting beyond `max_nesting`. Numbers beyond the floating-point range become infinite.
    """
    if not body.strip():
        raise MalformedBody("the body is empty; send a JSON object")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedBody(f"the body is not UTF-8: byte {error.start} does not fit") from error
    value = _loads(text, max_nesting)
    if not isinstance(value, dict):
        raise MalformedBody(f"the body must be a JSON object, not {name_of(value)}")
    _check_nesting(value, max_nesting)
    if "\\u" in text:
        _refuse_surrogates(value)
    return value


def name_of(value: object) -> str:
    """What JSON calls the type of `value`, with its article."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def _loads(text: str, max_nesting: int) -> Any:
    try:
        try:
            return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
        except json.JSONDecodeError:
            raise
        except ValueError:  # an integer of more digits than Python converts by itself
            return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_int=_integer)
    except json.JSONDecodeError as error:
        detail = f"the body is not JSON: {error.msg} at line {error.lineno} column {error.colno}"
        raise MalformedBody(detail) from error
    except RecursionError as error:
        raise TooLarge(f"the body nests deeper than {max_nesting} levels") from error


def _check_nesting(value: dict[str, Any], limit: int) -> None:
    level: list[dict[str, Any] | list[Any]] = [value]
    for _ in range(limit):
        level = [inner for outer in level for inner in _inside(outer) if isinstance(inner, dict | list)]
        if not level:
            return
    raise TooLarge(f"the body nests deeper than {limit} levels")


def _inside(container: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return container.values() if isinstance(container, dict) else container


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        [(doubled, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise MalformedBody(f"the key {doubled[:80]!r} stands twice in one object")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedBody(f"the body is not JSON: {name} is no JSON value; leave the field out or send null")


def _integer(digits: str) -> int | float:
    if len(digits) > MAX_DIGITS:
        return -math.inf if digits.startswith("-") else math.inf
    return int(digits)


def _refuse_surrogates(value: object) -> None:
    """An escaped half of a character has no UTF-8 form: it could be neither stored nor answered."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise MalformedBody("the body holds half of a surrogate pair") from error
