"""Which version answers: the released one, else the pinned one, else the newest."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest

from models.definition import Definition
from registry.champions import champion
from registry.errors import NeverStoredError, NoVersionError
from registry.releases import Release
from registry.store import Version, warn_once
from tests.small_version import definition, save

CHOSEN = definition("chosen")


@pytest.fixture(scope="module")
def versions() -> list[Version]:
    """Four versions, the oldest first; the third is damaged."""
    made = [save(CHOSEN) for _ in range(4)]
    (made[2].path / "model.onnx").unlink()
    return made


def released(tag: str, given: Definition = CHOSEN) -> dict[str, Release]:
    return {given.name: Release(model=given.name, champion=tag, updated_at=datetime.now(UTC), updated_by="test")}


def test_the_released_champion_wins_over_pinned_and_newest(
    versions: list[Version], caplog: pytest.LogCaptureFixture
) -> None:
    found = champion(CHOSEN, released(versions[0].tag), pinned=[versions[1].tag])
    assert found == versions[0]
    assert caplog.records == []


def test_without_a_release_the_pinned_version_wins_over_the_newest(versions: list[Version]) -> None:
    assert champion(CHOSEN, {}, pinned=["other:abc", versions[1].tag]) == versions[1]
    stranger = definition("chosen_too")
    assert champion(CHOSEN, released("chosen_too:abc", stranger), pinned=[versions[1].tag]) == versions[1]


def test_without_release_and_pin_the_newest_answers(versions: list[Version], caplog: pytest.LogCaptureFixture) -> None:
    assert champion(CHOSEN, {}) == versions[3]
    assert champion(CHOSEN, {}, pinned=["chosen_too:abc", "other:abc"]) == versions[3]
    assert caplog.records == []


@pytest.mark.parametrize("damaged", [True, False])
def test_a_released_champion_that_cannot_be_used_falls_back_to_the_pinned_one_with_a_warning(
    versions: list[Version], damaged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    tag = versions[2].tag if damaged else "chosen:gone"
    with caplog.at_level(logging.WARNING, "tiffin.registry"):
        assert champion(CHOSEN, released(tag), pinned=[versions[1].tag]) == versions[1]
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert tag in caplog.text


def test_without_usable_release_and_pin_the_newest_answers_with_a_warning_for_each(
    versions: list[Version], caplog: pytest.LogCaptureFixture
) -> None:
    warn_once.cache_clear()
    with caplog.at_level(logging.WARNING, "tiffin.registry"):
        assert champion(CHOSEN, released("chosen:gone"), pinned=[versions[2].tag]) == versions[3]
    assert [("chosen:gone" in record.message, versions[2].tag in record.message) for record in caplog.records] == [
        (True, False),
        (False, True),
    ]


def test_a_model_without_any_version_has_no_champion(caplog: pytest.LogCaptureFixture) -> None:
    empty = definition("chosen_never")
    with pytest.raises(NeverStoredError):
        champion(empty, {})
    with pytest.raises(NoVersionError) as raised:
        champion(empty, released("chosen_never:gone", empty), pinned=["chosen_never:pinned"])
    assert not isinstance(raised.value, NeverStoredError), "it has had one"
