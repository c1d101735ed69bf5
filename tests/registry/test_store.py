"""Versions in the BentoML store, among whatever else lies there."""

from __future__ import annotations

import dataclasses
import logging
import re
from pathlib import Path

import bentoml
import pytest

from models.definition import Definition, Number, Schema
from registry import store
from registry.errors import NoVersionError, UnknownVersionError, UnusableVersionError
from tests.small_version import artifact, definition, save
from tests.training import small


def foreign(name: str) -> str:
    """A model of that name that somebody else has stored with BentoML; its tag."""
    with bentoml.models.create(name, labels={store.LABEL_FORMAT: "1"}) as model:
        Path(model.path_of("weights.bin")).write_bytes(b"theirs")
    return str(model.tag)


def files(version: store.Version) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in version.path.iterdir()}


def test_a_version_reads_back_as_it_was_stored() -> None:
    given = definition("stored_once")
    version = save(given)
    found = store.get(version.tag, given)
    assert re.fullmatch(r"stored_once:[a-z0-9]{16}", version.tag)
    assert found == version
    assert found.details.model_copy(update={"model": "", "definition_fingerprint": ""}) == (
        artifact().details.model_copy(update={"model": "", "definition_fingerprint": ""})
    )
    assert {"model": store.BoostedTrees(found.booster(), found.onnx())} == artifact().estimators
    assert found.encoding(given).codes == artifact().encoding.codes
    assert found.calibration() == artifact().calibration
    assert found.reference() == artifact().reference


def test_a_version_is_a_bentoml_model_with_its_metrics_and_libraries_but_nothing_pickled() -> None:
    version = save(definition("stored_openly"))
    model = bentoml.models.get(version.tag)
    assert model.info.module == "tiffin"
    assert model.info.metadata["roc_auc"] == pytest.approx(artifact().details.metrics[0].value)
    assert "xgboost" in model.info.context.framework_versions
    assert set(files(version)) == {*store.FILES, store.CARD, "model.ubj", "model.onnx", "model.yaml"}


def test_versions_come_newest_first() -> None:
    given = definition("stored_often")
    tags = [save(given).tag for _ in range(3)]
    assert [version.tag for version in store.versions(given)] == tags[::-1]
    assert store.newest(given).tag == tags[-1]


def test_a_model_without_versions_says_so() -> None:
    given = definition("stored_never")
    assert store.versions(given) == []
    with pytest.raises(NoVersionError, match="model 'stored_never' has no version; train one with"):
        store.newest(given)


def test_models_of_the_same_name_from_elsewhere_are_left_alone() -> None:
    given = definition("stored_beside")
    stranger = foreign("stored_beside")
    assert store.versions(given) == []
    with pytest.raises(NoVersionError):
        store.newest(given)
    version = save(given)
    foreign("stored_beside")
    assert [found.tag for found in store.versions(given)] == [version.tag]
    with pytest.raises(UnknownVersionError, match=stranger):
        store.get(stranger, given)


def test_names_that_are_no_version_of_the_model_are_unknown() -> None:
    given = definition("stored_named")
    tag = save(given).tag
    other = save(definition("stored_other")).tag
    version = tag.partition(":")[2]
    wrong = [
        "",
        "stored_named",
        "stored_named:",
        "stored_named:latest",
        "stored_named:nosuchversion",
        "stored_named:..",
        "stored_named:../stored_other",
        "stored_named:*",
        f"stored_named:{version[:8]}",
        f"stored_named:{version.upper()}",
        f"stored_named:{version}/",
        f"stored_named:{version}:x",
        f" {tag}",
        version,
        other,
        "Stored_named:" + version,
        "stored_named:" + "v" * 300,
        "stored_named:\0",
    ]
    for name in wrong:
        with pytest.raises(UnknownVersionError, match="there is no version"):
            store.get(name, given)
    assert store.get(tag, given).tag == tag


