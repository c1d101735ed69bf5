"""Request bodies as text: valid ones, and ones that are wrong in every way a caller can think of."""

from __future__ import annotations

import json
from collections.abc import Sequence

from hypothesis import strategies as st

from models.definition import Category, Definition, Feature, Flag, Moment, Number, Series

Pair = tuple[str, str]
"""A key and a value, both as JSON text."""

SPACES = st.sampled_from(["", "", "", " ", "\n\t", " \r\n "])
NUMBERS = [
    *("0", "-0", "-0.0", "1", "1.0", "3.0", "1.5", "1E2", "1e-999", "5e-324", "0.1000000000000000055511151231257827"),
    *("1e999", "-1e999", "1e400", "99999999999999999999", "9" * 30, "-" + "9" * 30, "9" * 401, "9" * 5000),
    *("9007199254740993", "9223372036854775808", "-9223372036854775809", "1" + "0" * 200 + "e-200"),
    *("NaN", "Infinity", "-Infinity", "nan", "0x10", "01", "+1", ".5", "5.", "1_000", "1e", "--1"),
]
TEXTS = [
    *('""', '"a:b"', '"\\u003a"', '"::::"', '"x"', '"null"', '"5"', '"DE"', '"home"', '"monthly"', '"\\u0044E"'),
    *('"\\ud83d\\ude00"', '"\\ud800"', '"\\udc00\\ud800"', '"\\ud800\\u0041"', '"\\u0000"', '"\\x41"', '"\\u12"'),
    *('"caf\u00e9"', '"\u2028"', '"\U0001f600"', '"a\nb"', '"\x00"', '"\x7f"', '"\\n\\/\\""', '"open', "'x'"),
    *(f'"{"x" * 256}"', f'"{"x" * 257}"', f'"{chr(0x1F600) * 256}"', f'"{chr(0x1F600) * 257}"', f'"{":" * 255}"'),
]
OTHERS = [
    "null",
    "true",
    "false",
    "True",
    "None",
    "undefined",
    "{}",
    "[]",
    '{"a":{"a":1}}',
    "[1,[2]]",
    "[" * 20 + "]" * 20,
]
VALUES = st.sampled_from([*NUMBERS, *TEXTS, *OTHERS])
UNKNOWN_KEYS = st.sampled_from(
    ['"x"', '""', '"record"', '"Record"', '"V1 "', '"\\ud800"', '"a:b"', '"price "', '"\u00e9"']
)


def _array(entries: Sequence[str]) -> str:
    return f"[{','.join(entries)}]"


def value_of(feature: Feature) -> st.SearchStrategy[str]:
    """Valid values of a feature, in the ways in which JSON can write them."""
    match feature:
        case Number(whole=True):
            whole = st.integers(int(feature.minimum), int(feature.maximum))
            kinds = whole.map(str) | whole.map(lambda number: f"{number}.0")
        case Number():
            inside = st.floats(feature.minimum, feature.maximum)
            kinds = inside.map(repr) | inside.map(lambda number: f"{number:e}") | st.just(str(int(feature.maximum)))
        case Flag():
            kinds = st.sampled_from(["true", "false", "1", "0", "1.0"])
        case Moment():
            kinds = st.datetimes().map(lambda moment: json.dumps(moment.isoformat())) | st.dates().map(
                lambda day: f'"{day}"'
            )
        case Series():
            entries = st.floats(feature.minimum, feature.maximum).map(repr)
            kinds = st.lists(entries, min_size=feature.min_length, max_size=feature.min_length + 3).map(_array)
        case Category(unseen="refuse"):
            kinds = st.sampled_from(feature.levels).map(json.dumps)
        case Category():
            kinds = st.sampled_from(feature.levels).map(json.dumps) | st.text(max_size=9).map(json.dumps)
    return kinds | st.just("null") if feature.missing else kinds


