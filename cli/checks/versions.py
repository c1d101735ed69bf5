"""Whether every model has a version that loads and answers its example."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from cli import champions
from cli.checks.finding import Finding, failure, ok, warning

if TYPE_CHECKING:
    from models.definition import Definition
    from storage.settings import StorageSettings


def released(settings: StorageSettings) -> Mapping[str, str]:
    """The champions' tags by model, as far as they are known."""
    releases, _ = champions.last_known(settings)
    return {name: release.champion for name, release in releases.items()}


def model(definition: Definition, champion: str | None) -> Iterator[Finding]:
    """The version that would answer; `champion` is the released tag."""
    from inference.errors import LoadFailedError
    from inference.loaded import load
    from registry.errors import NoVersionError, RegistryError
    from registry.store import get, newest

    check, again = f"model {definition.name}", f"`tiffin train {definition.name} --promote`"
    version = None
    if champion is not None:
        try:
            version = get(champion, definition)
        except RegistryError as error:
            yield warning(check, f"{error}; the newest version answers instead", again)
    try:
        version = version or newest(definition)
        load(definition, version).warm()  # compiles machine code, which some systems forbid
    except NoVersionError:
        yield failure(check, "no usable version", f"`tiffin train {definition.name}`, or `tiffin serve`")
    except LoadFailedError as error:
        yield failure(check, str(error), again)
    else:
        role = "champion" if version.tag == champion else "newest"
        yield ok(check, f"{version.tag} ({role}) answers its example and explains")
