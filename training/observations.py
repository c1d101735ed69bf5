"""Who is observed when, and what came of it: one SQL file for each model that learns from a view.

A file's text selects from a relation `scope` of one row: `until` (observe before it), `seed` (what is drawn by lot
follows it) and `portion` (observe this share of the entities, 0 to 1, drawn by lot). It gives the view's keys, `as_of`
and `outcome`, which looks only at events from `as_of` on and within the file's horizon. See docs/models.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import takewhile
from pathlib import Path

import yaml

from features.duration import read_duration
from features.views import View
from training.errors import DataError

FOLDER = Path(__file__).parent / "observations"
_PARTS = frozenset(("who", "grain", "outcome", "horizon"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """A file as its comment states it. `sql` is its text without the comment."""

    model: str
    who: str
    grain: str
    outcome: str
    horizon: timedelta
    sql: str = field(repr=False)

    @property
    def file(self) -> str:
        """Where it stands, as messages call it."""
        return _file(self.model)

    @property
    def fingerprint(self) -> str:
        """12 hex digits that change when the SQL does."""
        return hashlib.sha256(self.sql.encode()).hexdigest()[:12]


def observations_of(model: str) -> Observations:
    """What `training/observations/<model>.sql` says. Raises DataError where it is not there or does not read."""
    path = FOLDER / f"{model}.sql"
    try:
        return parse(model, path.read_text("utf-8"))
    except FileNotFoundError:
        remedy = "write it (docs/models.md says how), or give rows: --data FILE or --query SQL"
        raise DataError(f"model {model!r}", [f"there is no {_file(model)}: {remedy}"]) from None


def parse(model: str, text: str) -> Observations:
    """The observations that a file states. Raises DataError, which names what is wrong with the comment at its top."""
    lines = text.splitlines(keepends=True)
    comment = list(takewhile(lambda line: line.startswith("--"), lines))
    try:
        header = yaml.safe_load("".join(line.removeprefix("--").removeprefix(" ") for line in comment))
        if not isinstance(header, dict) or set(header) != _PARTS:
            raise ValueError(f"it must name {', '.join(sorted(_PARTS))} and nothing else")
        words = {part: str(header[part]) for part in ("who", "grain", "outcome")}
        horizon = read_duration(header["horizon"])
    except (ValueError, yaml.YAMLError) as error:
        raise DataError(_file(model), [f"the comment at its top is not right: {error}"]) from error
    return Observations(model=model, **words, horizon=horizon, sql="".join(lines[len(comment) :]))


def statement(observations: Observations, view: View) -> str:
    """The text within its scope: parameters are `until`, `seed` and `portion`. Rows come in a fixed order.

    Moments at or after `until` are left out whatever the file says: their outcomes are not known as a whole.
    """
    keys = ", ".join(f"observation.{name}" for name in view.key_names)
    text = observations.sql.replace("%", "%%")
    return (  # the files' own texts and names; all values are parameters
        "with scope (until, seed, portion) as (values (%s::timestamptz, %s::bigint, %s::float8)), "  # noqa: S608
        f"observation as ({text}) "
        f"select {keys}, observation.as_of, observation.outcome from observation, scope "
        f"where observation.as_of < scope.until order by observation.as_of, {keys}, observation.outcome"
    )


def _file(model: str) -> str:
    return f"training/observations/{model}.sql"
