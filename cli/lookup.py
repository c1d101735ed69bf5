"""The models that a command is about, by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from cli import console
from cli.errors import CommandError

if TYPE_CHECKING:
    from models.definition import Definition


MEND = "mend the file in models/, or take it away"


def definitions() -> Mapping[str, Definition]:
    """All models by name. Warns, once, of files in models/ that do not load."""
    from models import catalogue

    _warn_of_broken()
    return catalogue()


@cache
def _warn_of_broken() -> None:
    from models import broken

    for name, fault in broken().items():
        console.warn(f"model {name!r} is left out: {fault}")


def definition(name: str) -> Definition:
    """The model of that name. Raises CommandError: with what is wrong in its file, or with the nearest name."""
    from models import broken

    if name in broken():
        raise CommandError(f"model {name!r} does not load: {broken()[name]}", hint=MEND)
    known = definitions()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    guess = f"; did you mean {near[0]!r}?" if near else ""
    raise CommandError(f"there is no model {name!r}{guess}", hint=f"known models: {', '.join(known) or 'none'}")
