"""Versions in the BentoML model store: write one, list them, read one back.

A version is a BentoML model of the decision model's name whose folder holds:

    model.ubj         the boosted trees, for explanations
    model.onnx        the same trees: input `rows` float32 (n, columns), output `margin` float32 (n, outputs)
    model.json        instead of both: the terms of an additive model (AdditiveModel)
    interval.*        likewise, where there is one: two quantiles around the estimate
    amount.*          likewise: what a positive amounts to
    encoding.json     category codes
    calibration.json  margins -> score
    version.json      metrics, thresholds, data, example, ... (VersionDetails)
    schema.json       the feature schema as it was
    reference.json    training distributions for drift (Reference)
    card.html         the model card (registry/card); versions stored by older code have none

Nothing in it is ever unpickled.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import bentoml
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml.exceptions import BentoMLException
from bentoml.models import ModelContext
from pydantic import TypeAdapter, ValidationError

from models.definition import Definition
from registry.additive import AdditiveModel
from registry.calibration import Calibration
from registry.card import About, page
from registry.details import FORMAT, Form, Reference, VersionDetails
from registry.encoding import Encoding
from registry.errors import (
    NeverStoredError,
    NoVersionError,
    OtherSchemaError,
    RegistryError,
    UnknownVersionError,
    UnusableVersionError,
)

logger = logging.getLogger("tiffin.registry")

MODULE = "tiffin"
FILES = (
    "encoding.json",
    "calibration.json",
    "version.json",
    "schema.json",
    "reference.json",
)
CARD = "card.html"
LABEL_FORMAT = "tiffin_format"
LABEL_FINGERPRINT = "tiffin_fingerprint"
_CALIBRATION: TypeAdapter[Calibration] = TypeAdapter(Calibration)


@dataclass(frozen=True, slots=True)
class BoostedTrees:
    """The same trees twice: as XGBoost's UBJ, and as ONNX."""

    ubj: bytes
    onnx: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Everything that makes a new version; only training creates one."""

    estimators: Mapping[str, BoostedTrees | AdditiveModel]
    """By name: "model" always; "interval" and "amount" where there are such."""
    encoding: Encoding
    calibration: Calibration
    details: VersionDetails
    reference: Reference


@dataclass(frozen=True, slots=True)
class Version:
    """One stored version of a model. `tag` is its name in the BentoML store, e.g. "fraud:k3hx2wqx5o"."""

    tag: str
    path: Path
    details: VersionDetails

    def booster(self, estimator: str = "model") -> bytes:
        return (self.path / f"{estimator}.ubj").read_bytes()

    def onnx(self, estimator: str = "model") -> bytes:
        return (self.path / f"{estimator}.onnx").read_bytes()

    def additive(self, estimator: str = "model") -> AdditiveModel:
        return AdditiveModel.model_validate_json((self.path / f"{estimator}.json").read_bytes())

    def encoding(self, definition: Definition) -> Encoding:
        codes = json.loads((self.path / "encoding.json").read_text())
        return Encoding(definition.inputs, codes)

    def calibration(self) -> Calibration:
        return _CALIBRATION.validate_json((self.path / "calibration.json").read_bytes())

    def reference(self) -> Reference:
        return Reference.model_validate_json((self.path / "reference.json").read_bytes())

    def card(self) -> str | None:
        """The model card as it was stored; None where it was not."""
        path = self.path / CARD
        return path.read_text("utf-8") if path.is_file() else None


def save(definition: Definition, artifact: Artifact) -> Version:
    """Write a new version and return it. The files are written elsewhere and copied into the store at the end."""
    with bentoml.models.create(
        definition.name,
        module=MODULE,
        labels={LABEL_FORMAT: str(FORMAT), LABEL_FINGERPRINT: definition.fingerprint},
        metadata={metric.name: metric.value for metric in artifact.details.metrics},
        context=ModelContext(framework_name="tiffin", framework_versions=dict(artifact.details.reproduction.libraries)),
    ) as stored:
        folder = Path(stored.path)
        for name, estimator in artifact.estimators.items():
            _write(folder, name, estimator)
        (folder / "encoding.json").write_text(json.dumps(artifact.encoding.codes, indent=1))
        (folder / "calibration.json").write_text(artifact.calibration.model_dump_json())
        (folder / "version.json").write_text(artifact.details.model_dump_json(indent=1))
        (folder / "schema.json").write_text(json.dumps(definition.inputs.describe(), indent=1))
        (folder / "reference.json").write_text(artifact.reference.model_dump_json())
        card = page(artifact.details, About.of(definition, str(stored.tag), artifact.reference))
        (folder / CARD).write_text(card, "utf-8")
    return get(str(stored.tag), definition)


def _write(folder: Path, name: str, estimator: BoostedTrees | AdditiveModel) -> None:
    if isinstance(estimator, AdditiveModel):
        (folder / f"{name}.json").write_text(estimator.model_dump_json(indent=1))
    else:
        (folder / f"{name}.ubj").write_bytes(estimator.ubj)
        (folder / f"{name}.onnx").write_bytes(estimator.onnx)


def get(tag: str, definition: Definition) -> Version:
    """The version with that tag, checked to fit `definition`.

    Raises UnknownVersionError when the store has none, UnusableVersionError when it does not fit.
    """
    if not tag.startswith(f"{definition.name}:"):
        raise UnknownVersionError(tag)
    stored = _open(tag)
    if stored.info.module != MODULE:
        raise UnknownVersionError(tag)
    return _read(stored, definition)


def versions(definition: Definition) -> list[Version]:
    """All usable versions of a model, newest first. Unusable ones are logged and left out."""
    return list(_usable(definition))


def newest(definition: Definition) -> Version:
    """The newest usable version. Raises NoVersionError when there is none, NeverStoredError when none is stored."""
    for version in _usable(definition):
        return version
    if any(stored.info.module == MODULE for stored in _stored(definition.name)):
        raise NoVersionError(definition.name)
    raise NeverStoredError(definition.name)


def _usable(definition: Definition) -> Iterator[Version]:
    stored = [model for model in _stored(definition.name) if model.info.module == MODULE]
    faults: list[UnusableVersionError] = []
    try:
        for model in sorted(stored, key=lambda model: model.creation_time, reverse=True):
            try:
                version = _read(model, definition)
            except UnusableVersionError as error:
                faults.append(error)
            else:
                yield version
    finally:  # also when the caller had enough at the first
        if len(faults) == 1:
            warn_once(str(faults[0]))
        elif faults:  # one line: after a change of the schema all of them are meant
            first = faults[0]
            warn_once(f"{len(faults)} versions of {definition.name} cannot be used; {first.tag}: {first.reason}")


def _stored(name: str) -> Iterator[bentoml.Model]:
    """All models of that name, of whatever origin.

    BentoML's own list fails as a whole when the name has none, or when a save that was killed left one half copied.
    """
    folder = _root() / name
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir():
            try:
                yield _open(f"{name}:{path.name}")
            except RegistryError as error:
                warn_once(str(error))


def _open(tag: str) -> bentoml.Model:
    """The model of exactly that tag: BentoML's own `get` also takes "latest" and the beginning of a version."""
    try:
        folder = _root() / bentoml.Tag.from_str(tag).path()
    except BentoMLException as error:
        raise UnknownVersionError(tag) from error
    if not folder.is_dir():
        raise UnknownVersionError(tag)
    try:
        stored = bentoml.Model.from_path(folder)
    except Exception as error:  # damaged YAML fails in many ways
        raise UnusableVersionError(tag, "model.yaml does not read") from error
    if str(stored.tag) != tag:
        raise UnknownVersionError(tag)
    return stored


