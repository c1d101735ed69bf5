"""Lists in pages: `?limit=&cursor=` -> `{"items": [...], "next_cursor": ...}`."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from serving.problems import FieldError, InvalidFeatures

MAX_LIMIT = 200
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ends. Callers see it as one opaque word.

    >>> Cursor.read(Cursor(("fraud:abc", "50")).written, 2).counted
    ('fraud:abc', 50)
    """

    parts: tuple[str, ...]

    @property
    def written(self) -> str:
        return base64.urlsafe_b64encode(json.dumps(self.parts).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str, parts: int) -> Self:
        """Raises InvalidFeatures for a word that no page has given."""
        try:
            found = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        except ValueError:  # neither base64 nor UTF-8 nor JSON
            raise _foreign(text) from None
        if not isinstance(found, list) or len(found) != parts or not all(isinstance(part, str) for part in found):
            raise _foreign(text)
        return cls(tuple(found))

    @property
    def counted(self) -> tuple[str, int]:
        """Of a cursor of two parts, the second as the number of entries before the page."""
        name, number = self.parts
        if not number.isascii() or not number.isdigit() or len(number) > 9:
            raise _foreign(self.written)
        return name, int(number)


def cut(entries: Sequence[T], limit: int) -> tuple[list[T], bool]:
    """The first entries, and whether there are more."""
    return list(entries[:limit]), len(entries) > limit


def _foreign(text: str) -> InvalidFeatures:
    message = "must be the next_cursor of a page of this list, as it was given"
    fault = FieldError("query.cursor", "cursor", message, text[:256])
    return InvalidFeatures("the request's parameters are not valid", errors=[fault])
