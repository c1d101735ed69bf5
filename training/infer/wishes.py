"""What a new model is asked to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models.definition import Kind
from training.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The model's name, where its rows come from (`data` or `query`, as its recipe is to name them) and what its maker
    knows. What is None or empty is inferred.
    """

    name: str
    target: str | None = None
    kind: Kind | None = None
    positive: str | None = None
    group: str | None = None
    time: str | None = None
    exclude: tuple[str, ...] = ()
    data: str | None = None
    query: str | None = None
    origin: str = "the rows"
    """What the rows are called in messages and in the file."""


def check_columns(wishes: Wishes, columns: Sequence[str]) -> None:
    """Raise DataError, with the nearest name, for every wish about a column that is not there or has another part."""
    named = {"target": wishes.target, "group": wishes.group, "time": wishes.time}
    problems = [
        f"--{option}: there is no column {name!r}{nearest(name, columns)}"
        for option, name in (*named.items(), *(("exclude", name) for name in wishes.exclude))
        if name is not None and name not in columns
    ]
    given = [name for name in named.values() if name is not None]
    problems += [
        f"column {name!r} cannot be two of --target, --group and --time"
        for name in dict.fromkeys(given)
        if given.count(name) > 1
    ]
    problems += [f"--exclude: column {name!r} is needed" for name in wishes.exclude if name in given]
    if problems:
        raise DataError(wishes.origin, problems)


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message that suggests the most similar known name; all names when there are few."""
    names = list(known)
    folded = {candidate.casefold(): candidate for candidate in names}
    match = difflib.get_close_matches(name.strip().casefold(), folded, n=1)
    if match:
        return f"; did you mean {folded[match[0]]!r}?"
    shown = ", ".join(map(repr, names[:20])) + (", ..." if len(names) > 20 else "")
    return f"; known are {shown}"
