"""From the bytes of a body to JSON values, carefully: what the fast decoder refuses is read here to say why."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from serving.problems import MalformedBody, TooLarge

MAX_DIGITS = 400
"""An integer of more digits is larger than any float; Python would take quadratic time to read it."""
_TOKEN = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*")([ \t\r\n]*:)?|-?Infinity|NaN|[{}]', re.DOTALL)


class Constant(float):
    """NaN, Infinity or -Infinity, which JSON does not have and many programs write."""


class LongInteger(int):
    """An integer beyond `MAX_DIGITS`: larger than any limit, and of so many digits."""

    digits: int


class Doubled(dict[str, Any]):
    """An object in which keys stand more than once; of their values the last are kept."""

    keys_twice: tuple[str, ...]
    all_values: list[Any]


def parse_object(body: bytes, *, max_nesting: int, plain: bool = False) -> dict[str, Any]:
    """The one JSON object in `body` (RFC 8259, UTF-8).

    Raises MalformedBody for anything else or lone surrogates, and TooLarge for nesting beyond `max_nesting`. Numbers
    beyond the floating-point range become infinite. A key that stands twice, NaN and Infinity are MalformedBody too,
    unless they stand in `record` or in one of `records`: there they are left, as `Doubled` and `Constant`, because a
    bad record fails alone. In a `plain` body there are no records, and nothing is let pass.
    """
    text = _text(body)
    value, faults = _loads(text, max_nesting)
    if not isinstance(value, dict):
        raise MalformedBody(f"the body must be a JSON object, not {name_of(value)}")
    _check_nesting(value, max_nesting)
    if faults.constants or faults.doubled:
        _refuse_outside_records({} if plain else value, faults, text)
    if "\\u" in text:
        _refuse_surrogates(value)
    return value


def parse_items(body: bytes, *, max_nesting: int) -> tuple[list[Any], bool]:
    """The entries of the JSON array in `body`, or its one object; and whether it was an array.

    Raises as `parse_object`. In the entries of an array keys that stand twice, NaN and Infinity are left, as `Doubled`
    and `Constant`: a bad entry fails alone.
    """
    text = _text(body)
    value, faults = _loads(text, max_nesting)
    if not isinstance(value, dict | list):
        raise MalformedBody(f"the body must be a JSON object or an array of objects, not {name_of(value)}")
    items = value if isinstance(value, list) else [value]
    _check_nesting({"items": items}, max_nesting)
    if isinstance(value, dict) and (faults.constants or faults.doubled):
        _refuse_outside_records({}, faults, text)
    if "\\u" in text:
        _refuse_surrogates(value)
    return items, isinstance(value, list)


def _text(body: bytes) -> str:
    if not body.strip():
        raise MalformedBody("the body is empty; send JSON")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedBody(f"the body is not UTF-8: byte {error.start} does not fit") from error


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


class _Faults:
    """What one reading of a body met that may stand in a record only, with its place among those of its kind."""

    def __init__(self) -> None:
        self.constants: list[Constant] = []
        self.doubled: list[tuple[Doubled, int]] = []
        self._objects = 0

    def constant(self, name: str) -> Constant:
        self.constants.append(Constant(name))
        return self.constants[-1]

    def object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        self._objects += 1
        if len(value) != len(pairs):
            value = Doubled(value)
            value.all_values = [inner for _, inner in pairs]
            value.keys_twice = tuple(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
            self.doubled.append((value, self._objects - 1))
        return value


def _loads(text: str, max_nesting: int) -> tuple[Any, _Faults]:
    try:
        try:
            return _read(text, int)
        except json.JSONDecodeError:
            raise
        except ValueError:  # an integer of more digits than Python converts by itself
            return _read(text, _integer)
    except json.JSONDecodeError as error:
        raise _not_json(error.msg, text, error.pos) from error
    except RecursionError as error:
        raise TooLarge(f"the body nests deeper than {max_nesting} levels") from error


def _read(text: str, parse_int: Callable[[str], int]) -> tuple[Any, _Faults]:
    faults = _Faults()
    read = json.loads(text, object_pairs_hook=faults.object, parse_constant=faults.constant, parse_int=parse_int)
    return read, faults


def _not_json(what: str, text: str, at: int) -> MalformedBody:
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    return MalformedBody(f"the body is not JSON: {what} at line {line} column {column}")


def _refuse_outside_records(body: dict[str, Any], faults: _Faults, text: str) -> None:
    """Raise MalformedBody for the first constant, or else the first doubled key, that stands in no record."""
    records = body.get("records")
    inside = {id(value) for value in _all([body.get("record"), *(records if isinstance(records, list) else ())])}
    for place, constant in enumerate(faults.constants):
        if id(constant) not in inside:
            constants = (token for token in _TOKEN.finditer(text) if token.group()[0] in "NI-")
            token = next(islice(constants, place, None))
            raise _not_json(f"{token.group()} is no JSON value", text, token.start())
    for doubled, place in faults.doubled:
        if id(doubled) not in inside:
            key = doubled.keys_twice[0]
            raise _not_json(f"the key {key[:80]!r} stands twice in one object", text, _second(text, place, key))


def _all(values: Iterable[Any]) -> Iterator[Any]:
    """The values and everything in them, containers of any depth."""
    left = list(values)
    while left:
        value = left.pop()
        yield value
        if isinstance(value, dict | list):
            left.extend(_inside(value))


def _second(text: str, place: int, key: str) -> int:
    """Where `key` stands for the second time in the object that ends as number `place`, counted from 0."""
    objects: list[list[re.Match[str]]] = []
    for token in _TOKEN.finditer(text):
        if token.group() == "{":
            objects.append([])
        elif token.group() == "}":
            keys = objects.pop()
            if place == 0:
                return [token.start() for token in keys if json.loads(token.group(1), strict=False) == key][1]
            place -= 1
        elif token.group(2):
            objects[-1].append(token)
    raise AssertionError("the object was there a moment ago")


def _check_nesting(value: dict[str, Any], limit: int) -> None:
    level: list[dict[str, Any] | list[Any]] = [value]
    for _ in range(limit):
        level = [inner for outer in level for inner in _inside(outer) if isinstance(inner, dict | list)]
        if not level:
            return
    raise TooLarge(f"the body nests deeper than {limit} levels")


def _inside(container: dict[str, Any] | list[Any]) -> Iterable[Any]:
    if isinstance(container, Doubled):
        return container.all_values
    return container.values() if isinstance(container, dict) else container


def _integer(digits: str) -> int:
    if len(digits) <= MAX_DIGITS:
        return int(digits)
    value = LongInteger(10**MAX_DIGITS * (-1 if digits.startswith("-") else 1))
    value.digits = len(digits.lstrip("-"))
    return value


def _refuse_surrogates(value: object) -> None:
    """An escaped half of a character has no UTF-8 form: it could be neither stored nor answered."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise MalformedBody("the body holds half of a surrogate pair") from error
