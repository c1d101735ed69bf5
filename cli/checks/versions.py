"""Whether every model has a version that loads and answers its example."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from cli import champions
from cli.checks.finding import Finding, failure, ok, warning

if TYPE_CHECKING:
    from pathlib import Path

    from models.definition import Definition
    from registry.releases import Release
    from storage.settings import StorageSettings


def released(settings: StorageSettings) -> Mapping[str, str]:
    """The champions' tags by model, as far as they are known; unlike a server's look, this one writes no copy."""
    from registry.releases import Releases
    from storage import urls
    from storage.errors import StorageError

    try:
        with champions.connected(urls(settings).database, settings) as engine:
            found: Mapping[str, Release] = Releases(engine).all()
    except StorageError:
        found, _ = _read(champions.copy(settings))
    return {name: release.champion for name, release in found.items()}


def kept(settings: StorageSettings) -> Iterator[Finding]:
    """Whether the copy of the releases for times without a database reads."""
    path = champions.copy(settings)
    found, fault = _read(path)
    if fault:
        remedy = "remove it; the next look at the database writes it again"
        yield warning("last known releases", f"{path} does not read: {fault}", remedy)
    elif found:
        yield ok("last known releases", f"of {len(found)} models")


def _read(path: Path) -> tuple[Mapping[str, Release], str]:
    """The copy, and what is wrong with it."""
    from pydantic import TypeAdapter, ValidationError

    from registry.releases import Release

    try:
        return TypeAdapter(dict[str, Release]).validate_json(path.read_bytes()), ""
    except FileNotFoundError:
        return {}, ""
    except OSError as error:
        return {}, str(error.strerror)
    except ValidationError as error:
        first = error.errors()[0]
        return {}, ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))


def model(definition: Definition, champion: str | None) -> Iterator[Finding]:
    """The version that would answer; `champion` is the released tag."""
    from inference.errors import LoadFailedError
    from inference.loaded import load
    from registry.errors import NoVersionError, RegistryError
    from registry.store import get, newest
    from serving.answers import rehearse

    check, again = f"model {definition.name}", f"`tiffin train {definition.name} --promote`"
    version, lacking = None, ""
    if champion is not None:
        try:
            version = get(champion, definition)
        except RegistryError as error:
            lacking = str(error)
    try:
        version = version or newest(definition)
        loaded = load(definition, version)
        loaded.warm()  # compiles machine code, which some systems forbid
    except NoVersionError:
        found = f"{lacking}, and no other version is usable" if lacking else "no usable version"
        unwanted = f"; delete models/{definition.name}.py if you do not want it"
        yield failure(check, found, f"`tiffin train {definition.name}`, which says why if it is refused{unwanted}")
    except LoadFailedError as error:
        yield failure(check, str(error), again)
    else:
        try:
            rehearse(loaded)
        except LoadFailedError as error:
            yield failure(check, str(error), f"mend models/{definition.name}.py")
            return
        if lacking:
            yield warning(check, f"{lacking}; {version.tag}, the newest, answers instead", again)
        else:
            role = "champion" if version.tag == champion else "newest"
            yield ok(check, f"{version.tag} ({role}) answers its example and explains")
