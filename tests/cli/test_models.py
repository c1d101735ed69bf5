"""`tiffin models`, with and without a database."""

from __future__ import annotations

import json
import webbrowser
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models import catalogue
from models.definition import Definition
from registry import store
from registry.releases import Release
from storage.settings import StorageSettings
from tests import small_version
from tests.cli.conftest import Tiffin
from tests.training import small
from training.train import train


@pytest.fixture(scope="module")
def versions() -> list[store.Version]:
    """Two versions of `small`, newest first."""
    source = small.Given(small.frame(1500))
    for _ in range(2):
        train(small.definition, source)
    return store.versions(small.definition)


def release(state: Path, tag: str) -> None:
    """Leave the copy of the releases behind that a server would."""
    state.mkdir()
    kept = Release(model="small", champion=tag, updated_at=datetime.now(UTC), updated_by="test")
    (state / "releases.json").write_text(json.dumps({"small": kept.model_dump(mode="json")}))


def test_without_any_server_the_newest_version_answers(
    tiffin: Tiffin, offline: Path, small_models: Mapping[str, Definition], versions: list[store.Version]
) -> None:
    ran = tiffin("models", "--json")
    assert ran.code == 0
    assert ran.json["releases_from"] == "none"
    (model,) = (model for model in ran.json["models"] if model["name"] == "small")
    assert (model["champion"], model["champion_by"]) == (versions[0].tag, "newest")
    assert model["versions"] == len(versions)
    assert model["metric"]["value"] == versions[0].details.metrics[0].value
    assert not offline.exists()
    assert ran.json == tiffin("models", "list", "--json").json
    text = tiffin("models").stdout
    assert "no releases are known" in text
    assert "tiffin train" in text or all(store.versions(model) for model in small_models.values())


def test_the_last_known_champion_is_shown_and_said_to_be_that(
    tiffin: Tiffin, offline: Path, small_models: Mapping[str, Definition], versions: list[store.Version]
) -> None:
    release(offline, versions[1].tag)
    ran = tiffin("models", "list")
    assert ran.code == 0
    assert versions[1].tag.removeprefix("small:") in ran.stdout
    assert "as this machine last knew them" in ran.stdout
    model = tiffin("models", "show", "small", "--json").json
    assert (model["champion"], model["champion_by"], model["releases_from"]) == (versions[1].tag, "release", "file")


def test_a_champion_that_this_machine_does_not_have_is_warned_of(
    tiffin: Tiffin, offline: Path, small_models: Mapping[str, Definition], versions: list[store.Version]
) -> None:
    release(offline, "small:elsewhere")
    ran = tiffin("models", "show", "small", "--json")
    assert "the champion small:elsewhere is not in this machine's model store" in ran.stderr
    assert f"{versions[0].tag}, the newest, answers instead" in ran.stderr
    assert ran.json["champion"] == versions[0].tag


def test_a_version_that_was_stored_by_force_is_marked_in_the_list(
    tiffin: Tiffin, offline: Path, small_models: Mapping[str, Definition]
) -> None:
    forced = train(small_models["strict"], small.Given(small.frame(1500)), force=True)
    assert f"{forced.tag.removeprefix('strict:')} (newest, by --force)" in tiffin("models").stdout
    listed = {model["name"]: model["forced"] for model in tiffin("models", "--json").json["models"]}
    assert listed["strict"] is True
    small_version.delete(forced)


def test_the_database_is_asked_when_it_is_there(
    tiffin: Tiffin, online: StorageSettings, small_models: Mapping[str, Definition], csv: str
) -> None:
    trained = tiffin("train", "small", "--data", csv, "--json").json["trained"][0]
    model = tiffin("models", "show", "small", "--json").json
    assert (model["champion"], model["releases_from"]) == (trained["version"], "database")


def test_a_card_shows_versions_metrics_schema_and_limits(
    tiffin: Tiffin, offline: Path, small_models: Mapping[str, Definition], versions: list[store.Version]
) -> None:
    shown = tiffin("models", "show", "small").stdout
    for text in (
        "answers as the newest",
        "roc_auc",
        "passed (≥ 0.7)",
        "whole number",
        "-100 to 100",
        "a, b, NA",
        "Tests only.",
    ):
        assert text in shown
    older = versions[1]
    for name in (older.tag, older.tag.removeprefix("small:")):
        ran = tiffin("models", "show", "small", "--version", name, "--json")
        assert ran.json["tag"] == older.tag
        assert ran.json["version"] == older.details.model_dump(mode="json")
        assert ran.json["schema"] == small.definition.schema.describe()


