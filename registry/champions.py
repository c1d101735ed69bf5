"""Which version of a model should answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from models.definition import Definition
from registry import store
from registry.errors import NeverStoredError, NoVersionError, RegistryError
from registry.releases import Release


def champion(definition: Definition, releases: Mapping[str, Release], pinned: Collection[str] = ()) -> store.Version:
    """The released champion; without a usable one the version `pinned` in the Bento, then the newest in the store.

    Raises NoVersionError when the model has no usable version at all, NeverStoredError when it has never had one.
    """
    release = releases.get(definition.name)
    wanted = [release.champion] if release is not None else []
    for tag in [*wanted, *(tag for tag in pinned if tag.startswith(f"{definition.name}:"))]:
        try:
            return store.get(tag, definition)
        except RegistryError as error:
            store.warn_once(str(error))
    try:
        return store.newest(definition)
    except NeverStoredError:
        if wanted:  # it has had one, on another machine
            raise NoVersionError(definition.name) from None
        raise
