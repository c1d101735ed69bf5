"""The release that goes with a training: which version becomes champion, and what is known about champions offline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from cli.local import servers_of

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from models.definition import Definition
    from registry.releases import Release, Source
    from storage.settings import StorageSettings

FILE = "releases.json"
"""The copy of the releases in the state folder; serving workers read and write it too."""


@contextmanager
def database(settings: StorageSettings) -> Iterator[Engine]:
    """The migrated database of a running server: the settings' own, or a local one that is started when need be.

    Local servers stop again at the end unless somebody else uses them. Raises StorageError.
    """
    from storage import urls
    from storage.migrations import migrate

    with servers_of(settings):
        url = urls(settings).database
        migrate(url)
        with connected(url, settings) as engine:
            yield engine


@contextmanager
def connected(url: str, settings: StorageSettings) -> Iterator[Engine]:
    """An engine on `url` that is disposed of at the end. Raises nothing by itself."""
    from storage.database import open_engine

    engine = open_engine(url, settings, application="tiffin command line")
    try:
        yield engine
    finally:
        engine.dispose()


def record(engine: Engine, definition: Definition, tag: str, *, by: str, promote: bool, mend: bool) -> Release:
    """Make the version champion if it is the model's first or `promote`, and return the release now in force.

    `mend` replaces a champion that was trained for another schema, and so answers nobody.

    Raises StorageUnavailableError, and ReleaseConflictError when somebody else promotes at the same moment.
    """
    from registry.releases import Releases

    releases, model = Releases(engine), definition.name
    release = releases.all().get(model)
    if release is None:
        return releases.promote(model, tag, by, "first version", expected=None)
    if promote:
        return releases.promote(model, tag, by, "promoted when it was trained", expected=release.champion)
    if mend and is_outgrown(release.champion, definition):
        reason = f"{release.champion} was trained for another schema"
        return releases.promote(model, tag, by, reason, expected=release.champion)
    return release


def is_outgrown(tag: str, definition: Definition) -> bool:
    """Whether that version is here but was trained for another schema than the definition's."""
    from registry import store
    from registry.errors import OtherSchemaError, RegistryError

    try:
        store.get(tag, definition)
    except OtherSchemaError:
        return True
    except RegistryError:
        return False
    return False


def record_first(engine: Engine, definitions: Iterable[Definition], *, by: str) -> dict[str, str]:
    """Make the newest version of every model without a champion its champion; the tags, by model, of those it did.

    Raises StorageUnavailableError.
    """
    from registry import store
    from registry.errors import NoVersionError
    from registry.releases import ReleaseConflictError, Releases

    releases = Releases(engine)
    known = releases.all()
    made: dict[str, str] = {}
    for definition in definitions:
        if definition.name in known:
            continue
        with suppress(NoVersionError, ReleaseConflictError):  # another machine was faster: that is the champion then
            tag = store.newest(definition).tag
            made[definition.name] = releases.promote(definition.name, tag, by, "first version", expected=None).champion
    return made


def remember(engine: Engine, settings: StorageSettings) -> None:
    """Bring the copy on this machine up to date, for times without a database."""
    from registry.releases import load_releases

    load_releases(engine, copy(settings))


def last_known(settings: StorageSettings) -> tuple[Mapping[str, Release], Source]:
    """The releases and where they come from: the database if it answers, else the copy. Starts nothing."""
    from registry.releases import load_releases
    from storage import urls
    from storage.errors import StorageUnavailableError

    try:
        url = urls(settings).database
    except StorageUnavailableError:
        return load_releases(None, copy(settings))
    with connected(url, settings) as engine:
        return load_releases(engine, copy(settings))


def copy(settings: StorageSettings) -> Path:
    return settings.state_dir / FILE
