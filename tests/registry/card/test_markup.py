"""The card as a page: whole, safe whatever names it holds, the same every time."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from models.definition import BinaryPolicy, Category, Definition, F1Threshold, Level, Number, Schema, Target
from registry.card import CONTENT_POLICY, About, page
from registry.details import VersionDetails
from registry.store import Version
from tests import small_version
from tests.registry.card.pages import BINARY, NAMES, definition, drawn, read, version

HOSTILE = (
    '<script>alert("1")</script>',
    "'\"><img src=x onerror=alert(1)>",
    "</style><style>*{display:none}</style>",
    "</title></svg></table>",
    "&lt;already&amp;escaped&gt;",
    "url(//evil.example/x)",
    "Zürich – 北京 🍱",
    "\u202eabc\u2066 \x00\x07",
    "x" * 3000,
)


def renamed(name: str) -> tuple[Version, Definition]:
    """The small model with that name in every place where a user may put words."""
    given = small_version.definition(
        BINARY,
        title=f"Title {name}",
        purpose=f"Purpose {name}",
        limits=(f"Limit {name}",),
        policy=BinaryPolicy(threshold=F1Threshold(), levels=(Level("LOW", 0.0), Level(name, 0.5))),
        target=Target(column="y", description=f"Target {name}"),
        schema=Schema(
            (
                Number(name=name, description=name, unit=name, minimum=-100, maximum=100, example=1.0),
                Category(name=f"c {name}", description=name, levels=(name, "other"), example=name),
            )
        ),
    )
    details = version(BINARY).details
    mended = {
        "title": given.title,
        "limits": given.limits,
        "findings": (f"Finding {name}",),
        "forced": (f"Missed {name}",),
        "chosen": (f"Chosen {name}",),
        "data": {**details.data.model_dump(), "source": f"file {name}", "split": name, "classes": {name: 3, "b": 2}},
        "importance": [{"feature": name, "mean_absolute_contribution": 1.0}],
        "dependence": [
            {"feature": name, "values": (1.0, 2.0, None), "contributions": (0.1, 0.2, 0.3)},
            {"feature": f"c {name}", "values": (name, "other", None), "contributions": (0.1, 0.2, 0.3)},
        ],
        "subgroups": [{**row.model_dump(), "feature": name, "group": name} for row in details.subgroups[:2]],
        "reproduction": {
            **details.reproduction.model_dump(),
            "command": f"tiffin train {name}",
            "recipe": {name: name},
        },
    }
    changed = VersionDetails.model_validate({**details.model_dump(), **mended})
    return dataclasses.replace(version(BINARY), details=changed), given


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_names_stay_text_wherever_they_stand(name: str) -> None:
    found, given = renamed(name)
    made = read(drawn(found, given, f"tag {name}"))
    tame = read(drawn(*renamed("tame"), "tag tame"))
    assert made.names == tame.names
    assert [(tag, key) for tag, key, _ in made.attributes] == [(tag, key) for tag, key, _ in tame.attributes]
    shown = re.sub("[\x00\x07\u202e\u2066]", "\ufffd", name)
    for begin in ("Title", "Purpose", "Limit", "Target", "Finding", "Missed", "Chosen", "tiffin train"):
        assert made.text.count(f"{begin} {shown}") == tame.text.count(f"{begin} tame") > 0


@pytest.mark.parametrize("name", NAMES)
def test_a_page_runs_nothing_and_asks_for_nothing(name: str) -> None:
    card = drawn(version(name), definition(name))
    found = read(card)
    assert not {"script", "link", "img", "iframe", "object", "embed", "form", "base", "use", "image"} & set(found.names)
    keys = {key for _, key, _ in found.attributes}
    assert not {
        key for key in keys if key.startswith("on") or key in ("src", "srcset", "style", "xlink:href", "action")
    }
    assert all(value.startswith("#") for value in found.values("href"))
    assert not re.search(r"(?i)https?:|//|@import|url\(|javascript:", re.sub(r"training/\w+/", "", card))
    assert ("meta", "content", CONTENT_POLICY) in found.attributes
    assert found.names[:2] == ["html", "head"]


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_unique_and_everything_that_is_pointed_at_is_there(name: str) -> None:
    found = read(drawn(version(name), definition(name)))
    ids = found.values("id")
    assert len(ids) == len(set(ids))
    pointed = [value.removeprefix("#") for value in found.values("href")]
    pointed += [one for value in found.values("aria-labelledby") for one in value.split()]
    assert pointed
    assert set(pointed) <= set(ids)


@pytest.mark.parametrize("name", NAMES)
def test_no_coordinate_is_lost(name: str) -> None:
    found = read(drawn(version(name), definition(name)))
    for tag, key, value in found.attributes:
        if key in ("d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height") and tag != "meta":
            assert not re.search("nan|inf|None", value), (tag, key, value)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_version_gives_the_same_page_but_for_tag_and_date(name: str) -> None:
    found, about = version(name), definition(name)
    assert drawn(found, about) == drawn(found, about)
    later = found.details.model_copy(update={"created_at": found.details.created_at.replace(year=2031, month=5, day=4)})
    other = page(later, About.of(about, "model:other", found.reference()))
    before, after = drawn(found, about).splitlines(), other.splitlines()
    created = found.details.created_at
    for line, changed in zip(before, after, strict=True):
        mended = line.replace(found.tag, "model:other").replace(created.isoformat(), later.created_at.isoformat())
        mended = mended.replace(f"{created:%d %B %Y}", "04 May 2031")
        mended = mended.replace(f"{created:%Y-%m-%d %H}", f"2031-05-04 {created:%H}")
        assert mended == changed


def test_hundreds_of_features_are_summed_up() -> None:
    names = [f"feature_{number}_{'long_' * 20}" for number in range(300)]
    features: list[Any] = [
        Number(name=name, description="One of many", unit="m", minimum=0, maximum=1, example=0.5) for name in names
    ]
    policy = BinaryPolicy(threshold=F1Threshold(), levels=(Level("LOW", 0.0),))
    given = small_version.definition(BINARY, schema=Schema(tuple(features)), policy=policy)
    details = version(BINARY).details.model_dump()
    details["importance"] = [{"feature": name, "mean_absolute_contribution": 1 / 300} for name in names]
    found = dataclasses.replace(version(BINARY), details=VersionDetails.model_validate(details))
    card = drawn(found, given)
    made = read(card)
    assert "180 more" in made.headings["features"]
    assert "280 more together" in made.headings["importance"]
    assert "93.3 %" in made.headings["importance"]
    assert len(card) < 400_000
