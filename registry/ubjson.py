"""A reader for the part of Universal Binary JSON (draft 12) that XGBoost writes its `.ubj` models in.

Reading it here keeps XGBoost's Python layer out of serving workers and never runs anything from the file.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

_SCALARS = {
    ord(marker): struct.Struct(f">{code}")
    for marker, code in {"i": "b", "U": "B", "I": "h", "l": "i", "L": "q", "d": "f", "D": "d"}.items()
}
_ELEMENTS = {marker: np.dtype(scalar.format) for marker, scalar in _SCALARS.items()}
_INTEGERS = frozenset(b"iUIlL")
_CONSTANTS: dict[int, Any] = {ord("Z"): None, ord("T"): True, ord("F"): False}
_INT64, _STRING, _HIGH_PRECISION, _CHARACTER = b"LSHC"
_ARRAY, _ARRAY_END, _OBJECT, _OBJECT_END, _TYPE, _COUNT = b"[]{}$#"
_INT64_BYTES = _SCALARS[_INT64].size
MAX_DEPTH = 64


class MalformedUbjsonError(ValueError):
    """The bytes are not UBJSON, are cut short, nest deeper than `MAX_DEPTH` or count more elements than they hold."""


def loads(data: bytes) -> Any:
    """The value in `data`: dicts, lists, strings, numbers, and numpy arrays where elements share a numeric type.

    The arrays look into `data`, in its byte order (big-endian): whoever computes with them converts what they need.
    """
    reader = _Reader(data)
    try:
        value = reader.value(reader.marker(), 0)
    except (IndexError, ValueError, struct.error) as error:
        raise MalformedUbjsonError(f"not a UBJSON document: {error}") from error
    if reader.at != len(data):
        raise MalformedUbjsonError(f"{len(data) - reader.at} bytes follow the document")
    return value


class _Reader:
    """Ten models hold 5 500 trees with 14 arrays each, so a length and a key are read without many calls."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def marker(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def scalar(self, marker: int) -> Any:
        kind = _SCALARS[marker]
        (value,) = kind.unpack_from(self.data, self.at)
        self.at += kind.size
        return value

    def count(self) -> int:
        """A length. No element is shorter than a byte, so one beyond the document's end is refused before it costs."""
        data, at = self.data, self.at
        if data[at] == _INT64:  # as XGBoost writes every one
            self.at = end = at + 1 + _INT64_BYTES
            count = int.from_bytes(data[at + 1 : end], "big", signed=True)
        else:
            marker = self.marker()
            if marker not in _INTEGERS:
                raise ValueError(f"a length of type {chr(marker)!r} at {at}")
            count = self.scalar(marker)
        if not 0 <= count <= len(data) - self.at:
            raise ValueError(f"a length of {count} with {len(data) - self.at} bytes left")
        return count

    def text(self) -> str:
        count, at = self.count(), self.at
        self.at = end = at + count
        return self.data[at:end].decode()

    def value(self, marker: int, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH}")
        if marker == _ARRAY:
            return self.array(depth)
        if marker in _SCALARS:
            return self.scalar(marker)
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        if marker == _OBJECT:
            return self.mapping(depth)
        if marker in (_STRING, _HIGH_PRECISION):
            return self.text()
        if marker == _CHARACTER:
            return chr(self.marker())
        raise ValueError(f"unknown marker {chr(marker)!r} at {self.at - 1}")

    def container(self) -> tuple[int | None, int | None]:
        """The optional shared type and count that stand at the head of a container."""
        shared = None
        if self.data[self.at] == _TYPE:
            shared = self.data[self.at + 1]
            self.at += 2
            if shared in _CONSTANTS:
                raise ValueError(f"a container of type {chr(shared)!r}: its elements would take no bytes")
        if self.data[self.at] != _COUNT:
            if shared is not None:
                raise ValueError("a typed container without a count")
            return None, None
        self.at += 1
        return shared, self.count()

    def array(self, depth: int) -> Any:
        shared, count = self.container()
        if count is None:
            items = []
            while (marker := self.marker()) != _ARRAY_END:
                items.append(self.value(marker, depth + 1))
            return items
        if shared in _ELEMENTS:
            kind, start = _ELEMENTS[shared], self.at
            self.at = end = start + kind.itemsize * count
            if end > len(self.data):
                raise ValueError(f"wants {end - start} bytes at {start} of {len(self.data)}")
            return np.frombuffer(self.data, kind, count, start) if count else np.empty(0, kind)
        return [self.value(self.marker() if shared is None else shared, depth + 1) for _ in range(count)]

    def mapping(self, depth: int) -> dict[str, Any]:
        shared, count = self.container()
        items: dict[str, Any] = {}
        if count is None:
            while self.data[self.at] != _OBJECT_END:
                key = self.text()
                items[key] = self.value(self.marker(), depth + 1)
            self.at += 1
            return items
        for _ in range(count):
            key = self.text()
            items[key] = self.value(self.marker() if shared is None else shared, depth + 1)
        return items
