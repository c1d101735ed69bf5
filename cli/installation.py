"""What serving needs: servers, tables, a version of every model, a champion of every model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cli import champions, console
from cli.errors import remedy
from cli.events import NOTHING, Events, is_to_be_filled, read_events
from cli.local import servers_of
from cli.lookup import definitions
from cli.refusals import Refusals
from storage.signals import held_back

if TYPE_CHECKING:
    from pathlib import Path

    from settings import Settings

BY = "tiffin serve"
WORKERS = "TIFFIN_SERVING__WORKERS"
ENDING_SECONDS = 3.0
"""For a training that is told to end, each time: it may just be reading a file."""
ENDING_TRIES = 4
"""One in thirty trainings that were told to end while they imported libraries did not: C code took the exception."""


@dataclass(slots=True)
class Done:
    """What the set-up did. `untrained` are models that have no version even now."""

    trained: list[str] = field(default_factory=list)
    untrained: list[str] = field(default_factory=list)
    promoted: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"trained": self.trained, "untrained": self.untrained, "promoted": self.promoted}


@contextmanager
def set_up(workers: int | None, *, as_json: bool) -> Iterator[Done]:
    """Everything that is missing. Local servers run for as long as the context is open.

    A database that does not answer, or a model that cannot be trained, does not stop the rest: the server says on
    /readyz what it lacks. Raises SettingsError, LocalServerError and NewerDatabaseError.
    """
    if workers is not None:
        os.environ[WORKERS] = str(workers)
    with console.step("read the settings"):
        import settings

        loaded = settings.load()
        definitions()
    with servers_of(loaded.storage):
        yield _complete(loaded, as_json=as_json)


def _complete(settings: Settings, *, as_json: bool) -> Done:
    done = Done()
    with console.step("look for versions"):
        missing = _missing()
    events = _events(settings)
    fills = is_to_be_filled(settings.storage, events, definitions().values())
    why = _unfit(missing, events, settings.storage.state_dir, fills=fills)
    wanted = [name for name in missing if name not in why]
    if wanted or fills:
        _train(wanted, as_json=as_json)
    if missing:
        done.untrained = _missing() if wanted else missing
        done.trained = [name for name in missing if name not in done.untrained]
    for name in done.untrained:
        reason = why.get(name, f"`tiffin train {name}` was refused or did not end")
        console.warn(
            f"model {name!r} has no usable version and will not answer: {reason}; "
            f"delete models/{name}.py if you do not want it"
        )
    with console.step("prepare the database"):
        done.promoted = _prepare(settings)
    return done


def _events(settings: Settings) -> Events | None:
    """What the database holds for models that learn from events; None when it does not answer."""
    from storage import urls
    from storage.errors import MigrationError, NewerDatabaseError, StorageUnavailableError
    from storage.migrations import migrate

    if not any(definition.learns_from_view for definition in definitions().values()):
        return NOTHING
    try:
        with console.step("look for events"):
            url = urls(settings.storage).database
            migrate(url)
            with champions.connected(url, settings.storage) as engine:
                return read_events(engine, embedded=settings.storage.database_url is None)
    except NewerDatabaseError:
        raise
    except (StorageUnavailableError, MigrationError):  # said when the database is prepared
        return None


def _unfit(names: Sequence[str], events: Events | None, state_dir: Path, *, fills: bool) -> dict[str, str]:
    """Those that are not worth training now, and why: there is nothing to learn from, or it was refused already, from
    the same file and rows. `fills`: sample data comes first."""
    known, refusals = definitions(), Refusals(state_dir, events or NOTHING)
    why = {}
    for name in names:
        if name not in known:
            continue
        if known[name].learns_from_view and events is None:
            why[name] = "it learns from events in the database, which does not answer"
        elif events is not None and (lacking := events.lacks(known[name])) and not fills:
            why[name] = f"the database holds no events to learn from; {remedy(name, lacking)}"
        elif refusals.stands(known[name]):
            why[name] = f"`tiffin train {name}` was refused, and nothing has changed since"
    return why


def _missing() -> list[str]:
    """The models without a usable version."""
    from registry import store
    from registry.errors import NoVersionError

    missing = []
    for name, definition in definitions().items():
        try:
            store.newest(definition)
        except NoVersionError:
            missing.append(name)
    return missing


def _train(names: Sequence[str], *, as_json: bool) -> None:
    """Train in a process of its own: what training imports would stay in this one, 190 MB for as long as it serves.

    It fills in the sample data first, where that is due.
    """
    from settings import ROOT

    if names:
        console.say(f"train what has no version yet: {', '.join(names)}")
    command = [sys.executable, "-m", "cli.main", "train", *names, "--within-serve", *(("--json",) if as_json else ())]
    output = subprocess.DEVNULL if as_json else None
    # In a process group of its own: Ctrl-C in a terminal reaches this process alone, which ends that one.
    with held_back():  # a signal before Popen returns would leave a training that nobody ends
        training = subprocess.Popen(command, cwd=ROOT, stdout=output, process_group=0)
    with training:
        try:
            training.wait()
        except BaseException:
            _end(training)
            raise


def _end(training: subprocess.Popen[bytes]) -> None:
    for _ in range(ENDING_TRIES):
        training.terminate()
        with suppress(subprocess.TimeoutExpired):
            training.wait(ENDING_SECONDS)  # Popen itself waits a quarter of a second after Ctrl-C
            return
    training.kill()


def _prepare(settings: Settings) -> dict[str, str]:
    """Migrate, and record the newest version of every model without a champion as its first. Returns those tags."""
    from storage import urls
    from storage.errors import MigrationError, NewerDatabaseError, StorageUnavailableError
    from storage.migrations import migrate

    try:
        url = urls(settings.storage).database
        migrate(url)
        with champions.connected(url, settings.storage) as engine:
            promoted = champions.record_first(engine, definitions().values(), by=BY)
            champions.remember(engine, settings.storage)
            return promoted
    except NewerDatabaseError:
        raise
    except StorageUnavailableError as error:
        console.warn(f"{error}; serving without the database until it is there")
    except MigrationError as error:
        console.warn(f"{error}; serving without the database until `tiffin migrate` has been run by a role that may")
    return {}
