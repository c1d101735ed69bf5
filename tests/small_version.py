"""A stored version of the small model: trained once in a test run, saved anew by whoever wants one."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import bentoml

from models.definition import Definition
from registry import store
from registry.details import VersionDetails
from tests.training import small
from training.train import train


def definition(name: str, **changes: Any) -> Definition:
    """The small definition under a name of its own, so that tests do not meet in the store."""
    return dataclasses.replace(small.definition, name=name, **changes)


@functools.cache
def artifact() -> store.Artifact:
    """What a training of the small model stores."""
    trained = definition("trained_once")
    version = train(trained, small.Given(small.frame(1200)), force=True)
    return store.Artifact(
        estimators={"model": store.BoostedTrees(version.booster(), version.onnx())},
        encoding=version.encoding(trained),
        calibration=version.calibration(),
        details=version.details,
        reference=version.reference(),
    )


def save(given: Definition, **details: Any) -> store.Version:
    """A new version of `given`; `details` replaces fields of its `VersionDetails`."""
    wanted = {**artifact().details.model_dump(), "model": given.name, "definition_fingerprint": given.fingerprint}
    changed = VersionDetails.model_validate({**wanted, **details})
    return store.save(given, dataclasses.replace(artifact(), details=changed))


def delete(version: store.Version) -> None:
    """Take a version out of the store again."""
    bentoml.models.delete(version.tag)
