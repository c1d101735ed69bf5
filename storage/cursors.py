"""Where a page of a list ends, as one opaque word that callers send back."""

from __future__ import annotations

import base64
import hashlib
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

    `of` says which list it is: its name, and what it is of, such as a model. Only that list takes it back.

    >>> Cursor.read(Cursor(("top", "fraud"), ("HIGH", "0.5")).written, ("top", "fraud"), 2).parts
    ('HIGH', '0.5')
    """

    of: tuple[str | None, ...]
    parts: tuple[str, ...]

    @property
    def written(self) -> str:
        content = json.dumps([_mark(self.of), *self.parts], ensure_ascii=False)
        return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str, of: tuple[str | None, ...], parts: int) -> Self:
        """Raises CursorError for a word that no page of this list has given."""
        try:
            found = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        except (ValueError, RecursionError):  # neither base64 nor UTF-8 nor JSON
            raise CursorError(text) from None
        if not isinstance(found, list) or len(found) != parts + 1 or not all(isinstance(part, str) for part in found):
            raise CursorError(text)
        if found[0] != _mark(of) or any("\0" in part or not _is_text(part) for part in found):
            raise CursorError(text)
        return cls(of, tuple(found[1:]))


def _mark(of: tuple[str | None, ...]) -> str:
    """Tells lists apart; it keeps nothing secret, and nobody out."""
    return hashlib.sha256(json.dumps(of).encode()).hexdigest()[:8]


def _is_text(part: str) -> bool:
    """Whether it is made of characters; JSON can also say half of a surrogate pair, which PostgreSQL does not take."""
    try:
        part.encode()
    except UnicodeEncodeError:
        return False
    return True