@st.composite
def records(draw: st.DrawFn, definition: Definition) -> str:
    """The example with some other values; often valid, otherwise with up to three things wrong."""
    features = definition.schema.features
    values = {feature.name: json.dumps(feature.example) for feature in features}
    for feature in draw(st.lists(st.sampled_from(features), max_size=5)):
        values[feature.name] = draw(value_of(feature))
        if feature.missing and draw(st.booleans()):
            del values[feature.name]
    pairs = [(json.dumps(name), value) for name, value in values.items()]
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 3]))):
        _harm(draw, pairs)
    return _object(draw, draw(st.permutations(pairs)) if draw(st.booleans()) else pairs)


def _harm(draw: st.DrawFn, pairs: list[Pair]) -> None:
    """Change, drop, double, rename or add one field."""
    at = draw(st.integers(0, len(pairs) - 1)) if pairs else 0
    how = draw(st.sampled_from(["value", "drop", "double", "escape", "rename", "add"]))
    if not pairs or how == "add":
        pairs.append((draw(UNKNOWN_KEYS), draw(VALUES)))
    elif how == "value":
        pairs[at] = (pairs[at][0], draw(VALUES))
    elif how == "drop":
        pairs.pop(at)
    elif how == "double":
        pairs.insert(draw(st.integers(0, len(pairs))), (pairs[at][0], draw(VALUES | st.just(pairs[at][1]))))
    elif how == "escape":
        name = pairs[at][0]
        pairs[at] = (f'"\\u{ord(name[1]):04x}{name[2:]}', pairs[at][1])
    else:
        pairs[at] = (draw(UNKNOWN_KEYS), pairs[at][1])


def _object(draw: st.DrawFn, pairs: Sequence[Pair]) -> str:
    space = draw(SPACES)
    inside = f"{space},{draw(SPACES)}".join(f"{key}{space}:{draw(SPACES)}{value}" for key, value in pairs)
    return f"{{{space}{inside}{draw(SPACES)}}}"


OPTIONS = {
    "threshold": st.sampled_from(["0", "1", "0.5", "-0", "1.0000001", "null", "1e-400", '"0.5"', "true", "2", "NaN"]),
    "include": st.sampled_from(
        ["null", "[]", '["features"]', '["features","probabilities"]', '["features","features"]', '["x"]', '"features"',
         "[1]", "[null]", '[["features"]]', "{}"]
    ),
    "top": st.sampled_from(["0", "1", "5.0", "null", "-1", "10000", "10001", "true", '"1"', "1.5", "9" * 30]),
    "entity": VALUES,
    "tresholds": VALUES,
}  # fmt: skip


@st.composite
def bodies(draw: st.DrawFn, definition: Definition, operation: str) -> bytes:
    """One request body as bytes."""
    names = st.sampled_from(["threshold", "include", *(("top",) if operation == "explain" else ()), *OPTIONS])
    if operation == "batch":
        many = draw(st.lists(records(definition), max_size=3))
        pairs = [('"records"', "[" + ",".join(many) + "]")]
    else:
        pairs = [('"record"', draw(records(definition)))]
    for name in draw(st.lists(names, max_size=2)):
        pairs.append((f'"{name}"', draw(OPTIONS[name])))
    if draw(st.integers(0, 9)) == 0:
        _harm(draw, pairs)
    body = _object(draw, draw(st.permutations(pairs))).encode("utf-8", "surrogatepass")
    return _damaged(draw, body) if draw(st.integers(0, 9)) == 0 else body


def _damaged(draw: st.DrawFn, body: bytes) -> bytes:
    """The body with something wrong at the level of bytes."""
    at = draw(st.integers(0, len(body)))
    extra = draw(st.sampled_from([b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\x00", b",", b"}", b'"', b":", b"\\", b"1"]))
    how = draw(st.sampled_from(["insert", "delete", "cut", "mark", "twice", "wrap", "before", "after", "scalar"]))
    match how:
        case "insert":
            return body[:at] + extra + body[at:]
        case "delete":
            return body[:at] + body[at + 1 :]
        case "cut":
            return body[:at]
        case "mark":
            return b"\xef\xbb\xbf" + body
        case "twice":
            return body * 2
        case "wrap":
            return b"[" + body + b"]"
        case "before":
            return extra + body
        case "after":
            return body + extra
        case _:
            return draw(VALUES).encode("utf-8", "surrogatepass")
