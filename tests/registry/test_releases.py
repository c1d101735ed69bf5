"""Releases: promotion, conflicts, history, and the copy on disk for when PostgreSQL is down."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine

from registry.errors import UnknownVersionError
from registry.releases import ReleaseConflictError, Releases, load_releases
from storage.database import open_engine
from storage.errors import StorageUnavailableError
from storage.migrations import migrate
from storage.settings import StorageSettings
from tests.storage.servers import execute, fresh_database


@pytest.fixture(scope="module")
def migrated_url(settings: StorageSettings) -> Iterator[str]:
    with fresh_database(settings) as url:
        migrate(url)
        yield url


@pytest.fixture
def engine(migrated_url: str, settings: StorageSettings) -> Iterator[Engine]:
    execute(migrated_url, "truncate releases, release_history")
    engine = open_engine(migrated_url, settings)
    yield engine
    engine.dispose()


@pytest.fixture
def nowhere(settings: StorageSettings) -> Engine:
    return open_engine("postgresql://tiffin@127.0.0.1:1/tiffin", settings)


def history(url: str) -> list[tuple[object, ...]]:
    return execute(url, "select model, before, after, by_whom, reason from release_history order by id")


def test_the_first_promotion_makes_the_release(engine: Engine, migrated_url: str) -> None:
    releases = Releases(engine)
    assert releases.champion("fraud") is None
    assert releases.all() == {}
    release = releases.promote("fraud", "fraud:a", "ada", "first")
    assert releases.champion("fraud") == "fraud:a"
    assert releases.all() == {"fraud": release}
    assert (release.updated_by, release.reason, release.challengers) == ("ada", "first", ())
    assert history(migrated_url) == [("fraud", None, {"champion": "fraud:a", "challengers": []}, "ada", "first")]


def test_a_promoted_challenger_is_a_challenger_no_more(engine: Engine, migrated_url: str) -> None:
    challengers = '[{"version": "fraud:b", "mode": "canary", "percent": 5}, {"version": "fraud:c", "mode": "shadow"}]'
    columns = "model, champion, challengers, updated_by"
    execute(migrated_url, f"insert into releases ({columns}) values ('fraud', 'fraud:a', '{challengers}', 'x')")
    release = Releases(engine).promote("fraud", "fraud:b", "ada", "better")
    assert [challenger.version for challenger in release.challengers] == ["fraud:c"]
    ((_, before, after, _, _),) = history(migrated_url)
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert [challenger["version"] for challenger in before["challengers"]] == ["fraud:b", "fraud:c"]
    assert after == {"champion": "fraud:b", "challengers": [{"version": "fraud:c", "mode": "shadow", "percent": 0.0}]}


def test_promoting_the_champion_again_changes_nothing(engine: Engine, migrated_url: str) -> None:
    first = Releases(engine).promote("fraud", "fraud:a", "ada", "first")
    assert Releases(engine).promote("fraud", "fraud:a", "bob", "again", expected=None) == first
    assert len(history(migrated_url)) == 1


def test_who_expected_another_champion_changes_nothing(engine: Engine, migrated_url: str) -> None:
    releases = Releases(engine)
    releases.promote("fraud", "fraud:a", "ada", "first", expected=None)
    releases.promote("fraud", "fraud:b", "ada", "better", expected="fraud:a")
    for expected in ("fraud:a", None):
        with pytest.raises(ReleaseConflictError, match="fraud:b") as caught:
            releases.promote("fraud", "fraud:c", "bob", "late", expected=expected)
        assert caught.value.current == "fraud:b"
    assert releases.champion("fraud") == "fraud:b"
    assert len(history(migrated_url)) == 2


def test_of_many_first_promotions_at_once_one_wins(engine: Engine, migrated_url: str) -> None:
    barrier = threading.Barrier(4)

    def promote(tag: str) -> str | None:
        barrier.wait()
        try:
            return Releases(engine).promote("fraud", tag, "replica", "start", expected=None).champion
        except ReleaseConflictError:
            return None

    with ThreadPoolExecutor(4) as pool:
        won = [tag for tag in pool.map(promote, ["fraud:a", "fraud:b", "fraud:c", "fraud:d"]) if tag]
    assert won == [Releases(engine).champion("fraud")]
    assert len(history(migrated_url)) == 1


def test_a_version_of_another_model_is_refused(engine: Engine) -> None:
    with pytest.raises(UnknownVersionError):
        Releases(engine).promote("fraud", "churn:a", "ada", "mistake")
    assert Releases(engine).all() == {}


def test_without_postgresql_every_method_says_so(nowhere: Engine) -> None:
    with pytest.raises(StorageUnavailableError):
        Releases(nowhere).champion("fraud")
    with pytest.raises(StorageUnavailableError):
        Releases(nowhere).promote("fraud", "fraud:a", "ada", "first")


def test_the_last_good_read_serves_while_postgresql_is_down(engine: Engine, nowhere: Engine, tmp_path: Path) -> None:
    path = tmp_path / "state" / "releases.json"
    assert load_releases(nowhere, path) == ({}, "none")
    Releases(engine).promote("fraud", "fraud:a", "ada", "first")
    found, source = load_releases(engine, path)
    assert source == "database"
    assert load_releases(nowhere, path) == (found, "file")
    assert load_releases(None, path) == (found, "file")


def test_the_file_is_written_only_when_it_changes(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "releases.json"
    Releases(engine).promote("fraud", "fraud:a", "ada", "first")
    load_releases(engine, path)
    before = path.stat().st_ino
    load_releases(engine, path)
    assert path.stat().st_ino == before
    Releases(engine).promote("fraud", "fraud:b", "ada", "better")
    load_releases(engine, path)
    assert b"fraud:b" in path.read_bytes()


def test_a_damaged_file_is_as_good_as_none(nowhere: Engine, tmp_path: Path) -> None:
    path = tmp_path / "releases.json"
    path.write_text('{"fraud": {"champion": 1')
    assert load_releases(nowhere, path) == ({}, "none")


def test_a_database_that_is_not_migrated_falls_back_to_the_file(
    database_url: str, settings: StorageSettings, tmp_path: Path
) -> None:
    engine = open_engine(database_url, settings)
    assert load_releases(engine, tmp_path / "releases.json") == ({}, "none")
    engine.dispose()
