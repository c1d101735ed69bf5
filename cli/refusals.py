"""Trainings that were refused, so that a start does not try them again before anything has changed."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cli.events import NOTHING

if TYPE_CHECKING:
    from cli.events import Events
    from models.definition import Definition

FILE = "refused.json"


class Refusals:
    """By model, from what the refused version was trained. Kept in the state folder; a lost file costs a training.

    `events` is what the database holds for models that learn from it.
    """

    def __init__(self, state_dir: Path, events: Events = NOTHING) -> None:
        self._path = state_dir / FILE
        self._events = events

    def stands(self, definition: Definition) -> bool:
        """Whether the last training was refused, and the model's file and its rows are what they were then."""
        return self._read().get(definition.name) == self._origin(definition)

    def add(self, definition: Definition) -> None:
        self._write({**self._read(), definition.name: self._origin(definition)})

    def drop(self, definition: Definition) -> None:
        known = self._read()
        if known.pop(definition.name, None) is not None:
            self._write(known)

    def _read(self) -> dict[str, str]:
        try:
            known = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def _origin(self, definition: Definition) -> str:
        """What changes with the model's file and with its rows: the file that its recipe names, or events."""
        from settings import ROOT

        parts = [definition.fingerprint, repr(definition.gates)]
        with suppress(OSError):
            parts.append((ROOT / "models" / f"{definition.name}.py").read_text("utf-8"))
        if definition.recipe.data is not None:
            with suppress(OSError):
                rows = (ROOT / definition.recipe.data).stat()
                parts.append(f"{rows.st_size} {rows.st_mtime_ns}")
        if definition.learns_from_view:
            parts.append(self._events.stamp(definition))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _write(self, known: dict[str, str]) -> None:
        from storage.files import write_atomically

        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, json.dumps(known, indent=1).encode())