def another_schema(given: Definition) -> Definition:
    extra = Number(name="extra", description="", unit="", minimum=0, maximum=1, example=0)
    return dataclasses.replace(given, schema=Schema((*small.definition.schema.features, extra)))


def test_a_version_of_another_schema_is_unusable_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    given = definition("stored_before")
    old = save(given)
    changed = another_schema(given)
    with pytest.raises(UnusableVersionError, match="trained for another schema; train the model again") as caught:
        store.get(old.tag, changed)
    assert caught.value.tag == old.tag
    with caplog.at_level(logging.WARNING, "tiffin.registry"):
        assert store.versions(changed) == []
    assert old.tag in caplog.text
    with pytest.raises(NoVersionError):
        store.newest(changed)
    assert store.newest(given).tag == old.tag


def test_many_unusable_versions_are_one_line(caplog: pytest.LogCaptureFixture) -> None:
    given = definition("stored_unfit")
    tags = [save(given).tag for _ in range(3)]
    changed = another_schema(given)
    with caplog.at_level(logging.WARNING, "tiffin.registry"), pytest.raises(NoVersionError):
        store.newest(changed)
    (record,) = caplog.records
    reason = "it was trained for another schema; train the model again"
    assert record.getMessage() == f"3 versions of stored_unfit cannot be used; {tags[-1]}: {reason}"
    good = save(changed)
    assert store.newest(changed).tag == good.tag


def test_the_newest_usable_version_is_the_newest() -> None:
    given = definition("stored_mixed")
    good = save(given)
    save(another_schema(given))
    assert store.newest(given).tag == good.tag
    assert [version.tag for version in store.versions(given)] == [good.tag]


def test_another_artifact_format_is_unusable() -> None:
    given = definition("stored_later")
    version = save(given)
    model = version.path / "model.yaml"
    model.write_text(model.read_text().replace("tiffin_format: '1'", "tiffin_format: '2'"))
    with pytest.raises(UnusableVersionError, match="its format is '2', this code reads 1"):
        store.get(version.tag, given)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', '{"format": 2}', "\x00"], ids=repr)
def test_a_damaged_version_json_is_unusable_and_says_where(content: str) -> None:
    given = definition("stored_damaged")
    version = save(given)
    (version.path / "version.json").write_text(content)
    with pytest.raises(UnusableVersionError, match=r"version\.json does not read: ") as caught:
        store.get(version.tag, given)
    assert str(version.path) not in str(caught.value), "the reason goes to callers of the API"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [*store.FILES, "model.ubj", "model.onnx"])
def test_a_version_without_one_of_its_files_is_unusable(name: str) -> None:
    given = definition("stored_lacking")
    version = save(given)
    (version.path / name).unlink()
    with pytest.raises(UnusableVersionError, match=f"it lacks {name}"):
        store.get(version.tag, given)


@pytest.mark.parametrize("content", [None, "", "{", "name: only", "- a list", "labels: [1, 2"], ids=str)
def test_a_folder_that_a_killed_save_left_behind_does_not_hide_the_others(content: str | None) -> None:
    given = definition("stored_halfway")
    good = save(given)
    half = good.path.parent / "halfway"
    half.mkdir(exist_ok=True)
    if content is not None:
        (half / "model.yaml").write_text(content)
    try:
        assert store.newest(given).tag == good.tag
        assert good.tag in [version.tag for version in store.versions(given)]
        with pytest.raises(UnusableVersionError, match=r"model\.yaml does not read"):
            store.get("stored_halfway:halfway", given)
    finally:
        (half / "model.yaml").unlink(missing_ok=True)


def test_a_save_that_fails_leaves_nothing_behind() -> None:
    given = definition("stored_badly")
    trees = store.BoostedTrees(b"", "text, not bytes")  # type: ignore[arg-type]
    broken = dataclasses.replace(artifact(), estimators={"model": trees})
    with pytest.raises(TypeError):
        store.save(given, broken)
    assert store.versions(given) == []
    assert save(given).tag == store.newest(given).tag
