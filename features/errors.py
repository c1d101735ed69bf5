"""What can be wrong with views, entities and events.

FeatureError
├── ViewError              a view's file is not what it should be
├── UnknownViewError       there is no such view
├── InvalidEntityError     the ids of an entity are not those that its view asks for
├── UnknownEntityError     nothing was known of the entity at the observation
├── UncomputableError      the view's statement fails on what is stored of the entity
├── UnknownSourceError     there is no such source of events
├── OtherRowsError         sample data is not mixed with rows that are there
└── UnreadableFileError    a file of events does not read as its kind
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


def nearest(given: str, known: Iterable[str]) -> str:
    """The known name most like `given`, ignoring case, as the end of a message; empty when none is near.

    >>> nearest("Customer_id", ["customer_id"])
    "; did you mean 'customer_id'?"
    """
    folded = {name.casefold(): name for name in known}
    match = difflib.get_close_matches(given[:64].casefold(), folded, n=1, cutoff=0.6)
    return f"; did you mean {folded[match[0]]!r}?" if match else ""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field: a code for programs, a message for people, and what was given where it helps."""

    field: str
    code: str
    message: str
    given: object = None


class FeatureError(Exception):
    """Base of all errors of this room."""


class ViewError(FeatureError):
    """A file in features/views/ does not read as a view; the message names it and what to mend."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"features/views/{name}.sql: {reason}")
        self.name = name
        self.reason = reason


class UnknownViewError(FeatureError):
    """There is no view of that name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.known = tuple(known)
        super().__init__(f"there is no view {name!r}; known views: {', '.join(self.known)}{nearest(name, self.known)}")
        self.name = name


class UnknownSourceError(FeatureError):
    """There is no source table of that name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.known = tuple(known)
        super().__init__(
            f"there is no source {name!r}; known sources: {', '.join(self.known)}{nearest(name, self.known)}"
        )
        self.name = name


class OtherRowsError(FeatureError):
    """Sources hold rows that are not sample data."""

    def __init__(self, tables: Sequence[str]) -> None:
        super().__init__(f"there are other rows in {', '.join(tables)}; sample data is not mixed with them unasked")
        self.tables = tuple(tables)


class UnreadableFileError(FeatureError):
    """A file of events cannot be read from some place on; what came before it was."""


class InvalidEntityError(FeatureError):
    """Every problem of an entity's ids, by field."""

    def __init__(self, view: str, problems: Sequence[Problem]) -> None:
        said = "; ".join(f"{problem.field}: {problem.message}" for problem in problems)
        super().__init__(f"not an entity of {view}: {said}")
        self.view = view
        self.problems = tuple(problems)


class UnknownEntityError(FeatureError):
    """No source held anything about the entity before `as_of` (None: now)."""

    def __init__(self, view: str, entity: str, as_of: datetime | None, known: str) -> None:
        when = "yet" if as_of is None else f"before {as_of.isoformat()}"
        super().__init__(f"{view} knows nothing of entity {entity!r} {when}; an entity is known {known}")
        self.view = view
        self.entity = entity
        self.as_of = as_of


class UncomputableError(FeatureError):
    """What is stored of the entity makes the view's statement fail, as with a division by zero."""

    def __init__(self, view: str, entity: str, reason: str) -> None:
        super().__init__(f"{view} cannot be computed of entity {entity!r}: {reason}")
        self.view = view
        self.entity = entity
        self.reason = reason
