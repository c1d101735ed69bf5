"""Feature views: one SQL file each in `features/views/`, described by the comment at its top.

The text selects from a relation `spine (position, as_of, <keys>)`, one row for each pair of an entity and a moment, and
gives `position`, `since` (when the entity was first known; null: not before `as_of`) and the features. Rows that it
leaves out count as unknown entities. See docs/features.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from features.duration import read_duration, write_duration
from features.errors import UnknownViewError, ViewError
from models import catalogue
from models.definition import Definition

FOLDER = Path(__file__).parent / "views"
_TEXTS = ("what", "known")
_SPANS = ("ttl", "stale", "least_history")
_MAPPINGS = ("keys", "sources", "columns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One id of a view's entities."""

    name: str
    what: str
    example: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """A view as its file states it.

    `sources` maps each table that it reads to the column that says when a row was known. `notes` maps every column, in
    the view's order, to what is to be said beyond the feature's own description. `ttl` is how long a row that was
    computed for "now" may be used, `stale` how long it is kept for when the database is away. `sql` is the file without
    its comment.
    """

    name: str
    what: str
    known: str
    keys: tuple[Key, ...]
    sources: Mapping[str, str]
    ttl: timedelta
    stale: timedelta
    least_history: timedelta
    notes: Mapping[str, str]
    sql: str = field(repr=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """The features, in the order of every row of values."""
        return tuple(self.notes)

    @property
    def key_names(self) -> tuple[str, ...]:
        return tuple(key.name for key in self.keys)

    @property
    def fingerprint(self) -> str:
        """12 hex digits that change when the SQL does: rows of another text are not mixed up with this one's."""
        return hashlib.sha256(self.sql.encode()).hexdigest()[:12]

    @property
    def example(self) -> dict[str, str]:
        """An entity, as a caller sends it."""
        return {key.name: key.example for key in self.keys}

    @property
    def models(self) -> tuple[Definition, ...]:
        """The models whose definitions name this view."""
        return tuple(definition for definition in catalogue().values() if definition.view == self.name)

    def describe(self) -> dict[str, object]:
        """The view as a JSON-ready mapping; a column's description, unit and range are those of its model's feature."""
        described = {str(row["name"]): row for model in self.models for row in model.schema.describe()}
        return {
            "name": self.name,
            "what": self.what,
            "models": [model.name for model in self.models],
            "keys": [{"name": key.name, "what": key.what, "example": key.example} for key in self.keys],
            "known": self.known,
            "sources": dict(self.sources),
            **{span: write_duration(getattr(self, span)) for span in _SPANS},
            "fingerprint": self.fingerprint,
            "columns": [_column(name, note, described.get(name, {})) for name, note in self.notes.items()],
        }


def views() -> Mapping[str, View]:
    """All views by name, in alphabetical order. Raises ViewError for a file that does not read.

    >>> views()["sales_history"].key_names
    ('store_id', 'sku_id')
    """
    return _files()


def view(name: str) -> View:
    """The view of that name. Raises UnknownViewError."""
    found = views().get(name)
    if found is None:
        raise UnknownViewError(name, views())
    return found


def parse(name: str, text: str) -> View:
    """The view that a file states. Raises ViewError, which names the part."""
    lines = text.splitlines(keepends=True)
    comment = list(takewhile(lambda line: line.startswith("--"), lines))
    header = _header(name, comment)
    try:
        keys = tuple(
            Key(name=str(key), what=str(about["what"]), example=str(about["example"]))
            for key, about in header["keys"].items()
        )
        return View(
            name=name,
            keys=keys,
            sources=MappingProxyType({str(table): str(column) for table, column in header["sources"].items()}),
            notes=MappingProxyType({str(column): str(note or "") for column, note in header["columns"].items()}),
            sql="".join(lines[len(comment) :]),
            what=str(header["what"]),
            known=str(header["known"]),
            ttl=read_duration(header["ttl"]),
            stale=read_duration(header["stale"]),
            least_history=read_duration(header["least_history"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ViewError(name, f"the comment at its top is not right: {error!s}") from error


@cache
def _files() -> Mapping[str, View]:
    return MappingProxyType({path.stem: parse(path.stem, path.read_text("utf-8")) for path in _paths()})


def _paths() -> list[Path]:
    return sorted(FOLDER.glob("*.sql"))


def _header(name: str, comment: list[str]) -> dict[str, Any]:
    """The comment at the top, as YAML."""
    try:
        header = yaml.safe_load("".join(line.removeprefix("--").removeprefix(" ") for line in comment))
    except yaml.YAMLError as error:
        raise ViewError(name, f"the comment at its top is not YAML: {error}") from error
    wanted = {*_TEXTS, *_SPANS, *_MAPPINGS}
    given = set(header) if isinstance(header, dict) else set()
    if given != wanted:
        lacking, strange = sorted(wanted - given), sorted(map(str, given - wanted))
        raise ViewError(
            name, f"the comment at its top lacks {lacking or 'nothing'} and has unknown {strange or 'none'}"
        )
    for part in _MAPPINGS:
        if not isinstance(header[part], dict) or not header[part]:
            raise ViewError(name, f"{part} must be a mapping with something in it")
    return dict(header)


def _column(name: str, note: str, feature: Mapping[str, object]) -> dict[str, object]:
    shown = ("type", "description", "unit", "minimum", "maximum", "levels")
    return {"name": name, **{part: feature[part] for part in shown if part in feature}, "note": note}
