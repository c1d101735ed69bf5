"""The "did you mean" at the end of a message."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MAX_SUGGESTIONS = 100
"""Searches for a near name in one request: each costs 0.1 ms, and a batch of rubbish would ask for 100 000."""


def hint(given: str, known: Iterable[str]) -> str:
    """The known name most like `given`, ignoring case, as the end of a message; empty when none is near."""
    folded = {name.casefold(): name for name in known}
    match = difflib.get_close_matches(given[:64].casefold(), folded, n=1, cutoff=0.6)
    return f"; did you mean {folded[match[0]]!r}?" if match else ""


class Suggestions:
    """The hints of one request's messages, no more than `MAX_SUGGESTIONS`."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = MAX_SUGGESTIONS

    def hint(self, given: str, known: Iterable[str]) -> str:
        """As the function; empty when there have been too many."""
        if self._left <= 0:
            return ""
        self._left -= 1
        return hint(given, known)
