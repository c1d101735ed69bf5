"""Definitions, their fingerprints, and the catalogue that finds them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

import models
from models import catalogue
from models.definition import Category, Definition, Flag, Number, Schema, Target
from tests.training import small

SMALL = small.definition
FEATURES = SMALL.schema.features


def with_feature(position: int, **changes: Any) -> Definition:
    features = list(FEATURES)
    features[position] = dataclasses.replace(features[position], **changes)
    return dataclasses.replace(SMALL, schema=Schema(tuple(features)))


@pytest.mark.parametrize("name", ["", "Fraud", "1st", "a-b", "a b", "a.b", "é", "a" * 64, "fraud\n", "../x"])
def test_names_that_do_not_suit_a_url_and_a_tag_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="use lowercase letters, digits and underscores"):
        dataclasses.replace(SMALL, name=name)


def test_the_longest_name_still_makes_a_tag() -> None:
    import bentoml

    assert str(bentoml.Tag.from_str(dataclasses.replace(SMALL, name="a" + "_9" * 31).name)) == "a" + "_9" * 31


def test_the_target_must_not_be_a_feature() -> None:
    with pytest.raises(ValueError, match="small: the target 'x' is also a feature"):
        dataclasses.replace(SMALL, target=Target(column="x", description=""))


@pytest.mark.parametrize(
    "changed",
    [
        with_feature(0, name="renamed"),
        with_feature(3, levels=("a", "b", "NA", "new")),
        with_feature(3, levels=("b", "a", "NA")),
        dataclasses.replace(SMALL, schema=Schema(FEATURES[:-1])),
        dataclasses.replace(SMALL, schema=Schema((FEATURES[1], FEATURES[0], *FEATURES[2:]))),
        dataclasses.replace(SMALL, schema=Schema((*FEATURES, Flag(name="z", description="", example=True)))),
        dataclasses.replace(
            SMALL,
            schema=Schema(
                (*FEATURES[:2], Category(name="f", description="", levels=("t",), example="t"), *FEATURES[3:])
            ),
        ),
        dataclasses.replace(SMALL, target=Target(column="other", description="")),
    ],
    ids=["name", "level", "order of levels", "fewer", "order", "more", "type", "target"],
)
def test_the_fingerprint_changes_with_what_an_encoded_row_depends_on(changed: Definition) -> None:
    assert changed.fingerprint != SMALL.fingerprint


@pytest.mark.parametrize(
    "changed",
    [
        with_feature(0, description="other words", unit="km"),
        with_feature(0, minimum=-200, maximum=300, example=1.5),
        with_feature(1, missing=True),
        dataclasses.replace(SMALL, name="other", title="Other", purpose="Other.", limits=(), gates=()),
        dataclasses.replace(SMALL, target=Target(column="y", description="other words")),
    ],
    ids=["words", "range", "missing", "model", "target's words"],
)
def test_the_fingerprint_does_not_change_with_words_ranges_and_rules(changed: Definition) -> None:
    assert changed.fingerprint == SMALL.fingerprint


def test_the_fingerprint_is_the_same_in_every_process() -> None:
    one = Number(name="a", description="", unit="", minimum=0, maximum=1, example=0)
    fixed = dataclasses.replace(SMALL, schema=Schema((one,)))
    assert fixed.fingerprint == "5275fd862ddd4495"


def test_the_catalogue_holds_every_model_file_in_alphabetical_order() -> None:
    files = sorted(path.stem for path in Path(models.__path__[0]).glob("*.py") if path.stem != "__init__")
    assert list(catalogue()) == files
    assert all(definition.name == name for name, definition in catalogue().items())
    with pytest.raises(TypeError):
        catalogue()["new"] = SMALL  # type: ignore[index]
