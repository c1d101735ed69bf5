"""What can be wrong with versions and releases.

RegistryError
├── UnknownModelError      no such model in models/
├── UnknownVersionError    no such version in the model store
├── UnusableVersionError   the version is there but this code cannot serve it
│   └── OtherSchemaError   it was trained for another schema
└── NoVersionError         the model has no usable version yet
    └── NeverStoredError   and the model store has nothing of it at all
"""

from __future__ import annotations


class RegistryError(Exception):
    """Base of all errors of this room."""


class UnknownModelError(RegistryError):
    """There is no definition of that name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"there is no model {name!r}; known models: {', '.join(known) or 'none'}")
        self.name = name
        self.known = known


class UnknownVersionError(RegistryError):
    """The model store has no such tag, or it was not stored by Tiffin."""

    def __init__(self, tag: str) -> None:
        super().__init__(f"there is no version {tag!r} in the model store; `tiffin models` lists all")
        self.tag = tag


class UnusableVersionError(RegistryError):
    """The stored files are damaged, or belong to another definition or format."""

    def __init__(self, tag: str, reason: str) -> None:
        super().__init__(f"version {tag} cannot be used: {reason}")
        self.tag = tag
        self.reason = reason


class OtherSchemaError(UnusableVersionError):
    """The definition has changed since, in what a caller sends or what is learned."""

    def __init__(self, tag: str) -> None:
        super().__init__(tag, "it was trained for another schema; train the model again")


class NoVersionError(RegistryError):
    """Nothing to serve yet."""

    text = "model {model!r} has no usable version; train one with `tiffin train {model}`"

    def __init__(self, model: str) -> None:
        super().__init__(self.text.format(model=model))
        self.model = model


class NeverStoredError(NoVersionError):
    """Perhaps an experiment: a model that was never trained, or whose training was refused."""

    text = (
        "model {model!r} has no version; train one with `tiffin train {model}`, "
        "or delete models/{model}.py if you do not want it"
    )
