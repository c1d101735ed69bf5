"""Training several models, one after the other, and releasing what comes out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli import champions, console
from cli.errors import explain
from cli.events import NOTHING, Events, fill_sample, is_to_be_filled, read_events
from cli.lookup import definitions
from cli.progress import trainings
from cli.refusals import Refusals

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from models.definition import Definition
    from registry.store import Version
    from storage.settings import StorageSettings
    from training.progress import Progress
    from training.sources import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to train and how. `promote` is for versions that are not their model's first."""

    definitions: Sequence[Definition]
    source: Callable[[str], Source]
    rows: int | None
    force: bool
    promote: bool
    by: str
    mends: bool = False
    """Promote a version also when the model's champion was trained for another schema."""
    as_recipe: bool = True
    """From the rows that the recipes name, all of them."""
    tune_minutes: float = 0.0
    fills_sample: bool = False
    """Where models learn from events and the embedded database holds none at all, sample data comes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A stored version. `champion` is the model's champion now; None when that could not be found out."""

    definition: Definition
    version: Version
    seconds: float
    champion: str | None

    @property
    def promoted(self) -> bool:
        return self.champion == self.version.tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A training that stored nothing."""

    definition: Definition
    error: Exception


Outcome = Trained | Failed


def carry_out(order: Order, settings: StorageSettings) -> list[Outcome]:
    """Train every model of the order. A failure of one does not keep the others from being trained.

    Without a database the versions are stored all the same and no champion is recorded; when the order asks for
    promotions, StorageError is raised instead, before anything is trained.
    """
    outcomes: list[Outcome] = []
    with ExitStack() as stack:
        engine = _database(stack, order, settings)
        refusals = Refusals(settings.state_dir, _events(engine, order, settings))
        if not order.definitions:
            return outcomes
        with console.step("load the training libraries"):
            import training.train  # noqa: F401 - here, where its seconds are seen
        display = stack.enter_context(trainings([definition.name for definition in order.definitions]))
        for definition in order.definitions:
            outcome = _train(definition, order, display.training(definition.name), engine)
            if order.as_recipe:
                _note(outcome, refusals)
            display.finished(definition.name, "failed" if isinstance(outcome, Failed) else outcome.version.tag)
            outcomes.append(outcome)
        if engine is not None:
            champions.remember(engine, settings)
    return outcomes


def _database(stack: ExitStack, order: Order, settings: StorageSettings) -> Engine | None:
    from storage.errors import StorageError

    try:
        with console.step("open the database"):
            return stack.enter_context(champions.database(settings))
    except StorageError as error:
        if order.promote:
            raise
        console.warn(f"{error}; versions are stored, but no champion is recorded")
        return None


def _events(engine: Engine | None, order: Order, settings: StorageSettings) -> Events:
    """What the database holds for models that learn from events, after the sample data has come in where it is due."""
    if engine is None:
        return NOTHING
    embedded = settings.database_url is None
    found = read_events(engine, embedded=embedded)
    if order.fills_sample and is_to_be_filled(settings, found, definitions().values()):
        fill_sample(engine, found)
        return read_events(engine, embedded=embedded)
    return found


def _note(outcome: Outcome, refusals: Refusals) -> None:
    from training.errors import GatesMissedError

    if isinstance(outcome, Trained):
        refusals.drop(outcome.definition)
    elif isinstance(outcome.error, GatesMissedError):
        refusals.add(outcome.definition)


def _train(definition: Definition, order: Order, progress: Progress, engine: Engine | None) -> Outcome:
    from training.train import train

    started = time.monotonic()
    source = order.source(definition.name)
    try:
        version = train(
            definition, source, progress=progress, force=order.force, rows=order.rows, tune_minutes=order.tune_minutes
        )
    except Exception as error:
        if explain(error) is None:
            raise
        return Failed(definition=definition, error=error)
    seconds = time.monotonic() - started
    champion = _release(definition, version.tag, order, engine)
    return Trained(definition=definition, version=version, seconds=seconds, champion=champion)


def _release(definition: Definition, tag: str, order: Order, engine: Engine | None) -> str | None:
    """The model's champion after this version; a promotion that fails leaves the stored version where it is."""
    from registry.errors import RegistryError
    from storage.errors import StorageError

    if engine is None:
        return None
    try:
        release = champions.record(engine, definition, tag, by=order.by, promote=order.promote, mend=order.mends)
    except (StorageError, RegistryError) as error:
        console.warn(f"{tag} is stored but was not promoted: {error}")
        return None
    return release.champion