def _root() -> Path:
    return Path(BentoMLContainer.model_store.get()._path)


def _read(stored: bentoml.Model, definition: Definition) -> Version:
    tag = str(stored.tag)
    labels = stored.info.labels
    if labels.get(LABEL_FORMAT) != str(FORMAT):
        raise UnusableVersionError(tag, f"its format is {labels.get(LABEL_FORMAT)!r}, this code reads {FORMAT}")
    if labels.get(LABEL_FINGERPRINT) != definition.fingerprint:
        raise OtherSchemaError(tag)
    path = Path(stored.path)
    _demand(tag, path, FILES)
    try:
        details = VersionDetails.model_validate_json((path / "version.json").read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise UnusableVersionError(tag, f"version.json does not read: {where}: {first['msg']}") from error
    _demand(tag, path, [name for estimator, form in details.estimators.items() for name in _files(estimator, form)])
    return Version(tag, path, details)


def _demand(tag: str, path: Path, files: Iterable[str]) -> None:
    lacking = [name for name in files if not (path / name).is_file()]
    if lacking:
        raise UnusableVersionError(tag, f"it lacks {', '.join(lacking)}")


def _files(estimator: str, form: Form) -> tuple[str, ...]:
    return (f"{estimator}.json",) if form == "additive" else (f"{estimator}.ubj", f"{estimator}.onnx")


@cache
def warn_once(message: str) -> None:
    """Log a warning the first time: who waits for a usable version asks every few seconds."""
    logger.warning("%s", message)
