"""Where a page of a list ends, as one opaque word that callers send back."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Self


class CursorError(ValueError):
    """The word was not given by a page of this list."""

    def __init__(self, text: str) -> None:
        super().__init__("the cursor must be the next_cursor of a page of this list, as it was given")
        self.text = text


@dataclass(frozen=True, slots=True)
class Cursor:
    """The values that the last entry of a page is sorted by.

    >>> Cursor.read(Cursor(("HIGH", "0.5")).written, 2).parts
    ('HIGH', '0.5')
    """

    parts: tuple[str, ...]

    @property
    def written(self) -> str:
        return base64.urlsafe_b64encode(json.dumps(self.parts, ensure_ascii=False).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str, parts: int) -> Self:
        """Raises CursorError for a word that no page has given."""
        try:
            found = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        except (ValueError, RecursionError):  # neither base64 nor UTF-8 nor JSON
            raise CursorError(text) from None
        if not isinstance(found, list) or len(found) != parts or not all(isinstance(part, str) for part in found):
            raise CursorError(text)
        if any("\0" in part or not _is_text(part) for part in found):
            raise CursorError(text)
        return cls(tuple(found))


def _is_text(part: str) -> bool:
    """Whether it is made of characters; JSON can also say half of a surrogate pair, which PostgreSQL does not take."""
    try:
        part.encode()
    except UnicodeEncodeError:
        return False
    return True
