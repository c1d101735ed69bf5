"""The models that a command is about, by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cli.errors import CommandError

if TYPE_CHECKING:
    from models.definition import Definition


def definitions() -> Mapping[str, Definition]:
    """All models by name. Raises CommandError, naming the fault, when a file in models/ does not load."""
    from models import catalogue

    try:
        return catalogue()
    except Exception as error:  # the files are the user's own: anything can be wrong with them
        raise CommandError(
            f"the models do not load: {type(error).__name__}: {error}",
            hint="mend the file in models/, or take it away",
        ) from error


def definition(name: str) -> Definition:
    """The model of that name. Raises CommandError with the nearest name."""
    known = definitions()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    guess = f"; did you mean {near[0]!r}?" if near else ""
    raise CommandError(f"there is no model {name!r}{guess}", hint=f"known models: {', '.join(known) or 'none'}")
