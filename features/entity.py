"""An entity: the ids of what a view's features are about, checked, and its one canonical text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from features.errors import InvalidEntityError, Problem, nearest
from features.views import View

SEPARATOR = ":"
LONGEST = 128
"""Characters of one id."""
MAX_SHOWN = 20
"""Problems of one entity that are told; hostile bodies could hold thousands."""


@dataclass(frozen=True, slots=True)
class Entity:
    """The ids in the order of the view's keys."""

    ids: tuple[str, ...]

    @property
    def text(self) -> str:
        """The canonical form, the same everywhere an entity is named.

        >>> Entity(("S001", "K0012")).text
        'S001:K0012'
        """
        return SEPARATOR.join(self.ids)


def parse_entity(view: View, given: object) -> Entity:
    """The entity that a caller's mapping names, e.g. {"customer_id": "C000123"}.

    Ids are text of 1 to 128 characters without control characters; where a view has several keys, without ":".
    Raises InvalidEntityError with all problems at once.
    """
    if not isinstance(given, Mapping):
        wanted = ", ".join(view.key_names)
        raise InvalidEntityError(view.name, [Problem("", "type", f"must be an object with {wanted}", _shown(given))])
    problems = list(_problems(view, given))[:MAX_SHOWN]
    if problems:
        raise InvalidEntityError(view.name, problems)
    return Entity(tuple(given[name] for name in view.key_names))


def _problems(view: View, given: Mapping[object, object]) -> Iterator[Problem]:
    for name in view.key_names:
        if name not in given:
            yield Problem(name, "missing", "is missing")
        elif reason := _fault(given[name], composite=len(view.keys) > 1):
            code, message = reason
            yield Problem(name, code, message, _shown(given[name]))
    for strange in given:
        if strange not in view.key_names:
            hint = nearest(str(strange), view.key_names)
            yield Problem(str(strange)[:64], "unknown", f"is no id of {view.name}{hint}")


def _fault(value: object, *, composite: bool) -> tuple[str, str] | None:
    """Code and message of what is wrong with one id; None when nothing is."""
    if not isinstance(value, str):
        return "type", "must be text"
    if not 1 <= len(value) <= LONGEST:
        return "length", f"must have 1 to {LONGEST} characters"
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        return "characters", "must not hold control characters"
    if composite and SEPARATOR in value:
        return "characters", f"must not hold {SEPARATOR!r}, which joins the ids of an entity"
    return None


def _shown(value: object) -> object:
    """What was given, as far as a message needs it."""
    if isinstance(value, str):
        return value[:64]
    return value if isinstance(value, bool | int | float) or value is None else type(value).__name__
