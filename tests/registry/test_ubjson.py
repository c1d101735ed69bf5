"""The reader of boosters' files: right on what XGBoost writes, and harmless on everything else."""

from __future__ import annotations

import functools
import json
import struct
import tracemalloc
from typing import Any

import numpy as np
import pytest
import xgboost
from hypothesis import example, given, settings
from hypothesis import strategies as st

from registry.ubjson import MAX_DEPTH, MalformedUbjsonError, loads

HUGE = b"L" + struct.pack(">q", 2**60)


@functools.cache
def model() -> bytes:
    rows = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    settings_ = {"objective": "binary:logistic", "max_depth": 2, "nthread": 1}
    matrix = xgboost.DMatrix(rows, (rows[:, 0] > 0).astype(int), feature_names=["é", "b", "c"])
    return bytes(xgboost.train(settings_, matrix, 2).save_raw("ubj"))


def written(value: Any) -> bytes:
    """UBJSON of a value of plain types: what an independent writer makes of it."""
    match value:
        case None:
            return b"Z"
        case bool():
            return b"T" if value else b"F"
        case int():
            for marker, code, bits in ((b"i", "b", 7), (b"I", "h", 15), (b"l", "i", 31)):
                if -(2**bits) <= value < 2**bits:
                    return marker + struct.pack(">" + code, value)
            return b"L" + struct.pack(">q", value)
        case float():
            return b"D" + struct.pack(">d", value)
        case str():
            return b"S" + written(len(value.encode())) + value.encode()
        case list():
            return b"[" + b"".join(map(written, value)) + b"]"
        case dict():
            return b"{" + b"".join(written(key)[1:] + written(item) for key, item in value.items()) + b"}"
    raise TypeError(type(value))


values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text(max_size=9)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)),
    max_leaves=20,
)


@given(value=values)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_what_was_written_is_read(value: Any) -> None:
    assert loads(written(value)) == value


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[#i\x02i\x01Z", [1, None]),
        (b"[$S#i\x02i\x01ai\x00", ["a", ""]),
        (b"[$[#i\x02]T]", [[], [True]]),
        (b"{#i\x01i\x01ki\x05", {"k": 5}),
        (b"{$i#i\x02i\x01a\x01i\x01b\xff", {"a": 1, "b": -1}),
        (b"U\xff", 255),
        (b"d\x3f\x80\x00\x00", 1.0),
        (b"Cx", "x"),
        (b"Hi\x043.14", "3.14"),
        (b"[]", []),
        (b"{}", {}),
    ],
)
def test_every_form_of_container_and_scalar_is_read(content: bytes, expected: Any) -> None:
    assert loads(content) == expected


@pytest.mark.parametrize(
    ("marker", "code", "kind"), [(b"d", "f", "f4"), (b"D", "d", "f8"), (b"l", "i", "i4"), (b"U", "B", "u1")]
)
def test_numbers_of_one_type_become_an_array(marker: bytes, code: str, kind: str) -> None:
    found = loads(b"[$" + marker + b"#i\x03" + struct.pack(f">3{code}", 1, 2, 3))
    assert found.dtype == np.dtype(f">{kind}")
    assert found.tolist() == [1, 2, 3]


def test_a_booster_reads_as_xgboost_s_own_json() -> None:
    rows = bytes(xgboost.Booster(model_file=bytearray(model())).save_raw("json"))
    assert plain(loads(model())) == plain(json.loads(rows))


def plain(value: Any) -> Any:
    """Numbers in the precision of the file: JSON holds single floats as decimal text."""
    match value:
        case np.ndarray():
            return plain(value.tolist())
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case bool() | str() | None:
            return value
    return float(np.float32(value))


@given(content=st.binary(max_size=200))
@example(content=b"")
@example(content=b"Sx")
@example(content=b"[#d\x7f\x80\x00\x00")
@example(content=b"[#D\x7f\xf8\x00\x00\x00\x00\x00\x00")
@example(content=b"[$")
@example(content=b"{")
@settings(max_examples=400, deadline=None, derandomize=True)
def test_random_bytes_are_refused_or_read_but_never_anything_else(content: bytes) -> None:
    for prefix in (b"", b"[", b"{", b"[$", b"[#", b"{#", b"{$", b"{i\x01k"):
        refused_or_read(prefix + content)


@given(at=st.integers(0), byte=st.integers(0, 255))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_a_booster_with_a_changed_byte_is_refused_or_read_but_never_anything_else(at: int, byte: int) -> None:
    content = bytearray(model())
    content[at % len(content)] = byte
    refused_or_read(bytes(content))


def refused_or_read(content: bytes) -> None:
    try:
        loads(content)
    except MalformedUbjsonError:
        return


def test_every_truncation_of_a_booster_is_refused() -> None:
    content = model()
    cuts = {*range(300), *range(len(content) - 300, len(content)), *range(0, len(content), 37)}
    for cut in cuts:
        with pytest.raises(MalformedUbjsonError):
            loads(content[:cut])


@pytest.mark.parametrize("extra", [b"\x00", b"Z", b"N"])
def test_bytes_after_the_document_are_refused(extra: bytes) -> None:
    with pytest.raises(MalformedUbjsonError, match="1 bytes follow the document"):
        loads(model() + extra)


@pytest.mark.parametrize("opening", [b"[", b"{i\x01k", b"[#i\x01", b"[$[#i\x01"])
def test_nesting_beyond_the_bound_is_refused_long_before_the_stack_ends(opening: bytes) -> None:
    with pytest.raises(MalformedUbjsonError, match=f"nested deeper than {MAX_DEPTH}"):
        loads(opening * 20_000)


def test_nesting_up_to_the_bound_is_read() -> None:
    depth = MAX_DEPTH
    assert json.dumps(loads(b"[" * depth + b"]" * depth)) == "[" * depth + "]" * depth


@pytest.mark.parametrize(
    "content",
    [
        b"[#" + HUGE,
        b"[$d#" + HUGE,
        b"[$S#" + HUGE,
        b"[$[#" + HUGE,
        b"[$Z#" + HUGE,
        b"[$T#" + HUGE + b"T",
        b"{#" + HUGE,
        b"{$i#" + HUGE,
        b"S" + HUGE,
        b"H" + HUGE,
        b"{" + HUGE,
        b"[" + b"[$Z#l\x00\x00\xff\x00" * 20_000 + b"]",
        b"[$d#L" + struct.pack(">q", 2**62),
        b"[#i\xff",
        b"Si\xff",
        b"[$d#i\x80",
    ],
    ids=lambda content: repr(content[:14]),
)
def test_a_length_beyond_the_bytes_is_refused_before_anything_is_allocated(content: bytes) -> None:
    loads(b"Z")
    tracemalloc.start()
    try:
        with pytest.raises(MalformedUbjsonError):
            loads(content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000


@pytest.mark.parametrize("content", [b"Sd\x3f\x80\x00\x00x", b"[#T", b"[#Z", b"SSi\x01a", b"[#Ci"])
def test_a_length_that_is_no_whole_number_is_refused(content: bytes) -> None:
    with pytest.raises(MalformedUbjsonError, match="a length of type"):
        loads(content)


def test_text_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(MalformedUbjsonError):
        loads(b"Si\x01\xff")
