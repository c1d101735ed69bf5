"""A reader for the part of Universal Binary JSON (draft 12) that XGBoost writes its `.ubj` models in.

Reading it here keeps XGBoost's Python layer out of serving workers and never runs anything from the file.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

_SCALARS = {
    marker: struct.Struct(f">{code}")
    for marker, code in {"i": "b", "U": "B", "I": "h", "l": "i", "L": "q", "d": "f", "D": "d"}.items()
}
_ELEMENTS = {marker: np.dtype(scalar.format) for marker, scalar in _SCALARS.items()}
_NATIVE = {marker: element.newbyteorder("=") for marker, element in _ELEMENTS.items()}
_INTEGERS = frozenset("iUIlL")
_CONSTANTS: dict[str, Any] = {"Z": None, "T": True, "F": False}
MAX_DEPTH = 64


class MalformedUbjsonError(ValueError):
    """The bytes are not UBJSON, are cut short, nest deeper than `MAX_DEPTH` or count more elements than they hold."""


def loads(data: bytes) -> Any:
    """The value in `data`: dicts, lists, strings, numbers, and numpy arrays where elements share a numeric type."""
    reader = _Reader(data)
    try:
        value = reader.value(reader.marker(), 0)
    except (IndexError, ValueError, struct.error) as error:
        raise MalformedUbjsonError(f"not a UBJSON document: {error}") from error
    if reader.at != len(data):
        raise MalformedUbjsonError(f"{len(data) - reader.at} bytes follow the document")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        taken = self.data[self.at : self.at + size]
        if len(taken) < size:
            raise ValueError(f"wants {size} bytes at {self.at} of {len(self.data)}")
        self.at += size
        return taken

    def marker(self) -> str:
        self.at += 1
        return chr(self.data[self.at - 1])

    def peek(self) -> str:
        return chr(self.data[self.at])

    def scalar(self, marker: str) -> Any:
        kind = _SCALARS[marker]
        (value,) = kind.unpack_from(self.data, self.at)
        self.at += kind.size
        return value

    def count(self) -> int:
        """A length. No element is shorter than a byte, so one beyond the document's end is refused before it costs."""
        marker = self.marker()
        if marker not in _INTEGERS:
            raise ValueError(f"a length of type {marker!r} at {self.at - 1}")
        count: int = self.scalar(marker)
        if not 0 <= count <= len(self.data) - self.at:
            raise ValueError(f"a length of {count} with {len(self.data) - self.at} bytes left")
        return count

    def text(self) -> str:
        return self.take(self.count()).decode()

    def value(self, marker: str, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH}")
        if marker in _SCALARS:
            return self.scalar(marker)
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        match marker:
            case "S" | "H":
                return self.text()
            case "C":
                return self.marker()
            case "[":
                return self.array(depth)
            case "{":
                return self.mapping(depth)
        raise ValueError(f"unknown marker {marker!r} at {self.at - 1}")

    def container(self) -> tuple[str | None, int | None]:
        """The optional shared type and count that stand at the head of a container."""
        shared = None
        if self.peek() == "$":
            self.take(1)
            shared = self.marker()
            if shared in _CONSTANTS:
                raise ValueError(f"a container of type {shared!r}: its elements would take no bytes")
        if self.peek() != "#":
            if shared is not None:
                raise ValueError("a typed container without a count")
            return None, None
        self.take(1)
        return shared, self.count()

    def array(self, depth: int) -> Any:
        shared, count = self.container()
        if count is None:
            items = []
            while (marker := self.marker()) != "]":
                items.append(self.value(marker, depth + 1))
            return items
        if shared in _SCALARS:
            kind = _ELEMENTS[shared]
            return np.frombuffer(self.take(kind.itemsize * count), kind).astype(_NATIVE[shared])
        return [self.value(shared or self.marker(), depth + 1) for _ in range(count)]

    def mapping(self, depth: int) -> dict[str, Any]:
        shared, count = self.container()
        items: dict[str, Any] = {}
        if count is None:
            while self.peek() != "}":
                key = self.text()
                items[key] = self.value(self.marker(), depth + 1)
            self.take(1)
            return items
        for _ in range(count):
            key = self.text()
            items[key] = self.value(shared or self.marker(), depth + 1)
        return items