def test_a_version_that_is_not_there_is_refused_with_those_that_are(
    tiffin: Tiffin, offline: Path, small_models: Mapping[str, Definition], versions: list[store.Version]
) -> None:
    ran = tiffin("models", "show", "small", "--version", "nothing")
    assert ran.code == 1
    assert "there is no usable version 'small:nothing'" in ran.stderr
    assert versions[0].tag in ran.stderr


def test_every_model_that_ships_has_a_card_before_it_is_trained(
    tiffin: Tiffin, offline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "versions", lambda definition: [])
    for name in catalogue():
        shown = tiffin("models", "show", name).stdout
        assert f"next: `tiffin train {name}`" in shown
        assert catalogue()[name].purpose in " ".join(shown.split())
    assert tiffin("models", "--json").json["models"][0]["champion"] is None


def test_the_card_is_written_where_it_is_wanted(
    tiffin: Tiffin, offline: Path, small_models: Mapping[str, Definition], versions: list[store.Version], tmp_path: Path
) -> None:
    newest = store.newest(small.definition)
    target = tmp_path / "Zürich card.html"
    ran = tiffin("models", "show", "small", "--card-to", str(target))
    assert (ran.code, ran.stdout) == (0, f"card of {newest.tag}: {target}\n")
    assert target.read_text("utf-8") == newest.card()
    older = versions[1]
    said = tiffin("models", "show", "small", "--version", older.tag, "--card-to", str(target), "--json").json
    assert said == {"version": older.tag, "card": str(target), "opened": False}
    assert target.read_text("utf-8") == older.card()


@pytest.mark.parametrize("opens", [True, False])
def test_the_card_is_opened_in_the_browser_that_there_is(
    tiffin: Tiffin,
    offline: Path,
    small_models: Mapping[str, Definition],
    versions: list[store.Version],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    opens: bool,
) -> None:
    newest = store.newest(small.definition)
    asked: list[str] = []

    class Browser(webbrowser.BaseBrowser):
        def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
            asked.append(url)
            return opens

    monkeypatch.setattr(webbrowser, "_browsers", {"tests": [None, Browser()]})
    monkeypatch.setattr(webbrowser, "_tryorder", ["tests"])
    stored = newest.path / store.CARD
    ran = tiffin("models", "show", "small", "--card")
    assert ran.code == 0
    assert f"card of {newest.tag}: {stored}" in ran.stdout
    assert ("no browser could be started here" in ran.stdout) != opens
    assert asked == [stored.as_uri()]
    tiffin("models", "show", "small", "--card", "--card-to", str(tmp_path / "card.html"))
    assert asked[1:] == [(tmp_path / "card.html").as_uri()]
    assert tiffin("models", "show", "small", "--card", "--json").json["opened"] is False
    assert len(asked) == 2


@pytest.mark.parametrize("target", ["", "missing/card.html"])
def test_a_card_that_cannot_be_written_is_a_failure_with_a_remedy(
    tiffin: Tiffin,
    offline: Path,
    small_models: Mapping[str, Definition],
    versions: list[store.Version],
    tmp_path: Path,
    target: str,
) -> None:
    path = tmp_path / target
    ran = tiffin("models", "show", "small", "--card-to", str(path))
    assert ran.code == 1
    assert f"cannot write {path}" in " ".join(ran.stderr.split())
    assert "choose another FILE" in ran.stderr
    assert ran.stdout == ""


def test_a_model_without_a_version_or_a_card_says_how_to_get_one(
    tiffin: Tiffin, offline: Path, small_models: Mapping[str, Definition], tmp_path: Path
) -> None:
    target = tmp_path / "card.html"
    ran = tiffin("models", "show", "strict", "--card-to", str(target))
    assert ran.code == 1
    assert "strict has no usable version, so no card" in ran.stderr
    assert "tiffin train strict" in ran.stderr
    newest = train(small.definition, small.Given(small.frame(1500)))
    (newest.path / store.CARD).unlink()
    ran = tiffin("models", "show", "small", "--version", newest.tag, "--card-to", str(target))
    assert ran.code == 1
    assert f"{newest.tag} has no card: it was stored by older code" in " ".join(ran.stderr.split())
    assert not target.exists()
    small_version.delete(newest)
